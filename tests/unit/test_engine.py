"""The parts of the teacher engine that need no server: pace, pauses, budgets, endpoints, presets."""

import heapq
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.config import BudgetConfig, Config, TeacherConfig
from kshot.config.loader import load_config
from kshot.core.errors import ConfigError, TeacherError
from kshot.generate.stage import cache_key
from kshot.generate.teacher.budget import BudgetMeter, Cost
from kshot.generate.teacher.concurrency import AdaptiveConcurrency, backoff_seconds, parse_retry_after
from kshot.generate.teacher.endpoints import PRESETS, Endpoint, rank_endpoints, resolve_endpoints
from kshot.generate.teacher.messages import replace_surrogates, to_json
from kshot.generate.teacher.transport import parse_json

TEACHERS = Path(__file__).parents[2] / "configs" / "teachers"


def settled(capacity: int, most: int, replies: int = 4000) -> list[int]:
    """Limits of a pace, over time, at a server of so many places with a queue that never refuses."""
    rng, pace, limits = random.Random(2), AdaptiveConcurrency(most), []
    now, number, serving, waiting = 0.0, 0, 0, 0
    ends: list[tuple[float, int]] = []
    for _ in range(replies):
        while pace.room():
            pace.begin()
            waiting += 1
        while waiting and serving < capacity:
            number, serving, waiting = number + 1, serving + 1, waiting - 1
            heapq.heappush(ends, (now + rng.lognormvariate(0, 0.5), number))
        now, _ = heapq.heappop(ends)
        serving -= 1
        pace.end()
        pace.success(now, busy=True)
        limits.append(pace.limit)
    return limits


def test_a_queue_that_never_refuses_does_not_grow_without_bound() -> None:
    assert sorted(settled(8, 1000))[2000] < 100


def test_a_server_with_room_gets_all_that_it_may_have() -> None:
    assert settled(10_000, 300)[-1] == 300


def test_trouble_lowers_the_level_once_for_those_that_went_out_together() -> None:
    pace = AdaptiveConcurrency(100, start=40)
    begun = [pace.begin() for _ in range(40)]
    for one in begun:
        pace.trouble(one)
    assert pace.limit == 30
    pace.trouble(pace.begin())
    assert pace.limit == 22


def test_the_level_never_falls_below_one_nor_rises_without_need() -> None:
    pace = AdaptiveConcurrency(100, start=2)
    for _ in range(20):
        pace.trouble(pace.begin())
    assert pace.limit == 1
    for now in range(500):
        pace.success(float(now), busy=False)
    assert pace.limit == 1


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.none() | st.floats(0, 1e300))
def test_pauses_are_bounded(tries: int, longest: float, asked_for: float | None) -> None:
    tries = min(tries, 1000)
    assert 0 <= backoff_seconds(tries, longest, asked_for) <= longest


def test_retry_after_is_a_number_or_a_date_and_else_nothing() -> None:
    assert parse_retry_after("2.5") == 2.5
    ahead = parse_retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True))
    assert ahead is not None
    assert 97 < ahead <= 100
    assert [parse_retry_after(text) for text in (None, "", "-1", "nan", "inf", "soon", "Fri, 99 Foo")] == [None] * 7


@given(st.text(st.characters(), max_size=20))
def test_any_text_can_be_packed(text: str) -> None:
    assert parse_json(to_json({"b": text, "a": [text]})) == {
        "a": [replace_surrogates(text)],
        "b": replace_surrogates(text),
    }


@pytest.mark.parametrize(
    ("budget", "which"),
    [(BudgetConfig(requests=2), "requests"), (BudgetConfig(tokens=25), "tokens"), (BudgetConfig(money=2.5), "money")],
)
def test_what_is_on_its_way_counts_until_it_settles(budget: BudgetConfig, which: str) -> None:
    meter = BudgetMeter(budget, Cost())
    most = Cost(1, 5, 5, 1.0)
    assert meter.reserve(most) is None
    assert meter.reserve(most) is None
    assert meter.reserve(most) == which
    meter.settle(most, None)
    assert meter.reserve(most) is None
    meter.settle(most, Cost(1, 5, 5, 1.0))
    assert (meter.total.requests, meter.idle) == (1, False)
    meter.settle(most, Cost(0, 0, 0, 0.0))
    assert meter.idle


