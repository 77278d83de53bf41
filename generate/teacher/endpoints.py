"""Endpoints: presets of known services, the settings of each endpoint, and which endpoint gets a request."""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from kshot.config import EndpointConfig, Structured, TeacherConfig
from kshot.core.errors import TeacherError
from kshot.core.seeding import digest
from kshot.models.loading import fingerprint_model
from kshot.models.references import GgufFile, hash_unchanged, parse_reference
from kshot.models.resolve import resolve_model

LOCAL, RECORDED = "local", "recorded"
"""In place of a URL: servers that kshot starts."""
DEFAULT_API_KEY_ENV = "OPENAI_API_KEY"
MIN_SECRET_CHARS = 8
"""Shorter keys are placeholders such as `none`, which occur in ordinary text."""
MAX_CONCURRENCY, MAX_LOCAL_CONCURRENCY = 256, 8


_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)$")
_COMPLETIONS = "/chat/completions"
_SECRET_FIELD = re.compile(r"key|token|secret|sig|auth|pass|cred|code", re.I)


@dataclass(frozen=True)
class EndpointPreset:
    """What is known of a service."""

    url: str
    api_key_env: str = DEFAULT_API_KEY_ENV
    structured: Structured = "auto"
    tokens_field: str = "max_tokens"


PRESETS: dict[str, EndpointPreset] = {
    LOCAL: EndpointPreset(LOCAL, structured="none"),
    "llamacpp": EndpointPreset("http://127.0.0.1:8080/v1"),
    "ollama": EndpointPreset("http://127.0.0.1:11434/v1"),
    "openai": EndpointPreset("https://api.openai.com/v1", tokens_field="max_completion_tokens"),
    RECORDED: EndpointPreset(RECORDED, structured="none"),
    "openrouter": EndpointPreset("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "vllm": EndpointPreset("http://127.0.0.1:8000/v1"),
}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint with all its settings. `identity` is the model in the cache keys."""

    url: str
    model: str
    identity: str
    weight: float = 1.0
    api_key_env: str = DEFAULT_API_KEY_ENV
    api_key: str = field(default="", repr=False)
    input_price_per_mtok: float = 0.0
    output_price_per_mtok: float = 0.0
    max_concurrency: int = MAX_CONCURRENCY
    structured: Structured = "auto"
    tokens_field: str = "max_tokens"
    batch_price_fraction: float = 0.5
    is_own_server: bool = False
    """True for a server that kshot started, which no proxy reaches."""
    query: str = ""
    """What follows `?` in every request's URL, such as Azure's api-version."""

    @property
    def is_deployment(self) -> bool:
        """True for Azure's URL of one deployment, whose path names the model."""
        return _DEPLOYMENT.search(self.url) is not None

    def compute_cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the price of so many tokens, in the currency of the prices."""
        prices = prompt_tokens * self.input_price_per_mtok + completion_tokens * self.output_price_per_mtok
        return prices / 1e6

    def redact(self, text: str) -> str:
        """Return the text without the API key."""
        return text.replace(self.api_key, "***") if len(self.api_key) >= MIN_SECRET_CHARS else text


def resolve_endpoints(teacher: TeacherConfig, student: str) -> list[Endpoint]:
    """Return the endpoints of these settings. A local endpoint without a model serves the student's base.

    Raises:
        TeacherError: an endpoint has no model, no usable URL or no usable variable name, or its URL holds a key.
        WeightsError: the local teacher's model cannot be found.
    """
    return [_resolve_endpoint(teacher, config, student) for config in _list_configs(teacher)]


def fingerprint_local_teachers(teacher: TeacherConfig, student: str) -> list[str]:
    """Return the fingerprints of local teachers that are folders or files: their weights may change under one name.

    Raises:
        WeightsError: a local teacher's reference is invalid.
    """
    models = [
        parse_reference(config.model or teacher.model or student)
        for config in _list_configs(teacher)
        if _config_url(config) == LOCAL
    ]
    return [
        model.sha256 if isinstance(model, GgufFile) else fingerprint_model(str(model))
        for model in models
        if isinstance(model, Path | GgufFile)
    ]


def _list_configs(teacher: TeacherConfig) -> list[EndpointConfig]:
    if teacher.endpoints:
        return teacher.endpoints
    if teacher.endpoint in PRESETS:
        return [EndpointConfig.model_validate({"preset": teacher.endpoint})]
    return [EndpointConfig(url=teacher.endpoint)]


def _config_url(config: EndpointConfig) -> str:
    return config.url or (PRESETS[config.preset].url if config.preset else "")


def _resolve_endpoint(teacher: TeacherConfig, config: EndpointConfig, student: str) -> Endpoint:
    preset = PRESETS[config.preset] if config.preset else None
    url, query = _config_url(config), ""
    model = config.model or teacher.model
    if url == LOCAL:
        model = resolve_model(model or student)
        identity = f"{Path(model).name}@{fingerprint_model(model)}"
    elif url == RECORDED:
        model = model or RECORDED
        identity = f"{model}@{_hash_replies(teacher)}"
    else:
        url, query = _check_url(url)
        deployment = _DEPLOYMENT.search(url)
        model = model or (deployment[1] if deployment else "")
        identity = model
    if not model:
        raise TeacherError(f"generate.teacher.model: name the model to use at {url}")
    api_key_env = config.api_key_env or teacher.api_key_env or (preset.api_key_env if preset else DEFAULT_API_KEY_ENV)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", api_key_env):
        raise TeacherError(
            "generate.teacher.api_key_env: not the name of an environment variable; never put a key there"
        )
    input_price, output_price = config.input_price_per_mtok, config.output_price_per_mtok
    default_structured = preset.structured if preset and preset.structured != "auto" else teacher.structured
    return Endpoint(
        url=url,
        model=model,
        identity=identity,
        weight=config.weight,
        api_key_env=api_key_env,
        api_key="" if url in (LOCAL, RECORDED) else os.environ.get(api_key_env, ""),
        input_price_per_mtok=teacher.input_price_per_mtok if input_price is None else input_price,
        output_price_per_mtok=teacher.output_price_per_mtok if output_price is None else output_price,
        max_concurrency=config.concurrency
        or teacher.concurrency
        or (MAX_LOCAL_CONCURRENCY if url == LOCAL else MAX_CONCURRENCY),
        structured=config.structured or default_structured,
        batch_price_fraction=teacher.batch_price_fraction,
        tokens_field=config.tokens_field or (preset.tokens_field if preset else "max_tokens"),
        query=query,
    )


def _hash_replies(teacher: TeacherConfig) -> str:
    if teacher.replies is None:
        raise TeacherError("generate.teacher.replies: name the file of recorded replies")
    if not teacher.replies.is_file():
        raise TeacherError(f"generate.teacher.replies: {teacher.replies}: no such file of recorded replies")
    return hash_unchanged(teacher.replies)


def _check_url(url: str) -> tuple[str, str]:
    """Return the base URL and its query. The URL of the chat completions themselves is taken too."""
    if url == "env":
        url = os.environ.get("OPENAI_BASE_URL", "")
        if not url:
            raise TeacherError("generate.teacher.endpoint is `env`, but OPENAI_BASE_URL is not set; set it")
    try:
        parts = urlsplit(url)
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        secret = parts.username or parts.password or any(map(_SECRET_FIELD.search, names))
        _ = parts.port  # Raises where the port is not a number.
    except ValueError:
        raise TeacherError(f"generate.teacher: {url!r} is not a URL; use http://HOST/v1") from None
    if secret:
        raise TeacherError(
            f"generate.teacher: the URL of {parts.hostname} holds a key; name the key's variable in api_key_env"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        presets = ", ".join(sorted(PRESETS))
        raise TeacherError(
            f"generate.teacher: {url!r} is neither `env`, nor one of {presets}, nor a URL (http://HOST/v1)"
        )
    base = urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")).rstrip("/").removesuffix(_COMPLETIONS)
    if _DEPLOYMENT.search(base) and not parts.query:
        raise TeacherError(f"generate.teacher: the URL of {parts.hostname} lacks its version; add ?api-version=...")
    return base, parts.query


def rank_endpoints(endpoints: Sequence[Endpoint], text: str) -> list[int]:
    """Return indices into `endpoints` by preference for a request with this text; the first one should answer it.

    Weighted rendezvous hashing (Thaler and Ravishankar 1998): shares follow the weights. A new endpoint or weight moves
    only the requests that it must.
    """
    if len(endpoints) == 1:
        return [0]

    def score(index: int) -> float:
        endpoint = endpoints[index]
        draw = (int(digest(text, endpoint.url, endpoint.model, size=13), 16) + 0.5) / 16**13
        return math.log(draw) / endpoint.weight

    return sorted(range(len(endpoints)), key=score, reverse=True)
