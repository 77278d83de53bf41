"""How often does the 95 % interval of a gain exclude zero where there is none? `interval_coverage.py --json FILE`.

Simulates suites on which student and base are equally good, and computes `paired_gain` of each.
A task has its difficulty, and a difference between the models that is real for this task and has mean zero over tasks;
an item has a difficulty of its own, of which both models share a part; answers are right or wrong (a probit model).

Prints for each scenario, in percent of the suites: `interval`, the fraction of intervals without zero, which should be
5; `plain`, the same for the plain percentile bootstrap over tasks and items; `test`, the fraction where p is at or
below 5 % (of one training at most 5 by construction, less where few patterns differ). `false_positive_rate` is the
fraction of intervals without zero over the scenarios that resemble a shipped suite: 10 to 16 tasks that do differ. Over
1,000 suites a rate of 5 % has a standard error of 0.7.
"""

import argparse
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kshot.core.files import write_json
from kshot.evaluate.stats.paired import paired_gain

Right = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scenario:
    """A kind of suite. Difficulties and differences are in standard deviations of an item's own difficulty."""

    name: str
    tasks: int = 10
    items: int = 40
    ease: float = -0.3
    """Mean over tasks; -0.3 makes 4 in 10 answers right."""
    ease_spread: float = 1.2
    difference: float = 0.4
    """Standard deviation over tasks of the difference between the models."""
    shared: float = 0.7
    """Fraction of an item's difficulty that both models have in common."""
    trainings: int = 1
    training: float = 0.0
    """Standard deviation over trainings of a difference that all tasks of a training have in common."""
    typical: bool = True
    """Counts towards `false_positive_rate`."""


SCENARIOS = (
    Scenario("10 tasks"),
    Scenario("13 tasks", tasks=13),
    Scenario("16 tasks", tasks=16),
    Scenario("10 tasks, little difference between tasks", difference=0.2),
    Scenario("10 tasks, much difference between tasks", difference=1.0),
    Scenario("10 tasks, hard, few answers differ", ease=-2.2, difference=0.2, shared=0.95),
    Scenario("16 tasks, hard, few answers differ", tasks=16, ease=-2.2, difference=0.2, shared=0.95),
    Scenario("10 tasks, none differs from another", difference=0.0, typical=False),
    Scenario("5 tasks", tasks=5, typical=False),
    Scenario("10 tasks of 4 items", items=4, typical=False),
    Scenario("16 tasks, 3 trainings that differ little", tasks=16, trainings=3, training=0.1, typical=False),
    Scenario("16 tasks, 3 trainings that differ as tasks do", tasks=16, trainings=3, training=0.4, typical=False),
    Scenario("16 tasks, 2 trainings that differ as tasks do", tasks=16, trainings=2, training=0.4, typical=False),
)


def draw(scenario: Scenario, rng: np.random.Generator) -> tuple[Right, Right]:
    """Right or wrong of the base, (tasks, items), and of the student, (trainings, tasks, items)."""
    ease = rng.normal(scenario.ease, scenario.ease_spread, (scenario.tasks, 1))
    half = rng.normal(0, scenario.difference, (scenario.tasks, 1)) / 2
    shape = (scenario.tasks, scenario.items)
    shared = np.sqrt(scenario.shared) * rng.normal(size=shape)
    own = np.sqrt(1 - scenario.shared)
    base = shared + own * rng.normal(size=shape) < ease - half
    moved = rng.normal(0, scenario.training, (scenario.trainings, 1, 1)) if scenario.training else 0.0
    student = shared + own * rng.normal(size=(scenario.trainings, *shape)) < ease + half + moved
    return base, student


def plain_misses(base: Right, student: Right, resamples: int, rng: np.random.Generator) -> bool:
    """Whether the plain percentile bootstrap over tasks, then items, excludes zero."""
    difference = student.astype(int) - base.astype(int)
    shares = np.stack([(difference == value).mean(axis=1) for value in (1, -1, 0)], axis=1)
    drawn = shares[rng.integers(len(shares), size=(resamples, len(shares)))]
    counts = rng.multinomial(difference.shape[1], drawn)
    low, high = np.quantile((counts[..., 0] - counts[..., 1]).mean(axis=1), [0.025, 0.975])
    return bool(low > 0 or high < 0)


def simulate(scenario: Scenario, suites: int, resamples: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng([seed, *scenario.name.encode()])
    interval = plain = test = 0
    differing = []
    for number in range(suites):
        base, student = draw(scenario, rng)
        stacked = np.repeat(base[None], scenario.trainings, axis=0), student
        named = [{str(task): rows[:, task].astype(float) for task in range(scenario.tasks)} for rows in stacked]
        gain = paired_gain(*named, resamples, seed, scenario.name, number, trainings=scenario.trainings)
        interval += gain.low > 0 or gain.high < 0
        test += gain.p <= 0.05
        plain += plain_misses(base, student[0], resamples, rng)
        differing.append(float((base != student).mean()))
    rates = {"interval": interval / suites, "plain": plain / suites, "test": test / suites}
    return {**asdict(scenario), "answers_that_differ": float(np.mean(differing)), **rates}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--suites", type=int, default=1000, help="simulated panels for each scenario")
    parser.add_argument("--resamples", type=int, default=1000, help="draws of the bootstrap for each suite")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    rows = []
    for scenario in SCENARIOS:
        row = simulate(scenario, options.suites, options.resamples, options.seed)
        rows.append(row)
        print(
            f"{scenario.name:45} {100 * row['answers_that_differ']:4.1f} % of answers differ; "
            f"interval {100 * row['interval']:4.1f}  plain {100 * row['plain']:4.1f}  test {100 * row['test']:4.1f}",
            flush=True,
        )
    rate = float(np.mean([row["interval"] for row in rows if row["typical"]]))
    seconds = time.monotonic() - began
    print(f"false_positive_rate {100 * rate:.1f} % in {seconds:.0f} s")
    if options.json:
        result = {"false_positive_rate": rate, "suites": options.suites, "resamples": options.resamples}
        write_json(options.json, {**result, "seed": options.seed, "scenarios": rows, "seconds": seconds})


if __name__ == "__main__":
    main()
