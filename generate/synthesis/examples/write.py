"""The mode `demonstrate`: more examples of a task, spread over its attributes and labels, each verified.

The examples are asked for in waves. A later wave is shown what exists as "not like these", and asks for the labels that
have fewest.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from kshot.config import DemonstrateConfig
from kshot.core.types import Reject, Task
from kshot.generate.synthesis.examples.attributes import TaskAttributes, default_attributes
from kshot.generate.synthesis.examples.collect import collect_examples
from kshot.generate.synthesis.examples.requests import build_wave, count_waves
from kshot.generate.synthesis.shared.context import SynthesisContext


def write_examples(
    tasks: Sequence[Task],
    settings: DemonstrateConfig,
    context: SynthesisContext,
    attributes: Mapping[str, TaskAttributes] = MappingProxyType({}),
) -> tuple[list[Task], list[Reject]]:
    """Return the tasks with accepted new examples added, and the rejects with reasons.

    Args:
        attributes: by task id, what to spread the examples over; `default_attributes` for a task that is missing.

    Raises:
        TeacherError: see `Teacher.ask`.
        ConfigError: see `PromptTemplates.render`.
    """
    rejects: list[Reject] = []
    current = list(tasks)
    by_task = {task.id: attributes.get(task.id) or default_attributes(task) for task in tasks}
    for wave in range(count_waves(settings)):
        requests = [
            request for task in current for request in build_wave(task, wave, settings, by_task[task.id], context)
        ]
        current, wave_rejects = collect_examples(current, requests, "writing examples", context)
        rejects += wave_rejects
    return current, rejects
