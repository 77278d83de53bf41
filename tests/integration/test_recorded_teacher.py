"""Recorded replies pass the real client and checks; a request without one is a reject."""

from pathlib import Path

import orjson
import pytest

from kshot.config import DemonstrateConfig, TeacherConfig, VerifyConfig
from kshot.core.errors import TeacherError
from kshot.core.types import Example, Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.synthesis.examples.attributes import propose_attributes
from kshot.generate.synthesis.examples.write import write_examples
from kshot.generate.synthesis.shared.context import SynthesisContext
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.synthesis.shared.verify import Claim, build_solve_prompt
from kshot.generate.teacher import Reply, Request, open_teacher
from kshot.generate.teacher.servers.recorded_server import find_key, read_replies
from tests.scripted import SKILLS, Script, serving

LENGTH = list(SKILLS)[3]
EXAMPLES = (Example("a cat", "short"), Example("a b c d", "long"))
TASK = Task("length", "length", "c", (LENGTH,), EXAMPLES, labels=("long", "short"))
SETTINGS = DemonstrateConfig(per_task=8, per_request=2, waves=2)


class RecordingTeacher:
    """Asks another teacher and notes each reply under its key."""

    name, budget_error = "m", None

    def __init__(self, teacher: object) -> None:
        self._teacher = teacher
        self.replies: dict[str, str] = {}

    def ask(self, requests: list[Request], label: str) -> list[Reply]:
        replies = self._teacher.ask(requests, label)  # type: ignore[attr-defined]
        self.replies |= {find_key(r.prompt): reply.text for r, reply in zip(requests, replies, strict=True)}
        return replies


def _context(teacher: object, prompts: PromptTemplates) -> SynthesisContext:
    return SynthesisContext(teacher, prompts, VerifyConfig(samples=1, agree=1), Decontaminator([]), 1, 0.8, 256)  # type: ignore[arg-type]


def _write(teacher: object, prompts: PromptTemplates) -> tuple[Task, list[str]]:
    context = _context(teacher, prompts)
    attributes, _ = propose_attributes([TASK], context)
    (task,), rejects = write_examples([TASK], SETTINGS, context, attributes)
    return task, [reject.reason for reject in rejects]


@pytest.fixture
def recording(tmp_path: Path) -> tuple[Path, Task]:
    with serving(Script()) as url, open_teacher(TeacherConfig(endpoint=url, model="m"), "", tmp_path) as teacher:
        recorder = RecordingTeacher(teacher)
        task, _ = _write(recorder, PromptTemplates(None))
    path = tmp_path / "replies.jsonl"
    path.write_bytes(b"".join(orjson.dumps({"for": k, "reply": r}) + b"\n" for k, r in recorder.replies.items()))
    return path, task


def _replay(path: Path, folder: Path, prompts: PromptTemplates) -> tuple[Task, list[str]]:
    folder.mkdir()
    with open_teacher(TeacherConfig(endpoint="recorded", model="m", replies=path), "", folder) as teacher:
        return _write(teacher, prompts)


def test_a_recording_gives_the_same_examples_again(recording: tuple[Path, Task], tmp_path: Path) -> None:
    path, written = recording
    replayed, reasons = _replay(path, tmp_path / "replay", PromptTemplates(None))
    assert replayed == written
    assert len(replayed.examples) == 10
    assert not reasons


def test_a_recording_survives_another_wording_of_the_prompts(recording: tuple[Path, Task], tmp_path: Path) -> None:
    path, written = recording
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "demonstrate_label.j2").write_text(
        'The right output is {{ label | tojson }}.\n'
        "{% for a in wanted %}\n{{ loop.index }}. {% for n, v in a.items() %}{{ n }}: {{ v }}"
        '{{ "; " if not loop.last }}{% endfor %}\n\n{% endfor %}\nGo.'
    )  # fmt: skip
    replayed, _ = _replay(path, tmp_path / "replay", PromptTemplates(prompts))
    assert replayed.examples == written.examples


def test_a_request_without_a_recorded_reply_is_a_reject(recording: tuple[Path, Task], tmp_path: Path) -> None:
    path, _ = recording
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if 'write \\"short\\"' not in line))
    replayed, reasons = _replay(path, tmp_path / "replay", PromptTemplates(None))
    assert {example.output for example in replayed.examples[2:]} == {"long"}
    assert reasons
    assert all(reason.startswith("malformed") for reason in reasons)


@pytest.mark.parametrize("line", ['{"for": "x"}', '{"reply": "x"}', '{"for": 1, "reply": "x"}'])
def test_a_line_that_is_none_of_a_recording_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "r.jsonl").write_text(f'{{"for": "a", "reply": "b"}}\n{line}\n')
    with pytest.raises(TeacherError, match=r"r\.jsonl:2: expected"):
        read_replies(tmp_path / "r.jsonl")


@pytest.mark.parametrize("replies", [None, "none.jsonl"])
def test_a_recorded_teacher_needs_its_file(tmp_path: Path, replies: str | None) -> None:
    settings = TeacherConfig(endpoint="recorded", replies=tmp_path / replies if replies else None)
    with pytest.raises(TeacherError, match=r"generate\.teacher\.replies"), open_teacher(settings, "", tmp_path):
        pass


def test_keys_name_the_data_of_a_request_and_not_its_wording() -> None:
    prompts = PromptTemplates(None)
    reworded = {"Invent a new task": "Invent a new task at once", "Keep its language": "Keep the language"}
    data = {
        "invent": {"tasks": [TASK], "attributes": {"domain": "mail"}},
        "vary_task": {"instruction": LENGTH, "example": EXAMPLES[0]},
        "attributes": {"instruction": LENGTH, "examples": EXAMPLES},
        "augment": {"style": "as a note", "instruction": LENGTH, "example": EXAMPLES[0]},
        "invert": {"instruction": LENGTH, "examples": EXAMPLES},
        "judge": {"claim": Claim(LENGTH, "a cat", "short")},
        "rephrase": {"instruction": LENGTH},
        "abstract": {"instruction": LENGTH},
        "restyle": {"instruction": LENGTH, "style": "a note"},
    }
    keys = {name: find_key(prompts.render(name, **values)) for name, values in data.items()}
    assert len(set(keys.values())) == len(data)
    assert not [key for key in keys.values() if key.startswith("prompt ")]
    assert keys["rephrase"] == f"rephrase {LENGTH}"
    assert keys["augment"] == "augment as a note | a cat"
    for name, values in data.items():
        text = prompts.render(name, **values)
        for old, new in reworded.items():
            text = text.replace(old, new)
        assert find_key(text) == keys[name]
    other = prompts.render("invent", tasks=[TASK], attributes={"domain": "law"})
    assert find_key(other) != keys["invent"]


def test_steps_and_answers_to_the_same_input_have_two_keys() -> None:
    claims = (Claim(LENGTH, "a cat", "short"), Claim(LENGTH, "a cat", "short", with_rationale=True))
    assert [find_key(build_solve_prompt(claim)) for claim in claims] == ["solve a cat", "reason a cat"]
