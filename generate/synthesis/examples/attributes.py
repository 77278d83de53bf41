"""What the examples of a task may differ in: topics, lengths, levels, styles and writers.

The teacher proposes them once for each task, from its instruction and gold examples (attributed prompts,
arXiv:2306.15895). Where it proposes too few, the lists below stand in.
"""

from collections.abc import Sequence
from typing import NamedTuple

from kshot.core.prompting import list_unnamed_labels
from kshot.core.seeding import draw_in_turn, stream
from kshot.core.types import Reject, Task
from kshot.generate.synthesis.shared.context import SynthesisContext, SynthesisRequest
from kshot.generate.teacher import AttributeLists, read_reply

VERSION = 1
"""Raise when the same replies give other attributes, or the same attributes other draws."""

MODE = "attributes"
MIN_VALUES, MAX_VALUES = 2, 32
MAX_VALUE_CHARS = 120
SHOWN_EXAMPLES = 8
REPLY_ITEMS = 4
"""A reply of lists is as long as so many examples."""
TOPICS = (
    "a kitchen", "school", "a hospital", "the weather", "travel by train", "sport", "music", "money", "a family dinner",
    "pets", "gardening", "a repair at home", "office work", "shopping", "health", "history", "the sea", "farming",
    "a computer that fails", "neighbours", "a festival", "a letter", "cooking for guests", "moving house", "a museum",
    "the night sky", "a long walk", "children's games", "books", "a building site", "traffic", "a small shop",
)  # fmt: skip
PHRASE_LENGTH = "as short as those of the examples"
"""For a task whose inputs are words and phrases."""
LENGTHS = ("very short", "one sentence long", "one or two sentences long", "three sentences long")
LEVELS = ("easy", "ordinary", "hard, so that a careless reader would get it wrong")
MAX_PHRASE_WORDS = 4
"""A longer input counts as a sentence."""


class TaskAttributes(NamedTuple):
    """The values of each attribute; none for an attribute that a prompt shall not name."""

    topic: tuple[str, ...] = ()
    length: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    style: tuple[str, ...] = ()
    writer: tuple[str, ...] = ()

    def draw(self, seed: int, task: str, number: int) -> dict[str, str]:
        """Return the values for one example. Each is drawn as often as the others, in an order of the seed's.

        Args:
            number: of the example within its task.
        """
        lists = self._asdict().items()
        return {name: draw_in_turn(values, number, seed, MODE, task, name) for name, values in lists if values}


def propose_attributes(
    tasks: Sequence[Task], context: SynthesisContext
) -> tuple[dict[str, TaskAttributes], list[Reject]]:
    """Return the attributes that the teacher proposes, by task id, and a reject for each reply of no use.

    Raises:
        TeacherError: see `Teacher.ask`.
        ConfigError: see `PromptTemplates.render`.
    """
    requests = [_build_request(task, context) for task in tasks]
    replies = context.teacher.ask([request.teacher_request for request in requests], "proposing attributes")
    attributes, rejects = {}, []
    for request, reply in zip(requests, replies, strict=True):
        content = read_reply(reply, AttributeLists)
        if isinstance(content, str):
            rejects.append(request.reject(content, reply))
            continue
        lists = (content.topics, content.lengths, content.levels, content.styles, content.writers)
        proposed = TaskAttributes(*map(_tidy, lists))
        if len(proposed.topic) < MIN_VALUES:
            rejects.append(request.reject("too few topics", reply))
            continue
        default = default_attributes(request.task)
        values = (mine if len(mine) >= MIN_VALUES else other for mine, other in zip(proposed, default, strict=True))
        attributes[request.task.id] = TaskAttributes(*values)
    return attributes, rejects


def default_attributes(task: Task) -> TaskAttributes:
    """The attributes of any task: no style, no writer."""
    has_phrases = all(len(example.input.split()) <= MAX_PHRASE_WORDS for example in task.examples)
    return TaskAttributes(TOPICS, (PHRASE_LENGTH,) if has_phrases else LENGTHS, LEVELS)


def count_attributes(task: Task, attributes: TaskAttributes) -> dict[str, dict[str, int]]:
    """Count the task's examples by attribute and value; a value that no example has counts 0."""
    counts = {name: dict.fromkeys(values, 0) for name, values in attributes._asdict().items() if values}
    for example in task.examples:
        for name, value in example.attributes:
            if value in counts.get(name, {}):
                counts[name][value] += 1
    return counts


def _build_request(task: Task, context: SynthesisContext) -> SynthesisRequest:
    rng = stream(context.seed, MODE, task.id)
    gold = [example for example in task.examples if example.mode == "gold"] or list(task.examples)
    prompt = context.prompts.render(
        MODE,
        instruction=list_unnamed_labels(task.descriptions[0], task.labels),
        examples=rng.sample(gold, min(SHOWN_EXAMPLES, len(gold))),
    )
    return SynthesisRequest(MODE, task, 0, context.build_request(prompt, 0, AttributeLists, REPLY_ITEMS))


def _tidy(values: Sequence[str]) -> tuple[str, ...]:
    """Return the values in one line each, without repetitions and without those that are texts."""
    lines = dict.fromkeys(" ".join(value.split()).strip(" .") for value in values)
    return tuple(line for line in lines if 0 < len(line) <= MAX_VALUE_CHARS)[:MAX_VALUES]
