"""report.md: gains, sections, scores by task, and some answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from kshot.core.files import atomic_file
from kshot.core.seeding import stream
from kshot.evaluate.report.headline import budget_sentences, headlines
from kshot.evaluate.report.numbers import mark, mark_task, points, score_name, shorten, signed
from kshot.evaluate.report.section import ReportSection, Table, make_table, section_markdown, table_markdown
from kshot.evaluate.report.sections import ABOUT_INTERVALS, gains_table, is_marked
from kshot.evaluate.run_files import EvaluateManifest, GainRow, MeasuredOn, Sample, TaskScore
from kshot.evaluate.scoring.text import CHOICE_SCORES, JUDGE

TEMPLATE = Path(__file__).parent / "report.md.j2"
BELOW = " ▼"


@dataclass(frozen=True)
class AnswerPair:
    """Answers of base and student to one item."""

    base: Sample
    student: Sample


def write_report(
    folder: Path, manifest: EvaluateManifest, gains: Sequence[GainRow], sections: Sequence[ReportSection],
    samples: Sequence[Sample], shipping: ReportSection | None = None,
) -> None:  # fmt: skip
    """Write report.md into the folder."""
    environment = SandboxedEnvironment(
        autoescape=False, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        manifest=manifest,
        scores={row.score for row in gains},
        gains=table_markdown(gains_table(gains, BELOW)),
        marks={mark for row in manifest.by_task if (mark := mark_task(row))} | {"▼" for row in gains if is_marked(row)},
        shipping=section_markdown(shipping) if shipping else "",
        headlines=headlines(gains, manifest.unfinished),
        about_intervals=ABOUT_INTERVALS,
        is_few=any(row.families < 6 for row in gains),
        sections=[section_markdown(section) for section in sections],
        by_task=table_markdown(_task_table(manifest.by_task, manifest.shots)),
        answers=table_markdown(_answers_table(draw_answers(samples, manifest.seed))),
        measured_on=describe_measurement(manifest),
    )
    with atomic_file(folder / "report.md") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def describe_measurement(facts: MeasuredOn) -> str:
    """Device, versions and truncated prompts, in words."""
    device = facts.device
    text = ""
    if device:
        text = f"{device.type}, {device.dtype}, {device.attention}, {device.threads} threads. "
    text += ", ".join(f"{name} {version}" for name, version in facts.versions.items()) + "."
    if facts.truncated:
        cut = ", ".join(f"{count} items in {label}" for label, count in facts.truncated.items())
        text += f"\n\nPrompts longer than the model's context, cut on the left: {cut}."
    if facts.lm_eval_differences:
        other = "".join(f"\n- {label} ({count} items)" for label, count in facts.lm_eval_differences.items())
        text += f"\n\nNot as the command `lm_eval` measures it with the same flags:\n{other}"
    for sentence in budget_sentences(facts.unfinished):
        text += f"\n\n{sentence}"
    return text


def _task_table(rows: Sequence[TaskScore], shots: Sequence[int]) -> Table:
    """A row for each task and score, base, student and gain for each k."""
    cells = {(row.suite, row.score, row.task, row.k): row for row in rows}
    names = sorted({(row.suite, row.score, row.task) for row in rows})
    columns = ["suite", "task", "score"]
    for k in shots:
        columns += [f"k={k} base", "student", "gain"]
    lines = []
    for suite, score, task in names:
        line = [suite, task, score_name(score)]
        for k in shots:
            row = cells.get((suite, score, task, k))
            line += _task_cells(row) if row else ["–", "–", "–"]
        lines.append(line)
    return make_table("By task", columns, lines, ("suite", "task", "score"))


def _task_cells(row: TaskScore) -> list[str]:
    mark = mark_task(row)
    student = points(row.student) + (f" {mark}" if mark else "")
    return [points(row.base), student, signed(row.student - row.base)]


def draw_answers(samples: Sequence[Sample], seed: int) -> list[AnswerPair]:
    """One generated answer for each suite, task and k, base beside student, by the first score and few-shot seed."""
    by_item: dict[tuple[str, str, int], dict[int, dict[str, Sample]]] = {}
    first: dict[tuple[str, str, int], tuple[int, str]] = {}
    for sample in samples:
        names = (sample.suite, sample.task, sample.k)
        key = (sample.seed, sample.score)
        if sample.score not in (*CHOICE_SCORES, JUDGE) and first.setdefault(names, key) == key:
            by_item.setdefault(names, {}).setdefault(sample.item, {})[sample.model] = sample
    pairs = []
    for names, items in sorted(by_item.items()):
        models = items[stream(seed, "answers", *names).choice(sorted(items))]
        pairs.append(AnswerPair(models["base"], models["student"]))
    return pairs


def _answers_table(pairs: Sequence[AnswerPair]) -> Table:
    columns = ("task", "k", "input", "accepted", "base", "student")
    rows = [
        (
            pair.base.task, str(pair.base.k), shorten(pair.base.input), shorten(" / ".join(pair.base.accepted)),
            f"{shorten(pair.base.answer)} {mark(pair.base.right)}",
            f"{shorten(pair.student.answer)} {mark(pair.student.right)}",
        )
        for pair in pairs
    ]  # fmt: skip
    return make_table("Answers", columns, rows, set(columns) - {"k"})
