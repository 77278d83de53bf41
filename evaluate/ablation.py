"""The measuring and the tables of `kshot ablate`: every trial of a grid against the base, and against the best.

Writes ablate.json, ablate.md, heatmap.png and .svg, and curve.png and .svg where one number is all that varies. A trial
is read from its adapter, so its merged weights may be gone; base and trials are measured once, as `kshot compare` does.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from kshot.config import Config
from kshot.core.console import say
from kshot.core.files import write_text
from kshot.core.run_files import write_model
from kshot.core.runs import installed_versions
from kshot.evaluate.measure.checkpoints import Measurements, measure_checkpoint, plan_checkpoints
from kshot.evaluate.measure.measurement import Measurement
from kshot.evaluate.measure.results import (
    ScoresBySuite,
    count_answers,
    count_differences,
    count_truncated,
    read_samples,
    read_suite_scores,
)
from kshot.evaluate.metrics.label_bias import measure_label_bias
from kshot.evaluate.metrics.trial_ranking import ScoredTrial, rank, rank_gains
from kshot.evaluate.report.figures import Plot, Point, Series, drawn_interval, save_heatmaps, save_plots
from kshot.evaluate.report.markdown import describe_measurement
from kshot.evaluate.report.numbers import (
    ITEMS_INTERVAL,
    TASKS_INTERVAL,
    interval,
    points,
    probability,
    score_name,
    signed,
)
from kshot.evaluate.report.section import Table, make_table, print_table, section_markdown, table_markdown
from kshot.evaluate.report.sections import label_bias_section
from kshot.evaluate.run_files import AblateFile, DeviceFile, LabelBiasFile, TrialGain, TrialState
from kshot.evaluate.stats.paired import Families
from kshot.evaluate.stats.significance import MAX_P
from kshot.models.checkpoints import Checkpoint, find_checkpoints
from kshot.runtime.device import Device
from kshot.suites.format import Suite, families_by_suite
from kshot.sweep.grid import Trial, short_names

MeasuredTrials = Mapping[tuple[str, int], Sequence[Measurement]]
"""(setting, training seed) -> its measurements; the base's own are under its name and 0."""


def measure_trial(config: Config, trial: Trial, run: Path, suites: Sequence[Suite], folder: Path) -> None:
    """Measure a trained trial, and its base where that was not measured; what exists is left alone.

    Args:
        config: whose evaluate section says what is asked of all trials.
        run: the trial's folder, with train/adapter, or train/merged where all weights were trained.
        folder: where measurements are kept.
    """
    checkpoints, measurements, device = _plan_trial(config, trial, run, suites, folder)
    for checkpoint in checkpoints:
        # Merged weights lie in the trial's own folder: other trials may be measured meanwhile.
        measure_checkpoint(measurements[checkpoint.label], checkpoint, device, config, run)


def _plan_trial(
    config: Config, trial: Trial, run: Path, suites: Sequence[Suite], folder: Path
) -> tuple[list[Checkpoint], Measurements, Device]:
    """The base and the trial's student, in this order."""
    own = config.model_copy(update={"student": trial.config.student})
    weights = "merged" if trial.config.train.method == "full" else "adapter"
    checkpoints = find_checkpoints([own.student, str((run / "train" / weights).absolute())], own)
    return checkpoints, *plan_checkpoints(own, checkpoints, suites, folder)


def write_ablation(
    config: Config, trials: Sequence[Trial], runs: Path, failed: Mapping[str, str], suites: Sequence[Suite],
    folder: Path,
) -> None:  # fmt: skip
    """Write all tables and pictures from trials that are measured.

    Args:
        runs: the folder that holds the trials' own, by label.
        failed: by label, why a trial failed.
    """
    bases: dict[str, ScoresBySuite] = {}
    students: dict[str, dict[int, ScoresBySuite]] = {}
    measured: dict[str, dict[tuple[str, int], Sequence[Measurement]]] = {}
    names: dict[str, str] = {}
    truncated: dict[str, int] = {}
    differences: dict[str, int] = {}
    device = None
    for trial in trials:
        seeds = students.setdefault(trial.setting, {})
        if trial.label in failed:
            continue
        checkpoints, plan, device = _plan_trial(config, trial, runs / trial.label, suites, folder)
        base, student = (plan[checkpoint.label] for checkpoint in checkpoints)
        if trial.setting not in bases:
            bases[trial.setting] = read_suite_scores(base)
        seeds[trial.seed] = read_suite_scores(student)
        name = name_base(checkpoints[0], names)
        measured.setdefault(name, {(name, 0): base})[trial.setting, trial.seed] = student
        truncated |= count_truncated([*base, *student])
        differences |= count_differences([*base, *student])
    values = {trial.setting: trial.values for trial in trials}
    scored = [ScoredTrial(name, values[name], bases[name], seeds) for name, seeds in students.items() if seeds]
    drawn = config.evaluate.bootstrap_resamples, config.seed, families_by_suite(suites)
    report = AblateFile(
        varied=list(dict.fromkeys(key for trial in trials for key in trial.values)),
        trials=[_state(trial, failed) for trial in trials],
        gains=rank_gains(scored, *drawn),
        ranking=rank(scored, *drawn),
        label_bias=pool_label_bias(measured, *drawn),
        seed=config.seed,
        resample_data=config.ablate.resample_data,
        bootstrap_resamples=config.evaluate.bootstrap_resamples,
        limit=config.evaluate.limit,
        device=DeviceFile(**asdict(device)) if device else None,
        versions=installed_versions("lm_eval", "torch", "transformers"),
        truncated=truncated,
        lm_eval_differences=differences,
        unfinished={
            name if (name, seed) in trials and not seed else f"{name} seed={seed}": count_answers(rows)
            for trials in measured.values()
            for (name, seed), rows in trials.items()
        },
    )
    _write(report, list(students), folder)


