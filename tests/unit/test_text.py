"""Words, lengths and signs of texts, also in scripts without spaces."""

import pytest

from kshot.core.text import count_words, has_input_length, signs, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, it's a_b!", ["hello", "it", "s", "a_b"]),
        ("cafe\u0301 Ｔｅｓｔ", ["café", "test"]),
        ("我喜欢 AI 和 dogs", ["我", "喜", "欢", "ai", "和", "dogs"]),
        ("これはペン", ["こ", "れ", "は", "ペ", "ン"]),
        ("ดีครับ", ["ดี", "ค", "รั", "บ"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("한국어 문장", ["한국어", "문장"]),
    ],
)
def test_words_are_characters_in_scripts_without_spaces(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_count_words_counts_characters_in_scripts_without_spaces() -> None:
    assert count_words("one two-three, four") == 3
    assert count_words("我喜欢猫。") == 4
    assert count_words("größer als 我们") == 4
    assert count_words("— é") == 2


def test_has_input_length_takes_two_characters_for_a_word() -> None:
    assert [has_input_length(words(text)) for text in ("one two", "one two three", "我喜欢猫", "我很喜欢小猫")] == [
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("age > 30", "age < 30"),
        ("250 cm", "350 cm"),
        ("250cm", "350cm"),
        ("x != y", "x == y"),
        ("3 + 4", "3 − 4"),
        ("3 - 4", "3 / 4"),
        ("a*b", "a+b"),
        ("three apples", "five apples"),
        ("2.5 kg", "25 kg"),
        ("买三个", "买五个"),
        ("共25元", "共35元"),
    ],
)
def test_signs_differ_where_a_number_or_an_operator_does(one: str, other: str) -> None:
    assert signs(one) != signs(other)


def test_signs_ignore_words_and_punctuation() -> None:
    assert signs("A well-known man, and/or v12") == signs("The well-known man and/or v13!") == []
