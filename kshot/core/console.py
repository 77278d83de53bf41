"""Lines, errors and progress, on a terminal or in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

# A log has no width; a table of gains needs this much.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 130)
err = Console(stderr=True, highlight=False, soft_wrap=True)

SECONDS_BETWEEN_LINES = 10.0


def say(text: str) -> None:
    """Print one line."""
    out.print(escape(text))


@contextmanager
def say_on_stderr() -> Iterator[None]:
    """Inside, `say` prints to stderr: stdout holds a command's results alone."""
    out.stderr = True
    try:
        yield
    finally:
        out.stderr = False


def keep_silent() -> None:
    """Print nothing from here on: of several processes the first speaks."""
    out.quiet = err.quiet = True


def speak_up() -> None:
    """Print errors of this process from here on, also where it is not the first of several."""
    err.quiet = False


def fail(text: str) -> None:
    """Print one line of error."""
    err.print("[red]error:[/red] " + escape(text) if err.is_terminal else "error: " + escape(text))


class Ticker(Protocol):
    """Counts finished work; `note` replaces the words beside the count."""

    def __call__(self, done: int = 1, note: str = "") -> None: ...


@contextmanager
def progress(label: str, total: int, start: int = 0) -> Iterator[Ticker]:
    """A progress bar over `total` units on a terminal; elsewhere a line every ten seconds and at the end."""
    if sys.stdout.isatty():
        with _bar(label, total, start) as tick:
            yield tick
    else:
        yield _lines(label, total, start)


@contextmanager
def _bar(label: str, total: int, start: int) -> Iterator[Ticker]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=out) as bar:
        task = bar.add_task(label, total=total, completed=start, note="")

        def tick(done: int = 1, note: str = "") -> None:
            bar.update(task, advance=done, note=escape(note))

        yield tick


def _lines(label: str, total: int, start: int) -> Ticker:
    began = last = time.monotonic()
    count = start

    def tick(done: int = 1, note: str = "") -> None:
        nonlocal count, last
        count += done
        now = time.monotonic()
        if count < total and now - last < SECONDS_BETWEEN_LINES:
            return
        last = now
        say(f"{label}: {count}/{total} in {now - began:.0f} s{' ' + note if note else ''}")

    return tick
