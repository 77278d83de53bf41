"""Task sources: which examples they choose."""

from hypothesis import given
from hypothesis import strategies as st

from kshot.core.types import Example
from kshot.tasks.source import choose_examples


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abcd"), max_size=12))
def test_choose_examples_returns_the_outputs_in_their_order(wanted: list[str], there: list[str]) -> None:
    candidates = [Example(str(i), output) for i, output in enumerate(there)]
    found = choose_examples(candidates, len(wanted), wanted)
    assert len(found) == min(len(wanted), len(there))
    assert len({example.input for example in found}) == len(found)
    if all(there.count(output) >= wanted.count(output) for output in wanted):
        assert [example.output for example in found] == wanted
    if len(there) >= len(wanted) > 0 and wanted[-1] in there:
        assert found[-1].output == wanted[-1]