def _write(report: AblateFile, settings: Sequence[str], folder: Path) -> None:
    pictures = [folder / f"{name}.{kind}" for name in ("heatmap", "curve") for kind in ("png", "svg")]
    for picture in pictures:
        picture.unlink(missing_ok=True)
    if report.gains:
        save_heatmaps(report.gains, settings, folder / "heatmap")
    plots = curve_plots(report.gains)
    if plots:
        save_plots(plots, folder / "curve")
    write_text(folder / "ablate.md", markdown(report, bool(plots)))
    write_model(folder / "ablate.json", report)
    print_table(ranking_table(report))
    print_table(gains_table(report))
    written = ["ablate.md", *(picture.name for picture in pictures if picture.exists() and picture.suffix == ".png")]
    say(f"ablate: wrote {folder / 'ablate.json'}, {', '.join(written)}")


def name_base(base: Checkpoint, names: dict[str, str]) -> str:
    """The base's label, or its whole reference where another base has that label; `names` notes it by reference."""
    return names.setdefault(base.reference, base.reference if base.label in names.values() else base.label)


def pool_label_bias(
    measured: Mapping[str, MeasuredTrials], resamples: int, seed: int, families: Mapping[str, Families]
) -> LabelBiasFile:
    """Label bias of bases and trials, a setting's trainings pooled.

    Args:
        measured: base -> the measurements of the base itself and of each (setting, training seed) over it.
    """
    reports = []
    for baseline, trials in measured.items():
        samples = (
            (training, sample.model_copy(update={"model": model}))
            for (model, training), measurements in trials.items()
            for sample in read_samples(measurements)
        )
        reports.append(measure_label_bias(samples, baseline, families, resamples, seed))
    order = {model: n for n, (model, _) in enumerate(names for trials in measured.values() for names in trials)}
    means = [row for report in reports for row in report.means]
    tasks = [row for report in reports for row in report.tasks]
    gains = [row for report in reports for row in report.gains]
    return LabelBiasFile(
        means=sorted(means, key=lambda row: (row.suite, row.k, order[row.model])),
        tasks=sorted(tasks, key=lambda row: (row.suite, row.k, order[row.model])),
        gains=sorted(gains, key=lambda row: (row.suite, row.k, order[row.model])),
    )


def curve_plots(rows: Sequence[TrialGain]) -> list[Plot]:
    """A plot for each suite and score where one number is all that varies, with a line for each k; else none."""
    by_key: dict[str, list[object]] = defaultdict(list)
    for key in dict.fromkeys(key for row in rows for key in row.values):
        by_key[key] = [row.values.get(key) for row in rows]
    varied = [key for key, values in by_key.items() if any(value != values[0] for value in values)]
    if len(varied) != 1 or not all(type(n) is int and n >= 0 for n in by_key[varied[0]]):
        return []
    (key,) = varied
    plots = []
    for names in dict.fromkeys((row.suite, row.score) for row in rows):
        by_k: dict[int, list[Point]] = {}
        for row in rows:
            number = row.values[key]
            if (row.suite, row.score) == names and isinstance(number, int):
                point = Point(number, row.student, *drawn_interval(row, row.base))
                by_k.setdefault(row.k, []).append(point)
        series = tuple(
            Series(f"k={k}", tuple(sorted(line, key=lambda point: point.at))) for k, line in sorted(by_k.items())
        )
        label = short_names([key])[key].replace("_", " ")
        plots.append(Plot(f"{names[0]}: {score_name(names[1])}", series, label))
    return plots


