"""Sections on gains, few-shot seeds, demonstrations, baselines, other metrics and label bias."""

from collections.abc import Sequence

from kshot.evaluate.metrics.baselines import BASELINE_NAMES
from kshot.evaluate.report.numbers import (
    ITEMS_INTERVAL,
    TASKS_INTERVAL,
    VERDICTS,
    effect,
    interval,
    metric,
    points,
    probability,
    score_name,
    signed,
)
from kshot.evaluate.report.section import ReportSection, Table, make_table
from kshot.evaluate.run_files import BaselineMean, FewshotRow, GainRow, LabelBiasFile, OtherMetric

ABOUT_BASELINES = (
    "What scores without understanding the task, beside the student's own score on the tasks that have this baseline; "
    "means over these tasks, in percent. A student below a baseline has not shown that it does the task."
)
ABOUT_INTERVALS = (
    f'Two 95 % intervals stand beside each gain. "{TASKS_INTERVAL}": tasks (those of one family together) and their '
    f'items are resampled; with one task there is none. "{ITEMS_INTERVAL}": the tasks stay, their items are resampled; '
    "with one item there is none. Each is for its row alone. The verdict comes from p alone, that of a sign-flip test "
    "over the tasks' mean differences, adjusted for the number of rows (Holm): below 0.05 it is a gain or a loss, else "
    "inconclusive."
)
ABOUT_FEWSHOT = "Each model with k demonstrations against itself with none: scores in percent, gains in points."
ABOUT_SEEDS = (
    "Demonstrations were drawn and ordered several times; the table of gains holds the means. Worst: the least "
    "favourable seed. SD: standard deviation over the seeds, in points."
)
ABOUT_OTHER = "Metrics of lm-eval that are no means over items, so they are not compared item by item."
ABOUT_LABEL_BIAS = (
    "Pairwise AUROC: of all pairs of items with different right labels, the fraction whose log-probabilities are in "
    "the right order; 0.50 is chance, 1.00 perfect, whatever label the model prefers. Majority-prediction rate: the "
    "fraction of the items that got the most frequent prediction, beside the fraction of the most frequent right "
    "answer. A high AUROC with a low score is label bias, not ignorance. Calibrated: accuracy after batch calibration "
    "(arXiv:2309.17249), which assumes that the options are right about equally often. Means over tasks with the same "
    "options for every item; gains in points, with the 95 % interval over tasks (and trainings) and an unadjusted p."
)


def gains_table(gains: Sequence[GainRow], mark_below: str) -> Table:
    """The gains of the student over its base.

    Args:
        mark_below: stands after a student's score that is below a trivial baseline or as good as one.
    """
    columns = (
        "suite",
        "score",
        "k",
        "base",
        "student",
        "gain",
        TASKS_INTERVAL,
        ITEMS_INTERVAL,
        "p, Holm",
        "verdict",
        "MDE",
        "tasks",
        "items",
    )
    rows = [
        (
            row.suite, score_name(row.score), str(row.k), points(row.base),
            points(row.student) + (mark_below if is_marked(row) else ""), signed(row.gain),
            interval(row.low, row.high), interval(row.items_low, row.items_high), probability(row.p_holm),
            VERDICTS[row.verdict], effect(row.mde), str(row.tasks), str(row.items),
        )
        for row in gains
    ]  # fmt: skip
    return make_table("Gain of the student over its base, in points", columns, rows, ("suite", "score", "verdict"))


def is_marked(row: GainRow) -> bool:
    """Whether the student is below a trivial baseline or as good as one."""
    return bool(row.below or row.ties)


def seeds_section(gains: Sequence[GainRow]) -> ReportSection | None:
    """How much other demonstrations change; None with one few-shot seed."""
    rows = [row for row in gains if row.seeds > 1]
    if not rows:
        return None
    columns = (
        "suite", "score", "k", "base, worst", "base, SD", "student, worst", "student, SD", "gain, worst", "gain, SD",
    )  # fmt: skip
    lines = [
        (
            row.suite, score_name(row.score), str(row.k), points(row.base_worst), points(row.base_seed_sd or 0),
            points(row.student_worst), points(row.student_seed_sd or 0), signed(row.worst_seed_gain),
            points(row.seed_sd or 0),
        )
        for row in rows
    ]  # fmt: skip
    table = make_table("By few-shot seed", columns, lines, ("suite", "score"))
    return ReportSection("seeds", "Other demonstrations", (ABOUT_SEEDS,), (table,))


