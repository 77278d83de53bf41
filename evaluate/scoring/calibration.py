"""Batch calibration (Zhou et al., arXiv:2309.17249): the choice among fixed labels without the model's preference.

Each label's share of the probability is divided by its mean share over a batch of inputs, which needs no right labels.
It assumes that the labels are right about equally often. The mean shares are what a user ships: `label_priors.json`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp

from kshot.evaluate.run_files import LabelPriors, Sample
from kshot.evaluate.scoring.text import CALIBRATED, LOGLIKELIHOOD


def sort_options(sample: Sample) -> Sample:
    """The sample with its options in alphabetical order: some suites shuffle them from item to item."""
    pairs = sorted(zip(sample.options or [], sample.log_probs or [], strict=True))
    update = {"options": [option for option, _ in pairs], "log_probs": [value for _, value in pairs]}
    return sample.model_copy(update=update)


def calibrated_choices(samples: Sequence[Sample]) -> list[str]:
    """The label of each sample of the log-likelihood choice on one task; all have the same options in one order."""
    shares, priors = _compute_shares(samples)
    return [(sample.options or [])[n] for sample, n in zip(samples, (shares - priors).argmax(axis=1), strict=True)]


def calibrated_accuracy(samples: Sequence[Sample]) -> float:
    """Accuracy of the calibrated choice over all items together."""
    return fmean(label in sample.accepted for sample, label in zip(samples, calibrated_choices(samples), strict=True))


def calibrate_samples(samples: Iterable[Sample], tasks: set[str]) -> list[Sample]:
    """The samples of the calibrated choice on these tasks, from those of the log-likelihood choice of a measurement."""
    by_task: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.score == LOGLIKELIHOOD and sample.task in tasks:
            by_task[sample.task].append(sort_options(sample))
    return [
        sample.model_copy(
            update={"score": CALIBRATED, "answer": label, "right": label in sample.accepted, "log_probs": None}
        )
        for rows in by_task.values()
        for sample, label in zip(rows, calibrated_choices(rows), strict=True)
    ]


def find_label_priors(samples: Iterable[Sample], model: str) -> list[LabelPriors]:
    """What a user needs to choose as `calibrated_choice` does, for each task that is scored so."""
    rows: dict[tuple[str, str, int, int, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.model == model and sample.score in (LOGLIKELIHOOD, CALIBRATED):
            rows[sample.suite, sample.task, sample.k, sample.seed, sample.score].append(sample)
    priors = []
    for (suite, task, k, seed, score), calibrated in sorted(rows.items()):
        if score != CALIBRATED:
            continue
        chosen = [sort_options(sample) for sample in rows[suite, task, k, seed, LOGLIKELIHOOD]]
        _, log_shares = _compute_shares(chosen)
        priors.append(
            LabelPriors(
                suite=suite, task=task, k=k, seed=seed, labels=chosen[0].options or [],
                log_priors=[float(value) for value in log_shares], items=len(chosen),
                accuracy=fmean(float(sample.right or 0) for sample in calibrated),
                uncalibrated_accuracy=fmean(float(sample.right or 0) for sample in chosen),
            )
        )  # fmt: skip
    return priors


def _compute_shares(samples: Sequence[Sample]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The log-share of each label, (items, labels), and the log of its mean over the items, (labels,)."""
    # In logarithms, since an option that is hopeless for every item would be a zero to divide by.
    shares = log_softmax([sample.log_probs for sample in samples], axis=1)
    return shares, logsumexp(shares, axis=0) - np.log(len(samples))
