"""Diversity: the topics, lengths, levels and styles over which the teacher's texts are spread."""

from random import Random

from kshot.core.types import Task

VERSION = 1
"""Raise when the same draws give other words."""

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
INSTRUCTION_STYLES = (
    "a polite request to a colleague",
    "a question",
    "a short note",
    "an exercise in a textbook",
    "a message to an assistant",
)
INPUT_STYLES = (
    "in other words",
    "in a more casual tone",
    "in a more formal tone",
    "a little longer",
    "more briefly",
    "with other names and places where that does not touch the answer",
)


def draw_example_attributes(task: Task, rng: Random) -> dict[str, str]:
    """Draw the `topic`, `length` and `level` of a new example."""
    has_phrases = all(len(example.input.split()) <= MAX_PHRASE_WORDS for example in task.examples)
    return {
        "topic": rng.choice(TOPICS),
        "length": PHRASE_LENGTH if has_phrases else rng.choice(LENGTHS),
        "level": rng.choice(LEVELS),
    }
