"""Complete checkpoints: the Trainer writes them in place, so a kill may leave half of one.

After each save a marker with the size of every file is written; only a checkpoint that agrees with its marker is
resumed from (https://github.com/huggingface/transformers/issues/35782).
"""

import shutil
from pathlib import Path

from kshot.core.errors import DataError
from kshot.core.files import read_json, write_json

MARKER = "complete.json"
STEP = "step.json"
"""Beside the checkpoints: the rows of a step, which stay what they are when other processes go on."""


def mark_complete(checkpoint: Path) -> None:
    """Write the marker of a checkpoint that is complete."""
    sizes = {path.name: path.stat().st_size for path in sorted(checkpoint.iterdir()) if path.name != MARKER}
    write_json(checkpoint / MARKER, sizes)


def is_complete(checkpoint: Path) -> bool:
    try:
        sizes = read_json(checkpoint / MARKER)
    except DataError:
        return False
    return all((checkpoint / n).is_file() and (checkpoint / n).stat().st_size == size for n, size in sizes.items())


def checkpoint_step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def last_complete(folder: Path) -> Path | None:
    """The latest complete checkpoint in `folder`; removes incomplete ones."""
    best = None
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=checkpoint_step):
        if is_complete(checkpoint):
            best = checkpoint
        else:
            shutil.rmtree(checkpoint)
    return best


def keep_step_rows(folder: Path, rows: int) -> int:
    """The rows of a step of the training whose checkpoints are in `folder`; `rows`, kept there, if it begins now."""
    if last_complete(folder) is None:
        write_json(folder / STEP, {"rows": rows})
        return rows
    # A checkpoint of an earlier version was written by one process.
    return int(read_json(folder / STEP)["rows"]) if (folder / STEP).exists() else rows
