"""Exact match and the normalisation of answers."""

from fractions import Fraction

import pytest

from kshot.core.answers import exact_match, last_number, normalize_answer


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
        ("cafe\u0301", ["café"], True),
        ("ＡＢＣ １２", ["abc 12"], True),
        ("it’s", ["it's"], True),
        ("“Yes.”", ["yes"], True),
        ("«oui»", ["oui"], True),
        ("「はい」", ["はい"], True),
        ("是。", ["是"], True),
        ("−5", ["-5"], True),
        ("–5", ["-5"], True),
        ("well‑known", ["well-known"], True),
        ("\u200bYes\ufeff", ["yes"], True),
        ("New\u00a0York", ["new york"], True),
        ("1,000", ["1000"], True),
        ("１，０００", ["1000"], True),
        ("1\u202f000.", ["1000"], True),
        ("1'000.5", ["1000.5"], True),
        ("1.000", ["1000"], False),
        ("1,5", ["15"], False),
        ("1,2345", ["12345"], False),
        ("x²", ["x2"], False),
        ("cafe", ["café"], False),
        ("5", ["-5"], False),
        ("7.0", ["7"], False),
    ],
)
def test_exact_match(answer: str, accepted: list[str], right: bool) -> None:
    assert exact_match(answer, accepted) is right


def test_normalize_answer_is_idempotent() -> None:
    for text in ("İ. ", "1,000.", "“１，０００”", "«ﬁ»", "“A.”.", "''a''", " B  c . ", "..."):
        assert normalize_answer(normalize_answer(text)) == normalize_answer(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3 pears and 4 plums make 7.", "7"),
        ("$1,234.50 in all", "1234.50"),
        ("12,345,678", "12345678"),
        ("3,4", "4"),
        ("it fell to -3", "-3"),
        ("it fell to −3", "-3"),
        ("-$5", "-5"),
        (".5", "0.5"),
        ("room x-3", "3"),
        ("a1 b2", None),
        ("H2O", None),
        ("none", None),
        ("3/4", "3/4"),
        ("1 1/2 cups", "3/2"),
        ("on 3/4/2024", "2024"),
        ("5/0", None),
        ("1e3", "1000"),
        ("1.5E-4", "0.00015"),
        ("about 1.5×10^3 m", "1500"),
        ("2·10⁴", "20000"),
        ("10^6", "1000000"),
        ("1 000 euros", "1000"),
        ("1\u202f000\u202f000", "1000000"),
        ("10 20 100 200", "200"),
        ("1.000", "1"),
        ("1.000.000", "1000000"),
        ("1.234,56", "1234.56"),
        ("1,00,000", "100000"),
        ("１２", "12"),
        ("٣٫٥", "3.5"),
        ("1.2.3", "1.2"),
    ],
)
def test_last_number(text: str, number: str | None) -> None:
    assert last_number(text) == (None if number is None else Fraction(number))
