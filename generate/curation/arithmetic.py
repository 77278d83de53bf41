"""Recomputes the sums that a text claims, such as `3 + 4 = 7`, `12 times 3 is 36` or `15 % of 200 = 30`."""

import ast
import operator
import re
from collections.abc import Callable, Iterator

Reading = Callable[[str], str]
"""Turns a spelled number into Python's spelling of it."""

MAX_EXPRESSION_CHARS = 120
_DIGITS = r"\d(?:[\d.,'\u00a0\u202f]*\d|(?: \d{3})+)?"
_NUMBER = rf"[-−]?(?:[$€£¥]\s?)?{_DIGITS}(?:\s?%)?"
_NO_UNIT = (
    r"(?!(?:remainder|with|rest|reste|resto|r|and|or|plus|minus|times|mal|fois|por|x|is|ist|est|es|gives|makes)\b)"
)
_UNIT = rf"(?:\s?(?:[€£¥°]|{_NO_UNIT}[A-Za-zµ]{{1,12}}(?:/[a-z]{{1,3}})?))?"
_OPERATOR = (
    r"(?:\*\*|[-+*/×·÷−^]|(?<=\s):(?=\s)|\b(?:x|plus|minus|times|multiplied by|divided by|mal|geteilt durch|fois|moins"
    r"|divisé par|más|menos|por)\b|(?:(?<=%)|(?<=%\s))(?:of|von|de)\b)"
)
_TERM = rf"(?:\(\s*){{0,3}}{_NUMBER}{_UNIT}(?:\s*\)){{0,3}}"
_STEP = rf"(?:\s*{_OPERATOR}\s*{_TERM})"
_COPULA = r"\b(?:is|equals|is equal to|gives|makes|ist|sind|ergibt|macht|est|font|donne|es|son|da)\b"
_CLAIM = re.compile(
    rf"(?<![\w.,:/])({_TERM}{_STEP}{{1,12}})\s*(=|≈|~=|{_COPULA})\s*({_TERM}{_STEP}{{0,12}})(?=\W|$)", re.I
)
_RANGE = re.compile(r"\d[-–]\d")
_SIGNS: dict[str, str] = {
    r"\bplus\b|\bmás\b": "+",
    r"\bminus\b|\bmoins\b|\bmenos\b|−": "-",
    r"÷|\s:\s|\bdivided by\b|\bgeteilt durch\b|\bdivisé par\b": "/",
    r"×|·|\b(?:x|times|multiplied by|mal|fois|por|of|von|de)\b": "*",
    r"\^": "**",
    r"[A-Za-zµ]+/[A-Za-z]+": "",
}
"""Operators by their words; a unit such as km/h is none."""
_REMAINDER = re.compile(r"^\s*,?\s*(?:with a )?(?:remainder|rest|r\.?|reste|resto)\s*(?:of\s*)?(\d+)", re.I)
_QUESTION = re.compile(r"^[^.!\n]{0,40}\?")
_CHAIN = re.compile(r"^\s*=")
_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def find_wrong_claim(text: str) -> str | None:
    """Return the first equation in the text that does not hold, rounding allowed; None where all hold."""
    return next((claim for claim, holds in check_claims(text) if not holds), None)


def check_claims(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each equation in the text, and whether it holds in any reading of its commas and points.

    A chain such as `2 + 3 = 5 + 1 = 6` is read as steps. What stands in a question claims nothing.
    """
    start = 0
    while match := _CLAIM.search(text, start):
        start = match.start(3)
        left, verb, right = match.groups()
        rest = text[match.end() :]
        is_range = verb[0].isalpha() and _RANGE.search(left)
        if _QUESTION.match(rest) or is_range or len(match[0]) > MAX_EXPRESSION_CHARS:
            continue
        remainder = _REMAINDER.match(rest)
        claimed = [right]
        if _CHAIN.match(rest) and (first := re.match(_TERM, right)):
            claimed.append(first[0])
        results = [
            _holds(left, side, reading, int(remainder[1]) if remainder else None)
            for reading in (_spell_plain, _spell_continental)
            for side in claimed
        ]
        known = [result for result in results if result is not None]
        if known:
            yield " ".join(match[0].split()), any(known)


def _holds(left: str, right: str, reading: Reading, remainder: int | None) -> bool | None:
    """Whether the equation holds; None where a side is no expression."""
    try:
        tree = _parse(left, reading)
        expected, claimed = _compute(tree), _compute(_parse(right, reading))
        if remainder is not None and isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div):
            return abs(claimed * _compute(tree.right) + remainder - _compute(tree.left)) < 1e-9
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError):
        return None
    # The claimed side may be rounded to its last digit.
    digits = re.search(r"\.(\d+)\D*$", reading(right))
    unit = 10.0 ** -len(digits[1]) if digits else 1.0
    if "%" in right:
        unit /= 100
    elif float(expected).is_integer():
        unit = 0.0
    noise = 1e-9 * max(1.0, abs(expected)) if isinstance(expected, float) or isinstance(claimed, float) else 0.0
    return abs(expected - claimed) <= 0.5 * unit + noise


def _parse(text: str, reading: Reading) -> ast.expr:
    """Parse an expression after its words became operators and its units went.

    Raises:
        SyntaxError: it is none.
    """
    for words, sign in _SIGNS.items():
        text = re.sub(words, sign, text, flags=re.I)
    text = re.sub(_DIGITS, lambda match: reading(match[0]), text)
    text = re.sub(r"([\d.]+)\s?%", r"(\1/100)", text)
    return ast.parse(re.sub(r"[^\d.+*/()-]", "", text), mode="eval").body


def _compute(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_compute(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _compute(node.left), _compute(node.right)
        if isinstance(node.op, ast.Pow) and (abs(right) > 100 or abs(left) > 1e6):
            raise ValueError("too large")
        return _OPERATORS[type(node.op)](left, right)
    raise ValueError("no arithmetic")


def _spell_plain(number: str) -> str:
    """A comma or a space groups digits; a point is decimal."""
    text = re.sub(r"[,'\u00a0\u202f ]", "", number)
    return text if "." in text else text.lstrip("0") or "0"


def _spell_continental(number: str) -> str:
    """A point or a space groups digits; a comma is decimal."""
    return _spell_plain(re.sub(r"[.'\u00a0\u202f ]", "", number).replace(",", "."))
