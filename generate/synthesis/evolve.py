"""The mode `vary`: neighbours of a task, the same kind of work with other details, each with one example."""

from collections.abc import Sequence

from rapidfuzz import fuzz

from kshot.core.prompting import list_unnamed_labels
from kshot.core.seeding import stream
from kshot.core.types import Reject, Task
from kshot.generate.synthesis.new_tasks import collect_tasks
from kshot.generate.synthesis.shared.context import SynthesisContext, SynthesisRequest
from kshot.generate.teacher import InventedTask

VERSION = 2
"""Raise when the same replies give other tasks, or the same tasks other requests."""

MODE = "vary"
MIN_UNCHANGED_RATIO = 92.0
"""An instruction so similar to its model's (rapidfuzz ratio, 0 to 100) states the same task."""


def vary_tasks(tasks: Sequence[Task], per_task: int, context: SynthesisContext) -> tuple[list[Task], list[Reject]]:
    """Return neighbours of the tasks, each in its model's family with one example, and the rejects with reasons.

    Raises:
        TeacherError: see `Teacher.ask`.
        ConfigError: see `PromptTemplates.render`.
    """
    requests = []
    for task in tasks:
        for number in range(per_task):
            rng = stream(context.seed, MODE, task.id, number)
            instruction = list_unnamed_labels(rng.choice(task.descriptions), task.labels)
            prompt = context.prompts.render("vary_task", instruction=instruction, example=rng.choice(task.examples))
            requests.append(SynthesisRequest(MODE, task, number, context.build_request(prompt, number, InventedTask)))
    return collect_tasks(requests, context, "varying tasks", _reject_unchanged, family_of_model=True)


def _reject_unchanged(instruction: str, model: Task) -> str | None:
    is_unchanged = any(fuzz.ratio(instruction, text) >= MIN_UNCHANGED_RATIO for text in model.descriptions)
    return "the task is unchanged" if is_unchanged else None
