"""The chats of a suite's first items, for a model that is asked outside lm-eval."""

from collections.abc import Iterator, Sequence
from itertools import islice

from kshot.core.errors import SuiteError
from kshot.suites.loading import load_suite
from kshot.suites.prompts import render_chat

FirstItem = tuple[str, int, list[dict[str, str]]]
"""Task, index of the item in it, and the turns."""


def render_first_items(suites: Sequence[str], limit: int) -> list[FirstItem]:
    """The first items of suites without demonstrations: the first of every task, then the second, up to `limit`.

    Raises:
        SuiteError: a suite that cannot be read, or one of lm-eval, whose prompts lm-eval writes.
    """
    return list(islice(_iterate(suites), limit))


def _iterate(names: Sequence[str]) -> Iterator[FirstItem]:
    if foreign := [name for name in names if name.startswith("lm_eval:")]:
        raise SuiteError(f"{foreign[0]}: an export is compared on suites in kshot's format; name one of them")
    suites = [load_suite(name) for name in names]
    most = max((len(task.items) for suite in suites for task in suite.tasks), default=0)
    for number in range(most):
        for suite in suites:
            for task in suite.tasks:
                if number < len(task.items):
                    yield task.name, number, render_chat(suite, task, task.items[number], 0)
