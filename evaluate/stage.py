"""The evaluate stage: `kshot evaluate CONFIG [--suite FOLDER]` measures base and student on held-out suites.

Writes gains.json, fewshot.json, baselines.json, label_bias.json, contamination.json, forgetting.json, report.html,
report.md, scores.png, scores.svg, samples.jsonl, lm-eval's files in measurements/ and, last, manifest.json. Each
measurement is kept when done, so a rerun makes only what is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from types import MappingProxyType

from kshot.config import Config, EvaluateConfig
from kshot.core.console import say
from kshot.core.errors import RunError
from kshot.core.files import write_jsonl
from kshot.core.run_files import write_model
from kshot.core.runs import Run, find_training_data, installed_versions
from kshot.core.seeding import digest
from kshot.evaluate.contamination.overlap import (
    contaminated_items,
    load_or_find_contamination,
    refuse_contaminated,
)
from kshot.evaluate.lm.backends import check_backend, make_backend
from kshot.evaluate.measure.measurement import Measurement, make_measurement, measure_missing
from kshot.evaluate.measure.plan import load_suites, plan_with_baselines, unique_fewshot_seeds
from kshot.evaluate.measure.results import (
    ScoresBySuite,
    count_answers,
    count_differences,
    count_truncated,
    read_measurement,
    read_samples,
    read_suite_scores,
)
from kshot.evaluate.measure.shared import SETTINGS, find_settings, other_evaluations, take_finished
from kshot.evaluate.metrics.alternatives import compare_alternatives
from kshot.evaluate.metrics.baselines import baseline_means, baseline_rows, constant_answers, trivial_tasks
from kshot.evaluate.metrics.forgetting import (
    FORGETTING,
    ForgettingProbe,
    make_forgetting_probe,
    measure_forgetting,
    take_finished_probe,
)
from kshot.evaluate.metrics.label_bias import LABEL_BIAS, measure_label_bias
from kshot.evaluate.report.alternatives import alternatives_section
from kshot.evaluate.report.contamination import clean_gains, contamination_section, print_contamination
from kshot.evaluate.report.figures import save_plots, score_plots
from kshot.evaluate.report.forgetting import forgetting_section, print_forgetting
from kshot.evaluate.report.headline import headlines
from kshot.evaluate.report.html import write_html
from kshot.evaluate.report.markdown import write_report
from kshot.evaluate.report.numbers import ITEMS_INTERVAL
from kshot.evaluate.report.section import drop_columns, print_table
from kshot.evaluate.report.sections import (
    baselines_section,
    fewshot_section,
    gains_table,
    is_marked,
    label_bias_section,
    other_metrics_section,
    seeds_section,
)
from kshot.evaluate.run_files import (
    AlternativesFile,
    BaselineMean,
    BaselinesFile,
    BaselineTask,
    CleanGain,
    ContaminationFile,
    DeviceFile,
    EvaluateManifest,
    FewshotRow,
    ForgettingFile,
    GainRow,
    LabelBiasFile,
    OtherMetric,
    Sample,
    TaskScore,
)
from kshot.evaluate.stats.paired import Families, holm_of, paired_gain, paired_gains
from kshot.evaluate.stats.significance import judge
from kshot.models.checkpoints import read_training_manifest
from kshot.models.embeddings import resolve_encoder
from kshot.models.loading import fingerprint_model, load_student
from kshot.models.resolve import resolve_model
from kshot.runtime.device import Device, load_or_probe_device, probe_device, use_threads
from kshot.suites.format import Suite, families_by_suite

MODELS = ("base", "student")
ModelScores = dict[str, ScoresBySuite]
"""model -> (suite, shots) -> scores."""


@dataclass(frozen=True)
class Results:
    """All that is computed from the finished measurements."""

    gains: list[GainRow]
    fewshot: list[FewshotRow]
    baselines: BaselinesFile
    label_bias: LabelBiasFile
    forgetting: ForgettingFile
    contamination: ContaminationFile
    other_metrics: list[OtherMetric]
    samples: list[Sample]
    alternatives: AlternativesFile


def run_evaluate(config: Config, run: Run, suites: Sequence[str] = (), strict: bool = False) -> None:
    """Measure the run's student against its base.

    Args:
        suites: suites to measure on beside those of the config.
        strict: refuse suites that share text with the training data.

    Raises:
        KshotError: faults of suites and of the run are found before a model is loaded.
    """
    settings = config.evaluate
    check_backend(settings)
    if config.encoder:
        resolve_encoder(config.encoder)
    loaded = load_suites(settings, suites)
    merged = run.folder / "train" / "merged"
    _check_student(merged, config.student)
    with run.held("evaluate") as folder:
        contamination = load_or_find_contamination(loaded, run.folder, settings.limit, folder)
        if strict:
            refuse_contaminated(contamination)
        folders = {"base": resolve_model(config.student), "student": str(merged)}
        others = other_evaluations(folder)
        device = _choose_device(config, loaded, folders["base"], folder, others)
        measurements, probes = _plan(settings, loaded, folders, device, folder)
        take_finished(measurements["base"], folder, others)
        for probe in probes[:1]:
            take_finished_probe(probe, folder, others)
        for model in MODELS:
            jobs = [probe for probe in probes if probe.model == model]
            backend = make_backend(settings, folders[model])
            load = partial(load_student, folders[model])
            measure_missing(measurements[model], load, device, settings.limit, backend, jobs)
        train = find_training_data(run.folder)
        results = _compute(settings, config.seed, loaded, measurements, probes, contamination, train, config.encoder)
        manifest = _manifest(config, run.name, measurements, results, device, folder)
        _write(folder, results, manifest)


def _check_student(merged: Path, base: str) -> None:
    """Refuse a student that is missing, is being trained anew, or was trained from another base."""
    if not (merged / "config.json").exists():
        raise RunError(f"{merged}: no student here; run `kshot train` for this run first")
    trained = read_training_manifest(merged.parent).get("base")
    if trained != base:
        raise RunError(
            f"{merged}: trained from {trained}, and the config's student is {base}; name one of them in both"
        )


def _choose_device(config: Config, suites: Sequence[Suite], base: str, folder: Path, others: Sequence[Path]) -> Device:
    """The settings that this run has kept, else those under which another run has measured the base, else probed."""
    settings, threads = config.evaluate, config.train.threads

    def plan(other: Path, device: Device) -> list[Measurement]:
        return _plan_model(settings, suites, "base", base, device, other)

    def choose() -> Device:
        shared = find_settings(others, settings.dtype, plan)
        return shared or probe_device(load_student(base)[0], settings.dtype, threads, backward=False)

    # Kept for the run: another outcome of the probe would separate the measurements of one table.
    device = load_or_probe_device(folder / SETTINGS, digest(settings.dtype), choose)
    return use_threads(device, threads)


def _plan(
    settings: EvaluateConfig, suites: Sequence[Suite], folders: Mapping[str, str], device: Device, folder: Path
) -> tuple[dict[str, list[Measurement]], list[ForgettingProbe]]:
    """The measurements of each model, in the same order, and the probes of forgetting."""
    measurements: dict[str, list[Measurement]] = {}
    probes = []
    for model in MODELS:
        measurements[model] = _plan_model(settings, suites, model, folders[model], device, folder)
        if settings.forgetting:
            backend = make_backend(settings, folders[model])
            probes.append(make_forgetting_probe(folder, model, fingerprint_model(folders[model]), device, backend))
    return measurements, probes


def _plan_model(
    settings: EvaluateConfig, suites: Sequence[Suite], model: str, weights: str, device: Device, folder: Path
) -> list[Measurement]:
    place = folder / "measurements", model, fingerprint_model(weights)
    backend = make_backend(settings, weights)
    return [
        make_measurement(*place, suite, k, settings.limit, device, seed, labels, backend)
        for suite, k, seed, labels in plan_with_baselines(suites, settings)
    ]


def _compute(
    settings: EvaluateConfig, seed: int, suites: Sequence[Suite], measurements: Mapping[str, Sequence[Measurement]],
    probes: Sequence[ForgettingProbe], contamination: ContaminationFile, train: Path, encoder: str | None,
) -> Results:  # fmt: skip
    """Everything that the files hold, from the finished measurements."""
    gold, random = (_read_scores(measurements, labels) for labels in ("gold", "random"))
    paired = [m for both in zip(*measurements.values(), strict=True) for m in both]
    samples = list(read_samples(m for m in paired if m.labels == "gold"))
    tasks = _baseline_tasks(suites, gold, random, settings, constant_answers(samples))
    families = families_by_suite(suites)
    drawn = settings.bootstrap_resamples, seed
    means = baseline_means(tasks)
    clean = clean_gains(gold, contaminated_items(contamination), families, *drawn)
    return Results(
        gains=gain_rows(gold, families, means, clean, *drawn, trivial_tasks(tasks)),
        fewshot=fewshot_rows(gold, families, *drawn),
        baselines=BaselinesFile(means=means, tasks=tasks),
        label_bias=measure_label_bias(((0, sample) for sample in samples), "base", families, *drawn),
        forgetting=measure_forgetting(probes, gold, tasks, *drawn),
        contamination=contamination,
        other_metrics=other_metric_rows(paired),
        samples=samples,
        alternatives=compare_alternatives(suites, train, samples, settings.limit, encoder),
    )


def _read_scores(measurements: Mapping[str, Sequence[Measurement]], labels: str) -> ModelScores:
    """The scores of each model, the few-shot seeds of a suite and number of shots together."""
    return {model: read_suite_scores([m for m in rows if m.labels == labels]) for model, rows in measurements.items()}


def gain_rows(
    scores: ModelScores, families: Mapping[str, Families], means: Sequence[BaselineMean],
    clean: Mapping[tuple[str, str, int], CleanGain], resamples: int, seed: int,
    trivial: Mapping[tuple[str, str, int], list[str]] = MappingProxyType({}),
) -> list[GainRow]:  # fmt: skip
    """The student against its base, a row for each suite, score and number of shots, in this order.

    Args:
        trivial: tasks whose gain a trivial baseline has too.
    """
    by_names = {(row.suite, row.score, row.k): row for row in means}
    gains = paired_gains(scores["base"], scores["student"], resamples, seed, families=families)
    gains.sort(key=lambda row: (row.suite, row.score, row.k))
    rows = []
    for gain, p in zip(gains, holm_of(gains), strict=True):
        names = gain.suite, gain.score, gain.k
        mean = by_names[names]
        is_trivial = bool(mean.ties or [name for name in mean.below if name != "random_labels"])
        rows.append(
            GainRow(
                **dict(gain), p_holm=p, verdict=judge(gain.gain, p, is_trivial), below=mean.below, ties=mean.ties,
                trivial_tasks=trivial.get(names, []), clean=clean.get(names),
            )
        )  # fmt: skip
    return rows


def fewshot_rows(scores: ModelScores, families: Mapping[str, Families], resamples: int, seed: int) -> list[FewshotRow]:
    """Each model with k demonstrations against itself with none; no rows where 0 shots were not measured."""
    pairs = []
    for model, by_suite in scores.items():
        for (suite, k), few in by_suite.items():
            zero = by_suite.get((suite, 0), {}) if k else {}
            for score in zero:
                names = (resamples, seed, "fewshot", model, suite, score, k)
                gain = paired_gain(zero[score], few[score], *names, families=families.get(suite, {}))
                pairs.append(((suite, score, model, k), gain))
    pairs.sort(key=lambda pair: pair[0])
    return [
        FewshotRow(
            model=model, suite=suite, score=score, k=k, zero=gain.base, few=gain.student, gain=gain.gain, low=gain.low,
            high=gain.high, items_low=gain.items_low, items_high=gain.items_high, tasks=gain.tasks, items=gain.items,
            p=gain.p, mde=gain.mde, seeds=gain.seeds, worst_seed_gain=gain.worst_seed_gain, seed_sd=gain.seed_sd,
            p_holm=p,
        )
        for ((suite, score, model, k), gain), p in zip(pairs, holm_of([gain for _, gain in pairs]), strict=True)
    ]  # fmt: skip


def _baseline_tasks(
    suites: Sequence[Suite],
    gold: ModelScores,
    random: ModelScores,
    settings: EvaluateConfig,
    constant: set[tuple[str, str, str, int]],
) -> list[BaselineTask]:
    rows: list[BaselineTask] = []
    seeds = unique_fewshot_seeds(settings)
    for suite in suites:
        for k in sorted(set(settings.shots)):
            names = suite.name, k
            if names in gold["base"]:
                random_labels = {model: scores[names] for model, scores in random.items() if names in scores}
                sides = gold["base"][names], gold["student"][names]
                rows += baseline_rows(suite, k, seeds, settings.limit, *sides, random_labels, constant)
    return rows


def other_metric_rows(measurements: Sequence[Measurement]) -> list[OtherMetric]:
    """lm-eval's metrics that are no mean over items: base and student beside one another.

    One of them is None where its values were all from 0 to 1, which makes the metric one of its scores.
    """
    values: dict[tuple[str, str, str, int, int], dict[str, float]] = {}
    for measurement in measurements:
        for task, metrics in read_measurement(measurement).other_metrics.items():
            for metric, value in metrics.items():
                names = (measurement.suite.name, task, metric, measurement.k, measurement.seed)
                values.setdefault(names, {})[measurement.model] = value
    return [
        OtherMetric(
            suite=suite, task=task, metric=metric, k=k, seed=seed, base=by_model.get("base"),
            student=by_model.get("student"),
        )
        for (suite, task, metric, k, seed), by_model in values.items()
    ]  # fmt: skip


def chance_scores(rows: Sequence[BaselineTask]) -> dict[tuple[str, str], float]:
    """(suite, score) -> the mean score of a random choice over all tasks, 0 where a task has no options.

    Suites without any multiple-choice task are left out.
    """
    by_suite: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        by_suite.setdefault((row.suite, row.score), {})[row.task] = row.baselines.get("random") or 0.0
    return {names: fmean(by_task.values()) for names, by_task in by_suite.items() if any(by_task.values())}


def _manifest(
    config: Config, name: str, measurements: Mapping[str, Sequence[Measurement]], results: Results, device: Device,
    folder: Path,
) -> EvaluateManifest:  # fmt: skip
    paired = [m for both in zip(*measurements.values(), strict=True) for m in both]
    scores = [TaskScore(**row.model_dump(include=set(TaskScore.model_fields))) for row in results.baselines.tasks]
    return EvaluateManifest(
        run=name,
        base=config.student,
        seed=config.seed,
        bootstrap_resamples=config.evaluate.bootstrap_resamples,
        fewshot_seeds=unique_fewshot_seeds(config.evaluate),
        shots=sorted({m.k for m in paired}),
        backend=config.evaluate.backend,
        device=DeviceFile(**asdict(device)),
        versions=installed_versions("lm_eval", "torch", "transformers"),
        truncated=count_truncated(paired),
        lm_eval_differences=count_differences(paired),
        unfinished={model: count_answers(rows) for model, rows in measurements.items()},
        other_metrics=results.other_metrics,
        by_task=scores,
        measurements={str(m.folder.relative_to(folder)): m.key for m in paired},
    )


def _write(folder: Path, results: Results, manifest: EvaluateManifest) -> None:
    """Write every file, the manifest last but for the HTML page that reads it; then print the summary."""
    gains = results.gains
    write_jsonl(folder / "samples.jsonl", (sample.model_dump(exclude_none=True) for sample in results.samples))
    write_model(folder / LABEL_BIAS, results.label_bias)
    write_model(folder / "baselines.json", results.baselines)
    write_model(folder / "alternatives.json", results.alternatives)
    write_model(folder / "fewshot.json", results.fewshot)
    write_model(folder / "gains.json", gains)
    write_model(folder / FORGETTING, results.forgetting)
    means = results.baselines.means
    plots = score_plots(gains, chance_scores(results.baselines.tasks))
    save_plots(plots, folder / "scores")
    sections = [
        alternatives_section(results.alternatives),
        seeds_section(gains),
        fewshot_section(results.fewshot),
        baselines_section(means),
        other_metrics_section(results.other_metrics),
        label_bias_section(results.label_bias),
        contamination_section(results.contamination, gains),
        forgetting_section(results.forgetting),
    ]
    shown = [section for section in sections if section]
    write_report(folder, manifest, gains, shown, results.samples)
    write_model(folder / "manifest.json", manifest)
    write_html(folder, plots, shown)
    caption = "* below a trivial baseline, or as good as one: see the report" if any(map(is_marked, gains)) else None
    print_table(drop_columns(gains_table(gains, "*"), {ITEMS_INTERVAL, "MDE", "tasks", "items"}), caption)
    for line in headlines(gains, manifest.unfinished):
        say(line)
    for line in results.alternatives.advice:
        say(line)
    print_contamination(results.contamination, gains)
    print_forgetting(results.forgetting)
    say(f"evaluate: wrote {folder / 'report.html'}, report.md and gains.json")
