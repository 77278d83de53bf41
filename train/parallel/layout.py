"""How the rows of an optimizer step are dealt out to processes.

A step takes the same rows whatever the number of processes; a process takes some of them, in one batch or several.
Where they do not go up, blank rows fill the gap: no label, so no loss and no gradient. No row is left out or doubled.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kshot.train.data import TrainRow
from kshot.train.rows.table import pick_rows


@dataclass(frozen=True)
class StepLayout:
    """The rows of an optimizer step, and how they are dealt out."""

    rows: int
    """Rows of a step, those of all processes together: the global batch."""
    processes: int
    accumulation: int
    """Batches that a process takes one after another."""
    batch: int
    """Rows of such a batch."""

    @property
    def places(self) -> int:
        """Rows of a step with the blank ones."""
        return self.processes * self.accumulation * self.batch


def choose_layout(rows: int, batch: int, processes: int) -> StepLayout:
    """The layout with the fewest batches of at most `batch` rows, and then the fewest blank rows."""
    accumulation = -(-rows // (processes * batch))
    return StepLayout(rows, processes, accumulation, -(-rows // (processes * accumulation)))


def fill_steps(plan: Sequence[TrainRow], layout: StepLayout) -> Sequence[TrainRow]:
    """The rows of a plan with blank ones, so that each step fills its places.

    A single process needs none: its last step may be short.
    """
    if layout.processes == 1 and layout.places == layout.rows:
        return plan
    filled: list[int] = []
    for start in range(0, len(plan), layout.rows):
        step = range(start, min(start + layout.rows, len(plan)))
        filled += [*step, *[-1] * (layout.places - len(step))]
    return pick_rows(plan, filled)
