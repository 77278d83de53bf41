"""How a student's turns are written: worked out by rendering probes, once, for training and evaluation alike.

A training row is the prompt that evaluation sends, then the answer, then the end of the turn. What the template would
write for an assistant's turn is read for that end only: many templates write there another text than their generation
prompt. Where a template needs help (a clock, no system role, an open thought, a frame around the answer), the template
itself is changed; the student is saved with the changed one, so whoever loads it sends the prompts of its training.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kshot.core.errors import WeightsError
from kshot.models.chat_probes import ANSWER, NEXT, QUESTION, SYSTEM, Renderer, Turn, close_thought
from kshot.models.chat_text import CHAT, ControlTokens, Encoded, visible

VERSION = 1
"""Raise it when the same template gives other prompts or rows; keys of training and measuring contain it."""
TEMPLATE_DATE = date(2024, 7, 26)
"""The date that every template shows: the one that Llama's template names where it has no clock."""
_CLOCK = re.compile(
    r"strftime_now\s*\(\s*(?:format\s*=\s*)?(?P<quote>[\"'])(?P<format>(?:(?!(?P=quote)).)*)(?P=quote)\s*\)"
)
_ANY_CLOCK = re.compile(r"strftime_now(?!\s+is\s+(?:not\s+)?defined)")
_FIXED_DATE = re.compile(r"\{# date fixed at (?P<day>[\d-]+) \+#\}")
_NO_THOUGHT = "{% if enable_thinking is not defined %}{% set enable_thinking = false %}{% endif +%}"
_FOLD_SYSTEM = (
    "{% if messages|length > 1 and messages[0]['role'] == 'system' %}{% set messages = [{'role': 'user', 'content': "
    "messages[0]['content'] + '\\n\\n' + messages[1]['content']}] + messages[2:] %}{% endif +%}"
)
_PARTS = (
    "{% set parts = namespace(turns=[]) %}{% for turn in messages %}{% set parts.turns = parts.turns + [{'role': "
    "turn['role'], 'content': [{'type': 'text', 'text': turn['content']}] if turn['content'] is string else "
    "turn['content']}] %}{% endfor %}{% set messages = parts.turns +%}"
)


@dataclass(frozen=True)
class ChatFormat:
    """How the turns of one student are written."""

    template: str
    """The template that renders its prompts."""
    given: str
    """The template as it was loaded."""
    stops_itself: bool
    """Whether generation stops at the stop token without kshot."""
    answer_lead: str
    """Spaces between the prompt and an answer; they belong to the answer's first token."""
    turn_end: str
    """What ends an answer, up to the stop token."""
    after_turn: str
    """White space, and further stop tokens, that the template writes after that."""
    stop: str
    stop_id: int
    prompt_tail: str
    """What stands between a user's text and the answer."""
    date: str | None
    """The date in the prompts."""
    notes: tuple[str, ...]
    """What was changed in the template."""
    control: ControlTokens = field(compare=False, repr=False)
    renderer: Renderer = field(compare=False, repr=False)

    def render_prompt(self, turns: Sequence[Turn]) -> str:
        """The prompt for an answer after these turns: a string of `CHAT`, marked where control tokens are text.

        Raises:
            WeightsError: the template refuses the turns.
        """
        marked = [{**turn, "content": self.control.mark(turn["content"])} for turn in turns]
        return CHAT + self.renderer.render(self.template, marked)

    def encode(self, text: str) -> Encoded:
        """Tokens of a prompt, or of a prompt with what follows it."""
        return self.control.encode(text.removeprefix(CHAT))

    def encode_row(self, turns: Sequence[Turn], answer: str) -> tuple[Encoded, int]:
        """The tokens of a training row, and how many of them are the prompt's: those that evaluation sends."""
        completion = self.answer_lead + self.control.mark(answer) + self.turn_end + self.after_turn
        return self.encode_pair(self.render_prompt(turns), completion)

    def encode_pair(self, prompt: str, completion: str) -> tuple[Encoded, int]:
        """The tokens of a prompt and of what follows it, and how many are the prompt's, which nothing changes."""
        asked, whole = self.encode(prompt), self.encode(prompt + completion)
        count = len(asked.ids)
        if whole.ids[:count] == asked.ids:
            return whole, count
        # The tokenizer would join the end of the prompt with the answer, which no model can write.
        behind = self.encode(self.stop + completion)
        shift = len(visible(prompt)) - len(self.stop)
        offsets = [(a + shift, b + shift) for a, b in behind.offsets[1:]]
        return Encoded(asked.ids + behind.ids[1:], asked.offsets + offsets), count

    def find_user_text(self, turns: Sequence[Turn]) -> int | None:
        """Where the last user's text begins in the visible prompt; None if the template changed it."""
        prompt, text = visible(self.render_prompt(turns)), visible(turns[-1]["content"])
        bare = text.strip()
        for written, lead in ((text, 0), (bare, len(text) - len(text.lstrip()))):
            start = len(prompt) - len(self.prompt_tail) - len(written)
            if not prompt.startswith(written, max(start, 0)):
                start = prompt.rfind(written)
            if start >= 0:
                return start - lead
        return None


