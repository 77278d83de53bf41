"""The evaluate stage: `kshot evaluate CONFIG [--suite FOLDER]` measures base and student on held-out suites.

Writes gains.json, fewshot.json, baselines.json, label_bias.json, contamination.json, forgetting.json, report.html,
report.md, scores.png, scores.svg, samples.jsonl, lm-eval's files in measurements/ and, last, manifest.json. Each
measurement is kept when done, so a rerun makes only what is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from kshot.config import Config, EvaluateConfig
from kshot.core.errors import ConfigError, RunError
from kshot.core.replies.asking import AskTeacher
from kshot.core.runs import Run, installed_versions
from kshot.core.seeding import digest
from kshot.evaluate.contamination.overlap import load_or_find_contamination, refuse_contaminated
from kshot.evaluate.judge.verdicts import has_judged_tasks
from kshot.evaluate.lm.backends import check_backend, make_backend
from kshot.evaluate.measure.measurement import Measurement, make_measurement, measure_missing
from kshot.evaluate.measure.plan import load_suites, plan_with_baselines, unique_fewshot_seeds
from kshot.evaluate.measure.results import count_answers, count_differences, count_truncated
from kshot.evaluate.measure.shared import SETTINGS, find_settings, other_evaluations, take_finished
from kshot.evaluate.metrics.forgetting import ForgettingProbe, make_forgetting_probe, take_finished_probe
from kshot.evaluate.results import MODELS, Results, compute_results
from kshot.evaluate.run_files import DeviceFile, EvaluateManifest, TaskScore
from kshot.evaluate.writing import write_results
from kshot.models.checkpoints import read_training_manifest
from kshot.models.embeddings import resolve_encoder
from kshot.models.loading import fingerprint_model, load_student
from kshot.models.resolve import resolve_model
from kshot.runtime.device import Device, load_or_probe_device, probe_device, use_threads
from kshot.suites.format import Suite


def run_evaluate(
    config: Config, run: Run, suites: Sequence[str] = (), strict: bool = False, ask: AskTeacher | None = None
) -> None:
    """Measure the run's student against its base.

    Args:
        suites: suites to measure on beside those of the config.
        strict: refuse suites that share text with the training data.
        ask: asks the teacher, for `evaluate.teacher` and the score `judge`.

    Raises:
        KshotError: faults of suites and of the run are found before a model is loaded.
    """
    settings = config.evaluate
    check_backend(settings)
    if config.encoder:
        resolve_encoder(config.encoder)
    loaded = load_suites(settings, suites)
    check_teacher(settings, loaded, ask)
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
        results = compute_results(config, run.folder, loaded, measurements, probes, contamination, folders, ask)
        manifest = _manifest(config, run, measurements, results, device, folder)
        write_results(folder, results, manifest)


def check_teacher(settings: EvaluateConfig, suites: Sequence[Suite], ask: AskTeacher | None) -> None:
    """Refuse an evaluation that asks the teacher where there is none.

    Raises:
        ConfigError: names what asks it.
    """
    tasks = [task for suite in suites if not suite.lm_eval for task in suite.tasks]
    if settings.teacher and not any(task.spec.trained for task in tasks):
        raise ConfigError(
            ["evaluate.teacher: no suite has a task with `trained: true` to compare the teacher on; remove it"]
        )
    if ask is None and (settings.teacher or has_judged_tasks(suites)):
        what = "evaluate.teacher" if settings.teacher else "the score `judge`"
        raise ConfigError([f"{what}: generate.teacher names no teacher to ask; name one, or remove it"])


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


def _manifest(
    config: Config, run: Run, measurements: Mapping[str, Sequence[Measurement]], results: Results, device: Device,
    folder: Path,
) -> EvaluateManifest:  # fmt: skip
    paired = [m for both in zip(*measurements.values(), strict=True) for m in both]
    scores = [TaskScore(**row.model_dump(include=set(TaskScore.model_fields))) for row in results.baselines.tasks]
    return EvaluateManifest(
        run=run.name,
        base=config.student,
        trained=str(read_training_manifest(run.folder / "train").get("key", "")),
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
