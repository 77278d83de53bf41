"""Ollama's Modelfile: the chat template in Go's template language, the stop tokens, greedy answers.

The template is worked out by rendering: the texts between the turns of a short chat are cut out, put together for
other chats, and compared with what the student's own template renders. Where they differ, TEMPLATE is left out:
Ollama then reads the template that stands in the GGUF file.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kshot.models.chat_probes import ANSWER, NEXT, QUESTION, SYSTEM, Turn

MAX_CONTEXT = 4096
"""Ollama reserves memory for the whole context."""
LAST: Turn = {"role": "assistant", "content": "Probe: done."}
CHATS: tuple[tuple[Turn, ...], ...] = (
    (QUESTION,),
    (SYSTEM, QUESTION),
    (QUESTION, ANSWER, NEXT),
    (SYSTEM, QUESTION, ANSWER, NEXT),
    (SYSTEM, QUESTION, ANSWER, NEXT, LAST, QUESTION),
    (QUESTION, ANSWER, NEXT, LAST, NEXT),
)
Render = Callable[[Sequence[Turn]], str | None]


@dataclass(frozen=True)
class TurnTexts:
    """The fixed texts around the turns of a chat."""

    head: str
    """Before a first turn that is not the system's."""
    system_head: str
    before: dict[str, str]
    """By role."""
    after: dict[str, str]
    prompt: str
    """What begins the answer."""

    def render(self, turns: Sequence[Turn]) -> str:
        """The prompt for an answer after these turns."""
        head = self.system_head if turns[0]["role"] == "system" else self.head
        parts = [self.before[turn["role"]] + turn["content"] + self.after[turn["role"]] for turn in turns]
        return head + "".join(parts) + self.prompt


def find_turn_texts(render: Render, turn_end: str = "") -> TurnTexts | None:
    """The texts with which chats are written as the template writes them; None if there are none.

    Args:
        turn_end: what ends an answer; a user's turn that ends so too gets its own.
    """
    chat, short = render([SYSTEM, QUESTION, ANSWER, NEXT]), render([QUESTION])
    if chat is None or short is None:
        return None
    pieces, rest = [], chat
    for turn in (SYSTEM, QUESTION, ANSWER, NEXT):
        piece, found, rest = rest.partition(turn["content"])
        if not found:
            return None
        pieces.append(piece)
    start, found, prompt = short.partition(QUESTION["content"])
    # Which part of a text between two turns belongs to which turn does not matter, if all chats come out right.
    user = _common_end(pieces[1], pieces[3], start).removeprefix(turn_end)
    end = turn_end if pieces[2].startswith(turn_end) and prompt.startswith(turn_end) else ""
    texts = TurnTexts(
        head=start.removesuffix(user),
        system_head=pieces[0],
        before={"system": "", "user": user, "assistant": pieces[2].removeprefix(end)},
        after={"system": pieces[1].removesuffix(user), "user": end, "assistant": pieces[3].removesuffix(user)},
        prompt=prompt.removeprefix(end),
    )
    if not found or any(texts.render(chat) != render(chat) for chat in CHATS):
        return None
    return texts


def _common_end(first: str, *others: str) -> str:
    return next(first[n:] for n in range(len(first) + 1) if all(text.endswith(first[n:]) for text in others))


def without_bos(texts: TurnTexts, bos: str) -> TurnTexts:
    """The same without a BOS that the server writes itself."""
    if not bos:
        return texts
    return replace(texts, head=texts.head.removeprefix(bos), system_head=texts.system_head.removeprefix(bos))


def write_go_template(texts: TurnTexts) -> str:
    """The texts as a template of Go, in one line: each fixed text is a quoted string."""
    system, user, assistant = (_turn(texts, role) for role in ("system", "user", "assistant"))
    first = _when("{{ if eq $i 0 }}", _text(texts.system_head)) + system
    head = _when('{{ if and (eq $i 0) (ne .Role "system") }}', _text(texts.head))
    turns = f'{{{{ if eq .Role "system" }}}}{first}{{{{ else if eq .Role "user" }}}}{user}'
    turns += f'{{{{ else if eq .Role "assistant" }}}}{assistant}{{{{ end }}}}'
    return f"{{{{- range $i, $m := .Messages }}}}{head}{turns}{{{{ end }}}}{_text(texts.prompt)}"


def _turn(texts: TurnTexts, role: str) -> str:
    return f"{_text(texts.before[role])}{{{{ .Content }}}}{_text(texts.after[role])}"


def _when(condition: str, text: str) -> str:
    return f"{condition}{text}{{{{ end }}}}" if text else ""


def _text(text: str) -> str:
    # The escapes of JSON are escapes of Go.
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}" if text else ""


def write_modelfile(file: str, texts: TurnTexts | None, stops: Sequence[str], context: int) -> str:
    """The Modelfile beside a GGUF file.

    Args:
        context: tokens of the student's context.
    """
    lines = [f"FROM ./{file}"]
    if texts is not None:
        lines.append(f'TEMPLATE """{write_go_template(texts)}"""')
    lines += [f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in stops]
    lines += ["PARAMETER temperature 0", f"PARAMETER num_ctx {min(context, MAX_CONTEXT)}"]
    return "\n".join(lines) + "\n"
