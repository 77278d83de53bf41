"""`kshot compare RUN|MODEL ... [--baseline X]`: checkpoints against one baseline on the suites of a config.

Writes compare.json, compare.md, compare.png and compare.svg. A run's finished measurements are used where they were
made alike; what is missing is measured and kept in measurements/, so that a rerun measures only what is new.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from kshot.config import Config
from kshot.core.console import say
from kshot.core.errors import ConfigError
from kshot.core.files import write_text
from kshot.core.run_files import write_model
from kshot.core.runs import Run, installed_versions
from kshot.evaluate.compare_shards import measure_in_shards
from kshot.evaluate.lm.backends import check_backend
from kshot.evaluate.measure.checkpoints import Measurements, measure_checkpoint, plan_checkpoints
from kshot.evaluate.measure.measurement import Measurement
from kshot.evaluate.measure.plan import load_suites, say_no_teacher_is_asked
from kshot.evaluate.measure.results import (
    count_answers,
    count_differences,
    count_truncated,
    read_measurement,
    read_samples,
    read_suite_scores,
)
from kshot.evaluate.metrics.label_bias import measure_label_bias
from kshot.evaluate.report.figures import compare_plots, save_plots
from kshot.evaluate.report.markdown import describe_measurement
from kshot.evaluate.report.numbers import (
    ITEMS_INTERVAL,
    TASKS_INTERVAL,
    VERDICTS,
    interval,
    metric,
    points,
    probability,
    score_name,
    signed,
)
from kshot.evaluate.report.section import (
    ReportSection,
    Table,
    drop_columns,
    make_table,
    print_table,
    section_markdown,
    table_markdown,
)
from kshot.evaluate.report.sections import ABOUT_INTERVALS, ABOUT_OTHER, label_bias_section
from kshot.evaluate.run_files import ComparedMetric, ComparedModel, CompareFile, CompareRow, DeviceFile, SuiteGain
from kshot.evaluate.stats.paired import holm_of, paired_gains
from kshot.evaluate.stats.significance import judge
from kshot.models.checkpoints import Checkpoint, find_checkpoints
from kshot.runtime.device import Device
from kshot.runtime.shards.executors import Executor
from kshot.suites.format import families_by_suite


def run_compare(
    config: Config, names: Sequence[str], baseline: str, suites: Sequence[str], folder: Path,
    executor: Executor | None = None,
) -> None:  # fmt: skip
    """Measure the checkpoints and write the comparison into `folder`.

    Args:
        names: runs by name or folder, model folders, adapters, hub ids.
        baseline: one of them or a further one; empty for the config's student, the base of its runs.
        suites: suites to measure on beside those of the config.
        executor: makes the measurements in shards; None: one after another in this process.

    Raises:
        KshotError: faults of names, weights and suites are found before a model is loaded.
    """
    check_backend(config.evaluate)
    loaded = load_suites(config.evaluate, suites)
    say_no_teacher_is_asked(loaded, config.evaluate, "compare")
    against = baseline or config.student
    others = [name for name in names if name != against]
    if not others:
        raise ConfigError(["compare: name at least one model beside the baseline"])
    checkpoints = find_checkpoints([against, *others], config)
    with Run(folder.parent).held(folder.name):
        measurements, device = plan_checkpoints(config, checkpoints, loaded, folder)
        for checkpoint in checkpoints:
            own = measurements[checkpoint.label]
            if done := sum(measurement.is_done for measurement in own):
                say(f"{checkpoint.label}: {done} of {len(own)} measurements exist")
            if not executor:
                measure_checkpoint(own, checkpoint, device, config, folder)
        if executor:
            measure_in_shards(executor, config, [against, *others], suites, measurements, folder)
        _write(config, checkpoints, measurements, device, folder)


def compare_rows(
    baseline: Sequence[Measurement], others: Sequence[tuple[str, Sequence[Measurement]]], resamples: int, seed: int
) -> list[CompareRow]:
    """A row for each suite, score, k and model: both scores, the paired gain and its 95 % interval."""
    families = families_by_suite(measurement.suite for measurement in baseline)
    before = read_suite_scores(baseline)
    gains: list[tuple[str, SuiteGain]] = [
        (label, gain)
        for label, measurements in others
        for gain in paired_gains(before, read_suite_scores(measurements), resamples, seed, families=families)
    ]
    gains.sort(key=lambda pair: (pair[1].suite, pair[1].score, pair[1].k))
    return [
        CompareRow(
            model=label, suite=gain.suite, score=gain.score, k=gain.k, baseline=gain.base, student=gain.student,
            gain=gain.gain, low=gain.low, high=gain.high, items_low=gain.items_low, items_high=gain.items_high,
            p=gain.p,
            mde=gain.mde, seeds=gain.seeds, verdict=judge(gain.gain, p),
            worst_seed_gain=gain.worst_seed_gain, tasks=gain.tasks, items=gain.items, p_holm=p,
        )
        for (label, gain), p in zip(gains, holm_of([gain for _, gain in gains]), strict=True)
    ]  # fmt: skip


def list_other_metrics(measurements: Sequence[Measurement]) -> list[ComparedMetric]:
    """lm-eval's metrics that are no mean over items (perplexity, BLEU, ...), as each model has them."""
    return [
        ComparedMetric(
            model=measurement.model, suite=measurement.suite.name, task=task, metric=name, k=measurement.k,
            seed=measurement.seed, value=value,
        )
        for measurement in measurements
        for task, metrics in read_measurement(measurement).other_metrics.items()
        for name, value in metrics.items()
    ]  # fmt: skip


