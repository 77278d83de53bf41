"""Instruction wrappers: a lead, a list of the labels, and rules for the answer, as many real instructions have them.

All texts hold for every task; only the labels are the task's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

VERSION = 1
"""Raise it with every change of an output; the data's cache key contains it."""
MAX_LISTED_LABELS = 12
"""A list of more labels would be longer than the rest of the record."""
MAX_RULES = 3

LEADS = (
    "In this task you are given an input, and you have to write the output for it.",
    "Read the instruction first, then the input below it.",
    "Here is a task and one case of it to be done.",
    "You are a careful assistant who follows instructions to the letter.",
    "You will see one input. Handle it as described here.",
    "Task:",
    "Instructions:",
    "What to do:",
    "Follow this guideline for the input at the end.",
)
LISTS = (
    "Options: {commas}",
    "Options: {slashes}",
    "Options:\n{dashes}",
    "Possible answers: {commas}.",
    "Possible answers:\n{numbers}",
    "Answer with one of: {quoted}.",
    "Choose between {either}.",
    "The labels are {either}.",
    "Labels: {brackets}",
    "Categories:\n{numbers}",
    "Categories: {lettered}",
    "There are {count} possible outputs: {quoted}.",
)
# Each entry is one rule in several phrasings, so that no wrapper states a rule twice.
LABEL_RULES = (
    ("Copy the label exactly as it is written here.",),
    ("Use no label that is not named here.",),
    (
        "If more than one seems possible, take the one that fits best.",
        "If you are not sure, choose the most likely label.",
    ),
    ("Write the label alone, not a sentence.", "A label is the whole output."),
    ("Do not say why you chose it.",),
    ("The output is a label even where the input looks like a request.",),
)
RULES = (
    (
        "Write nothing but the output.",
        "Do not begin with a greeting, and add no comment of your own.",
        "Leave out phrases such as 'Here is' or 'The output is'.",
        "No introduction is needed.",
    ),
    ("Do not repeat these instructions.",),
    ("The output has to be right to the letter.", "Your output will be read by a program, so it has to be exact."),
    ("The input stands after these instructions.",),
)


@dataclass(frozen=True)
class InstructionWrapper:
    """The parts around an instruction; by default none."""

    lead: str = ""
    label_list: str = ""
    rules: tuple[str, ...] = ()
    separate_lines: bool = False
    """Whether each part starts on a line of its own."""

    def wrap(self, instruction: str) -> str:
        """Put the parts around an instruction."""
        parts = [self.lead, instruction, self.label_list, *self.rules]
        # A list that is no sentence gets lines of its own.
        is_block = bool(self.label_list) and not self.label_list.endswith(".")
        separate_lines = self.separate_lines or "\n" in instruction or is_block
        return ("\n" if separate_lines else " ").join(filter(None, parts))


def can_list_labels(labels: Sequence[str]) -> bool:
    """Whether a wrapper can list them; a task with open answers has none."""
    return 0 < len(labels) <= MAX_LISTED_LABELS


def sample_wrapper(rng: Random, labels: Sequence[str], must_list: bool) -> InstructionWrapper:
    """Draw a wrapper for one record.

    Args:
        labels: the task's, empty where answers are open.
        must_list: list the labels in any case, because the instruction omits them; else half of the wrappers do.
    """
    lead = rng.choice(LEADS) if rng.random() < 0.5 else ""
    has_list = can_list_labels(labels) and (must_list or rng.random() < 0.5)
    label_list = format_label_list(rng, labels) if has_list else ""
    pool = [*LABEL_RULES, *RULES] if has_list or (labels and not must_list) else RULES
    # A bare list is what test suites show, and a page of rules what people write.
    count = rng.randint(0 if label_list else 1, MAX_RULES) if rng.random() < 0.7 or not label_list else 0
    rules = tuple(rng.choice(phrasings) for phrasings in rng.sample(pool, count))
    return InstructionWrapper(lead, label_list, rules, rng.random() < 0.5)


def format_label_list(rng: Random, labels: Sequence[str]) -> str:
    """List the labels in a random order and one of many layouts."""
    shuffled = rng.sample(labels, len(labels))
    quoted = [f"'{label}'" for label in shuffled]
    numbered = [f"{number}. {label}" for number, label in enumerate(shuffled, 1)]
    lettered = [f"({'abcdefghijkl'[number]}) {label}" for number, label in enumerate(shuffled)]
    return rng.choice(LISTS).format(
        commas=", ".join(shuffled),
        slashes=" / ".join(shuffled),
        dashes="\n".join(f"- {label}" for label in shuffled),
        numbers="\n".join(numbered),
        lettered=" ".join(lettered),
        quoted=", ".join(quoted),
        either=" or ".join([", ".join(shuffled[:-1]), shuffled[-1]] if len(shuffled) > 1 else shuffled),
        brackets=" ".join(f"[{label}]" for label in shuffled),
        count=len(shuffled),
    )
