"""Everything that an evaluation's files hold, computed from the finished measurements and the teacher's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kshot.config import Config, EvaluateConfig
from kshot.core.replies.asking import AskTeacher
from kshot.core.runs import find_training_data
from kshot.evaluate.alternatives.compare import compare_alternatives
from kshot.evaluate.alternatives.models import measure_usage
from kshot.evaluate.alternatives.teacher import TeacherWay
from kshot.evaluate.contamination.overlap import contaminated_items
from kshot.evaluate.judge.verdicts import Judged, add_scores, has_judged_tasks, judge_answers
from kshot.evaluate.measure.measurement import Measurement
from kshot.evaluate.measure.plan import unique_fewshot_seeds
from kshot.evaluate.measure.results import read_samples, read_suite_scores
from kshot.evaluate.metrics.baselines import baseline_means, baseline_rows, constant_answers, trivial_tasks
from kshot.evaluate.metrics.forgetting import ForgettingProbe, measure_forgetting
from kshot.evaluate.metrics.gain_rows import ModelScores, fewshot_rows, gain_rows, other_metric_rows
from kshot.evaluate.metrics.label_bias import measure_label_bias
from kshot.evaluate.report.contamination import clean_gains
from kshot.evaluate.run_files import (
    AlternativesFile,
    BaselinesFile,
    BaselineTask,
    ContaminationFile,
    FewshotRow,
    ForgettingFile,
    GainRow,
    LabelBiasFile,
    LabelPriors,
    OtherMetric,
    Sample,
)
from kshot.evaluate.scoring.calibration import find_label_priors
from kshot.suites.format import Suite, families_by_suite

MODELS = ("base", "student")
ALTERNATIVES = "alternatives.json"


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
    judged: Judged | None
    label_priors: list[LabelPriors]


def compute_results(
    config: Config, run: Path, suites: Sequence[Suite], measurements: Mapping[str, Sequence[Measurement]],
    probes: Sequence[ForgettingProbe], contamination: ContaminationFile, folders: Mapping[str, str],
    ask: AskTeacher | None,
) -> Results:  # fmt: skip
    """Everything that the files hold, from the finished measurements and what the teacher says of them."""
    settings = config.evaluate
    gold, random = (_read_scores(measurements, labels) for labels in ("gold", "random"))
    paired = [m for both in zip(*measurements.values(), strict=True) for m in both]
    samples = list(read_samples(m for m in paired if m.labels == "gold"))
    judged = judge_answers(suites, samples, ask) if ask and has_judged_tasks(suites) else None
    if judged:
        samples += judged.samples
        add_scores(gold, judged.samples)
    tasks = _baseline_tasks(suites, gold, random, settings, constant_answers(samples))
    families = families_by_suite(suites)
    seed = unique_fewshot_seeds(settings)[0]
    drawn = settings.bootstrap_resamples, config.seed
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
        alternatives=compare_alternatives(
            suites, find_training_data(run), samples, settings.limit, config.encoder,
            {
                model: measure_usage(Path(folders[model]), measurements[model], seed, settings.backend == "own")
                for model in MODELS
            },
            _teacher_way(settings, run, ask), seed,
        ),
        judged=judged,
        label_priors=find_label_priors(samples, "student"),
    )  # fmt: skip


def _teacher_way(settings: EvaluateConfig, run: Path, ask: AskTeacher | None) -> TeacherWay | None:
    if not settings.teacher or ask is None:
        return None
    return TeacherWay(ask, sorted(set(settings.shots)), run / "evaluate" / ALTERNATIVES)


def _read_scores(measurements: Mapping[str, Sequence[Measurement]], labels: str) -> ModelScores:
    """The scores of each model, the few-shot seeds of a suite and number of shots together."""
    return {model: read_suite_scores([m for m in rows if m.labels == labels]) for model, rows in measurements.items()}


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
