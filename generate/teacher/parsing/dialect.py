"""The dialect of an endpoint: which fields it refuses or names otherwise, learnt from the errors that it answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

TOKENS_FIELDS = ("max_tokens", "max_completion_tokens")
_REFUSALS = re.compile(
    r"unsupported|not (?:be )?support|isn't supported|doesn't support|"
    r"not (?:be )?(?:allowed|permitted|available|recogni[sz]ed)|unknown|unrecogni[sz]ed|unexpected|extra inputs|"
    r"deprecated|only the default|does not accept|no longer|must be omitted|not (?:a )?valid|"
    r"invalid (?:parameter|argument|field|role)|cannot be (?:set|used|specified)|use '?max_",
    re.I,
)
_NEEDED = {"model", "messages", "response_format"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint was found to take. `system_role` None: the system text goes into the user's message."""

    omitted: frozenset[str] = frozenset()
    renamed: tuple[tuple[str, str], ...] = ()
    system_role: str | None = "system"

    def omit(self, name: str) -> "Dialect":
        return replace(self, omitted=self.omitted | {name})

    def apply(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request's fields as the endpoint takes them, without those whose value is None."""
        names = dict(self.renamed)
        payload = {
            names.get(name, name): value
            for name, value in fields.items()
            if name not in self.omitted and value is not None
        }
        if self.system_role != "system":
            payload["messages"] = self._rewrite_messages(payload["messages"])
        return payload

    def _rewrite_messages(self, messages: list[dict[str, str]]) -> list[dict[str, str]]:
        if self.system_role:
            return [{**part, "role": part["role"].replace("system", self.system_role)} for part in messages]
        system = "\n\n".join(part["content"] for part in messages if part["role"] == "system")
        rest = [part for part in messages if part["role"] != "system"]
        return [{**rest[0], "content": f"{system}\n\n{rest[0]['content']}"}, *rest[1:]] if system else rest


Dialects = dict[tuple[str, str], Dialect]
"""By URL and model."""


def learn_dialect(dialect: Dialect, payload: Mapping[str, Any], error: str) -> tuple[Dialect, str] | None:
    """Return the dialect that an error asks for, and what changes in words; None where it asks for no change.

    Args:
        payload: the fields that the endpoint refused.
        error: its message.
    """
    if not _REFUSALS.search(error):
        return None
    for name, other in (TOKENS_FIELDS, TOKENS_FIELDS[::-1]):
        if name in payload and re.search(rf"\b{name}\b", error):
            if name in dict(dialect.renamed).values():
                return None
            return replace(dialect, renamed=(*dialect.renamed, (name, other))), f"takes {other} for {name}"
    has_system = any(part["role"] == "system" for part in payload["messages"])
    if has_system and re.search(r"\bsystem\b", error, re.I) and dialect.system_role == "system":
        if re.search(r"\bdeveloper\b", error, re.I):
            return replace(dialect, system_role="developer"), "takes the role developer for system"
        return replace(dialect, system_role=None), "takes no system message; the user's message begins with it"
    for name in payload:
        if name not in {*_NEEDED, *TOKENS_FIELDS} and re.search(rf"\b{re.escape(name)}\b", error, re.I):
            return dialect.omit(name), f"refuses {name}; it is left out"
    return None


_UNSUPPORTED = {"default", "title", "minLength", "maxLength", "minItems", "maxItems", "pattern", "format"}


def to_strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema in OpenAI's strict subset: all properties required, no others, no bounds of lengths.

    Source: https://platform.openai.com/docs/guides/structured-outputs, "Supported schemas".
    """
    strict: dict[str, Any] = {}
    for key, value in schema.items():
        if key in {"properties", "$defs", "definitions"}:
            strict[key] = {name: to_strict_schema(item) for name, item in value.items()}
        elif key in _UNSUPPORTED:
            continue
        elif isinstance(value, Mapping):
            strict[key] = to_strict_schema(value)
        elif isinstance(value, list):
            strict[key] = [to_strict_schema(item) if isinstance(item, Mapping) else item for item in value]
        else:
            strict[key] = value
    if "properties" in strict:
        strict |= {"required": list(strict["properties"]), "additionalProperties": False}
    return strict
