"""Reads lines and shows answers: on a terminal with line editing, elsewhere a message a line.

Answers go to stdout, everything else to stderr. What a model writes is made visible before it reaches the terminal,
which would obey control sequences.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import closing

from kshot.chat.commands import run_command
from kshot.chat.generate import Speaker
from kshot.chat.session import ChatSession
from kshot.core.console import err, fail
from kshot.core.errors import ConfigError, DataError, KshotError
from kshot.core.pages.safe import make_visible

PROMPT, PROMPT_MORE = "> ", ". "


def is_terminal() -> bool:
    """Whether a person types the messages and reads the answers."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def write_note(text: str) -> None:
    """Print lines that are no answer."""
    err.print(make_visible(text), style="dim" if err.is_terminal else None, markup=False)


def run_chat(session: ChatSession) -> None:
    """Answer lines until they end.

    Raises:
        KshotError: elsewhere than on a terminal, the first message or command that cannot be answered.
    """
    typed = is_terminal()
    session.note = write_note
    if typed:
        _start_line_editing()
        names = " beside ".join(speaker.name for speaker in session.speakers)
        write_note(f"{names}: /help shows the commands, Ctrl-D ends the chat")
    lines = _read_lines()
    try:
        while True:
            try:
                line = _type_message() if typed else next(lines, None)
                if line is None or not _take_line(session, line, typed):
                    break
            except KeyboardInterrupt:
                if not typed:
                    raise
                _write("\n")
                write_note("Ctrl-D or /quit ends the chat")
            except KshotError as error:
                if not typed:
                    raise
                for fault in error.faults if isinstance(error, ConfigError) else [str(error)]:
                    fail(make_visible(fault))
    except BrokenPipeError:
        # Nobody reads the answers any more. Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _take_line(session: ChatSession, line: str, typed: bool) -> bool:
    """Do what a line says; False if the chat ends with it."""
    if not line.strip():
        return True
    if line.startswith("/") and not line.startswith("//"):
        effect = run_command(session, line)
        for note in effect.notes:
            write_note(note)
        if effect.compares_last:
            _write(f"{session.speaker.name}: {make_visible(session.last_answer)}\n")
            _show_answer(session, session.other, session.last_message, True, typed)
        return not effect.quits
    text = line[1:] if line.startswith("//") else line
    for speaker in session.speakers:
        _show_answer(session, speaker, text, session.compares, typed)
    return True


def _show_answer(session: ChatSession, speaker: Speaker, text: str, named: bool, typed: bool) -> None:
    """Write an answer as it comes, and below it what is to be said of it; Ctrl-C on a terminal stops it there."""
    notes: list[str] = []
    session.note = notes.append
    if named:
        _write(f"{make_visible(speaker.name)}: ")
    try:
        with closing(session.answer(speaker, text)) as pieces:
            for piece in pieces:
                _write(make_visible(piece))
    except KeyboardInterrupt:
        if not typed:
            raise
        notes.append(f"{speaker.name}: stopped")
    except KshotError:
        if named:
            _write("\n")
        raise
    finally:
        session.note = write_note
    _write("\n")
    for note in notes:
        write_note(note)


def _write(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def _start_line_editing() -> None:
    try:
        import readline  # noqa: F401 - input() edits lines with it, and keeps the history of this chat
    except ImportError:
        write_note("no line editing: this Python has no readline")


def _type_message() -> str | None:
    """What a person types, over several lines where all but the last end with a backslash; None at the end."""
    lines: list[str] = []
    while True:
        try:
            line = input(PROMPT_MORE if lines else PROMPT)
        except EOFError:
            _write("\n")
            return None
        lines.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            return "\n".join(lines)


def _read_lines() -> Iterator[str]:
    """Lines of stdin, the same way.

    Raises:
        DataError: a line is not UTF-8.
    """
    lines: list[str] = []
    for number, raw in enumerate(sys.stdin.buffer, 1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise DataError(f"stdin:{number}: not UTF-8; convert the text, e.g. with iconv") from None
        lines.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)