def _state(trial: Trial, failed: Mapping[str, str]) -> TrialState:
    return TrialState(
        label=trial.label,
        setting=trial.setting,
        values=dict(trial.values),
        seed=trial.seed,
        data=trial.data_key,
        state="failed" if trial.label in failed else "done",
        cause=failed.get(trial.label, ""),
    )


def ranking_table(report: AblateFile) -> Table:
    """The settings by their mean score; the best has nothing to be compared with."""
    columns = ("suite", "score", "rank", "setting", "mean", "difference", "95 % interval", "p", "verdict")
    rows = []
    for row in report.ranking:
        against = ("", "", "")
        if row.verdict != "best":
            against = (signed(row.difference), interval(row.low, row.high), probability(row.p_holm))
        names = (row.suite, score_name(row.score), str(row.rank), row.setting)
        rows.append((*names, points(row.mean), *against, row.verdict))
    title = "Settings by their mean score over all k, against the best"
    return make_table(title, columns, rows, ("suite", "score", "setting", "verdict"))


def gains_table(report: AblateFile) -> Table:
    """The gains over the base, and below them the trials that failed."""
    columns = (
        "suite", "score", "k", "setting", "base", "student", "gain", TASKS_INTERVAL, ITEMS_INTERVAL, "p", "over seeds",
        "tasks", "items",
    )  # fmt: skip
    rows: list[tuple[str, ...]] = []
    for row in report.gains:
        over_seeds = interval(row.seed_low, row.seed_high) if len(row.seeds) > 1 else ""
        names = (row.suite, score_name(row.score), str(row.k), row.setting)
        scores = (
            points(row.base),
            points(row.student),
            signed(row.gain),
            interval(row.low, row.high),
            interval(row.items_low, row.items_high),
        )
        rows.append((*names, *scores, probability(row.p_holm), over_seeds, str(row.tasks), str(row.items)))
    for trial in report.trials:
        if trial.state == "failed":
            rows.append(("", "", "", f"{trial.setting} seed={trial.seed}", "", "", "failed", *[""] * 6))
    title = "Gain over the base, in points, with the paired intervals"
    return make_table(title, columns, rows, ("suite", "score", "setting"))


def markdown(report: AblateFile, has_curve: bool) -> str:
    """ablate.md: what ablate.json holds, as tables, with the heat map."""
    parts = [f"# Ablation of {', '.join(report.varied) or 'training seeds'}"]
    if report.gains:
        seeds = max(len(row.seeds) for row in report.gains)
        bias = label_bias_section(report.label_bias)
        parts += [
            "![Gain by setting and number of demonstrations](heatmap.png)",
            *(["![Score by the number that varies](curve.png)"] if has_curve else []),
            "## Which setting is best",
            explain_verdicts(seeds, report.resample_data),
            table_markdown(ranking_table(report)),
            "## Gains over the base",
            "All trials and the base answer the same items after the same demonstrations. Scores are means over tasks, "
            "in percent; gains are in points, paired item by item, with the 95 % intervals over tasks and items (tasks "
            "like these) and over items alone (these tasks)"
            f"{' and seeds' if seeds > 1 else ''} ({report.bootstrap_resamples} draws, seed {report.seed}); p is that "
            "of a sign-flip test over tasks, or of a t-test over tasks and trainings where higher, adjusted for "
            "the number of rows (Holm).",
            table_markdown(gains_table(report)),
            *([section_markdown(bias)] if bias else []),
        ]
    columns = ("trial", "data", "state")
    trials = [(t.label, t.data, f"{t.state}: {t.cause}" if t.cause else t.state) for t in report.trials]
    parts += ["## Trials", table_markdown(make_table("Trials", columns, trials, columns))]
    if report.device:
        parts.append(describe_measurement(report))
    return "\n\n".join(parts) + "\n"


def explain_verdicts(seeds: int, resample_data: bool) -> str:
    """What the verdicts mean."""
    single = (
        "Every setting was trained once: a difference may also be one between two trainings with the same settings. "
        "Several `ablate.seeds` would tell."
    )
    data = " each on data of its own," if resample_data else ""
    several = f"Settings were trained with up to {seeds} seeds,{data} and intervals and p cover other seeds too."
    return (
        "Settings are sorted by their mean score over all numbers of demonstrations. The difference is that to the "
        f"best setting, item by item. **significant**: p below {MAX_P}, adjusted for the number of settings. "
        "**inconclusive**: this suite does not show which of the two is better, not that they are equally good. The "
        f"best of several settings owes a part of its lead to luck. {several if seeds > 1 else single}"
    )
