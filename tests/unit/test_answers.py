"""Exact match and the normalisation of answers."""

import pytest

from kshot.core.answers import exact_match, normalize_answer


@pytest.mark.parametrize(
    ("answer", "accepted", "right"),
    [
        ("Yes.", ["yes"], True),
        (' "two  words" ', ["two words"], True),
        ("'Yes.'", ["yes"], True),
        ("yes, because it is", ["yes"], False),
        ("5", ["five", "5"], True),
        ("", ["yes"], False),
        ("3.5", ["35"], False),
        ("its", ["it's"], False),
        (".", ["a"], False),
    ],
)
def test_exact_match(answer: str, accepted: list[str], right: bool) -> None:
    assert exact_match(answer, accepted) is right


def test_normalize_answer_is_idempotent() -> None:
    for text in ("“A.”.", "''a''", " B  c . ", "..."):
        assert normalize_answer(normalize_answer(text)) == normalize_answer(text)
