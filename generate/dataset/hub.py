"""Pushes a data set to the Hugging Face hub."""

from pathlib import Path

from kshot.core.errors import RunError, summarize_error
from kshot.core.runs import MANIFEST
from kshot.generate.run_files import CARD, CONTAMINATION, PARQUET, TRAIN

PUSHED_FILES = (CARD, TRAIN, PARQUET, CONTAMINATION)
"""The manifest stays: it names local paths."""


def push_dataset(folder: Path, repo_id: str, private: bool = True) -> str:
    """Push a generate folder's data and card to a dataset repository in one commit; create the repository if needed.

    The token is the one that `hf auth login` stored or $HF_TOKEN.

    Args:
        folder: runs/<run>/generate.
        repo_id: `owner/name`.

    Returns:
        The address of the repository.

    Raises:
        RunError: the data set is not finished, or the hub refused it or cannot be reached.
    """
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if not (folder / MANIFEST).exists():
        raise RunError(f"{folder}: no finished data set to push; run `kshot generate` first")
    api = HfApi()
    try:
        address = api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo_id,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=list(PUSHED_FILES),
            commit_message="Data made by kshot",
        )
    except (HfHubHTTPError, HFValidationError, HTTPError, OSError) as error:
        cause = f"{repo_id}: the hub refused the data: {summarize_error(error, most=None)}"
        raise RunError(f"{cause}; check the name and `hf auth login`") from None
    return str(address)
