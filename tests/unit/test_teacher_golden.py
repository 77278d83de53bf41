"""Golden outputs of the teacher's side: a change here changes the data, so it needs a new `VERSION`.

After a wanted change raise the module's `VERSION` and rewrite the goldens:
`KSHOT_WRITE_GOLDEN=1 python -m pytest tests/unit/test_teacher_golden.py`.
"""

import hashlib
import json
import os
from pathlib import Path
from types import ModuleType

from kshot.core.types import Example, Task
from kshot.generate.curation import paraphrase_checks
from kshot.generate.curation.paraphrase_checks import ParaphraseCandidate, find_hard_failure, find_soft_failure
from kshot.generate.synthesis.shared import prompt_templates
from kshot.generate.synthesis.shared.prompt_templates import SHIPPED, PromptTemplates
from kshot.generate.synthesis.shared.verify import Claim
from kshot.generate.teacher import (
    AttributeLists,
    InputOnly,
    InputOutput,
    InstructionOnly,
    InventedTask,
    list_schema,
    structured,
)
from tests.unit.test_paraphrase_languages import BAD, GOOD, ORIGINALS

GOLDEN = Path(__file__).parents[1] / "golden"
VERSIONS = GOLDEN / "versions.json"
TASK = Task(
    "tone",
    "tone",
    "classification",
    ("Say whether the message is 'urgent' or 'calm'.",),
    (Example('The "roof" leaks.', "urgent"), Example("See you on Sunday.", "calm")),
    labels=("urgent", "calm"),
)
ORIGINAL = "Write 'urgent' if the message is urgent, otherwise 'calm'. Answer with one word."
PARAMS = {"a": "urgent", "b": "calm"}
ANCHORS = (("messag", "note"),)
PARAPHRASES = (
    ORIGINAL,
    ORIGINAL.lower(),
    "Decide in one word whether the message is 'urgent' or 'calm'.",
    "Is the message 'urgent' or 'calm'? Answer with one word.",
    "Here is a message. Say in one word whether it is 'urgent' or 'calm'.",
    "Is this note 'urgent' or 'calm'? One word.",
    "",
    "urgent",
    "Say if the message is 'urgent' or 'calm' in one word. " * 5,
    "Say in one word\nif the message is 'urgent' or 'calm'.",
    "I'm sorry, but I cannot label this message as 'urgent' or 'calm' in one word.",
    "As an AI I say 'urgent' or 'calm' for the message in one word.",
    "Sure! Label the message 'urgent' or 'calm' with one word.",
    "Task: label the message 'urgent' or 'calm' with one word.",
    "Label the message in one word. Output: 'urgent' or 'calm'",
    "Decide in one word whether the message is 'urgent' or not urgent.",
    "Decide in one word whether the message is 'Urgent' or 'calm'.",
    "Decide in one word whether this is 'urgent' or 'calm'.",
    "Decide whether the message is 'urgent' or 'calm'.",
    "Never answer in one word if the message is 'urgent' or 'calm'.",
    "Do not forget: one word for the message, 'urgent' or 'calm'.",
    "The message is 'urgent' or 'calm' in one word.",
    "You should pick one word for the message: 'urgent' or 'calm'.",
    "Decide in one word whether the message is 'urgent', 'calm' or 'mild'.",
    "Decide in one word whether the message is 'urgent' or 'calm' 30 times.",
    "Decide in one word, upper case, whether the message is 'urgent' or 'calm'.",
    "Decide in one word, with commas, whether the message is 'urgent' or 'calm'.",
    "Decide in one word whether the message is 'urgent' or 'calm' considering railway timetables, weather, budget, "
    "distance, history, geography and several cultural aspects.",
    "Is one word of any message 'urgent' {or} 'calm'?",
    "Any message: 'urgent', 'calm'? One word.",
)


def check_golden(module: ModuleType, name: str, text: str) -> None:
    """Compare with the golden file, and with the version and digest that `versions.json` records for the module."""
    key = module.__name__.removeprefix("kshot.")
    versions = json.loads(VERSIONS.read_text()) if VERSIONS.exists() else {}
    entry = {"version": module.VERSION, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    recorded = versions.get(key)
    if os.environ.get("KSHOT_WRITE_GOLDEN"):
        assert recorded is None or recorded == entry or recorded["version"] < module.VERSION, f"raise {key}.VERSION"
        VERSIONS.write_text(json.dumps({**versions, key: entry}, indent=2, sort_keys=True) + "\n")
        (GOLDEN / name).write_text(text)
        return
    assert text == (GOLDEN / name).read_text(), f"the output of {key} changed: raise its VERSION, rewrite the goldens"
    assert recorded == entry, f"{key} changed: raise its VERSION, rewrite the goldens"


def test_prompts_match_the_golden_file() -> None:
    values = {
        "instruction": TASK.descriptions[0],
        "example": TASK.examples[0],
        "examples": TASK.examples,
        "tasks": (TASK, TASK),
        "attributes": {},
        "label": "urgent",
        "labels": TASK.labels,
        "rival": "calm",
        "names_labels": False,
        "wanted": [{"topic": "school", "length": "very short", "level": "easy"}, {"topic": "tea", "writer": "a cook"}],
        "known": ["The tap drips."],
        "count": 3,
        "document": "leave.md",
        "heading": "Annual leave",
        "passage": "Every employee has thirty days of paid leave.",
        "style": "a short note",
        "claim": Claim(TASK.descriptions[0], "Call me now!", "urgent"),
    }
    names = sorted(path.stem for path in SHIPPED.glob("*.j2"))
    assert len(names) == 12
    prompts = [f"===== {name}\n{PromptTemplates(None).render(name, **values)}\n" for name in names]
    text = "\n".join([f"VERSION {prompt_templates.VERSION}\n", *prompts])
    check_golden(prompt_templates, "teacher_prompts.txt", text)


def test_verdicts_of_the_checks_match_the_golden_file() -> None:
    lines = [f"VERSION {paraphrase_checks.VERSION}"]
    for paraphrase in PARAPHRASES:
        known = () if paraphrase == ORIGINAL else (ORIGINAL,)
        candidate = ParaphraseCandidate(paraphrase, ORIGINAL, PARAMS, ANCHORS, known)
        lines.append(f"{paraphrase!r}: {find_hard_failure(candidate)} / {find_soft_failure(candidate)}")
    for name, paraphrase, *_ in (*GOOD, *BAD):
        original, labels = ORIGINALS[name]
        candidate = ParaphraseCandidate(paraphrase, original, {}, (), (original,), labels)
        lines.append(f"{paraphrase!r}: {find_hard_failure(candidate)} / {find_soft_failure(candidate)}")
    assert len(lines) == 1 + len(PARAPHRASES) + len(GOOD) + len(BAD)
    check_golden(paraphrase_checks, "paraphrase_checks.txt", "\n".join(lines) + "\n")


def test_reply_schemas_match_the_golden_file() -> None:
    """The teacher gets the schemas, and the cache keys hold them."""
    shapes = (InputOnly, InputOutput, InstructionOnly, InventedTask, AttributeLists)
    schemas = [shape.model_json_schema() for shape in shapes] + [list_schema(InputOutput)]
    lines = [json.dumps(schema, sort_keys=True) for schema in schemas]
    check_golden(structured, "reply_schemas.txt", "\n".join([f"VERSION {structured.VERSION}", *lines]) + "\n")
