"""What stands around a task's wording in many real instructions: a lead, a list of the labels, rules for the answer.

All of it holds for every task, so that nothing has to be known about one; only the labels are the task's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

MAX_LISTED_LABELS = 12
"""More labels would be a list longer than the rest of the record."""
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
# Each entry is one rule in several wordings, so that none is given twice.
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
    """What goes around a wording, as it is drawn, by default nothing; `listing` holds the labels."""

    lead: str = ""
    listing: str = ""
    rules: tuple[str, ...] = ()
    lines: bool = False
    """Whether each part has lines of its own."""

    def around(self, text: str) -> str:
        """The wording with everything around it."""
        parts = [self.lead, text, self.listing, *self.rules]
        # A list that is no sentence has lines of its own.
        apart = self.lines or "\n" in text or (self.listing and not self.listing.endswith("."))
        return ("\n" if apart else " ").join(filter(None, parts))


def can_list_labels(labels: Sequence[str]) -> bool:
    """Whether a frame can list them; there are none where answers are open."""
    return 0 < len(labels) <= MAX_LISTED_LABELS


def sample_wrapper(rng: Random, labels: Sequence[str], listed: bool) -> InstructionWrapper:
    """A frame for one record.

    Args:
        labels: the task's, empty where answers are open.
        listed: name the labels in any case, because the wording does not; else half of the frames do.
    """
    lead = rng.choice(LEADS) if rng.random() < 0.5 else ""
    shown = can_list_labels(labels) and (listed or rng.random() < 0.5)
    listing = format_label_list(rng, labels) if shown else ""
    pool = [*LABEL_RULES, *RULES] if shown or (labels and not listed) else RULES
    # A bare list is what test suites show, and a page of rules what people write.
    count = rng.randint(0 if listing else 1, MAX_RULES) if rng.random() < 0.7 or not listing else 0
    rules = tuple(rng.choice(wordings) for wordings in rng.sample(pool, count))
    return InstructionWrapper(lead, listing, rules, rng.random() < 0.5)


def format_label_list(rng: Random, labels: Sequence[str]) -> str:
    """The labels in an order of their own, in one of many layouts."""
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
