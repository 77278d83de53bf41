"""Endpoints: presets, settings, keys and the ranking by weight."""

from pathlib import Path
from typing import Any

import pytest

from kshot.config import Config, TeacherConfig
from kshot.config.loader import load_config
from kshot.core.errors import ConfigError, TeacherError
from kshot.generate.stage import cache_key
from kshot.generate.teacher.endpoints import PRESETS, Endpoint, rank_endpoints, resolve_endpoints
from kshot.generate.teacher.transport import make_route

TEACHERS = Path(__file__).parents[2] / "configs" / "teachers"


def endpoint(name: str, weight: float = 1.0) -> Endpoint:
    return Endpoint(f"http://{name}/v1", "m", "m", weight=weight)


def test_rank_follows_the_weights_and_a_new_endpoint_moves_only_its_own_requests() -> None:
    endpoints = [endpoint("a", 3), endpoint("b", 1)]
    texts = [f"text {n}" for n in range(4000)]
    before = [rank_endpoints(endpoints, text)[0] for text in texts]
    assert 0.72 < before.count(0) / 4000 < 0.78
    after = [rank_endpoints([*endpoints, endpoint("c", 2)], text)[0] for text in texts]
    assert all(new in {old, 2} for old, new in zip(before, after, strict=True))
    assert 0.30 < after.count(2) / 4000 < 0.37


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_has_a_config_that_loads(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = load_config(TEACHERS / f"{preset}.yaml").generate.teacher
    assert teacher is not None
    if preset not in ("local", "recorded"):
        monkeypatch.setenv(PRESETS[preset].api_key_env, "key of it")
        [resolved] = resolve_endpoints(teacher, "")
        assert resolved.url == PRESETS[preset].url
        assert resolved.api_key == "key of it"
        assert "key of it" not in repr(resolved)


def test_every_teacher_config_has_a_preset() -> None:
    assert {path.stem for path in TEACHERS.glob("*.yaml")} == set(PRESETS)


@pytest.mark.parametrize(
    ("teacher", "error"),
    [
        ("{endpoint: openai, endpoints: [{preset: vllm}]}", "keep one"),
        ("{endpoints: [{weight: 2.0}]}", "endpoints.0: give a url or a preset"),
        ("{endpoint: openai, budget: {money: 1.0}}", "budget.money needs input_price_per_mtok"),
        ("{endpoints: [{preset: vlm}]}", "vlm"),
    ],
)
def test_contradictory_settings_are_a_config_error(tmp_path: Path, teacher: str, error: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"generate: {{teacher: {teacher}}}")
    with pytest.raises(ConfigError, match=error):
        load_config(path)


@pytest.mark.parametrize("url", ["ftp://host/v1", "openia", "http://", "http://[::1"])
def test_resolve_names_an_invalid_url(url: str) -> None:
    with pytest.raises(TeacherError, match=r"URL"):
        resolve_endpoints(TeacherConfig(endpoint=url, model="m"), "")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://api.example.com/v1?key=abc", "of api.example.com holds a key; name"),
        ("https://api.example.com/v1?sig=abc&api-version=1", "holds a key"),
        ("https://user:pass@api.example.com/v1", "holds a key"),
        ("https://x.openai.azure.com/openai/deployments/gpt", r"lacks its version; add \?api-version"),
    ],
)
def test_resolve_refuses_a_key_in_a_url_and_a_deployment_without_version(url: str, error: str) -> None:
    with pytest.raises(TeacherError, match=error) as caught:
        resolve_endpoints(TeacherConfig(endpoint=url, model="m"), "")
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "key", "header"),
    [
        ("https://x.openai.azure.com/openai/v1", "azure-key", ("api-key", "azure-key")),
        ("https://x.services.ai.azure.com/openai/deployments/g?api-version=1", "k2", ("api-key", "k2")),
        ("https://x.openai.azure.com/openai/v1", "eyJ0eXAi", ("Authorization", "Bearer eyJ0eXAi")),
        ("https://api.example.com/v1", "key", ("Authorization", "Bearer key")),
    ],
)
def test_route_sends_the_key_in_the_header_of_the_service(
    url: str, key: str, header: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    [resolved] = resolve_endpoints(TeacherConfig(endpoint=url, model="m"), "")
    headers = make_route(resolved).headers
    assert headers[header[0]] == header[1]
    assert ("api-key" in headers) != ("Authorization" in headers)


def test_an_endpoint_gets_the_key_of_its_own_variable_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "for openai")
    monkeypatch.setenv("OTHER", "for the other")
    teacher = TeacherConfig.model_validate(
        {"model": "m", "endpoints": [{"preset": "openai"}, {"url": "http://other/v1", "api_key_env": "OTHER"}]}
    )
    assert [endpoint.api_key for endpoint in resolve_endpoints(teacher, "")] == ["for openai", "for the other"]


def test_data_key_changes_with_the_weights_of_a_local_teacher(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"old")

    def keys() -> list[str]:
        teachers = [
            {"endpoints": [{"preset": "local"}]},
            {"endpoint": "local"},
            {"endpoint": "vllm", "model": str(tmp_path)},
        ]
        return [cache_key(config(teacher)) for teacher in teachers]

    def config(teacher: dict[str, Any]) -> Config:
        settings = {"teacher": teacher, "paraphrase": {"modes": ["rephrase"], "per_mode": 1}}
        return Config.model_validate({"student": str(tmp_path), "generate": settings})

    before = keys()
    weights.write_bytes(b"new weights")
    assert [new == old for new, old in zip(keys(), before, strict=True)] == [False, False, True]
