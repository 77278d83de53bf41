"""The styles over which the teacher's instructions and reworded inputs are spread."""

VERSION = 2
"""Raise when the same draws give other words."""

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
