"""The 95 % interval of a mean over tasks, its standard error, and the minimum detectable effect."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

LEVEL = 0.95
POWER = 0.8

Array = npt.NDArray[np.float64]


def bootstrap_interval(
    differences: Sequence[Array], resamples: int, rng: np.random.Generator, trainings: int = 1
) -> tuple[float, float]:
    """The 95 % interval of the mean over tasks: resamples tasks, then each one's items and few-shot seeds.

    The plain form of this bootstrap (percentiles of means of means) is wrong in two ways, which
    `benchmarks/interval_coverage.py` shows under `plain`. The spread of the task means already holds the noise of
    their items, so drawing items again counts that noise twice. And percentiles ignore that tasks are few. Therefore:

    - Task means are shrunk towards their mean by the noise of items and seeds, and widened by n / (n - 1): Davison and
      Hinkley, Bootstrap Methods and their Application (1997), section 3.8, as in Ng, Grieve and Carpenter, Stata
      Journal 13 (2013) 141. Variance between and within tasks then adds up to the variance of the mean.
    - The percentiles' distances from the estimate are widened by t / z with n - 1 degrees of freedom, since the spread
      is itself estimated from n tasks (compare Hesterberg, arXiv:1411.5279).

    A training moves all tasks together, so several trainings are no further rows of a task: tasks and items are drawn
    from the means over trainings, and the variance over trainings is added as a normal draw, its degrees of freedom by
    Satterthwaite's rule (Biometrics Bulletin 2 (1946) 110).

    With one task, the interval covers other items of that task only.

    Args:
        differences: for each task (trainings x seeds, items).
    """
    differences, apart = training_variance(differences, trainings)
    n = len(differences)
    means = task_means(differences)
    middle = means.mean()
    within = _within_variances(differences)
    between = means.var(ddof=1) if n > 1 else 0.0
    shrinkage = sqrt(n / (n - 1) * max(0.0, 1 - within.mean() / between)) if between > 0 else 0.0
    centres = middle + shrinkage * (means - middle)
    drawn = rng.integers(n, size=(resamples, n))
    values = np.empty(drawn.shape)
    for task, difference in enumerate(differences):
        chosen = drawn == task
        noise = _resample_means(difference, int(chosen.sum()), rng) - means[task]
        plain = _variance_of_mean(difference, 0)
        values[chosen] = centres[task] + (noise * sqrt(within[task] / plain) if plain > 0 else 0.0)
    tail = (1 - LEVEL) / 2
    estimates = values.mean(axis=1)
    df = _degrees_of_freedom(estimates.var(), differences, apart, trainings)
    if apart > 0:
        estimates = estimates + rng.normal(0, sqrt(apart), resamples)
    wider = stdtrit(df, 1 - tail) / NormalDist().inv_cdf(1 - tail) if df else 1.0
    low, high = middle + wider * (np.quantile(estimates, [tail, 1 - tail]) - middle)
    return float(np.clip(low, -1, 1)), float(np.clip(high, -1, 1))


def items_interval(
    differences: Sequence[Array], resamples: int, rng: np.random.Generator, trainings: int = 1
) -> tuple[float, float] | None:
    """The 95 % interval of the mean on these very tasks: resamples each one's items and few-shot seeds, no tasks.

    None where a task has one item, whose noise nothing shows. The noise of each task's mean is that of its items,
    widened by t / z with as many degrees of freedom as there are items, less one a task.

    Args:
        differences: for each task (trainings x seeds, items).
    """
    differences, apart = training_variance(differences, trainings)
    if min(rows.shape[1] for rows in differences) < 2:
        return None
    middle = float(task_means(differences).mean())
    noise = np.zeros(resamples)
    for rows, within in zip(differences, _within_variances(differences), strict=True):
        plain = _variance_of_mean(rows, 0)
        if plain > 0:
            noise += (_resample_means(rows, resamples, rng) - rows.mean()) * sqrt(within / plain)
    noise /= len(differences)
    df = sum(rows.shape[1] - 1 for rows in differences)
    if apart > 0:
        variance = float(noise.var())
        df = max(1, int((variance + apart) ** 2 / (variance**2 / df + apart**2 / (trainings - 1)) + 1e-9))
        noise = noise + rng.normal(0, sqrt(apart), resamples)
    tail = (1 - LEVEL) / 2
    wider = float(stdtrit(df, 1 - tail)) / NormalDist().inv_cdf(1 - tail)
    low, high = (middle + wider * float(end) for end in np.quantile(noise, [tail, 1 - tail]))
    return float(np.clip(low, -1, 1)), float(np.clip(high, -1, 1))


def minimum_detectable_effect(differences: Sequence[Array], trainings: int = 1) -> float | None:
    """The smallest gain that this suite detects with 80 % power in a two-sided test at 5 %; None: nothing varies.

    (t[0.975, n-1] + t[0.8, n-1]) * se (Bloom, Evaluation Review 19 (1995) 547), where se is the standard deviation of
    the n paired task differences over the square root of n, or that of the noise of their items where it is larger.
    With one task its items take the place of tasks.

    Args:
        differences: for each task (trainings x seeds, items).
    """
    error, df = standard_error(differences, trainings)
    return float((stdtrit(df, 1 - (1 - LEVEL) / 2) + stdtrit(df, POWER)) * error) if error > 0 and df else None


def standard_error(differences: Sequence[Array], trainings: int) -> tuple[float, int]:
    """Standard error of the mean over tasks and trainings, and its degrees of freedom."""
    differences, apart = training_variance(differences, trainings)
    n = len(differences)
    within = float(_within_variances(differences).mean())
    variance = max(float(task_means(differences).var(ddof=1)), within) / n if n > 1 else within
    return sqrt(variance + apart), _degrees_of_freedom(variance, differences, apart, trainings)


def task_means(differences: Sequence[Array]) -> Array:
    """The mean of each task, shape (tasks,)."""
    return np.array([rows.mean() for rows in differences])


def training_variance(differences: Sequence[Array], trainings: int) -> tuple[list[Array], float]:
    """For each task (seeds, items), the mean over trainings; and the variance of the overall mean over trainings."""
    parts = [rows.reshape(trainings, -1, rows.shape[1]) for rows in differences]
    means = np.mean([part.mean(axis=(1, 2)) for part in parts], axis=0)
    apart = float(means.var(ddof=1)) / trainings if trainings > 1 else 0.0
    return [part.mean(axis=0) for part in parts], apart


def _degrees_of_freedom(variance: float, differences: Sequence[Array], apart: float, trainings: int) -> int:
    """Degrees of freedom of the mean over tasks (items, with one task) and trainings, by Satterthwaite's rule."""
    n = len(differences)
    df = n - 1 if n > 1 else differences[0].shape[1] - 1
    if apart <= 0 or df < 1:
        return df
    combined = (variance + apart) ** 2 / (variance**2 / df + apart**2 / (trainings - 1))
    return max(1, int(combined + 1e-9))


def _within_variances(differences: Sequence[Array]) -> Array:
    """Variance of each task's mean over its items and seeds, shape (tasks,)."""
    return np.array([_variance_of_mean(rows, 1) for rows in differences])


def _variance_of_mean(difference: Array, ddof: int) -> float:
    """Variance of the mean of (seeds, items), crossed: over items plus over seeds."""
    parts = (difference.mean(axis=0), difference.mean(axis=1))
    return float(sum(part.var(ddof=ddof) / len(part) for part in parts if len(part) > 1))


def _resample_means(difference: Array, size: int, rng: np.random.Generator) -> Array:
    """Means of (seeds, items) with both resampled, shape (size,).

    Items differ in few ways, so a resample of them is a draw of counts of the distinct ones.
    """
    distinct, counts = np.unique(difference, axis=1, return_counts=True)
    items = rng.multinomial(difference.shape[1], counts / counts.sum(), size=size) / difference.shape[1]
    by_seed: Array = items @ distinct.T
    seeds = len(difference)
    if seeds == 1:
        return by_seed[:, 0]
    means: Array = (by_seed * rng.multinomial(seeds, [1 / seeds] * seeds, size=size)).sum(axis=1) / seeds
    return means
