"""`generate.teacher`: the LLM that writes, where it is served, and what it may cost."""

from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, model_validator

from kshot.config.section import Concurrency, Price, Section

Preset = Literal["llamacpp", "local", "ollama", "openai", "openrouter", "recorded", "vllm"]
Structured = Literal["auto", "json_schema", "json_object", "none"]


class EndpointConfig(Section):
    """One of several endpoints of a teacher. What is left out comes from the preset, or from the teacher."""

    preset: Preset | None = None
    """Fills in URL, key variable and abilities of a known service; `kshot recipes show teachers/NAME` shows each."""
    url: str = ""
    """A base URL such as http://127.0.0.1:8000/v1. A preset may have one."""
    model: str = ""
    """The model's name at this endpoint; empty: the teacher's."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Share of the requests, relative to the other endpoints. The request's text decides where it goes."""
    api_key_env: str = ""
    """The environment variable that holds the key."""
    input_price_per_mtok: Price | None = None
    """Price of a million prompt tokens."""
    output_price_per_mtok: Price | None = None
    """Price of a million reply tokens."""
    concurrency: Concurrency | None = None
    """Maximum requests in flight."""
    structured: Structured | None = None
    """How to ask for structured output."""
    tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    """The request field that bounds the reply's length."""


class BudgetConfig(Section):
    """What a run may spend, reruns included; null for no limit. The run goes on with what came before the limit."""

    requests: Annotated[int, Field(ge=0)] | None = None
    """Maximum replies."""
    tokens: Annotated[int, Field(ge=0)] | None = None
    """Maximum tokens of prompts and replies together."""
    money: Annotated[float, Field(ge=0)] | None = None
    """Maximum cost, in the currency of the prices."""


class TeacherConfig(Section):
    """The LLM that writes: one `endpoint`, or several `endpoints` with weights."""

    endpoint: str = "local"
    """`local` starts a server on this machine; `recorded` replays `replies`; `env` takes $OPENAI_BASE_URL; else a
    preset's name or a base URL."""
    endpoints: list[EndpointConfig] = []
    """Several endpoints at once, instead of `endpoint`."""
    model: str = ""
    """The model's name at the endpoint. For `local` a model reference, by default the student."""
    replies: Path | None = None
    """Recorded replies for `recorded`, relative to the config: JSONL of `{"for", "reply"}`."""
    api_key_env: str = ""
    """The environment variable that holds the key; empty: the preset's, or OPENAI_API_KEY. Never the key itself."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0.0
    """Sampling temperature; 0 decodes greedily. null: no request names one, for models that take only their own."""
    max_tokens: Annotated[int, Field(ge=1)] = 64
    """Maximum tokens of a reply."""
    extra_body: dict[str, Any] = {}
    """Further request fields, e.g. {top_p: 0.9}."""
    structured: Structured = "auto"
    """How to ask for structured output. auto: json_schema, until the endpoint refuses it."""
    input_price_per_mtok: Price = 0.0
    """Price of a million prompt tokens."""
    output_price_per_mtok: Price = 0.0
    """Price of a million reply tokens."""
    batch_price_fraction: Annotated[float, Field(ge=0)] = 0.5
    """Price of a batch request, as a fraction of these prices."""
    budget: BudgetConfig = BudgetConfig()
    concurrency: Concurrency | None = None
    """Maximum requests in flight at an endpoint; the client finds the level below it. null: 8 for `local`, else 256."""
    timeout: Annotated[float, Field(gt=0)] = 120.0
    """Seconds to wait for one reply."""
    max_attempts: Annotated[int, Field(ge=1, le=20)] = 6
    """Maximum attempts per request, with exponential backoff and jitter. Rate limits (429, 503) do not count."""
    max_backoff_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Longest pause between attempts, in seconds; also bounds the endpoint's Retry-After."""

    @model_validator(mode="after")
    def _check(self) -> "TeacherConfig":
        if self.endpoints and self.endpoint != "local":
            raise ValueError("endpoint and endpoints are both given; keep one")
        if self.replies and "recorded" not in (self.endpoint, *(endpoint.preset for endpoint in self.endpoints)):
            raise ValueError("replies are for `endpoint: recorded`")
        try:
            orjson.dumps(self.extra_body)
        except TypeError as error:
            raise ValueError(f"extra_body: not JSON: {error}") from None
        for number, endpoint in enumerate(self.endpoints):
            if not endpoint.url and endpoint.preset is None:
                raise ValueError(f"endpoints.{number}: give a url or a preset")
        if self.budget.money is not None:
            for endpoint in self.endpoints or [EndpointConfig()]:
                if not (
                    endpoint.input_price_per_mtok
                    or endpoint.output_price_per_mtok
                    or self.input_price_per_mtok
                    or self.output_price_per_mtok
                ):
                    raise ValueError(
                        "budget.money needs input_price_per_mtok and output_price_per_mtok of every endpoint"
                    )
        return self
