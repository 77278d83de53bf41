"""What a push of the student sends: adapter, merged weights, or a GGUF file, with its card completed."""

from collections.abc import Sequence
from pathlib import Path

from kshot.core.console import say
from kshot.core.errors import RunError
from kshot.core.runs import EXPORT, is_of_training
from kshot.hub.model_card import ScoreOnHub, complete_card
from kshot.hub.upload import CARD, Upload, collect_files
from kshot.models.checkpoints import read_training_manifest

MODELS = ("adapter", "merged", "gguf")


def collect_model(
    run: Path,
    what: str,
    repo_id: str,
    scores: Sequence[ScoreOnHub] = (),
    dataset: str | None = None,
    license_id: str | None = None,
    folder: Path | None = None,
) -> Upload:
    """The upload of a run's student.

    Args:
        what: one of `MODELS`.
        scores: of the student, for the card.
        dataset: the repository of the run's data, where they were pushed.
        license_id: the licence, as the hub names it.
        folder: an export to send, where the run has several.

    Raises:
        RunError: the training is not finished, there is no such export, or there are several.
    """
    manifest = read_training_manifest(run / "train")
    if what == "adapter" and manifest.get("method") == "full":
        raise RunError(f"{run}: train.method: full trained all weights, so there is no adapter; push --what merged")
    place = folder or _find_folder(run, what)
    if folder and not is_of_training(run, folder / EXPORT):
        raise RunError(f"{folder}: no export of this run's student as it is trained now; run `kshot export` again")
    files = collect_files(place)
    if what == "gguf" and not any(name.endswith(".gguf") for name in files):
        raise RunError(f"{place}: holds no GGUF file; name an export of --to gguf with --folder")
    card = complete_card(Path(place / CARD).read_text(encoding="utf-8"), repo_id, what, scores, dataset, license_id)
    files.pop(EXPORT, None)
    return Upload(what, "model", files | {CARD: card.encode()})


def _find_folder(run: Path, what: str) -> Path:
    """The run's only export of that kind; else what `kshot train` wrote."""
    files = sorted(run.glob(f"export/{what}*/{EXPORT}"))
    exports = [file.parent for file in files if is_of_training(run, file)]
    if len(files) > len(exports):
        say(f"push: {len(files) - len(exports)} exports are of an earlier training and left alone")
    if len(exports) > 1:
        names = ", ".join(map(str, exports))
        raise RunError(f"{run}: several exports to {what}: {names}; name one with --folder")
    if exports:
        return exports[0]
    if what == "gguf":
        raise RunError(f"{run}: no GGUF file yet; run `kshot export {run} --to gguf` first")
    if what == "merged":
        say(f"push: sends {run / 'train' / what} in float32; `kshot export {run} --to merged` takes the base's dtype")
    return run / "train" / what
