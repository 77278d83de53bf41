"""The base of all config sections, and the types of their fields."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Shots = Annotated[int, Field(ge=0, le=64)]
Price = Annotated[float, Field(ge=0)]
Concurrency = Annotated[int, Field(ge=1, le=4096)]
Names = Annotated[list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]


class Section(BaseModel):
    """A part of the config: strict about types, closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
