"""A process of a training in several: `python -m kshot.train.worker FOLDER`, which train/parallel/launch.py starts."""

import sys
from pathlib import Path

from kshot.config import Config
from kshot.core.errors import KshotError, PeerFailedError
from kshot.core.files import read_json, write_json
from kshot.core.runs import Run
from kshot.runtime import process_setup  # noqa: F401 - sets what the libraries read when they are imported
from kshot.runtime.device import Device
from kshot.runtime.processes import process_rank
from kshot.train.parallel.launch import FAILURE, SPEC, encode_error
from kshot.train.stage import run_train


def main(folder: Path) -> int:
    """Train as the file in a folder says; an error goes into another one, which the first process to fail writes."""
    spec = read_json(folder / SPEC)
    device = Device(**spec["device"]) if spec["device"] else None
    config = Config.model_validate_json(spec["config"])
    try:
        run_train(config, Run(Path(spec["folder"])), needed=spec["needed"], device=device)
    except PeerFailedError:
        return 2
    except (KshotError, OSError) as error:
        _report(folder, error)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        # A full disk comes in many types; the command knows it by its words.
        _report(folder, error)
        raise
    return 0


def _report(folder: Path, error: Exception) -> None:
    if process_rank() == 0 or not (folder / FAILURE).exists():
        write_json(folder / FAILURE, encode_error(error))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
