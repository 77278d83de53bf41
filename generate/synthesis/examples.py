"""Demonstrations: more examples of a task, spread over topics, lengths and difficulty, each verified.

For a task with labels the label is chosen first, in turn, and the teacher writes an input that has it (output first, as
in Self-Instruct, arXiv:2212.10560, section 2.2); otherwise it writes an input with its output.
"""

from collections.abc import Sequence
from dataclasses import replace

from kshot.config import DemonstrateConfig
from kshot.core.seeding import stream
from kshot.core.types import Example, Reject, Task
from kshot.generate.synthesis.context import SynthesisContext, SynthesisRequest, reject_example
from kshot.generate.synthesis.verify import Claim, verify_claims
from kshot.generate.teacher.messages import Reply
from kshot.generate.teacher.structured import InputOnly, InputOutput, read_reply

MODE = "demonstrate"
TOPICS = (
    "a kitchen", "school", "a hospital", "the weather", "travel by train", "sport", "music", "money", "a family dinner",
    "pets", "gardening", "a repair at home", "office work", "shopping", "health", "history", "the sea", "farming",
    "a computer that fails", "neighbours", "a festival", "a letter", "cooking for guests", "moving house", "a museum",
    "the night sky", "a long walk", "children's games", "books", "a building site", "traffic", "a small shop",
)  # fmt: skip
AS_SHORT = "as short as those of the examples"
"""For a task whose inputs are words and phrases."""
LENGTHS = ("very short", "one sentence long", "one or two sentences long", "three sentences long")
LEVELS = ("easy", "ordinary", "hard, so that a careless reader would get it wrong")
SHOWN = 3
PHRASE = 4
"""Words; what is longer is taken for a sentence."""


def write_examples(
    tasks: Sequence[Task], settings: DemonstrateConfig, shop: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """The tasks with the examples that passed added to their own, and the rejects with reasons.

    Raises:
        TeacherError, ConfigError: see `TeacherClient.ask` and `PromptTemplates.render`.
    """
    asks = [_ask(task, number, shop) for task in tasks for number in range(settings.per_task)]
    return collect_examples(tasks, asks, "demonstrating", shop)


def collect_examples(
    tasks: Sequence[Task], asks: Sequence[tuple[SynthesisRequest, str]], label: str, shop: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """Ask, read and verify: the tasks with the examples that passed added to their own, and the rejects with reasons.

    Args:
        asks: requests of one mode, each with the output that is known beforehand, or "" where the reply gives it.
    """
    replies = shop.teacher.ask([ask.request for ask, _ in asks], label)
    known = {task.id: [example.input for example in task.examples] for task in tasks}
    claims: list[tuple[SynthesisRequest, Example, Reply]] = []
    rejects: list[Reject] = []
    for (ask, output), reply in zip(asks, replies, strict=True):
        found = read_reply(reply, InputOnly) if output else read_reply(reply, InputOutput)
        if isinstance(found, str):
            rejects.append(ask.reject(found, reply))
            continue
        right = found.output if isinstance(found, InputOutput) else output
        example = Example(found.input, right, mode=ask.mode, teacher=shop.teacher_name)
        if fault := reject_example(example, known[ask.task.id], shop):
            rejects.append(ask.reject(fault, reply))
            continue
        known[ask.task.id].append(example.input)
        claims.append((ask, example, reply))
    return _with_verified(tasks, claims, shop, rejects)


def _with_verified(
    tasks: Sequence[Task],
    claims: Sequence[tuple[SynthesisRequest, Example, Reply]],
    shop: SynthesisContext,
    rejects: list[Reject],
) -> tuple[list[Task], list[Reject]]:
    """Verify claimed examples and add those that stand to their tasks."""
    cases = [
        Claim(ask.task.descriptions[0], example.input, example.output, ask.task.examples[:SHOWN], ask.task.labels)
        for ask, example, _ in claims
    ]
    added: dict[str, list[Example]] = {task.id: [] for task in tasks}
    label = claims[0][0].mode if claims else ""
    verdicts = verify_claims(cases, shop.teacher, shop.verify, shop.prompts, label)
    for (ask, example, reply), verdict in zip(claims, verdicts, strict=True):
        if verdict.verified_by:
            added[ask.task.id].append(replace(example, verified_by=verdict.verified_by))
        else:
            rejects.append(ask.reject(verdict.reason, reply))
    return [replace(task, examples=(*task.examples, *added[task.id])) for task in tasks], rejects


def _ask(task: Task, number: int, shop: SynthesisContext) -> tuple[SynthesisRequest, str]:
    """The request, and the label that its input is to have ("" for a task without labels)."""
    rng = stream(shop.seed, MODE, task.id, number)
    label = task.labels[number % len(task.labels)] if task.labels else ""
    phrases = all(len(example.input.split()) <= PHRASE for example in task.examples)
    prompt = shop.prompts.render(
        "demonstrate_label" if label else "demonstrate",
        instruction=rng.choice(task.descriptions),
        examples=rng.sample(task.examples, min(SHOWN, len(task.examples))),
        label=label,
        labels=task.labels,
        topic=rng.choice(TOPICS),
        length=AS_SHORT if phrases else rng.choice(LENGTHS),
        level=rng.choice(LEVELS),
    )
    return SynthesisRequest(
        MODE, task, number, shop.request(prompt, number, InputOnly if label else InputOutput)
    ), label
