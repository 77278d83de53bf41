"""A small run for the page: gold and made examples, hostile texts, records, and rejects that a person may accept."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kshot.generate.run_files import RejectRow
from kshot.view.server import ViewServer
from tests.unit.composing import generate_into

HOSTILE = (
    "</script><script>owned=1</script>",
    "<img src=x onerror=\"owned=1\"> {{ 7*7 }} & 'quotes'",
    "\x1b[31mred\x1b[0m \u202eturned",
)
GLAD = ["We won the match!", "What a lovely morning.", "The baby smiled at me.", "My friends came to visit."]
SAD = ["The old dog died.", "I lost my keys again.", "It rained all through our trip.", "Nobody called on my birthday."]


def task_rows(made: int = 12) -> list[dict[str, object]]:
    """Two tasks: one with labels, whose examples are partly made, and one with open, hostile answers."""
    mood = [{"input": text, "output": label} for label, texts in (("glad", GLAD), ("sad", SAD)) for text in texts]
    origin = {"mode": "demonstrate", "verified_by": "self-consistency", "teacher": "m"}
    mood += [
        {"input": f"Made message number {n} about a day.", "output": ("glad", "sad")[n % 2], **origin}
        for n in range(made)
    ]
    echo = [{"input": f"{text} {n}", "output": text, **(origin if n else {})} for n, text in enumerate(HOSTILE)]
    echo.append({"input": "two\nlines", "output": "two lines", "rationale": "I joined them.", **origin})
    return [
        {"id": "mood", "category": "c", "labels": ["glad", "sad"], "examples": mood,
         "descriptions": ["Is the mood of the message glad or sad?"]},
        {"id": "echo", "category": "c", "examples": echo, "descriptions": ["Say it again without the number."]},
    ]  # fmt: skip


def make_run(folder: Path, made: int = 12, records: int = 60) -> Path:
    """Generate the run without a teacher, and add two rejects that one would have left. Return its folder."""
    tasks = folder / "tasks.yaml"
    tasks.parent.mkdir(parents=True, exist_ok=True)
    tasks.write_text(json.dumps(task_rows(made)))
    run = folder / "run"
    generate_into(run, tasks=[tasks], families=["plural_form"], records=records, decontaminate=[])
    rejects = [
        RejectRow(id="1", mode="demonstrate", task="echo", reason="solves disagree: 0.33 agree",
                  candidate='{"input": "nearly right", "output": "nearly right"}', original="", request=""),
        RejectRow(id="2", mode="rephrase", task="mood", reason="a label is missing: 'sad'",
                  candidate="Is it glad?", original="Is the mood of the message glad or sad?", request=""),
    ]  # fmt: skip
    with (run / "generate" / "rejects.jsonl").open("ab") as handle:
        handle.writelines(row.to_line() for row in rejects)
    return run


@contextmanager
def serving_view(run: Path) -> Iterator[ViewServer]:
    """Serve the page of a run."""
    with ViewServer(run) as started:
        threading.Thread(target=started.serve_forever, args=(0.02,), daemon=True).start()
        yield started
        started.shutdown()
