"""Checks of a person's decisions, the same for the page and for the data: an edit must be a usable example."""

import json
from collections.abc import Collection, Sequence

from kshot.generate.run_files import REFUSED_BY_PERSON
from kshot.generate.teacher import InputOnly, InputOutput, Reply, read_reply

EXAMPLE_MODES = frozenset({"demonstrate", "augment"})
"""Modes whose replies are one example: whole, or an input whose output the request gave. Others' are more than that."""
CONTAMINATED = "shares text with a suite"
"""A reject for this reason cannot be accepted: held-out text never enters the data."""


def find_example_fault(
    input: str, output: str, labels: Sequence[str], allow_empty_outputs: bool, others: Collection[str]
) -> str:
    """What is wrong with an example that a person edited or accepted, as the end of a line; "" for nothing.

    Args:
        labels: all outputs of the task, empty where answers are open.
        others: inputs of the task's other examples.
    """
    if not input.strip():
        return "the input is empty"
    if not output.strip() and not allow_empty_outputs:
        return "the output is empty"
    if labels and output not in labels:
        return f"the output {output!r:.80} is none of the labels {', '.join(labels):.200}"
    if input in others:
        return "another example of the task has this input"
    return ""


def read_rejected_example(mode: str, reason: str, candidate: str) -> tuple[str, str | None] | None:
    """The input and output of a rejected example that a person may accept; the output is None where the reply has none.

    Returns:
        None for what is no example, and for held-out text.
    """
    if mode not in EXAMPLE_MODES or reason.startswith((CONTAMINATED, REFUSED_BY_PERSON)):
        return None
    reply = Reply(candidate)
    if isinstance(whole := read_reply(reply, InputOutput), InputOutput):
        return whole.input, whole.output
    part = read_reply(reply, InputOnly)
    return None if isinstance(part, str) else (part.input, None)


def dump_example(input: str, output: str) -> str:
    """An example as the candidate of a reject."""
    return json.dumps({"input": input, "output": output}, ensure_ascii=False)
