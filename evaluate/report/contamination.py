"""contamination.json in words and tables: on the terminal, in report.md and in report.html."""

from collections.abc import Mapping, Sequence

from kshot.core.console import say
from kshot.evaluate.contamination.index import NGRAM_WORDS
from kshot.evaluate.contamination.overlap import CONTAMINATION, ContaminatedItems
from kshot.evaluate.measure.results import ScoresBySuite
from kshot.evaluate.report.numbers import interval, points, score_name, shorten, signed
from kshot.evaluate.report.section import ReportSection, Side, SideBySide, Table, make_table, print_table
from kshot.evaluate.run_files import CleanGain, ContaminationFile, GainRow, NearestTrainingTask, TaskText
from kshot.evaluate.stats.paired import Families, paired_gains

MAX_ROWS = 100
"""Contaminated items and held-out tasks that the reports list; contamination.json has all."""
ABOUT = (
    "The training task nearest to each held-out task: by the names of tasks and families, by the fraction of the "
    "held-out task's word trigrams that stand in the training task's records, and by the instructions (cosine of "
    "TF-IDF weighted character n-grams); 1 is the same, 0 shares nothing. An item is contaminated when "
    f"{NGRAM_WORDS} words in a row of its input and answer, its whole input, or nearly its whole input, stand in the "
    "training data."
)


def clean_gains(
    scores: Mapping[str, ScoresBySuite],
    items: ContaminatedItems,
    families: Mapping[str, Families],
    resamples: int,
    seed: int,
) -> dict[tuple[str, str, int], CleanGain]:
    """By suite, score and k: the gain without the contaminated items, where a suite has some.

    Args:
        scores: model -> (suite, shots) -> scores.
        families: suite -> task -> family.
    """
    before, after = (_without_items(scores[model], items) for model in ("base", "student"))
    gains = {}
    for row in paired_gains(before, after, resamples, seed, families=families):
        tasks = scores["base"][row.suite, row.k][row.score]
        left_out = sum(len(items.get((row.suite, task), ())) for task in tasks)
        gains[row.suite, row.score, row.k] = CleanGain(
            base=row.base, student=row.student, gain=row.gain, low=row.low, high=row.high, items_low=row.items_low,
            items_high=row.items_high, tasks=row.tasks,
            items=row.items, left_out=left_out,
        )  # fmt: skip
    return gains


def _without_items(scores: ScoresBySuite, items: ContaminatedItems) -> ScoresBySuite:
    """The scores of suites with contaminated items, without these; a task of which nothing is left is left out."""
    suites = {suite for suite, _ in items}
    clean: ScoresBySuite = {}
    for (suite, k), by_score in scores.items():
        if suite not in suites:
            continue
        for score, by_task in by_score.items():
            tasks = {}
            for task, rows in by_task.items():
                excluded = items.get((suite, task), set())
                kept = [[value for item, value in enumerate(row) if item not in excluded] for row in rows]
                if kept[0]:
                    tasks[task] = kept
            if tasks:
                clean.setdefault((suite, k), {})[score] = tasks
    return clean


def summarize(report: ContaminationFile) -> str:
    """The report in one line."""
    if report.records is None:
        return f"no training data at {report.training}, so contamination was not measured"
    if not report.contaminated:
        return f"none of {report.items} items shares text with the {report.records} training records"
    return f"{len(report.contaminated)} of {report.items} items share text with the training data; see {CONTAMINATION}"


def print_contamination(report: ContaminationFile, gains: Sequence[GainRow]) -> None:
    """The summary on the terminal, and the gains without contaminated items where there are some."""
    say(f"contamination: {summarize(report)}")
    if (table := clean_table(gains)).rows:
        print_table(table)


def clean_table(gains: Sequence[GainRow]) -> Table:
    """The gains without the contaminated items; no rows where no item is contaminated."""
    columns = ("suite", "score", "k", "items left out", "base", "student", "gain", "95 % interval", "tasks", "items")
    rows = [
        (
            row.suite, score_name(row.score), str(row.k), str(clean.left_out), points(clean.base),
            points(clean.student), signed(clean.gain), interval(clean.low, clean.high), str(clean.tasks),
            str(clean.items),
        )
        for row in gains if (clean := row.clean)
    ]  # fmt: skip
    return make_table("Gain without the contaminated items, in points", columns, rows, ("suite", "score"))


def contamination_section(report: ContaminationFile, gains: Sequence[GainRow]) -> ReportSection:
    """The section of both reports."""
    about = [f"{summarize(report).capitalize()}."]
    about += [f"{ABOUT} The texts of both stand in `{CONTAMINATION}`."] if report.nearest else []
    tables = [clean_table(gains), _items_table(report), _nearest_table(report)]
    kept = tuple(table for table in tables if table.rows)
    return ReportSection("contamination", "Contamination", tuple(about), kept, _comparisons(report))


def _items_table(report: ContaminationFile) -> Table:
    columns = ("suite", "task", "item", "how", "shared text", "training record", "its task")
    rows = [
        tuple(map(shorten, (row.suite, row.task, row.item, row.how, row.span, row.record, row.training_task)))
        for row in report.contaminated[:MAX_ROWS]
    ]
    return make_table("Contaminated items", columns, rows, set(columns) - {"item"})


def _nearest_table(report: ContaminationFile) -> Table:
    columns = ("suite", "task", "by name", "by trigrams", "by wording")
    rows = [
        (row.suite, row.task, *(_describe(task) for task in (row.name, row.trigrams, row.wording)))
        for row in report.nearest[:MAX_ROWS]
    ]
    return make_table("Nearest training tasks", columns, rows, columns)


def _describe(task: NearestTrainingTask) -> str:
    return f"{task.task} ({task.similarity:.2f})" if task.similarity else "none"


def _comparisons(report: ContaminationFile) -> tuple[SideBySide, ...]:
    """Held-out tasks beside the training tasks that are nearest."""
    comparisons = []
    for row in report.nearest[:MAX_ROWS]:
        sides = [Side(f"held out: {row.task}", _text(row))]
        for how, task in (("by name", row.name), ("by trigrams", row.trigrams), ("by wording", row.wording)):
            if task.similarity:
                sides.append(Side(f"{how}: {_describe(task)}", _text(task)))
        comparisons.append(SideBySide(f"{row.suite}: {row.task}", tuple(sides)))
    return tuple(comparisons)


def _text(task: TaskText) -> str:
    return "\n\n".join(part for part in (task.instruction, f"Input: {task.input}") if part)
