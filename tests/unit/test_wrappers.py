"""Instruction wrappers: every label once, no rule twice, lines where they are needed."""

import re

from hypothesis import given
from hypothesis import strategies as st

from kshot.core.prompting import names_all
from kshot.core.seeding import stream
from kshot.generate.compose.wrappers import (
    LABEL_RULES,
    MAX_LISTED_LABELS,
    RULES,
    InstructionWrapper,
    format_label_list,
    sample_wrapper,
)

FOR_LABELS = [rule for wordings in LABEL_RULES for rule in wordings]


@given(st.integers(), st.integers(0, 20), st.booleans())
def test_wrap_keeps_the_instruction_and_lists_every_label_once(seed: int, n: int, omits_labels: bool) -> None:
    labels = [f"label{number}" for number in range(n)]
    wrapper = sample_wrapper(stream(seed, "wrapper"), labels, must_list=omits_labels and 0 < n <= MAX_LISTED_LABELS)
    text = wrapper.wrap("Do it so.\nLike this.")
    assert "Do it so.\nLike this." in text
    assert text != "Do it so.\nLike this."
    found = re.findall(r"label\d+", text)
    assert sorted(found) in ([], sorted(labels))
    if omits_labels and 0 < n <= MAX_LISTED_LABELS:
        assert sorted(found) == sorted(labels)
    if not n:
        assert not any(rule in text for rule in FOR_LABELS)
    for wordings in (*LABEL_RULES, *RULES):
        assert sum(rule in text for rule in wordings) <= 1, "one rule in two wordings"


def test_every_layout_of_a_label_list_names_every_label() -> None:
    layouts = {
        format_label_list(stream(seed, "list"), ["no", "not sure", "A"]).partition("no")[0] for seed in range(300)
    }
    assert len(layouts) > 12
    for seed in range(300):
        assert names_all(format_label_list(stream(seed, "list"), ["no", "not sure", "A"]), ["no", "not sure", "A"])


def test_wrap_puts_a_list_that_is_no_sentence_on_its_own_lines() -> None:
    wrapper = InstructionWrapper("Task:", "Options: a, b", ("Be brief.", "Be exact."))
    assert wrapper.wrap("Do it.") == "Task:\nDo it.\nOptions: a, b\nBe brief.\nBe exact."
    wrapper = InstructionWrapper("Task:", "Choose between a or b.", ("Be brief.",))
    assert wrapper.wrap("Do it.") == "Task: Do it. Choose between a or b. Be brief."
    assert wrapper.wrap("1. Do it.\n2. Stop.").count("\n") == 4
    assert InstructionWrapper(rules=("Be brief.",), separate_lines=True).wrap("Do it.") == "Do it.\nBe brief."
