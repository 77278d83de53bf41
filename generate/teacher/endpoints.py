"""Where teachers are served: presets, the settings of each endpoint, and which endpoint a request belongs to."""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from kshot.config import EndpointConfig, Structured, TeacherConfig
from kshot.core.errors import TeacherError
from kshot.core.seeding import digest
from kshot.models.loading import fingerprint_model
from kshot.models.references import GgufFile, parse_reference, resolve_model

LOCAL = "local"
DEFAULT_KEY = "OPENAI_API_KEY"
SHORTEST_SECRET = 8
"""Shorter keys are stand-ins such as `none`, which may stand in any text."""
MOST_AT_ONCE, MOST_AT_ONCE_HERE = 256, 8


@dataclass(frozen=True)
class EndpointPreset:
    """What there is to know about a service."""

    url: str
    api_key_env: str = DEFAULT_KEY
    structured: Structured = "auto"
    tokens_field: str = "max_tokens"


PRESETS: dict[str, EndpointPreset] = {
    LOCAL: EndpointPreset(LOCAL, structured="none"),
    "llamacpp": EndpointPreset("http://127.0.0.1:8080/v1"),
    "ollama": EndpointPreset("http://127.0.0.1:11434/v1"),
    "openai": EndpointPreset("https://api.openai.com/v1", tokens_field="max_completion_tokens"),
    "openrouter": EndpointPreset("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "vllm": EndpointPreset("http://127.0.0.1:8000/v1"),
}


@dataclass(frozen=True)
class Endpoint:
    """One endpoint, ready to be asked. `identity` is the model by which replies are stored and found."""

    url: str
    model: str
    identity: str
    weight: float = 1.0
    key_env: str = DEFAULT_KEY
    key: str = field(default="", repr=False)
    price_in: float = 0.0
    price_out: float = 0.0
    concurrency: int = MOST_AT_ONCE
    structured: Structured = "auto"
    tokens_field: str = "max_tokens"
    batch_share: float = 0.5

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.price_in + completion_tokens * self.price_out) / 1e6

    def scrub(self, text: str) -> str:
        """The text without the key in it."""
        return text.replace(self.key, "***") if len(self.key) >= SHORTEST_SECRET else text


def resolve_endpoints(teacher: TeacherConfig, student: str) -> list[Endpoint]:
    """The endpoints of these settings; the local one's model is by default the student's base.

    Raises:
        TeacherError: no model named, no usable URL or name of a variable, a key in the URL.
        WeightsError: the local teacher's model cannot be had.
    """
    return [_endpoint(teacher, place, student) for place in _places(teacher)]


def fingerprint_local_teachers(teacher: TeacherConfig, student: str) -> list[str]:
    """Fingerprints of the local teachers that are folders or files: what they answer may change under the same name.

    Raises:
        WeightsError: a local teacher's reference is none.
    """
    models = [
        parse_reference(place.model or teacher.model or student) for place in _places(teacher) if _url(place) == LOCAL
    ]
    return [
        model.sha256 if isinstance(model, GgufFile) else fingerprint_model(str(model))
        for model in models
        if isinstance(model, Path | GgufFile)
    ]


def _places(teacher: TeacherConfig) -> list[EndpointConfig]:
    if teacher.endpoints:
        return teacher.endpoints
    if teacher.endpoint in PRESETS:
        return [EndpointConfig.model_validate({"preset": teacher.endpoint})]
    return [EndpointConfig(url=teacher.endpoint)]


def _url(place: EndpointConfig) -> str:
    return place.url or (PRESETS[place.preset].url if place.preset else "")


def _endpoint(teacher: TeacherConfig, place: EndpointConfig, student: str) -> Endpoint:
    known = PRESETS[place.preset] if place.preset else None
    url = _url(place)
    model = place.model or teacher.model
    if url == LOCAL:
        model = resolve_model(model or student)
        identity = f"{Path(model).name}@{fingerprint_model(model)}"
    else:
        url = _checked(url)
        identity = model
    if not model:
        raise TeacherError(f"generate.teacher.model: name the model to use at {url}")
    key_env = place.api_key_env or teacher.api_key_env or (known.api_key_env if known else DEFAULT_KEY)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key_env):
        raise TeacherError(
            "generate.teacher.api_key_env: not the name of an environment variable; never put a key there"
        )
    most = place.concurrency or teacher.concurrency or (MOST_AT_ONCE_HERE if url == LOCAL else MOST_AT_ONCE)
    return Endpoint(
        url=url,
        model=model,
        identity=identity,
        weight=place.weight,
        key_env=key_env,
        key="" if url == LOCAL else os.environ.get(key_env, ""),
        price_in=teacher.input_price_per_mtok if place.input_price_per_mtok is None else place.input_price_per_mtok,
        price_out=teacher.output_price_per_mtok if place.output_price_per_mtok is None else place.output_price_per_mtok,
        concurrency=most,
        structured=place.structured
        or (known.structured if known and known.structured != "auto" else teacher.structured),
        batch_share=teacher.batch_price_fraction,
        tokens_field=place.tokens_field or (known.tokens_field if known else "max_tokens"),
    )


def _checked(url: str) -> str:
    if url == "env":
        url = os.environ.get("OPENAI_BASE_URL", "")
        if not url:
            raise TeacherError("generate.teacher.endpoint is `env`, and the environment has no OPENAI_BASE_URL; set it")
    try:
        parts = urlsplit(url)
        secret = parts.username or parts.password or parts.query
        _ = parts.port  # Raises where it is no number of a port.
    except ValueError:
        raise TeacherError(f"generate.teacher: {url!r} is no URL") from None
    if secret:
        raise TeacherError(f"generate.teacher: the URL of {parts.hostname} carries a key or a query; use api_key_env")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        names = ", ".join(sorted(PRESETS))
        raise TeacherError(
            f"generate.teacher: {url!r} is neither `env`, nor one of {names}, nor a URL (http://HOST/v1)"
        )
    return url.rstrip("/")


def rank_endpoints(endpoints: Sequence[Endpoint], text: str) -> list[int]:
    """Places in `endpoints`, the one that a request with this text belongs to first, then who stands in for it.

    Weighted rendezvous hashing (Thaler and Ravishankar 1998): shares follow the weights, and another endpoint or weight
    moves only the requests that it must.
    """
    if len(endpoints) == 1:
        return [0]

    def score(place: int) -> float:
        endpoint = endpoints[place]
        draw = (int(digest(text, endpoint.url, endpoint.model, size=13), 16) + 0.5) / 16**13
        return math.log(draw) / endpoint.weight

    return sorted(range(len(endpoints)), key=score, reverse=True)
