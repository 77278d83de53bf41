r"""Normalized match: is the answer right as a reader takes it, whatever a chat model puts around it?

`docs/explanation/evaluation.md` lists what is forgiven. The answer itself must equal an accepted one: it is found first
(without thought, markdown, label, sentence and explanation) and then compared. So "It is not spam" is no `spam`, and
"positive or negative" is neither. An answer that is denied, hedged, taken back
or one of several is wrong.
"""

import re
from collections.abc import Sequence

from kshot.core.answers import exact_match, normalize_answer, parse_number, tidy_answer, unify_forms
from kshot.core.replies.final_answer import (
    ANSWER_LINE,
    find_boxed,
    parse_container,
    split_at_final_answer,
    unwrap_answer,
)
from kshot.core.replies.thought import split_thought
from kshot.evaluate.scoring.phrases import (
    ARTICLES,
    CONCLUSION,
    FRAME,
    FRAMES_BEHIND,
    GOES_ON,
    LABEL,
    LEAD_IN,
    MAGNITUDES,
    NAMED_FIRST,
    NOT_SAID,
    TAIL_NOT,
    TAKES_BACK,
    UNITS,
    YES_NO,
)

VERSION = 1
MIN_SENTENCE_WORDS = 3
"""Words (in scripts without spaces, a fifth of the characters) from which a line can be an explanation."""
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})[\w+-]*\s*$", re.M)
_BULLET = re.compile(r"^\s*(?:(?:>+|#+|[•*+–-])\s+)*")
_SENTENCE_END = re.compile(r"(?<=[.!])[\"'”*_)]*\s+(?=[\"'“*_(]*[^\W\d_])|(?<=[。！])")
_BECAUSE = re.compile(
    r",?\s+(?:because|since|as it|as the|as there|weil|da (?:die|der|das|es)|parce qu|car |porque|perché|omdat"
    r"|потому что)\b|,\s+as\b(?! well)|，?因为",
    re.I,
)
_ASIDE = re.compile(r"\s+(?:[-—–]|\()\s*|\s*[,，;]\s+|\s*[:：]\s+")
_NUMBER_WITH_UNIT = re.compile(
    r"(?P<before>[$€£¥])?\s?(?P<number>[-+]?[\d.,' \u00a0\u2009\u202f]*\d)\s?(?P<unit>[^\W\d_]+(?:/[^\W\d_]+"
    r"|[²³])?|[%€$£¥]|°\s?[CFcf]?|"
    r"(?:square|cubic) [^\W\d_]+|[^\W\d_]+ per [^\W\d_]+)?"
)
_DENIAL = re.compile(r"\b(?:not|no|never|without|kein\w*|nicht|pas|non|nunca|не|нет)\b|n['’]t\b|不|没", re.I)
_OPTION_MARK = re.compile(r"(?:(?:option|choice)\s+)?\(?[A-Ha-h1-9][).:]\s+|\([A-Ha-h1-9]\)\s*", re.I)


def normalized_match(answer: str, accepted: Sequence[str], options: Sequence[str] = ()) -> bool:
    """Whether the one answer that the text gives is an accepted one.

    Args:
        options: the options of a multiple-choice item; an answer that fits another one too is wrong.
    """
    return _Reader(accepted, options).is_right(answer)


