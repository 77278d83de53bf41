"""Applies decisions to example-based tasks, after synthesis and before records are composed.

The teacher's requests depend on the tasks as they were, so a decision never asks the teacher anything again.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kshot.core.errors import DataError
from kshot.core.seeding import digest
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.decisions.checks import dump_example, find_example_fault, read_rejected_example
from kshot.generate.curation.decisions.log import Decisions
from kshot.generate.run_files import REFUSED_BY_PERSON, ContaminationRow, Decision

VERSION = 1
"""Raise it when the same decisions change the same tasks otherwise; the data's cache key contains it."""
PERSON = "person"
"""What confirmed an output that a person edited, or accepted against a check."""
INVERSE = "_inverse"
"""How the id of a reverse task ends."""


@dataclass
class DecidedTasks:
    """The tasks and rejects after a person's decisions."""

    tasks: list[Task]
    rejects: list[Reject | ContaminationRow]
    accepted: Counter[str]
    """Accepted candidates by mode."""
    counts: Counter[str] = field(default_factory=Counter)
    """Honoured decisions by kind; `missing`: on examples that no longer exist."""
    refused: frozenset[str] = frozenset()
    """Keys of examples that no record may show: those that a program draws are refused when they are drawn."""
    kept: frozenset[str] = frozenset()
    """Keys of examples, in their present form, that filters and near-duplicates do not remove."""


def apply_decisions(
    decisions: Decisions,
    tasks: Sequence[Task],
    rejects: Sequence[Reject | ContaminationRow],
    accepted: Mapping[str, int],
    drawn: Collection[str],
    teacher: str | None,
) -> DecidedTasks:
    """Honour all decisions.

    Args:
        tasks: the example-based ones, with what the teacher made.
        drawn: ids of the sources whose examples a program draws.
        teacher: the name of who wrote the rejects.

    Raises:
        DataError: an edit or an accepted reject that is no usable example; names the file and the line.
    """
    result = DecidedTasks(list(tasks), list(rejects), Counter(accepted))
    waiting = decisions.effective
    if not waiting:
        return result
    existing = {digest(task.id, example.input, example.output) for task in tasks for example in task.examples}
    changer = _Changer(decisions, waiting, existing, teacher)
    result.rejects = [row for row in rejects if not (isinstance(row, Reject) and changer.take_reject(row))]
    changed = [changer.change_task(task) for task in tasks]
    result.tasks = [task for task in changed if task.examples]
    result.rejects += changer.rejects
    for mode in {reject.mode for reject in changer.rejects} | {example.mode for example in changer.rescued.values()}:
        # Where a person changed what a mode gave, its examples are counted, not its replies.
        result.accepted[mode] = sum(example.mode == mode for task in result.tasks for example in task.examples)
    for decision in waiting.values():
        if decision.key not in changer.done and _is_drawn(decision.task, drawn):
            _refuse_edit(decision, decisions)
            changer.done.add(decision.key)
    result.counts = Counter(decision.what for key, decision in waiting.items() if key in changer.done)
    result.counts["missing"] = len(waiting) - len(changer.done)
    result.refused = frozenset(key for key, decision in waiting.items() if decision.what == "refuse")
    result.kept = frozenset(changer.kept) | {key for key, row in waiting.items() if row.what == "accept"}
    return result


def _is_drawn(task: str, drawn: Collection[str]) -> bool:
    """Whether a program draws the task's examples; a family's task is its name, with a dash before what was drawn."""
    return task in drawn or task.rpartition("-")[0] in drawn


def _refuse_edit(decision: Decision, decisions: Decisions) -> None:
    if decision.what == "edit":
        raise DataError(
            f"{decisions.locate(decision.key)}: a program draws the examples of {decision.task!r}, so none can be "
            "edited; refuse it, or change the family"
        )


class _Changer:
    """Changes tasks one by one, and remembers which decisions found their example."""

    def __init__(
        self, decisions: Decisions, waiting: Mapping[str, Decision], existing: Collection[str], teacher: str | None
    ) -> None:
        self._decisions, self._waiting, self._teacher = decisions, waiting, teacher
        self.done: set[str] = set()
        self.kept: set[str] = set()
        self.rejects: list[Reject] = []
        self.rescued: dict[str, Example] = {}
        """By key, rejected examples that a person accepted."""
        self._by_input: dict[tuple[str, str], list[Decision]] = {}
        for decision in waiting.values():
            if decision.key not in existing:
                self._by_input.setdefault((decision.task, decision.input), []).append(decision)

    def take_reject(self, reject: Reject) -> bool:
        """Whether a person accepted or edited a rejected example, so that it is none any more."""
        texts = read_rejected_example(reject.mode, reject.reason, reject.candidate) if self._by_input else None
        if texts is None:
            return False
        waiting = self._by_input.get((reject.task, texts[0]), [])
        decision = next((row for row in waiting if texts[1] in (None, row.output)), None)
        if decision is None or decision.key in self.rescued:
            return False
        self.done.add(decision.key)
        if decision.what == "refuse":
            return False
        self.rescued[decision.key] = Example(
            decision.input, decision.output, mode=reject.mode, verified_by=PERSON, teacher=self._teacher
        )
        return True

    def change_task(self, task: Task) -> Task:
        rescued = (e for key, e in self.rescued.items() if self._waiting[key].task == task.id)
        examples = list(self._change(task, (*task.examples, *rescued)))
        return task if examples == list(task.examples) else replace(task, examples=tuple(examples))

    def _change(self, task: Task, examples: Sequence[Example]) -> Iterable[Example]:
        for example in examples:
            key = digest(task.id, example.input, example.output)
            decision, is_reversed = self._find(task, example, key)
            if decision is None:
                yield example
                continue
            self.done.add(decision.key)
            if decision.what == "refuse":
                reason = f"{REFUSED_BY_PERSON}: {decision.note}" if decision.note else REFUSED_BY_PERSON
                candidate = dump_example(example.input, example.output)
                self.rejects.append(Reject(key, example.mode, task.id, reason, candidate))
                continue
            changed = _edit(example, decision, is_reversed)
            if changed != example or key in self.rescued:
                others = {other.input for other in examples if other is not example}
                labels = task.labels
                if fault := find_example_fault(changed.input, changed.output, labels, task.allow_empty_outputs, others):
                    where = self._decisions.locate(decision.key)
                    raise DataError(f"{where}: task {task.id!r}: {fault}; correct or delete this line")
            self.kept.add(digest(task.id, changed.input, changed.output))
            yield changed

    def _find(self, task: Task, example: Example, key: str) -> tuple[Decision | None, bool]:
        """The decision on an example, or on the one of which it is the reverse; and whether it is that one."""
        if key in self._waiting or not task.id.endswith(INVERSE):
            return self._waiting.get(key), False
        return self._waiting.get(digest(task.id.removesuffix(INVERSE), example.output, example.input)), True


def _edit(example: Example, decision: Decision, is_reversed: bool) -> Example:
    """The example in its edited form; a rationale led to the old output, and goes with it."""
    if decision.edited_input is None or decision.edited_output is None:
        return example
    texts = [decision.edited_input, decision.edited_output]
    input, output = reversed(texts) if is_reversed else texts
    rationale = example.rationale if (input, output) == (example.input, example.output) else None
    return replace(example, input=input, output=output, rationale=rationale, verified_by=PERSON)
