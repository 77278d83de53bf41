"""Knowing and leaning: can the model tell the labels apart, and does it give one of them throughout?

A model that cannot tell two labels apart still has an accuracy, that of the label which it leans to. So for tasks with
the same options for every item:

    separation  of all pairs of items with different right labels, the share in which the log-probabilities, one label
                against the other, stand in the right order: 0.5 is nothing known, 1 all, whatever the model leans to.
                For two labels the area under the ROC curve; for more, pairs of labels as in Hand and Till, Machine
                Learning 45 (2001) 171, each pair of items counted once.
    lean        the share of items to which the option chosen most often was given, beside the share of the items whose
                right answer is the most frequent one
    calibrated  the score of the choice after each option's probability was divided by its mean over the task's items
                (batch calibration, Zhou et al., arXiv:2309.17249), beside the score of the plain choice. It needs no
                answers, only the questions together, and supposes that the options are right about equally often:
                where one is rare, it is given too often.

What training changed in the first and the last is a paired gain over tasks, each one observation.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from scipy.special import log_softmax, logsumexp

from kshot.evaluate.report.markdown import between, markdown_table, points, probability, signed
from kshot.evaluate.scoring.text import LOGLIKELIHOOD
from kshot.evaluate.stats.paired import Families, paired_gain

LABEL_BIAS = "label_bias.json"
TITLE = "Knowing and leaning"
ABOUT = (
    "Separation: of all pairs of items with different right labels, the share whose log-probabilities stand in the "
    "right order; 0.50 is nothing known, 1.00 all, whatever label the model leans to. Lean: the share of items that "
    "got the option chosen most often; beside it the share of the most frequent right answer. A high separation with a "
    "low score is a lean, not ignorance. Calibrated: the score after each option's probability was divided by its mean "
    "over the items (arXiv:2309.17249), which takes the lean away and supposes that the options are right about "
    "equally often. Means over tasks with the same options for every item; gains in points, with the 95 % interval "
    "over tasks (and trainings, where there are several) and the p of the same test as for the scores, not adjusted."
)
COLUMNS = ("panel", "k", "model", "tasks", "separation", "lean, %", "most frequent, %", "score", "calibrated")
GAINS = ("panel", "k", "model", "measure", "before", "after", "gain", "95 % interval", "p", "tasks")
MEASURED = ("separation", "lean", "frequent", "score", "calibrated")
GAINED = ("separation", "calibrated")
Row = dict[str, Any]


def measure_label_bias(
    samples: Iterable[Row], baseline: str, families: Mapping[str, Families], resamples: int, seed: int
) -> dict[str, list[Row]]:
    """Means by panel, number of shots and model, the tasks that they are of, and gains; demo seeds are averaged.

    Args:
        samples: rows of samples.jsonl; those of the choice by log-likelihood count. Where a model was trained several
            times, each row has its `training`; means are then over trainings, and intervals speak of other ones too.
        baseline: the model that the gains of the others are over; one training.
        families: panel -> task -> its family, as in `kshot.evaluate.stats.paired`.
    """
    asked: dict[tuple[str, int, str, str], dict[tuple[int, int], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in samples:
        if row["score"] == LOGLIKELIHOOD:
            names = row["panel"], row["k"], row["model"], row["task"]
            asked[names][row.get("training", 0), row["seed"]].append(_in_order(row))
    groups: dict[tuple[str, int, str], dict[str, list[Row]]] = defaultdict(dict)
    for (panel, k, model, task), found in sorted(asked.items()):
        if all(_has_labels(rows) for rows in found.values()):
            groups[panel, k, model][task] = _by_training(found)
    tasks = [
        {"panel": panel, "k": k, "model": model, "task": task} | _means(trainings)
        for (panel, k, model), by_task in groups.items()
        for task, trainings in by_task.items()
    ]
    means = [
        {"panel": panel, "k": k, "model": model, "tasks": len(by_task)} | _means(map(_means, by_task.values()))
        for (panel, k, model), by_task in groups.items()
    ]
    gains = [
        {"panel": panel, "k": k, "model": model} | row
        for (panel, k, model), after in groups.items()
        if model != baseline and len(after) > 1
        for row in _gains(groups[panel, k, baseline], after, families.get(panel, {}), resamples, seed, panel, k, model)
    ]
    return {"means": means, "tasks": tasks, "gains": gains}


def _by_training(found: Mapping[tuple[int, int], Sequence[Row]]) -> list[Row]:
    """What is measured of one task, once for each training, the means over its demo seeds."""
    measured: dict[int, list[Row]] = defaultdict(list)
    for (training, _), rows in sorted(found.items()):
        measured[training].append(_measured(rows))
    return [_means(rows) for rows in measured.values()]


def _gains(
    before: Mapping[str, Sequence[Row]], after: Mapping[str, Sequence[Row]], families: Families, resamples: int,
    seed: int, *names: object,
) -> list[Row]:  # fmt: skip
    """What a model gained over another on the tasks of a panel at one number of shots, over all its trainings."""
    made = []
    trainings = len(next(iter(after.values())))
    for measure in GAINED:
        base = {task: [[rows[0][measure]]] * trainings for task, rows in before.items()}
        student = {task: [[row[measure]] for row in rows] for task, rows in after.items()}
        found = paired_gain(base, student, resamples, seed, *names, measure, trainings=trainings, families=families)
        kept = {"gain": found.gain, "low": found.low, "high": found.high, "p": found.p, "tasks": found.tasks}
        made.append({"measure": measure, "before": found.base, "after": found.student, **kept})
    return made


def _in_order(row: Row) -> Row:
    """With its options in alphabetical order: some panels shuffle the same ones from item to item."""
    both = sorted(zip(row["options"], row["log_probs"], strict=True))
    return row | {"options": [option for option, _ in both], "log_probs": [found for _, found in both]}


def _has_labels(rows: Sequence[Row]) -> bool:
    """Whether the options are the same for all items, and more than one of them is right somewhere."""
    return len({tuple(row["options"]) for row in rows}) == 1 and len({_right(row) for row in rows}) > 1


def _right(row: Row) -> str:
    return str(next(answer for answer in row["accepted"] if answer in row["options"]))


def _measured(rows: Sequence[Row]) -> Row:
    """Of one task after one choice of demonstrations."""
    return {
        "separation": pairwise_auroc(rows),
        "lean": _commonest(row["answer"] for row in rows),
        "frequent": _commonest(map(_right, rows)),
        "score": fmean(row["right"] for row in rows),
        "calibrated": calibrated_score(rows),
    }


def _commonest(texts: Iterable[str]) -> float:
    counts = Counter(texts)
    return max(counts.values()) / counts.total()


def _means(rows: Iterable[Row]) -> Row:
    every = list(rows)
    return {name: fmean(row[name] for row in every) for name in MEASURED}


def pairwise_auroc(rows: Sequence[Row]) -> float:
    """Over the pairs of items with different right labels; a tie is half in order."""
    right = np.array([row["options"].index(_right(row)) for row in rows])
    # asked[i, j]: the log-probability, as an answer to item i, of the label that is right for item j.
    asked = np.array([row["log_probs"] for row in rows], float)[:, right]
    own = np.diag(asked)
    lead, other = own[:, None] - asked, asked.T - own
    apart = right[:, None] != right
    return float(((lead > other) + 0.5 * (lead == other))[apart].mean())


def calibrated_score(rows: Sequence[Row]) -> float:
    """The share of right choices where no option is preferred over all items together."""
    # In logarithms, where an option that is hopeless for every item is still no zero to divide by.
    shares = log_softmax([row["log_probs"] for row in rows], axis=1)
    chosen = (shares - logsumexp(shares, axis=0)).argmax(axis=1)
    return fmean(row["options"][place] in row["accepted"] for row, place in zip(rows, chosen, strict=True))


def markdown(found: dict[str, list[Row]]) -> str:
    """A section in Markdown; empty where no task has labels."""
    if not found["means"]:
        return ""
    tables = [markdown_table(COLUMNS, lines(found), {"panel", "model"})]
    if found["gains"]:
        tables.append(markdown_table(GAINS, gain_lines(found), {"panel", "model", "measure"}))
    return "\n\n".join([f"## {TITLE}", ABOUT, *tables])


def section(found: dict[str, list[Row]]) -> Row:
    """The section of report.html."""
    tables: list[Row] = [{"title": "Means over tasks", "columns": COLUMNS, "words": {0, 2}, "rows": lines(found)}]
    if found["gains"]:
        tables.append({"title": "Gains", "columns": GAINS, "words": {0, 2, 3}, "rows": gain_lines(found)})
    return {"id": "leaning", "title": TITLE, "about": ABOUT, "tables": tables}


def lines(found: dict[str, list[Row]]) -> list[list[str]]:
    return [
        [
            row["panel"], str(row["k"]), row["model"], str(row["tasks"]), f"{row['separation']:.2f}",
            f"{100 * row['lean']:.0f}", f"{100 * row['frequent']:.0f}", points(row["score"]), points(row["calibrated"]),
        ]
        for row in found["means"]
    ]  # fmt: skip


def gain_lines(found: dict[str, list[Row]]) -> list[list[str]]:
    return [
        [
            row["panel"], str(row["k"]), row["model"], row["measure"], points(row["before"]), points(row["after"]),
            signed(row["gain"]), between(row["low"], row["high"]), probability(row["p"]), str(row["tasks"]),
        ]
        for row in found["gains"]
    ]  # fmt: skip