class _Reader:
    """What is accepted on one item, and what is another answer."""

    def __init__(self, accepted: Sequence[str], options: Sequence[str]) -> None:
        self.accepted = accepted
        right = {normalize_answer(text) for text in accepted}
        self.rivals = [option for option in options if normalize_answer(option) not in right]
        self.options = options

    def is_right(self, text: str) -> bool:
        _, reply = split_thought(text)
        reply = _FENCE.sub("", reply).strip()
        if next_example := next((m for m in GOES_ON.finditer(reply) if reply[: m.start()].strip()), None):
            reply = reply[: next_example.start()].strip()
        if not reply or exact_match(reply, self.accepted):
            return exact_match(reply, self.accepted)
        container = parse_container(reply)
        if container is not None:
            return container in {parse_container(each) for each in self.accepted}
        if _contradicts_itself(reply):
            return False
        if marked := split_at_final_answer(reply):
            lines = _lines(marked[1])
            after = find_boxed(reply)
            rest = _lines(reply[after[1] :]) if after and marked[1] == after[2] else lines[1:]
            return bool(lines) and self.says(lines[0]) and not self.takes_back("\n".join(rest))
        lines = _lines(reply)
        if len(lines) < 2:
            return self.says(lines[0]) if lines else self.agrees(reply)
        if self.says(lines[0]):
            return not self.takes_back("\n".join(lines[1:]))
        thinking = all(_is_sentence(line) for line in lines[:-1])
        named = any(self.is_rival(_bare(line)) for line in lines[:-1])
        return thinking and not named and (self.agrees(lines[-1]) or self.concludes(lines[-1]))

    def agrees(self, text: str) -> bool:
        """Whether a whole text is an accepted answer and no other option."""
        spellings = [text, _bare(text)]
        if self.options:
            spellings += [_OPTION_MARK.sub("", each, count=1) for each in spellings if _OPTION_MARK.match(each)]
        if denied := TAIL_NOT.search(spellings[1]):
            shorter = spellings[1][: denied.start()]
            if not any(_is_same(f"not {denied['other']}", option) for option in self.options):
                spellings.append(shorter)
        if any(exact_match(each, self.rivals) for each in spellings):
            return False
        right = any(_is_same(each, wanted) for each in spellings for wanted in self.accepted)
        return right and not any(_is_same(each, rival) for each in spellings for rival in self.rivals)

    def is_rival(self, text: str) -> bool:
        """Whether a whole text is another option."""
        return any(_is_same(text, rival) for rival in self.rivals)

    def says(self, line: str) -> bool:
        """Whether a line gives an accepted answer: alone, with an explanation behind it, or in a sentence."""
        line = LEAD_IN.sub("", line, count=1)
        if self.agrees(line):
            return True
        if self.is_rival(_bare(line)):
            return False
        sentences = [each for each in _SENTENCE_END.split(line) if each and each.strip()]
        if len(sentences) > 1:
            if all(map(self.agrees, sentences)):
                return True
            rest = " ".join(sentences[1:])
            if self.agrees(sentences[0]) or self.states(sentences[0]) or self.explains(sentences[0]):
                return not self.takes_back(rest) and _is_sentence(rest)
            return self.concludes(sentences[-1]) and not any(self.is_stated_rival(each) for each in sentences[:-1])
        return self.states(line) or self.explains(line)

    def explains(self, sentence: str) -> bool:
        """Whether the sentence begins with an accepted answer and goes on with a reason."""
        if because := _BECAUSE.search(sentence):
            head = sentence[: because.start()]
            return (self.agrees(head) or self.states(head)) and not self.is_weakened(sentence[because.end() :])
        aside = _ASIDE.search(sentence)
        if not aside:
            return False
        head, rest = sentence[: aside.start()], sentence[aside.end() :]
        is_answer_word = normalize_answer(_bare(head)) in YES_NO
        is_list = "," in aside.group() or "，" in aside.group() or ";" in aside.group()
        if (is_list and not is_answer_word) or not self.agrees(head):
            return False
        if not _is_sentence(rest) and not (is_answer_word and len(rest.split()) > 1):
            return False
        if _DENIAL.search(" ".join(rest.split()[:5])) and not is_answer_word:
            return False
        others = [*self.rivals, *(YES_NO - {normalize_answer(_bare(head))} if is_answer_word else ())]
        names_other = any(re.search(rf"(?<!\w){re.escape(each)}(?!\w)", rest, re.I) for each in others)
        return not names_other and not self.is_weakened(rest) and not re.match(r"(?:and|or|but)\b", rest, re.I)

    def states(self, sentence: str) -> bool:
        """Whether a sentence says that something is an accepted answer."""
        return any(self.agrees(each) for each in _stated(sentence, self.options))

    def is_stated_rival(self, sentence: str) -> bool:
        """Whether a sentence says that something is another option."""
        return any(self.is_rival(_bare(each)) for each in [sentence, *_stated(sentence, self.options)])

    def is_denied(self, sentence: str) -> bool:
        """Whether a sentence says that something is not an accepted answer."""
        stated = [_DENIAL.match(each) for each in _stated(sentence, ())]
        return any(denied and self.agrees(denied.string[denied.end() :].strip()) for denied in stated)

    def concludes(self, sentence: str) -> bool:
        """Whether the last sentence of a chain of thought gives an accepted answer as its outcome."""
        plain = _plain(sentence)
        if marked := CONCLUSION.match(plain):
            rest = plain[marked.end() :]
            return self.agrees(rest) or self.states(rest)
        return False

    def takes_back(self, rest: str) -> bool:
        """Whether what follows an answer hedges it, takes it back or gives another one."""
        lines = _lines(rest)
        # A line that is as bare as the answer before it makes a list of answers.
        return bool(lines) and (self.is_weakened(rest) or not (_is_sentence(lines[0]) or self.agrees(lines[0])))

    def is_weakened(self, rest: str) -> bool:
        """Whether a text hedges the answer before it, denies it or states another option."""
        lines = _lines(rest)
        parts = [*lines, *(each for line in lines for each in _SENTENCE_END.split(line) if each and each.strip())]
        return bool(TAKES_BACK.search(rest)) or any(
            self.is_stated_rival(each) or self.is_denied(each) for each in parts
        )


