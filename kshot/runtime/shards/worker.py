"""Run one shard of a work: `python -m kshot.runtime.shards.worker WORK FOLDER RANK SHARDS`.

The folder holds the job, and parts.json: the numbers of the parts that are missing. Shard `RANK` does every `SHARDS`th
of them. A part that is done is a file, so a killed shard loses at most the part that it was at.
The local executor starts this module; the steps of Slurm and Ray call `run_shard`.
"""

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from kshot.core.errors import KshotError, summarize_error
from kshot.core.files import read_json, write_text
from kshot.runtime.shards.work import find_work

PARTS, ERRORS = "parts.json", "errors"


def missing_parts(work: str, folder: Path, parts: Sequence[int]) -> list[int]:
    """The parts that are not done."""
    done = find_work(work).done
    return [part for part in parts if not done(folder, part).exists()]


def run_shard(work: str, folder: Path, rank: int, shards: int) -> None:
    """Do a shard's parts; note an error that a user can fix in the folder, and stop."""
    parts = read_json(folder / PARTS)[rank::shards]
    try:
        for part in missing_parts(work, folder, parts):
            find_work(work).run(folder, part)
    except KshotError as error:
        write_text(folder / ERRORS / f"{rank}.txt", str(error))
    except Exception as error:
        # Another try would end in the same way; the log has the traceback.
        write_text(folder / ERRORS / f"{rank}.txt", f"a shard failed: {type(error).__name__}: {summarize_error(error)}")
        raise


def read_error(folder: Path) -> str:
    """The first error that a shard noted; "" where none did."""
    return next((path.read_text() for path in sorted((folder / ERRORS).glob("*.txt"))), "")


def _end_with_parent() -> None:
    """End this process when the pipe on its stdin closes: kshot ended, be it by SIGKILL."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run_shard(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    sys.stdout.flush()
    # The reading thread may hold the lock of stdin's buffer, on which an ordinary exit would wait.
    os._exit(0)
