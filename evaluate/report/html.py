"""report.html: one file that asks the network for nothing.

What models wrote is hostile text. Every value is escaped by the template, answers are embedded as JSON and set with
`textContent` only, and a Content-Security-Policy lets no script run but ours, which it knows by its hash.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2.sandbox import SandboxedEnvironment

from kshot.core.errors import DataError
from kshot.core.files import read_json, write_text
from kshot.core.pages.safe import make_visible, page_environment, read_assets
from kshot.core.run_files import read_model
from kshot.core.runs import hash_file
from kshot.evaluate.measure.results import read_sample_file
from kshot.evaluate.metrics.baselines import BASELINE_NAMES
from kshot.evaluate.report.answers import choose_answers, embed_answers, pair_answers
from kshot.evaluate.report.figures import Plot, describe, embed_plot
from kshot.evaluate.report.headline import headlines
from kshot.evaluate.report.numbers import VERDICTS, effect, interval, mark_task, points, probability, score_name, signed
from kshot.evaluate.report.section import ReportSection
from kshot.evaluate.run_files import EvaluateManifest, GainRow, TaskScore
from kshot.evaluate.scoring.text import SCORE_NAMES

HERE = Path(__file__).parent
EXPLAINED = {
    "exact_match": "the whole answer equals an accepted one up to case, outer quotes and a final stop.",
    "normalized_match": "the one answer that the text gives, without what surrounds it, equals an accepted one.",
    "loglikelihood": "the option with the highest log-probability is right.",
    "calibrated_choice": "the same after each option's probability is divided by its mean over the items.",
    "judge": "the fraction of items where the teacher prefers this model's answer; ties count half to each.",
    "contains": "an accepted answer stands in the answer, as whole words.",
    "numeric": "the last number of the answer is that of an accepted one.",
    "acc": "lm-eval's accuracy: the option with the highest log-probability is right.",
    "acc_norm": "lm-eval's accuracy by log-probability for each character of an option.",
    "rouge_l": "the longest common subsequence of words with an accepted answer, as an F1.",
}
HIDDEN_FACTS = {"by_task", "measurements", "seconds", "counts", "truncated", "unfinished", "modes", "other_metrics"}
TINTS = (0.02, 0.10, 0.25)
"""Gains from which a cell of the table by task is coloured, and more strongly so."""


@dataclass(frozen=True)
class Card:
    """A gain in large figures."""

    row: GainRow
    kind: str
    verdict: str
    below: list[str]
    ties: list[str]


@dataclass(frozen=True)
class TaskCell:
    """Scores of one task at one k."""

    base: float
    student: float
    gain: float
    tint: str
    mark: str = ""


@dataclass(frozen=True)
class TaskTable:
    """Gains by task: a row a task, a cell a number of shots; None where there is no score."""

    title: str
    shots: list[int]
    rows: list[tuple[str, list[TaskCell | None]]]
    mean: list[TaskCell]


def write_html(
    folder: Path, plots: Sequence[Plot], sections: Sequence[ReportSection], shipping: ReportSection | None = None
) -> None:
    """Write report.html from gains.json, samples.jsonl and manifest.json of a finished evaluate folder.

    The same folder gives the same bytes.

    Raises:
        DataError: one of the files is missing or broken.
    """
    gains = read_model(folder / "gains.json", list[GainRow])
    manifest = read_model(folder / "manifest.json", EvaluateManifest)
    pairs = pair_answers(sample for _, sample in read_sample_file(folder / "samples.jsonl"))
    chosen, cap = choose_answers(pairs, manifest.seed)
    text = _environment().get_template("report.html.j2").render(
        manifest=manifest,
        version=manifest.versions.get("kshot", "of unknown version"),
        names=SCORE_NAMES | {name: name for name in ("acc", "acc_norm")},
        explained=EXPLAINED,
        scores={row.score for row in gains},
        gains=gains,
        has_seeds=any(row.seeds > 1 for row in gains),
        shipping=shipping,
        headlines=headlines(gains, manifest.unfinished),
        cards=cards(gains),
        plots=[_picture(plot) for plot in plots],
        task_tables=task_tables(manifest.by_task),
        marks={mark for row in manifest.by_task if (mark := mark_task(row))},
        sections=sections,
        facts=gather_facts(folder, manifest),
        samples=embed_answers(chosen),
        shown=len(chosen),
        paired=len(pairs),
        cap=cap,
        **read_assets(HERE / "report.css", HERE / "tables.js", HERE / "answers.js"),
    )  # fmt: skip
    write_text(folder / "report.html", make_visible(text))


def _environment() -> SandboxedEnvironment:
    environment = page_environment(HERE)
    filters: dict[str, Callable[..., str]] = {
        "points": points, "signed": signed, "interval": lambda ends: interval(*ends), "probability": probability,
        "effect": effect, "place": hide_folder,
    }  # fmt: skip
    environment.filters |= filters
    return environment


def _picture(plot: Plot) -> dict[str, str]:
    return {
        "title": plot.title,
        "light": embed_plot(plot, dark=False),
        "dark": embed_plot(plot, dark=True),
        "description": describe(plot),
    }


KINDS = {"gain": "up", "loss": "down", "inconclusive": "open", "trivial": "open"}
"""The colour of a verdict: only a gain that no trivial baseline has is green."""


def cards(gains: Sequence[GainRow]) -> dict[str, list[Card]]:
    """Every gain, by suite and score."""
    groups: dict[str, list[Card]] = {}
    for row in gains:
        below = [BASELINE_NAMES.get(name, name) for name in row.below]
        ties = [BASELINE_NAMES.get(name, name) for name in row.ties]
        card = Card(row, KINDS[row.verdict], VERDICTS[row.verdict], below, ties)
        groups.setdefault(f"{row.suite}: {score_name(row.score)}", []).append(card)
    return groups


def task_tables(rows: Sequence[TaskScore]) -> list[TaskTable]:
    """A table for each suite and score."""
    tables = []
    for suite, score in sorted({(row.suite, row.score) for row in rows}):
        own = [row for row in rows if (row.suite, row.score) == (suite, score)]
        shots = sorted({row.k for row in own})
        cells = {(row.task, row.k): _task_cell(row.base, row.student, mark_task(row)) for row in own}
        tasks = sorted({row.task for row in own})
        columns = [[cells[task, k] for task in tasks if (task, k) in cells] for k in shots]
        means = [
            _task_cell(*(sum(getattr(cell, side) for cell in column) / len(column) for side in ("base", "student")))
            for column in columns
        ]
        lines: list[tuple[str, list[TaskCell | None]]] = [
            (task, [cells.get((task, k)) for k in shots]) for task in tasks
        ]
        tables.append(TaskTable(f"{suite}: {score_name(score)}", shots, lines, means))
    return tables


def _task_cell(base: float, student: float, mark: str = "") -> TaskCell:
    """A gain that a trivial baseline has too is not coloured as one."""
    gain = student - base
    strength = sum(abs(gain) >= least for least in TINTS)
    tint = f"{'up' if gain > 0 else 'down'}-{strength}" if strength and not (mark and gain > 0) else "same"
    return TaskCell(base, student, round(gain, 6), tint, mark)


def format_value(content: object) -> str:
    """A value of a JSON file as a person reads it."""
    if content is None:
        return "none"
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, float):
        return f"{content:.4g}"
    if isinstance(content, Mapping):
        return ", ".join(f"{name}: {format_value(inner)}" for name, inner in content.items()) or "none"
    if isinstance(content, list):
        return ", ".join(format_value(inner) for inner in content) or "none"
    return hide_folder(str(content))


def hide_folder(text: str) -> str:
    """An absolute path without its folder: a report is sent on, and the folders of a machine say nothing to others.

    >>> hide_folder("/home/me/models/student"), hide_folder("owner/name")
    ('.../student', 'owner/name')
    """
    return f".../{Path(text).name}" if text.startswith("/") and Path(text).name else text


def gather_facts(folder: Path, manifest: EvaluateManifest) -> list[tuple[str, list[tuple[str, str]]]]:
    """What the report rests on: settings, seeds, versions and hashes of this stage and of those before it."""
    hashes = [(f"{name} (sha256)", hash_file(folder / name)) for name in ("gains.json", "samples.jsonl")]
    cut = ("prompts cut to the model's context", format_value(manifest.truncated))
    groups = [("Evaluation", [*flatten(manifest.model_dump()), *hashes, cut])]
    for stage, title in (("train", "Training"), ("generate", "Data")):
        try:
            groups.append((title, list(flatten(read_json(folder.parent / stage / "manifest.json")))))
        except DataError:
            continue
    keys = sorted(manifest.measurements.items())
    return [*groups, ("Keys of the measurements", keys)] if keys else groups


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """The leaves of a manifest with their dotted names, without what is shown elsewhere or measures time."""
    for name, inner in tree.items():
        if name in HIDDEN_FACTS:
            continue
        if isinstance(inner, Mapping) and inner:
            yield from flatten(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", format_value(inner)
