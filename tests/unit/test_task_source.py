"""Task sources: which examples they choose."""

from hypothesis import given
from hypothesis import strategies as st

from kshot.core.types import Example
from kshot.tasks.source import choose_examples


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abcd"), max_size=12))
def test_choose_examples_returns_the_outputs_in_their_order(outputs: list[str], available: list[str]) -> None:
    candidates = [Example(str(i), output) for i, output in enumerate(available)]
    chosen = choose_examples(candidates, len(outputs), outputs)
    assert len(chosen) == min(len(outputs), len(available))
    assert len({example.input for example in chosen}) == len(chosen)
    if all(available.count(output) >= outputs.count(output) for output in outputs):
        assert [example.output for example in chosen] == outputs
    if len(available) >= len(outputs) > 0 and outputs[-1] in available:
        assert chosen[-1].output == outputs[-1]
