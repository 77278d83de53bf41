"""Label bias: do the log-probabilities separate the labels, and does the model prefer one of them?

A model that cannot separate two labels still has an accuracy, that of the label it prefers. For tasks with the same
options for every item:

    pairwise AUROC            of all pairs of items with different right labels, the fraction whose log-probabilities
                              (one label against the other) are in the right order: 0.5 is chance, 1 is perfect,
                              whatever label the model prefers. For more than two labels as in Hand and Till, Machine
                              Learning 45 (2001) 171, each pair of items counted once.
    majority-prediction rate  the fraction of the items that got the most frequent prediction, beside the fraction
                              whose right answer is the most frequent one
    calibrated                accuracy after each option's probability is divided by its mean over the task's items
                              (batch calibration, Zhou et al., arXiv:2309.17249). It assumes that the options are right
                              about equally often.

The change by training in the first and the last is a paired gain over tasks, each one observation.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

import numpy as np

from kshot.evaluate.run_files import LabelBias, LabelBiasFile, LabelBiasGain, LabelBiasMean, LabelBiasTask, Sample
from kshot.evaluate.scoring.calibration import calibrated_accuracy, sort_options
from kshot.evaluate.scoring.text import LOGLIKELIHOOD
from kshot.evaluate.stats.paired import Families, paired_gain

LABEL_BIAS = "label_bias.json"
GAINED = ("pairwise_auroc", "calibrated")
"""The measures whose change is tested."""
TrainedSample = tuple[int, Sample]
"""Index of the training (0 where there is one), and the sample."""


def measure_label_bias(
    samples: Iterable[TrainedSample], baseline: str, families: Mapping[str, Families], resamples: int, seed: int
) -> LabelBiasFile:
    """Label bias by suite, number of shots and model, means over few-shot seeds and trainings, and its gains.

    Args:
        samples: those of the choice by log-likelihood count. With several trainings, intervals cover other ones too.
        baseline: the model that the gains are over; trained once.
        families: suite -> task -> its family.
    """
    by_task: dict[tuple[str, int, str, str], dict[tuple[int, int], list[Sample]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for training, sample in samples:
        if sample.score == LOGLIKELIHOOD:
            names = sample.suite, sample.k, sample.model, sample.task
            by_task[names][training, sample.seed].append(sort_options(sample))
    groups: dict[tuple[str, int, str], dict[str, list[LabelBias]]] = defaultdict(dict)
    for (suite, k, model, task), by_seed in sorted(by_task.items()):
        if all(_has_labels(rows) for rows in by_seed.values()):
            groups[suite, k, model][task] = _average_seeds(by_seed)
    tasks = [
        LabelBiasTask(suite=suite, k=k, model=model, task=task, **dict(_average(trainings)))
        for (suite, k, model), trainings_by_task in groups.items()
        for task, trainings in trainings_by_task.items()
    ]
    means = [
        LabelBiasMean(suite=suite, k=k, model=model, tasks=len(group), **dict(_average(map(_average, group.values()))))
        for (suite, k, model), group in groups.items()
    ]
    gains = [
        row
        for names, after in groups.items()
        if names[2] != baseline and len(after) > 1
        for row in _gains(groups[names[0], names[1], baseline], after, families, resamples, seed, names)
    ]
    return LabelBiasFile(means=means, tasks=tasks, gains=gains)


def pairwise_auroc(samples: Sequence[Sample]) -> float:
    """Over the pairs of items with different right labels; a tie counts half."""
    right = np.array([_options(sample).index(_right_label(sample)) for sample in samples])
    # log_probs[i, j]: the log-probability, as an answer to item i, of the label that is right for item j.
    log_probs = np.array([sample.log_probs for sample in samples], float)[:, right]
    own = np.diag(log_probs)
    lead, other = own[:, None] - log_probs, log_probs.T - own
    differs = right[:, None] != right
    return float(((lead > other) + 0.5 * (lead == other))[differs].mean())


def _average_seeds(by_seed: Mapping[tuple[int, int], Sequence[Sample]]) -> list[LabelBias]:
    """Label bias on one task for each training, averaged over its few-shot seeds."""
    by_training: dict[int, list[LabelBias]] = defaultdict(list)
    for (training, _), samples in sorted(by_seed.items()):
        by_training[training].append(_measure(samples))
    return [_average(measures) for measures in by_training.values()]


def _gains(
    before: Mapping[str, Sequence[LabelBias]], after: Mapping[str, Sequence[LabelBias]],
    families: Mapping[str, Families], resamples: int, seed: int, names: tuple[str, int, str],
) -> list[LabelBiasGain]:  # fmt: skip
    """Paired gains of a model over the baseline on the tasks of a suite at one number of shots."""
    suite, k, model = names
    trainings = len(next(iter(after.values())))
    rows = []
    for measure in GAINED:
        base = {task: [[getattr(rows[0], measure)]] * trainings for task, rows in before.items()}
        student = {task: [[getattr(row, measure)] for row in rows] for task, rows in after.items()}
        siblings = families.get(suite, {})
        gain = paired_gain(base, student, resamples, seed, *names, measure, trainings=trainings, families=siblings)
        rows.append(
            LabelBiasGain(
                suite=suite, k=k, model=model, measure=measure, before=gain.base, after=gain.student, gain=gain.gain,
                low=gain.low, high=gain.high, p=gain.p, tasks=gain.tasks,
            )
        )  # fmt: skip
    return rows


def _options(sample: Sample) -> list[str]:
    return sample.options or []


def _has_labels(samples: Sequence[Sample]) -> bool:
    """Whether the options are the same for all items, and more than one of them is right somewhere."""
    return len({tuple(_options(s)) for s in samples}) == 1 and len({_right_label(s) for s in samples}) > 1


def _right_label(sample: Sample) -> str:
    return next(answer for answer in sample.accepted if answer in _options(sample))


def _measure(samples: Sequence[Sample]) -> LabelBias:
    """Label bias on one task after one choice of demonstrations."""
    return LabelBias(
        pairwise_auroc=pairwise_auroc(samples),
        majority_prediction_rate=_majority_rate(sample.answer for sample in samples),
        majority_label_rate=_majority_rate(map(_right_label, samples)),
        score=fmean(sample.right or 0.0 for sample in samples),
        calibrated=calibrated_accuracy(samples),
    )


def _majority_rate(texts: Iterable[str]) -> float:
    counts = Counter(texts)
    return max(counts.values()) / counts.total()


def _average(measures: Iterable[LabelBias]) -> LabelBias:
    rows = list(measures)
    return LabelBias(**{name: fmean(getattr(row, name) for row in rows) for name in LabelBias.model_fields})
