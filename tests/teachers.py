"""Scripted teachers of today's kinds, each tried in every mode: its data must be those of a plain teacher.

To add a teacher, add a `TeacherKind` to `TEACHERS`: how it wraps a reply (`teacher_profiles`), and what its endpoint
does before it replies. `python -m tests.teachers` prints the table of docs/reference/teachers.md.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import orjson

from kshot.config import (
    AugmentConfig,
    DemonstrateConfig,
    InventConfig,
    InvertConfig,
    ParaphraseConfig,
    ReasonConfig,
    TeacherConfig,
    VerifyConfig,
)
from kshot.core.errors import KshotError
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.synthesis.evolve import vary_tasks
from kshot.generate.synthesis.examples.write import write_examples
from kshot.generate.synthesis.inversion import invert_tasks
from kshot.generate.synthesis.paraphrase import paraphrase_descriptions
from kshot.generate.synthesis.paraphrase_inputs import paraphrase_inputs
from kshot.generate.synthesis.rationales import write_rationales
from kshot.generate.synthesis.self_instruct import invent_tasks
from kshot.generate.synthesis.shared.context import SynthesisContext
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import make_client
from kshot.tasks.source import source_from_task
from tests.scripted import SKILLS, HttpAnswer, Script, serving
from tests.teacher_profiles import CHATTY, REASONING, THOUGHT, Profile, plain

CAPITALS, _, _, LENGTH, *_ = SKILLS
TASKS = (
    Task(
        "capitals", "capitals", "c", (CAPITALS,),
        tuple(Example(t, t.upper()) for t in ("a bee", "an old cat is here", "x y")),
    ),
    Task(
        "length", "length", "c", (LENGTH,), (Example("a cat", "short"), Example("a b c d e", "long")),
        labels=("long", "short"),
    ),
)  # fmt: skip
Outcome = tuple[list[Any], Sequence[object]]
MODES: dict[str, Callable[[SynthesisContext], Outcome]] = {
    "demonstrate": lambda context: write_examples(TASKS, DemonstrateConfig(per_task=3), context),
    "augment": lambda context: paraphrase_inputs(TASKS, AugmentConfig(per_example=1), context),
    "reason": lambda context: write_rationales(TASKS[:1], ReasonConfig(per_task=2), context),
    "invert": lambda context: invert_tasks(TASKS, InvertConfig(ask=True), context),
    "invent": lambda context: invent_tasks(TASKS, InventConfig(rounds=1, per_round=3), context),
    "vary": lambda context: vary_tasks(TASKS, 1, context),
    "paraphrase": lambda context: _paraphrase(context),
}


def _paraphrase(context: SynthesisContext) -> Outcome:
    sources = [source_from_task(task) for task in TASKS]
    accepted, rejects = paraphrase_descriptions(
        sources, ParaphraseConfig(modes=["rephrase"], validate_inputs=1), context.teacher, context.prompts, 1
    )
    return list(accepted.values()), rejects


def _ready(body: dict[str, Any]) -> HttpAnswer | None:
    return None


@dataclass(frozen=True)
class TeacherKind:
    """A teacher: how it wraps a reply, and what its endpoint answers in its place (None: the reply)."""

    profile: Profile = plain
    endpoint: Callable[[dict[str, Any]], HttpAnswer | None] = _ready
    fails_first: HttpAnswer | None = None
    """The answer to the first attempt of every second request."""
    settings: dict[str, Any] = field(default_factory=dict)


def refuse(message: str, status: int = 400) -> HttpAnswer:
    return HttpAnswer(status, orjson.dumps({"error": {"message": message, "type": "invalid_request_error"}}))


def _refuse_field(name: str, message: str) -> Callable[[dict[str, Any]], HttpAnswer | None]:
    return lambda body: refuse(message) if name in body else None


def _reasoning_model(body: dict[str, Any]) -> HttpAnswer | None:
    """Refuses one thing at a time, as OpenAI's reasoning models do."""
    if "max_tokens" in body:
        return refuse("Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.")
    if "temperature" in body:
        return refuse("Unsupported value: 'temperature' does not support 0 with this model.")
    return None


def _json(value: object) -> bytes:
    return orjson.dumps(value)