def chat_format(tokenizer: Any, stop_ids: Collection[int] = ()) -> ChatFormat:
    """The format of a tokenizer's chat template, whose changes the tokenizer gets; worked out once.

    Args:
        stop_ids: tokens at which the model's generation config stops.

    Raises:
        WeightsError: there is no template, or none that a student can be trained and asked with.
    """
    known: ChatFormat | None = getattr(tokenizer, "_kshot_chat_format", None)
    if known and known.template == _current_template(tokenizer):
        return known
    found = _find_format(tokenizer, stop_ids)
    if isinstance(tokenizer.chat_template, dict):
        tokenizer.chat_template = {**tokenizer.chat_template, "default": found.template}
    else:
        tokenizer.chat_template = found.template
    tokenizer._kshot_chat_format = found
    return found


def _current_template(tokenizer: Any) -> str:
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if not template:
        raise WeightsError("the tokenizer has no chat template; use an instruction-tuned student")
    return str(template)


@dataclass(frozen=True)
class _Surroundings:
    """What a template writes around the texts of its turns."""

    head: str
    """Before a user's first text."""
    tail: str
    """Behind a user's text in a prompt."""
    before: str
    """All that stands before an answer."""
    after: str
    """Behind an answer."""
    follows: str
    """Between an answer and the next user's text."""


def _find_format(tokenizer: Any, stop_ids: Collection[int]) -> ChatFormat:
    given = template = _current_template(tokenizer)
    if not getattr(tokenizer, "is_fast", False):
        raise WeightsError("kshot needs a fast tokenizer (tokenizer.json), which gives the place of each token")
    renderer = Renderer(tokenizer)
    template, day, notes = _prepare(template, renderer)
    prompt = renderer.render(template, [QUESTION])
    around = _look_around(template, prompt, renderer)
    frame = around.before[len(prompt) :] if around.before.startswith(prompt) else ""
    lead = " " * (len(frame) - len(frame.rstrip(" ")))
    addition = frame[: len(frame) - len(lead)]
    if addition:
        notes.append(f"the prompt goes on with {addition!r}, which the template writes before every answer")
    if close := close_thought(around.tail + addition, "\0".join([template, *tokenizer.get_vocab()])):
        addition += close
        notes.append(f"the thought that the template opens is closed in the prompt with {close!r}")
    if addition:
        template = _append(template, addition)
    control = ControlTokens(tokenizer, template)
    ends = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    stops = [*ends, *stop_ids]
    turn_end, stop = _find_stop(around, addition, control, stops)
    found = ChatFormat(
        template=template,
        given=given,
        stops_itself=control.ids[stop] in stops,
        answer_lead=lead,
        turn_end=turn_end,
        after_turn=_text_after_turn(around.after, turn_end, control, stops),
        stop=stop,
        stop_id=control.ids[stop],
        prompt_tail=around.tail + addition,
        date=day,
        notes=tuple(notes),
        control=control,
        renderer=renderer,
    )
    _check(found)
    return found


def _prepare(template: str, renderer: Renderer) -> tuple[str, str | None, list[str]]:
    """The template without clock and thought, which takes texts and a system role; its date; what was changed."""
    notes: list[str] = []
    template, day = _fix_date(template)
    if day:
        notes.append(f"its date is {day}")
    if "enable_thinking" in template and _NO_THOUGHT not in template:
        template = _NO_THOUGHT + template
    template = _take_parts(template, renderer)
    if not renderer.shows(template, [SYSTEM, QUESTION], SYSTEM):
        template = _FOLD_SYSTEM + template
        if not renderer.shows(template, [SYSTEM, QUESTION], SYSTEM):
            raise WeightsError("the chat template shows no system text, not even in front of the user's text")
        notes.append("a system text goes in front of the user's")
    return template, day, notes


def _look_around(template: str, prompt: str, renderer: Renderer) -> _Surroundings:
    answered = renderer.try_render(template, [QUESTION, ANSWER], add_generation_prompt=False) or ""
    before, _, after = answered.rpartition(ANSWER["content"])
    conversation = renderer.try_render(template, [QUESTION, ANSWER, NEXT], add_generation_prompt=False) or ""
    between = conversation.rpartition(NEXT["content"])[0]
    follows = between.rpartition(ANSWER["content"])[2] if ANSWER["content"] in between else ""
    head, tail = prompt.partition(QUESTION["content"])[0], prompt.rpartition(QUESTION["content"])[2]
    return _Surroundings(head, tail, before, after, follows)


