"""The order of training, fixed before it begins: epochs, batches of like length, a budget of tokens."""

from collections.abc import Sequence

import numpy as np

from kshot.core.seeding import stream
from kshot.train.data import TrainRow
from kshot.train.rows.table import lengths_of, pick_rows

GROUP = 32
"""Batches. On the quickstart's rows 8 of them leave 16 % of padding beside the tokens, 32 leave 9 %."""


def order_rows(rows: Sequence[TrainRow], epochs: float, batch: int, seed: int) -> Sequence[TrainRow]:
    """The rows in the order of training, epoch after epoch: shuffled, then batches of like length.

    Rows of like length within `GROUP` batches share a batch, which saves most of the padding; the order is drawn here
    and not by the trainer, so that a resumed run sees the rows that the killed one would have seen.
    """
    lengths = lengths_of(rows).tolist()
    plan: list[int] = []
    left: list[int] = []  # Less than a batch; it goes into the next epoch, so that the batches stay what they are.
    total = max(1, round(len(rows) * epochs))
    epoch = 0
    while len(plan) + len(left) < total:
        rng = stream(seed, "order", epoch)
        shuffled = left + rng.sample(range(len(rows)), len(rows))
        batches = []
        for start in range(0, len(shuffled), GROUP * batch):
            group = sorted(shuffled[start : start + GROUP * batch], key=lengths.__getitem__)
            batches += [group[i : i + batch] for i in range(0, len(group), batch)]
        whole = [b for b in batches if len(b) == batch]
        rng.shuffle(whole)
        plan += [position for b in whole for position in b]
        left = [position for b in batches if len(b) < batch for position in b]
        epoch += 1
    return pick_rows(rows, (plan + left)[:total])


def limit_tokens(plan: Sequence[TrainRow], batch: int, tokens: int | None) -> Sequence[TrainRow]:
    """The first batches of the plan that together hold at most so many tokens; at least one."""
    if tokens is None:
        return plan
    lengths = lengths_of(plan)
    spent = np.cumsum(np.add.reduceat(lengths, np.arange(0, len(lengths), batch)))
    return plan[: batch * max(1, int((spent <= tokens).sum()))]