def _stated(sentence: str, options: Sequence[str]) -> list[str]:
    """What a plain sentence says that something is; nothing where it denies, hedges or asks."""
    text = re.sub(r"n['’]t\b", " not", unify_forms(_plain(sentence)))
    text = CONCLUSION.sub("", text, count=1)
    if text.endswith(("?", "？")):
        return []
    stated = []
    for match in FRAME.finditer(text):
        stated.append((match["subject"], match["answer"]))
    # A verb may also stand inside the answer or the subject: each one is tried.
    starts = [m.end() for m in re.finditer(r"\b(?:is|are|was|est|ist|es|è)\s+|\s=\s+", text)]
    stated += [(text[:start], text[start:]) for start in starts]
    for pattern in FRAMES_BEHIND:
        if behind := pattern.fullmatch(tidy_answer(text)):
            stated.append((behind["subject"], behind["answer"]))
    if named := NAMED_FIRST.fullmatch(tidy_answer(text)):
        stated.append(("", named["answer"]))
    names = [re.compile(rf"(?<!\w){re.escape(option)}(?!\w)", re.I) for option in options if len(option) > 1]
    return [
        answer
        for subject, answer in stated
        if not NOT_SAID.search(subject) and (not subject or not any(name.search(subject) for name in names))
    ]


def _contradicts_itself(text: str) -> bool:
    """Whether several lines `Answer: ...` differ, and nothing between them takes the first one back."""
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [number for number, line in enumerate(lines) if ANSWER_LINE.match(line) and lines[number].strip()]
    values = {normalize_answer(_bare(ANSWER_LINE.sub("", lines[number], count=1))) for number in marked}
    between = "\n".join(lines[marked[0] + 1 : marked[-1]]) if marked else ""
    return len(values - {""}) > 1 and not TAKES_BACK.search("\n" + between)


def _lines(text: str) -> list[str]:
    """Lines that are not empty, nor a heading or a lead-in before another line."""
    lines = [line.strip() for line in text.splitlines() if any(map(str.isalnum, line))]
    kept = [line for line in lines[:-1] if not _is_heading(line)]
    return [*kept, *lines[-1:]]


def _is_heading(line: str) -> bool:
    plain = _plain(line)
    return bool(LABEL.fullmatch(plain if plain.endswith((":", "：")) else f"{plain}:")) or (
        plain.endswith((":", "：")) and _is_sentence(plain)
    )


def _is_sentence(text: str) -> bool:
    """Whether a text is long enough to explain something, rather than to be one more answer."""
    wide = sum(ord(letter) > 0x2E80 for letter in text)
    has_sum = "=" in text and re.search(r"\d", text)
    return bool(has_sum) or len(text.split()) + wide // 5 >= MIN_SENTENCE_WORDS or _plain(text).endswith((":", "："))


def _plain(text: str) -> str:
    """A line without bullets and marks of emphasis."""
    return re.sub(r"\*\*|__|`", "", _BULLET.sub("", text, count=1)).strip()


def _bare(text: str) -> str:
    """An answer without what marks or frames it: bullets, emphasis, label, quotes, final stop."""
    before = None
    while text != before:
        before = text
        text = unwrap_answer(_plain(unify_forms(text))).strip()
        if re.search(r"[^\W\d]!+$", text):
            text = text.rstrip("!")
        match = LABEL.match(text)
        text = text[match.end() :] if match and text[match.end() :].strip() else text
    return text


def _is_same(text: str, wanted: str) -> bool:
    """Whether two bare answers are one: but for form, articles, and the unit and grouping of a number."""
    first, second = (_without_article(unify_forms(each)) for each in (_bare(text), wanted))
    if normalize_answer(first) == normalize_answer(second):
        return True
    container = parse_container(wanted)
    if container is not None:
        return container == parse_container(text)
    return _is_same_number(first, second)


def _without_article(text: str) -> str:
    plain = tidy_answer(text)
    match = ARTICLES.match(plain)
    return plain[match.end() :] if match and plain[match.end() :].strip() else plain


def _is_same_number(text: str, wanted: str) -> bool:
    """Whether both are a number, of one value, and of one unit where both have one."""
    sides = [_NUMBER_WITH_UNIT.fullmatch(tidy_answer(each)) for each in (text, wanted)]
    if not sides[0] or not sides[1]:
        return False
    values = [parse_number(side["number"].strip()) for side in sides if side]
    units = [_unit(side) for side in sides if side]
    digits = [side["number"].strip() for side in sides if side]
    if any(re.match(r"[-+]?0\d|.*\.000$", each) for each in digits):
        return False
    if None in values or None in units or values[0] != values[1]:
        return False
    return "" in units or units[0] == units[1]


def _unit(match: re.Match[str]) -> str | None:
    """The unit of a number in one spelling, empty where it has none; None where what follows is no unit."""
    before, after = match["before"] or "", (match["unit"] or "").replace("° ", "°")
    if before and after and UNITS.get(after, UNITS.get(after.casefold(), after)) != before:
        return None
    name = before or after
    if name.casefold() in MAGNITUDES and name != "m":
        return None
    unit = UNITS.get(name) or UNITS.get(name.casefold()) or name
    if len(unit) == 1 and unit.isalpha() and unit not in UNITS.values():
        return None
    return unit if len(unit) <= 3 else unit.casefold().removesuffix("s")
