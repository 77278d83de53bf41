"""Numbers as text."""

import pytest

from kshot.evaluate.report.numbers import effect, interval, mark, metric, probability, shorten, signed


def test_mark_shows_how_far_an_answer_is_right() -> None:
    assert [mark(value) for value in (True, False, 1.0, 0.0, 0.625)] == ["✓", "✗", "✓", "✗", "62.5"]


@pytest.mark.parametrize(("fraction", "text"), [(0.1, "+10.0"), (-0.1, "-10.0"), (-0.0001, "+0.0"), (0.0, "+0.0")])
def test_signed_shows_points_with_a_sign_and_no_negative_zero(fraction: float, text: str) -> None:
    assert signed(fraction) == text


def test_small_and_missing_values_are_shown_as_such() -> None:
    assert [probability(p) for p in (0.0001, 0.0005, 1.0)] == ["<0.001", "0.001", "1.000"]
    assert [effect(mde) for mde in (None, 0.1234, 1.5)] == ["?", "12.3", "> 100"]
    assert [metric(value) for value in (None, 13.875)] == ["–", "13.88"]
    assert interval(-0.1, 0.2) == "-10.0 to +20.0"


def test_shorten_keeps_a_text_on_one_line_of_a_cell() -> None:
    assert shorten(" a\n b ") == "a b"
    assert shorten("x" * 500) == "x" * 117 + "..."
