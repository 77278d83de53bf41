"""Renders the prompts of a suite's tasks: as measuring sends them, and as a person asks them in a chat.

Which demonstrations are shown depends on the suite and the few-shot seed alone. `VERSION` of
`evaluate/measure/suite_tasks.py` is raised with every change of an output.
"""

from dataclasses import asdict
from typing import Literal

from kshot.core.prompting import EVAL_TEMPLATE, append_options, list_unnamed_labels, render_prompt, render_turns
from kshot.core.seeding import stream
from kshot.core.types import Example, Turn
from kshot.suites.format import Suite, SuiteRow, SuiteTask

Labels = Literal["gold", "random"]


def render_query(task: SuiteTask, row: SuiteRow) -> str:
    """The input as shown: options that change from item to item are part of it."""
    shows_options = task.is_multiple_choice and not task.spec.options_fixed
    return append_options(row.input, row.options) if shows_options else row.input


def render_instruction(task: SuiteTask) -> str:
    """The instruction as shown: fixed labels follow it where it does not name them all."""
    text, labels = task.spec.instruction, [option for row in task.items[:1] for option in row.options]
    return list_unnamed_labels(text, labels) if task.spec.options_fixed else text


def choose_demonstrations(task: SuiteTask, k: int, seed: int = 0) -> tuple[SuiteRow, ...]:
    """The first k of the pool: in the pool's order for seed 0, else in an order drawn for the task and seed."""
    if seed == 0:
        return task.demos[:k]
    return tuple(stream(seed, "demonstrations", task.name).sample(task.demos, len(task.demos))[:k])


def random_label(task: SuiteTask, demo: SuiteRow, seed: int = 0) -> str:
    """A random output for a demonstration (Min et al., arXiv:2202.12837), the same whatever the number of shots.

    One of the options, drawn evenly, which may happen to be right; in tasks without options the output of another
    demonstration of the pool.
    """
    others = [other.output[0] for other in task.demos if other != demo]
    labels = demo.options if task.is_multiple_choice else others or [demo.output[0]]
    return stream(seed, "random label", task.name, demo.input, *demo.options).choice(labels)


def render_item(task: SuiteTask, row: SuiteRow, k: int, seed: int = 0, labels: Labels = "gold") -> str:
    """The user's message for an item at k shots."""
    demos = _render_demonstrations(task, k, seed, labels)
    return render_prompt(EVAL_TEMPLATE, render_instruction(task), demos, render_query(task, row)).text


def render_chat(
    suite: Suite, task: SuiteTask, row: SuiteRow, k: int, seed: int = 0, labels: Labels = "gold"
) -> list[dict[str, str]]:
    """The turns for an item at k shots, with the system prompts of the suite and the task."""
    system = "\n\n".join(text for text in (suite.system, task.spec.system) if text)
    if suite.multiturn:
        demos = _render_demonstrations(task, k, seed, labels)
        turns = render_turns(EVAL_TEMPLATE, render_instruction(task), demos, render_query(task, row), system=system)
    else:
        turns = [Turn("system", system)] if system else []
        turns.append(Turn("user", render_item(task, row, k, seed, labels)))
    return [asdict(turn) for turn in turns]


def _render_demonstrations(task: SuiteTask, k: int, seed: int, labels: Labels) -> list[Example]:
    return [
        Example(render_query(task, demo), demo.output[0] if labels == "gold" else random_label(task, demo, seed))
        for demo in choose_demonstrations(task, k, seed)
    ]
