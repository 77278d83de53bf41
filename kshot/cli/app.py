"""The `kshot` command and its exit codes.

Only this package knows all stages; each is imported when it is asked for, so that `--help` answers at once.
"""

import errno
import os
import sys
from collections.abc import Callable

import typer

from kshot.cli import chat, compare, init, models, plan, recipes, serve, sharing, stages, tasks, view
from kshot.core.console import fail
from kshot.core.errors import ConfigError, KshotError, PeerFailedError
from kshot.runtime import process_setup  # noqa: F401 - sets what the libraries read when they are imported
from kshot.runtime.processes import process_count

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Make a small language model better at tasks, zero-shot and few-shot, and measure by how much.

    **generate** makes verified instruction data, **train** fine-tunes the student on it, **evaluate** compares student
    and base on held-out tasks, zero-shot and with demonstrations. Each stage can be rerun: it goes on where it stopped.

    Start with `kshot run quickstart`, or with examples of your own: `kshot init NAME --from FILE`.""",
)


@app.callback()
def begin(context: typer.Context) -> None:
    if process_count() > 1 and context.invoked_subcommand != "train":
        raise ConfigError(
            [f"kshot {context.invoked_subcommand}: launched as {process_count()} processes, and only `kshot train` "
             "works in several; launch that, or set train.processes"]
        )  # fmt: skip


app.command()(init.init)
for command in (stages.generate, stages.train, stages.evaluate, compare.ablate, compare.compare):
    app.command()(command)
app.command("run")(stages.run_all)
app.command()(sharing.export)
app.command()(sharing.push)
app.command()(view.view)
app.command()(plan.plan)
app.command()(chat.chat)
app.command()(serve.serve)
app.add_typer(recipes.group, name="recipes")
app.add_typer(tasks.group, name="tasks")
app.add_typer(models.group, name="models")

INTERRUPTED = 130
_NO_SPACE, _NO_RIGHT, _NO_PLACE = "free some space", "check the permissions", "name another place"
HINTS = {
    errno.ENOSPC: _NO_SPACE, errno.EDQUOT: _NO_SPACE,
    errno.EACCES: _NO_RIGHT, errno.EROFS: _NO_RIGHT, errno.EPERM: _NO_RIGHT,
    errno.ENOTDIR: _NO_PLACE, errno.EEXIST: _NO_PLACE, errno.EISDIR: _NO_PLACE, errno.ENAMETOOLONG: _NO_PLACE,
}  # fmt: skip
"""What a user can do about an error of the system; other errors are ours."""
FULL_DISK = ("No space left", "PytorchStreamWriter failed writing", "inline_container.cc", "database or disk is full")


def main() -> None:
    """Entry point: a user's mistake is one line and exit 2, whatever stage it came from."""
    sys.exit(guarded(app))


def guarded(command: Callable[[], object]) -> int:
    """Run the command and return the exit code. (Usage errors leave through typer's own SystemExit, with 2.)"""
    try:
        command()
    except ConfigError as error:
        for fault in error.faults:
            fail(fault)
    except PeerFailedError:
        pass
    except KshotError as error:
        fail(str(error))
    except OSError as error:
        if error.errno not in HINTS:
            raise
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{os.strerror(error.errno).lower()}; {HINTS[error.errno]} and rerun: finished work is kept")
    except Exception as error:
        # Libraries wrap the system's error in types of their own; only its words remain.
        if not any(sign in str(error) for sign in FULL_DISK):
            raise
        fail("no space left on device; free some space and rerun: finished work is kept")
    except SystemExit as left:
        # typer turns Ctrl-C into this code without a word.
        if left.code != INTERRUPTED:
            raise
        fail("interrupted; rerun the command to go on from here")
        return INTERRUPTED
    else:
        return 0
    return 2
