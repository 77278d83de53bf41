"""An upload: the files of one repository, its checks, and the commit that sends it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kshot.core.errors import DataError, RunError, summarize_error

RepoType = Literal["dataset", "model", "space"]
CARD = "README.md"
CHECKED_SUFFIXES = {".html", ".json", ".md", ".jinja", ".yaml", ""}
"""Files that may not name a folder of this machine; data and weights hold what they hold."""
VOCABULARIES = {"tokenizer.json", "vocab.json", "added_tokens.json", "special_tokens_map.json"}
"""A token may look like a folder."""
MAX_CHECKED_BYTES = 20_000_000


@dataclass(frozen=True)
class Upload:
    """What goes into one repository.

    Args:
        what: in a word, for messages.
        files: path in the repository -> file, or content. A card (README.md) is among them.
    """

    what: str
    repo_type: RepoType
    files: Mapping[str, Path | bytes]

    def read(self, name: str) -> bytes:
        content = self.files[name]
        return content if isinstance(content, bytes) else content.read_bytes()

    def count_bytes(self, name: str) -> int:
        content = self.files[name]
        return len(content) if isinstance(content, bytes) else content.stat().st_size


def describe_upload(upload: Upload, repo_id: str, private: bool) -> list[str]:
    """What would be sent: a line for the repository, and one for each file with its size."""
    sizes = {name: upload.count_bytes(name) for name in sorted(upload.files)}
    kind = f"{'private' if private else 'public'} {upload.repo_type} {repo_id}"
    total = f"{len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB"
    return [f"push: would send {total} to the {kind}", *(f"  {size:>13,}  {name}" for name, size in sizes.items())]


def check_upload(upload: Upload, repo_id: str) -> None:
    """Refuse a repository's name, a card or a file that should not be sent.

    Raises:
        RunError: names the fault and what to do.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined,unused-ignore]

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise RunError(f"{repo_id!r}: no name of a repository: {summarize_error(error)}") from None
    if repo_id.count("/") != 1:
        raise RunError(f"{repo_id!r}: expected OWNER/NAME")
    check_card(upload.read(CARD).decode(), upload.what)
    for name in upload.files:
        is_checked = Path(name).suffix in CHECKED_SUFFIXES and Path(name).name not in VOCABULARIES
        if is_checked and upload.count_bytes(name) <= MAX_CHECKED_BYTES:
            _check_paths(name, upload.read(name).decode("utf-8", "replace"))


def check_card(text: str, what: str) -> None:
    """Refuse a card whose metadata the hub's own library does not read back.

    Raises:
        RunError: says what it does not take.
    """
    from huggingface_hub import RepoCard
    from huggingface_hub.repocard_data import model_index_to_eval_results

    try:
        data = RepoCard(text).data.to_dict()  # type: ignore[no-untyped-call,unused-ignore]
        if "model-index" in data:
            model_index_to_eval_results(data["model-index"])
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{what}: the card's metadata is not valid: {summarize_error(error)}") from None
    base = data.get("base_model")
    if isinstance(base, str) and not re.fullmatch(r"[\w.-]+/[\w.-]+", base):
        raise RunError(f"{what}: the card's base_model {base!r} is no hub id; export the run again")


def _check_paths(name: str, text: str) -> None:
    for folder in (Path.home(), Path.cwd()):
        if len(folder.parts) > 1 and re.search(re.escape(str(folder)) + r"(?![\w-])", text):
            raise RunError(f"{name}: names the folder {folder} of this machine; run `kshot export` or its stage again")


def send_upload(upload: Upload, repo_id: str, private: bool) -> str:
    """Create the repository if needed, send the files in one commit, and return its address.

    The hub checks the card first. The token is the one that `hf auth login` stored, or $HF_TOKEN; $HF_ENDPOINT names
    another hub.

    Raises:
        RunError: the hub refused the card or the files, or cannot be reached; a commit is whole or not there.
    """
    from httpx2 import HTTPError
    from huggingface_hub import CommitOperationAdd, HfApi, RepoCard
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi()
    try:
        RepoCard(upload.read(CARD).decode()).validate(repo_type=upload.repo_type)
        sdk = "static" if upload.repo_type == "space" else None
        address = api.create_repo(repo_id, repo_type=upload.repo_type, private=private, exist_ok=True, space_sdk=sdk)
        operations = [
            CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
            for name, content in sorted(upload.files.items())
        ]
        api.create_commit(
            repo_id, operations, repo_type=upload.repo_type, commit_message=f"{upload.what.capitalize()} by kshot"
        )
    except (HfHubHTTPError, HFValidationError, HTTPError, OSError, ValueError) as error:
        cause = f"{repo_id}: the hub refused the {upload.what}: {summarize_error(error, most=None)}"
        raise RunError(f"{cause}; check the name and `hf auth login`") from None
    return str(address)


def collect_files(folder: Path, names: Sequence[str] | None = None) -> dict[str, Path | bytes]:
    """The files of a folder by their path in it.

    Args:
        names: these only, where they are there; None: all, hidden ones apart.

    Raises:
        DataError: the folder holds no card.
    """
    paths = [folder / name for name in names] if names else sorted(folder.rglob("*"))
    files: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path for path in paths if path.is_file() and not path.name.startswith(".")
    }
    if CARD not in files:
        raise DataError(f"{folder}: holds no {CARD}; run the stage that writes it again")
    return files
