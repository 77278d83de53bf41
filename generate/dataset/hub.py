"""The set for others: as Parquet beside train.jsonl and, by choice, as a dataset on the Hugging Face hub."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from kshot.core.errors import RunError, summarize_error
from kshot.core.files import atomic_file, read_jsonl

ROWS = 20_000
"""In a row group, and in memory at a time."""
SHARED = ("README.md", "train.jsonl", "train.parquet", "contamination.jsonl")
"""What is pushed. The manifest stays: it names paths of this machine."""


def write_parquet(train: Path, target: Path) -> None:
    """Write a JSONL file of records as Parquet, a row group at a time; the first record has all columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number = pa.string(), pa.int64()
    known = {"demo_ids": pa.list_(text), "targets": pa.list_(pa.list_(number)), "teacher": text}
    rows: Iterator[dict[str, Any]] = (row for _, row in read_jsonl(train))
    first = next(rows)
    types = {key: known.get(key) or pa.infer_type([value]) for key, value in first["meta"].items()}
    schema = pa.schema({"instruction": text, "output": text, "meta": pa.struct(list(types.items()))})
    rows = chain([first], rows)
    with atomic_file(target) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        while group := list(islice(rows, ROWS)):
            writer.write_table(pa.Table.from_pylist(group, schema))


def push_dataset(folder: Path, repo_id: str, private: bool = True) -> str:
    """Put a generate folder's data and card into a dataset repository, made if need be, in one commit.

    The token is the one that `hf auth login` stored or $HF_TOKEN.

    Args:
        folder: runs/<run>/generate.
        repo_id: `owner/name`.

    Returns:
        The address of the repository.

    Raises:
        RunError: there is no finished set, or the hub refused or cannot be reached.
    """
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if not (folder / "manifest.json").exists():
        raise RunError(f"{folder}: no finished set to push; run `kshot generate` first")
    api = HfApi()
    try:
        address = api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo_id,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=list(SHARED),
            commit_message="Data made by kshot",
        )
    except (HfHubHTTPError, HFValidationError, HTTPError, OSError) as error:
        cause = f"{repo_id}: the hub did not take the data: {summarize_error(error, most=None)}"
        raise RunError(f"{cause}; check the name and `hf auth login`") from None
    return str(address)