def _fix_date(template: str) -> tuple[str, str | None]:
    """The template with its clock replaced by `TEMPLATE_DATE`, and that date where it had one."""

    def replace(found: re.Match[str]) -> str:
        return "'" + TEMPLATE_DATE.strftime(found["format"]).replace("'", "\\'") + "'"

    fixed = _CLOCK.sub(replace, template)
    if _ANY_CLOCK.search(fixed):
        raise WeightsError("the chat template shows the time in a form that kshot cannot fix")
    if found := _FIXED_DATE.search(template):
        return fixed, found["day"]
    if fixed == template:
        return template, None
    day = TEMPLATE_DATE.isoformat()
    return f"{{# date fixed at {day} +#}}{fixed}", day


def _take_parts(template: str, renderer: Renderer) -> str:
    """The template, taking texts where it knows lists of parts only."""
    if renderer.shows(template, [QUESTION], QUESTION):
        return template
    if renderer.shows(_PARTS + template, [QUESTION], QUESTION):
        return _PARTS + template
    # What the template itself says, if it refuses.
    renderer.render(template, [QUESTION])
    raise WeightsError("the chat template leaves out or changes the user's text")


def _append(template: str, addition: str) -> str:
    """The template with a text added to its generation prompt."""
    # Jinja drops one line break at the end of a source.
    source = re.sub(r"\r?\n\Z", "", template, count=1)
    literal = addition.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"{source}{{%+ if add_generation_prompt %}}{{{{ '{literal}' }}}}{{% endif %}}"


def _find_stop(around: _Surroundings, addition: str, control: ControlTokens, stops: Sequence[int]) -> tuple[str, str]:
    """The text that ends an answer, and the stop token at its end.

    That is the first control token after an answer, unless it begins a turn; then one before the next turn, where
    generation stops at it or it begins no turn; then the tokenizer's end of text.
    """
    tail = around.tail + addition
    # A template that always ends with a generation prompt writes one after an answer, and none before a user's turn.
    in_between = control.pattern.search(around.follows)
    for found in control.pattern.finditer(around.after):
        is_end = control.ids[found[0]] in stops or (in_between and in_between[0] == found[0])
        if is_end or found[0] not in tail:
            return around.after[: found.end()], found[0]
    next_turn = control.pattern.match(around.follows.lstrip())
    if next_turn:
        token = next_turn[0]
        if control.ids[token] in stops or tail.lstrip().startswith(token) or token not in around.head:
            return token, token
    tokens = {identity: token for token, identity in control.ids.items()}
    end = next((tokens[identity] for identity in stops if identity in tokens), None)
    if end is None:
        raise WeightsError(
            "no stop token: the chat template ends an answer with none, and the tokenizer has no eos token; set one in "
            "tokenizer_config.json"
        )
    return end, end


def _text_after_turn(after: str, turn_end: str, control: ControlTokens, stops: Sequence[int]) -> str:
    """White space and further stop tokens that the template writes after the first: a server may know only these."""
    if not after.startswith(turn_end):
        return ""
    end = len(turn_end)
    for found in control.pattern.finditer(after, end):
        is_other = control.ids[found[0]] in stops and not turn_end.endswith(found[0])
        if after[end : found.start()].strip() or not is_other:
            break
        end = found.end()
    return after[len(turn_end) : end + len(after[end:]) - len(after[end:].lstrip())]


def _check(found: ChatFormat) -> None:
    """Try a row whose texts hold a control token."""
    text = f"{QUESTION['content']} {found.stop} is text."
    turns: list[Turn] = [{"role": "user", "content": text}]
    row, count = found.encode_row(turns, ANSWER["content"])
    if found.stop_id not in row.ids[count:]:
        raise WeightsError(f"its tokenizer does not read the stop token {found.stop!r} behind an answer")
    if found.find_user_text(turns) is None:
        raise WeightsError("the chat template leaves out or changes the user's text")


def stop_ids_of(generation_config: Any) -> list[int]:
    """The tokens at which a generation config stops."""
    ids = getattr(generation_config, "eos_token_id", None)
    return [] if ids is None else list(ids) if isinstance(ids, Iterable) else [int(ids)]


def stop_at(model: Any, found: ChatFormat) -> None:
    """Let the model's generation stop at the stop token as well."""
    ids = stop_ids_of(model.generation_config)
    if found.stop_id not in ids:
        model.generation_config.eos_token_id = [*ids, found.stop_id] if ids else found.stop_id