def fewshot_section(rows: Sequence[FewshotRow]) -> ReportSection | None:
    """What demonstrations add to each model; None where 0 shots were not measured."""
    if not rows:
        return None
    columns = ("suite", "score", "model", "k", "k=0", "with k", "gain", "95 % interval", "p, Holm")
    lines = [
        (
            row.suite, score_name(row.score), row.model, str(row.k), points(row.zero), points(row.few),
            signed(row.gain), interval(row.low, row.high), probability(row.p_holm),
        )
        for row in rows
    ]  # fmt: skip
    table = make_table("Gain by demonstrations", columns, lines, ("suite", "score", "model"))
    return ReportSection("fewshot", "What demonstrations add", (ABOUT_FEWSHOT,), (table,))


def baselines_section(means: Sequence[BaselineMean]) -> ReportSection:
    """The trivial baselines beside the student."""
    columns = ("suite", "score", "k", "baseline", "its score", "student", "tasks", "the student is")
    lines = [
        (
            row.suite, score_name(row.score), str(row.k), BASELINE_NAMES.get(name, name), points(mean.score),
            points(mean.student), str(mean.tasks), _place(name, row),
        )
        for row in means
        for name, mean in row.baselines.items()
    ]  # fmt: skip
    table = make_table("Trivial baselines", columns, lines, ("suite", "score", "baseline", "the student is"))
    return ReportSection("baselines", "Trivial baselines", (ABOUT_BASELINES,), (table,))


def _place(name: str, row: BaselineMean) -> str:
    return "below the baseline" if name in row.below else "as good as it" if name in row.ties else "above"


def other_metrics_section(rows: Sequence[OtherMetric]) -> ReportSection | None:
    """Metrics of lm-eval that are not compared; None where there are none."""
    if not rows:
        return None
    columns = ("suite", "task", "metric", "k", "seed", "base", "student")
    lines = [
        (row.suite, row.task, row.metric, str(row.k), str(row.seed), metric(row.base), metric(row.student))
        for row in rows
    ]
    table = make_table("As lm-eval reports them", columns, lines, ("suite", "task", "metric"))
    return ReportSection("other-metrics", "Other metrics of lm-eval", (ABOUT_OTHER,), (table,))


def label_bias_section(report: LabelBiasFile) -> ReportSection | None:
    """Label bias; None where no task has labels."""
    if not report.means:
        return None
    columns = (
        "suite", "k", "model", "tasks", "pairwise AUROC", "majority-prediction rate, %", "majority label, %", "score",
        "calibrated",
    )  # fmt: skip
    lines = [
        (
            row.suite, str(row.k), row.model, str(row.tasks), f"{row.pairwise_auroc:.2f}",
            f"{100 * row.majority_prediction_rate:.0f}", f"{100 * row.majority_label_rate:.0f}", points(row.score),
            points(row.calibrated),
        )
        for row in report.means
    ]  # fmt: skip
    tables = [make_table("Means over tasks", columns, lines, ("suite", "model"))]
    if report.gains:
        gain_columns = ("suite", "k", "model", "measure", "before", "after", "gain", "95 % interval", "p", "tasks")
        gain_lines = [
            (
                row.suite, str(row.k), row.model, row.measure.replace("_auroc", " AUROC"), points(row.before),
                points(row.after), signed(row.gain), interval(row.low, row.high), probability(row.p), str(row.tasks),
            )
            for row in report.gains
        ]  # fmt: skip
        tables.append(make_table("Gains", gain_columns, gain_lines, ("suite", "model", "measure")))
    return ReportSection("label-bias", "Label bias", (ABOUT_LABEL_BIAS,), tuple(tables))
