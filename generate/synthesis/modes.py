"""All modes that make tasks and examples, in the order in which each feeds the next.

invent and vary make tasks, demonstrate and augment examples of them, reason rationales, invert the reverse tasks.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from kshot.config import SynthesisConfig
from kshot.core.seeding import digest
from kshot.core.types import Reject, Task
from kshot.generate.synthesis.context import SynthesisContext
from kshot.generate.synthesis.examples import write_examples
from kshot.generate.synthesis.inversion import invert_tasks
from kshot.generate.synthesis.paraphrase_inputs import paraphrase_inputs
from kshot.generate.synthesis.rationales import write_rationales
from kshot.generate.synthesis.self_instruct import invent_tasks, vary_tasks


@dataclass
class SynthesizedTasks:
    """The pool after all modes, what was rejected, and how many candidates each mode kept."""

    tasks: list[Task]
    rejects: list[Reject] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)


def modes_need_teacher(modes: SynthesisConfig) -> bool:
    """Whether any of the modes needs a teacher."""
    return bool(
        modes.vary
        or modes.invent.rounds
        or modes.demonstrate.per_task
        or modes.augment.per_example
        or modes.reason.per_task
        or modes.invert.ask
    )


def scale_modes(modes: SynthesisConfig, times: int) -> SynthesisConfig:
    """The modes asked for so many times as much: a later round asks what an earlier one asked, and more."""
    if times == 1:
        return modes
    return modes.model_copy(
        update={
            "vary": modes.vary * times,
            "invent": modes.invent.model_copy(update={"rounds": modes.invent.rounds * times}),
            "demonstrate": modes.demonstrate.model_copy(update={"per_task": modes.demonstrate.per_task * times}),
            "augment": modes.augment.model_copy(update={"per_example": modes.augment.per_example * times}),
        }
    )


def run_modes(tasks: Sequence[Task], modes: SynthesisConfig, shop: SynthesisContext | None) -> SynthesizedTasks:
    """Run the modes that are switched on.

    Args:
        tasks: the example-based tasks.
        shop: None where no mode asks a teacher.

    Raises:
        TeacherError, ConfigError: see `TeacherClient.ask` and `PromptTemplates.render`.
    """
    made = SynthesizedTasks(list(tasks))
    if shop:
        seeds = list(tasks)
        if modes.vary:
            _add(made, "vary", *vary_tasks(seeds, modes.vary, shop))
        if modes.invent.rounds and seeds:
            _add(made, "invent", *invent_tasks(seeds, modes.invent, shop))
        if modes.demonstrate.per_task:
            _replace(made, "demonstrate", *write_examples(made.tasks, modes.demonstrate, shop))
        if modes.augment.per_example:
            _replace(made, "augment", *paraphrase_inputs(made.tasks, modes.augment, shop))
        if modes.reason.per_task:
            _replace(made, "reason", *write_rationales(made.tasks, modes.reason, shop))
    if modes.invert.given or modes.invert.ask:
        _add(made, "invert", *invert_tasks(made.tasks, modes.invert, shop))
    return made


def _add(made: SynthesizedTasks, mode: str, tasks: list[Task], rejects: list[Reject]) -> None:
    made.rejects += rejects
    for place, task in enumerate(tasks):
        if any(task.id == other.id for other in made.tasks):
            key = digest(mode, task.id, place)
            made.rejects.append(Reject(key, mode, task.id, "not new: made already", task.descriptions[0]))
        else:
            made.tasks.append(task)
            made.kept[mode] += 1


def _replace(made: SynthesizedTasks, mode: str, tasks: list[Task], rejects: list[Reject]) -> None:
    made.kept[mode] += _size(tasks, mode) - _size(made.tasks, mode)
    made.tasks = tasks
    made.rejects += rejects


def _size(tasks: Sequence[Task], mode: str) -> int:
    if mode == "reason":
        return sum(example.rationale is not None for task in tasks for example in task.examples)
    return sum(example.mode == mode for task in tasks for example in task.examples)
