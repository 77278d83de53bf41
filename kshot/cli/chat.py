"""`kshot chat RUN|MODEL`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.cli.options import AnsweringModel, Dtype
from kshot.core.console import say_on_stderr

if TYPE_CHECKING:
    from kshot.tasks.source import TaskSource


def chat(
    model: AnsweringModel,
    beside: Annotated[
        str,
        typer.Option(metavar="base|RUN|MODEL", help="A second model that answers too; base: the student's own base."),
    ] = "",
    task: Annotated[str, typer.Option(metavar="NAME", help="Make messages inputs of this task; see /tasks.")] = "",
    shots: Annotated[int, typer.Option(min=0, metavar="N", help="Demonstrations of the task before each input.")] = 0,
    files: Annotated[
        list[Path] | None,
        typer.Option("--file", help="More tasks: a YAML file, a table of examples, a suite's folder. Repeatable."),
    ] = None,
    system: Annotated[str, typer.Option(metavar="TEXT", help="System text.")] = "",
    max_tokens: Annotated[int, typer.Option(min=1, metavar="N", help="Tokens of an answer, at most.")] = 256,
    temperature: Annotated[
        float, typer.Option(min=0.0, metavar="T", help="0 is greedy, as students are measured; above it, sampling.")
    ] = 0.0,
    dtype: Dtype = "auto",
) -> None:
    """Talk to a run's student, or to another model, in the terminal or through a pipe.

    A message is a line. In a pipe, stdout holds the answers alone. Lines that begin with `/` are commands, such as
    `/task NAME`, `/shots 4` and `/compare`; `/help` lists them.
    """
    from kshot.chat.loop import run_chat
    from kshot.chat.opening import open_chat
    from kshot.chat.session import ChatSettings

    settings = ChatSettings(max_tokens=max_tokens, temperature=temperature, system=system)
    with say_on_stderr():
        session = open_chat(
            model,
            beside=beside,
            task=task,
            shots=shots,
            settings=settings,
            files=files or (),
            dtype=dtype,
            find_source=find_family,
        )
        run_chat(session)


def find_family(name: str) -> "TaskSource":
    """A programmatic family by its id.

    Raises:
        ConfigError: there is none.
    """
    from kshot.generate.sources import find_source

    return find_source(name, [])