RATE_LIMITED = {"message": "Rate limit exceeded", "code": 429}
TEACHERS: dict[str, TeacherKind] = {
    **{name: TeacherKind(profile) for name, profile in {**REASONING, **CHATTY}.items()},
    "takes max_completion_tokens only, no temperature": TeacherKind(endpoint=_reasoning_model),
    "refuses max_completion_tokens": TeacherKind(
        endpoint=_refuse_field("max_completion_tokens", "Unrecognized request argument: max_completion_tokens"),
        settings={"endpoints": [{"tokens_field": "max_completion_tokens"}]},
    ),
    "refuses the JSON schema": TeacherKind(
        endpoint=_refuse_field("response_format", "'response_format' of type 'json_schema' is not supported")
    ),
    "refuses top_p": TeacherKind(
        endpoint=_refuse_field("top_p", "Extra inputs are not permitted: top_p"),
        settings={"extra_body": {"top_p": 0.9}},
    ),
    "no temperature (null)": TeacherKind(
        endpoint=_refuse_field("temperature", "a server error for whoever sends one"), settings={"temperature": None}
    ),
    "429 in a 200 first": TeacherKind(fails_first=HttpAnswer(200, _json({"error": RATE_LIMITED}))),
    "429 first": TeacherKind(fails_first=HttpAnswer(429, _json({"error": RATE_LIMITED}), {"Retry-After": "0"})),
    "500 first": TeacherKind(fails_first=HttpAnswer(500, b"Internal Server Error")),
    "503 page first": TeacherKind(fails_first=HttpAnswer(503, b"<html><body>Service Unavailable</body></html>")),
    "HTML in a 200 first": TeacherKind(fails_first=HttpAnswer(200, b"<!doctype html><title>Bad gateway</title>")),
    "an event stream first": TeacherKind(fails_first=HttpAnswer(200, b'data: {"choices": []}\n\ndata: [DONE]\n')),
    "an empty body first": TeacherKind(fails_first=HttpAnswer(200, b"")),
    "error choice first": TeacherKind(
        fails_first=HttpAnswer(200, _json({"choices": [{"finish_reason": "error", "error": {"code": 502}}]}))
    ),
}  # fmt: skip


class TeacherCell(NamedTuple):
    """A teacher in a mode: `verdict` is right, or what went wrong."""

    teacher: str
    mode: str
    verdict: str


def teacher_cells(names: Sequence[str] = ()) -> list[TeacherCell]:
    """Try these teachers, or all, in every mode."""
    with TemporaryDirectory() as folder:
        expected = _run(TeacherKind(), Path(folder))
    return [cell for name in names or TEACHERS for cell in _try_teacher(name, expected)]


def _try_teacher(name: str, expected: dict[str, Any]) -> Iterator[TeacherCell]:
    with TemporaryDirectory() as folder:
        try:
            outcome = _run(TEACHERS[name], Path(folder))
        except KshotError as error:
            outcome = dict.fromkeys(MODES, f"wrong: {error}")
    for mode in MODES:
        is_right = outcome[mode] == expected[mode]
        yield TeacherCell(name, mode, "right" if is_right else f"wrong: {outcome[mode]}, not {expected[mode]}"[:300])


def _run(kind: TeacherKind, folder: Path) -> dict[str, Any]:
    """By mode, what came of it: the accepted candidates and the reasons of the rejects, counted."""
    with open_context(kind, folder) as context:
        return {mode: _count(run(context)) for mode, run in MODES.items()}


def _count(outcome: Outcome) -> tuple[int, dict[str, int]]:
    accepted, rejects = outcome
    text = repr(accepted)
    if "WRONG" in text or THOUGHT[:20] in text or "draft" in text:
        return -1, {"a thought became data": 1}
    size = sum(len(part.examples) if isinstance(part, Task) else len(part) for part in accepted)
    rationales = text.count("First I read")
    reasons = Counter(reject.reason.split(":")[0] for reject in rejects if isinstance(reject, Reject))
    return size + rationales, dict(reasons)


@contextmanager
def open_context(kind: TeacherKind, folder: Path) -> Iterator[SynthesisContext]:
    """Serve the teacher, and open a synthesis with it."""
    script = Script(kind.profile)
    seen: set[bytes] = set()

    def answer(body: dict[str, Any]) -> HttpAnswer | None:
        key = orjson.dumps(body["messages"])
        if kind.fails_first and key not in seen and not seen.add(key) and len(seen) % 2:  # type: ignore[func-returns-value]
            return kind.fails_first
        return kind.endpoint(body)

    script.endpoint = answer
    cache = ReplyCache(folder / "replies.sqlite")
    with serving(script) as url:
        settings: dict[str, Any] = {"model": "m", "concurrency": 1, "max_backoff_seconds": 0.05, **kind.settings}
        if "endpoints" in settings:
            settings["endpoints"] = [{"url": url, **endpoint} for endpoint in settings["endpoints"]]
        else:
            settings["endpoint"] = url
        teacher = make_client(TeacherConfig.model_validate(settings), "", cache, folder)
        verify = VerifyConfig(samples=1, judge=True)
        yield SynthesisContext(teacher, PromptTemplates(None), verify, Decontaminator([]), 1, 0.8, 256)
    cache.close()


def main() -> None:
    cells = teacher_cells()
    print("| teacher |", " | ".join(MODES), "|")  # noqa: T201
    print("|---" * (len(MODES) + 1) + "|")  # noqa: T201
    for name in TEACHERS:
        print(f"| {name} |", " | ".join(cell.verdict for cell in cells if cell.teacher == name), "|")  # noqa: T201
    wrong = sum(cell.verdict != "right" for cell in cells)
    print(f"\n{len(cells) - wrong} right, {wrong} wrong")  # noqa: T201
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
