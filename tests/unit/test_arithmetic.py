"""Sums that a text claims are recomputed."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.generate.curation.arithmetic import check_claims, find_wrong_claim

RIGHT = (
    "3 + 4 = 7", "12 times 3 is 36.", "15% of 200 = 30", "1,000 + 2,500 = 3,500", "1.500 + 500 = 2.000",
    "2 + 3 = 5 + 1 = 6", "17 / 5 = 3 remainder 2", "$5 × 3 = $15", "12 km / 3 h = 4 km/h", "10 / 3 = 3.33",
    "3 apples + 4 apples = 7 apples", "2^3 = 8", "(2 + 3) * 4 = 20", "20% + 30% = 50%", "1/2 + 1/4 = 3/4",
    "5 mal 6 ist 30", "5 - 7 = -2", "7 − 2 = 5", "12 : 4 = 3", "1 000 + 500 = 1 500", "10/3 ≈ 3.3", "7 fois 8 font 56",
)  # fmt: skip
WRONG = (
    "3 + 4 = 8", "12 times 3 is 35.", "15 % of 200 = 31", "2 + 3 = 6 + 1 = 7", "17 / 5 = 3 remainder 1", "10/3=3.4",
    "$5 × 3 = $16", "12 km / 3 h = 5 km/h", "(2 + 3) * 4 = 24", "5 mal 6 ist 31", "2 + 2 = 5 apples.", "7 * 8 = 54",
    "There are 3 + 5 = 8 cats. Each has 4 legs, so 8 * 4 = 36 legs.", "7 fois 8 font 54",
)  # fmt: skip
NO_CLAIM = (
    "Is 3 + 4 = 8? No.", "x + 3 = 7", "12:30 - 11:45 = 45 minutes", "pages 3-5 is 3 pages", "3 of 5 is 2",
    "On 2024-01-05 it was 3.", "The score is 3.", "", "= 5", "version 2.0 is 3 years old",
)  # fmt: skip


@pytest.mark.parametrize("text", RIGHT)
def test_right_sums_hold(text: str) -> None:
    claims = list(check_claims(text))
    assert claims
    assert all(holds for _, holds in claims)


@pytest.mark.parametrize("text", WRONG)
def test_wrong_sums_are_found(text: str) -> None:
    assert find_wrong_claim(text) is not None


@pytest.mark.parametrize("text", NO_CLAIM)
def test_other_texts_claim_nothing(text: str) -> None:
    assert list(check_claims(text)) == []


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from("+-*"), st.integers(-3, 3))
def test_a_sum_holds_where_python_agrees(left: int, right: int, sign: str, error: int) -> None:
    result = {"+": left + right, "-": left - right, "*": left * right}[sign] + error
    assert [holds for _, holds in check_claims(f"So {left} {sign} {right} = {result}, as said.")] == [error == 0]


@pytest.mark.parametrize("text", ["1+", "1 x ", "- 1 ", "(", "1 a x ", "9", "1,"])
def test_long_texts_take_no_time(text: str) -> None:
    start = time.perf_counter()
    list(check_claims(text * 2000))
    assert time.perf_counter() - start < 5
