"""The base of the models of a run's files: one frozen model for each JSON file, written and read by the same code."""

from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from kshot.core.errors import DataError
from kshot.core.files import atomic_file, read_json


class FileModel(BaseModel):
    """A JSON object of a run's file, or a part of one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


Content = TypeVar("Content")


def write_model(path: Path, content: FileModel | list[Any]) -> None:
    """Write a model, or a list of models, as indented JSON."""
    value = (
        [row.model_dump(mode="json") for row in content]
        if isinstance(content, list)
        else content.model_dump(mode="json")
    )
    with atomic_file(path) as temporary:
        temporary.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def read_model(path: Path, kind: type[Content]) -> Content:
    """Read a JSON file as a model or as `list[Model]`.

    Raises:
        DataError: the file is missing, broken, or of another version; names the file and the field.
    """
    try:
        return TypeAdapter(kind).validate_python(read_json(path))
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        field = ".".join(map(str, detail["loc"]))
        raise DataError(f"{path}: {field}: {detail['msg']}; delete the file and rerun the stage") from None