def test_what_earlier_runs_spent_counts() -> None:
    assert BudgetMeter(BudgetConfig(requests=3), Cost(3)).reserve(Cost(1)) == "requests"


def place(name: str, weight: float = 1.0) -> Endpoint:
    return Endpoint(f"http://{name}/v1", "m", "m", weight=weight)


def test_shares_follow_the_weights_and_a_new_endpoint_moves_only_its_own() -> None:
    places = [place("a", 3), place("b", 1)]
    texts = [f"text {n}" for n in range(4000)]
    before = [rank_endpoints(places, text)[0] for text in texts]
    assert 0.72 < before.count(0) / 4000 < 0.78
    after = [rank_endpoints([*places, place("c", 2)], text)[0] for text in texts]
    assert all(new in {old, 2} for old, new in zip(before, after, strict=True))
    assert 0.30 < after.count(2) / 4000 < 0.37


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_has_a_config_that_loads(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = load_config(TEACHERS / f"{preset}.yaml").generate.teacher
    assert teacher is not None
    if preset != "local":
        monkeypatch.setenv(PRESETS[preset].api_key_env, "key of it")
        [endpoint] = resolve_endpoints(teacher, "")
        assert endpoint.url == PRESETS[preset].url
        assert endpoint.key == "key of it"
        assert "key of it" not in repr(endpoint)


def test_no_config_of_a_teacher_is_without_its_preset() -> None:
    assert {path.stem for path in TEACHERS.glob("*.yaml")} == set(PRESETS)


@pytest.mark.parametrize(
    ("teacher", "fault"),
    [
        ("{endpoint: openai, endpoints: [{preset: vllm}]}", "keep one"),
        ("{endpoints: [{weight: 2.0}]}", "endpoints.0: give a url or a preset"),
        ("{endpoint: openai, budget: {money: 1.0}}", "budget.money needs input_price_per_mtok"),
        ("{endpoints: [{preset: vlm}]}", "vlm"),
    ],
)
def test_a_contradiction_is_a_fault_of_the_config(tmp_path: Path, teacher: str, fault: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"generate: {{teacher: {teacher}}}")
    with pytest.raises(ConfigError, match=fault):
        load_config(path)


@pytest.mark.parametrize("url", ["ftp://host/v1", "openia", "http://", "http://[::1"])
def test_no_url_is_named(url: str) -> None:
    with pytest.raises(TeacherError, match=r"URL"):
        resolve_endpoints(TeacherConfig(endpoint=url, model="m"), "")


def test_a_stranger_s_endpoint_gets_the_key_only_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "for openai")
    monkeypatch.setenv("OTHER", "for the other")
    teacher = TeacherConfig.model_validate(
        {"model": "m", "endpoints": [{"preset": "openai"}, {"url": "http://other/v1", "api_key_env": "OTHER"}]}
    )
    assert [endpoint.key for endpoint in resolve_endpoints(teacher, "")] == ["for openai", "for the other"]


def test_a_local_teacher_whose_weights_changed_is_asked_again(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"old")

    def keys() -> list[str]:
        places = [
            {"endpoints": [{"preset": "local"}]},
            {"endpoint": "local"},
            {"endpoint": "vllm", "model": str(tmp_path)},
        ]
        return [cache_key(config(place)) for place in places]

    def config(teacher: dict[str, Any]) -> Config:
        settings = {"teacher": teacher, "paraphrase": {"modes": ["rephrase"], "per_mode": 1}}
        return Config.model_validate({"student": str(tmp_path), "generate": settings})

    before = keys()
    weights.write_bytes(b"new weights")
    assert [new == old for new, old in zip(keys(), before, strict=True)] == [False, False, True]