def _write(
    config: Config, checkpoints: Sequence[Checkpoint], measurements: Measurements, device: Device, folder: Path
) -> None:
    first, *others = checkpoints
    settings = config.evaluate
    drawn = settings.bootstrap_resamples, config.seed
    gains = compare_rows(measurements[first.label], [(c.label, measurements[c.label]) for c in others], *drawn)
    samples = (
        (0, sample.model_copy(update={"model": checkpoint.label}))
        for checkpoint in checkpoints
        for sample in read_samples(measurements[checkpoint.label])
    )
    families = families_by_suite(measurement.suite for measurement in measurements[first.label])
    # Measurements of a run's own evaluation, which are used again, call its model the student.
    named = [replace(m, model=c.label) for c in checkpoints for m in measurements[c.label]]
    report = CompareFile(
        baseline=first.label,
        models=[
            ComparedModel(
                label=c.label,
                reference=c.reference,
                folder=c.folder,
                adapter=str(c.adapter) if c.adapter else None,
                fingerprint=c.fingerprint,
            )
            for c in checkpoints
        ],
        gains=gains,
        other_metrics=list_other_metrics(named),
        label_bias=measure_label_bias(samples, first.label, families, *drawn),
        seed=config.seed,
        bootstrap_resamples=settings.bootstrap_resamples,
        limit=settings.limit,
        device=DeviceFile(**asdict(device)),
        versions=installed_versions("lm_eval", "torch", "transformers"),
        truncated=count_truncated(named),
        lm_eval_differences=count_differences(named),
        unfinished={c.label: count_answers(measurements[c.label]) for c in checkpoints},
    )
    write_model(folder / "compare.json", report)
    save_plots(compare_plots(gains, first.label), folder / "compare")
    write_text(folder / "compare.md", markdown(report))
    print_table(drop_columns(gains_table(report), {ITEMS_INTERVAL, "tasks", "items"}))
    if section := _other_metrics_section(report.other_metrics):
        print_table(section.tables[0], section.about[0])
    say(f"compare: wrote {folder / 'compare.json'}, compare.md, compare.png and compare.svg")


def gains_table(report: CompareFile) -> Table:
    """The gains over the baseline."""
    columns = (
        "suite",
        "score",
        "k",
        "model",
        "baseline",
        "its score",
        "gain",
        TASKS_INTERVAL,
        ITEMS_INTERVAL,
        "p, Holm",
        "verdict",
        "tasks",
        "items",
    )
    rows = [
        (
            row.suite, score_name(row.score), str(row.k), row.model, points(row.baseline), points(row.student),
            signed(row.gain), interval(row.low, row.high), interval(row.items_low, row.items_high),
            probability(row.p_holm), VERDICTS[row.verdict], str(row.tasks), str(row.items),
        )
        for row in report.gains
    ]  # fmt: skip
    title = f"Gain over {report.baseline}, in points, with the paired intervals"
    return make_table(title, columns, rows, ("suite", "score", "model", "verdict"))


def _other_metrics_section(rows: Sequence[ComparedMetric]) -> ReportSection | None:
    columns = ("suite", "task", "metric", "k", "seed", "model", "value")
    lines = sorted(
        (row.suite, row.task, row.metric, str(row.k), str(row.seed), row.model, metric(row.value)) for row in rows
    )
    table = make_table("As lm-eval reports them", columns, lines, ("suite", "task", "metric", "model"))
    return ReportSection("other-metrics", "Other metrics of lm-eval", (ABOUT_OTHER,), (table,)) if rows else None


def markdown(report: CompareFile) -> str:
    """compare.md: what compare.json holds, as tables."""
    columns = ("model", "given as", "fingerprint")
    models = [(model.label, f"`{model.reference}`", f"`{model.fingerprint}`") for model in report.models]
    bias = label_bias_section(report.label_bias)
    other = _other_metrics_section(report.other_metrics)
    parts = [
        f"# Gain over {report.baseline}",
        "All models answer the same items after the same demonstrations. Scores are means over tasks, in percent; "
        f"gains are in points, paired item by item ({report.bootstrap_resamples} draws, seed {report.seed}). "
        + ABOUT_INTERVALS,
        table_markdown(gains_table(report)),
        "![Score by number of demonstrations](compare.png)",
        section_markdown(other) if other else "",
        section_markdown(bias) if bias else "",
        table_markdown(make_table("Models", columns, models, columns)),
        describe_measurement(report),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"
