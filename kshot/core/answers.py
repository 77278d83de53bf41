"""Exact match, and numbers in text: what an answer may differ in without being another answer.

`docs/explanation/evaluation.md` lists what is forgiven, for people.
"""

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

VERSION = 2
_QUOTES = "\"'“”‘’`"
_FORMS = str.maketrans(
    dict.fromkeys("“”„‟«»「」『』〝〞", '"')
    | dict.fromkeys("‘’‚‛‹›ʼ′´", "'")
    | dict.fromkeys("−‐‑﹣⁻", "-")
    | dict.fromkeys("。｡।۔", ".")
    | {"٫": ".", "٬": ","}
    # Characters that nobody sees: zero-width space, marks of direction and byte order, soft hyphen, emoji variants.
    | dict.fromkeys(
        "\u200b\u200e\u200f\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufe0e\ufe0f"
    )
)
"""Characters of one meaning, as one."""
_WIDE = re.compile(r"[\uff01-\uffee\u3000]+")
_DASH_BEFORE_DIGIT = re.compile(r"(?<!\w)–(?=[\d.])")
_GROUP_SPACE = "\u00a0\u2009\u202f"
_GROUPED = re.compile(rf"([-+]?)([1-9]\d{{0,2}}(?:,\d{{3}})+|[1-9]\d{{0,2}}(?:[{_GROUP_SPACE}'’]\d{{3}})+)(\.\d+)?")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_SUPERSCRIPT = re.compile(r"(?<=10)([⁻-]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>[-+]?)[$€£¥]?"
    r"(?:(?P<mixed>\d+)[ ](?=\d+/\d))?"
    r"(?:(?P<dots>[1-9]\d{0,2}(?:\.\d{3}){2,}(?:,\d+)?|[1-9]\d{0,2}(?:\.\d{3})+,\d+)(?![\d.])"
    r"|(?P<plain>(?:[1-9]\d{0,2}(?:,\d{3})+(?![\d])|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)"
    rf"|(?<!\d )[1-9]\d{{0,2}}(?:[ {_GROUP_SPACE}]\d{{3}})+(?!\d)"
    r"|[1-9]\d{0,2}(?:'\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+))"
    r"(?:/(?P<below>\d+)(?![\d/]))?"
    r"(?P<power>[eE][-+]?\d{1,3}(?!\w)|\s*[×x*·]\s*10(?:\^|\*\*)\{?[-+]?\d{1,3}\}?|(?<=10)(?:\^|\*\*)\{?[-+]?\d{1,3}\}?)?"
)


def tidy_answer(text: str) -> str:
    """The text trimmed, with one space between words, without outer quotes or final stop.

    >>> tidy_answer(' "Yes." ')
    'Yes'
    """
    plain = re.sub(r"\s+", " ", text).strip()
    before = None
    while plain != before:
        before = plain
        plain = plain.strip().removesuffix(".").strip()
        if len(plain) > 1 and plain[0] in _QUOTES and plain[-1] in _QUOTES:
            plain = plain[1:-1]
    return plain


def unify_forms(text: str) -> str:
    """One form for characters of one meaning: composed letters, full-width forms, quotes, minus signs, stops."""
    if text.isascii():
        return text
    text = _WIDE.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    text = _DASH_BEFORE_DIGIT.sub("-", text.translate(_FORMS))
    return unicodedata.normalize("NFC", text)


def normalize_answer(text: str) -> str:
    """The form in which answers are compared: one form of each character, tidy, folded, a number without grouping.

    >>> normalize_answer(' “Yes.” ')
    'yes'
    """
    unified = unify_forms(text)
    grouped = _GROUPED.fullmatch(_trim_edges(unified))
    if grouped:
        return "".join((grouped[1], re.sub(r"\D", "", grouped[2]), grouped[3] or ""))
    return unicodedata.normalize("NFC", tidy_answer(unified).casefold())


def _trim_edges(text: str) -> str:
    """The text without spaces, outer quotes or final stop, its inner spaces as they are."""
    plain = text.strip().removesuffix(".").strip()
    return plain[1:-1].strip() if len(plain) > 1 and plain[0] in _QUOTES and plain[-1] in _QUOTES else plain


def exact_match(answer: str, accepted: Sequence[str]) -> bool:
    """Whether the answer equals an accepted one; an empty answer only equals an empty one."""
    return normalize_answer(answer) in {normalize_answer(text) for text in accepted}


def last_number(text: str) -> Fraction | None:
    """The last number of a text by value: 1,234.5 and 1.5e3 and 3/4 are one number each; None where there is none.

    The dot is the decimal mark, and a comma before three digits groups them. Dots group digits only where nothing else
    makes sense: 1.234.567 and 1.234,56.

    >>> last_number("3 pears and 4 plums make 7.")
    Fraction(7, 1)
    """
    unified = _SUPERSCRIPT.sub(_spell_exponent, text)
    matches = _NUMBER.finditer(unify_forms(unified))
    return next((value for match in reversed(list(matches)) if (value := _value(match)) is not None), None)


def parse_number(text: str) -> Fraction | None:
    """The value of a text that is one decimal number, however its digits are grouped; None for any other text.

    >>> parse_number("1,234.50")
    Fraction(2469, 2)
    """
    match = _NUMBER.fullmatch(unify_forms(text))
    return None if match is None or match["below"] or match["power"] else _value(match)


def _spell_exponent(match: re.Match[str]) -> str:
    return "^" + match.group().replace("⁻", "-").translate(_SUPERSCRIPTS)


def _value(match: re.Match[str]) -> Fraction | None:
    if match["dots"]:
        value = Fraction(match["dots"].replace(".", "").replace(",", "."))
    else:
        value = Fraction(re.sub(r"[^\d.]", "", match["plain"]))
    if match["below"] and match.string[: match.start()].endswith("/"):
        value = Fraction(match["below"])  # The end of a date: 3/4/2024.
    elif match["below"]:
        if not int(match["below"]):
            return None
        value = value / int(match["below"]) + int(match["mixed"] or 0)
    power = match["power"]
    if power:
        exponent = int(re.findall(r"[-+]?\d+", power)[-1])
        is_bare_power = power.startswith(("^", "**"))
        value = Fraction(10) ** exponent if is_bare_power else value * Fraction(10) ** exponent
    return -value if match["sign"] == "-" else value
