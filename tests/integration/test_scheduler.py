"""Client, scheduler, transport and cache against a real local server that behaves as badly as real ones do."""

import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

from kshot.core.errors import TeacherError
from kshot.generate.teacher import BudgetExceededError, Reply, Request
from kshot.generate.teacher.cache import ReplyCache
from tests.integration.misbehaving import Answer, Server, Start, answer_in_turn, echo, open_client, says

KEY = "sk-secret-0123456789"


def prompts(n: int) -> list[Request]:
    return [Request(f"p{i}") for i in range(n)]


def texts(replies: Sequence[Reply]) -> list[str]:
    return [reply.text for reply in replies]


def test_stream_is_in_order_bounded_and_committed_before_it_yields(
    start: Start, cache: ReplyCache, tmp_path: Path
) -> None:
    server = start()
    drawn = count()
    endless = (Request(f"p{n}") for n in drawn)
    stream = open_client(cache, tmp_path, endpoint=server.url, concurrency=4).stream(endless, "asking")
    with sqlite3.connect(tmp_path / "replies.sqlite") as other:
        for n, (request, reply) in enumerate(islice(stream, 50)):
            assert (request.prompt, reply.text) == (f"p{n}", f"Reply to p{n}")
            assert other.execute("SELECT count(*) FROM replies WHERE reply = ?", (reply.text,)).fetchone() == (1,)
    stream.close()
    assert next(drawn) < 400
    # The scheduler waits for replies in flight when the caller has enough: they are paid.
    assert len(cache) == len(server.asked)


def test_weights_split_the_requests_the_same_way_each_time(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    first, second = start(), start()
    endpoints = [{"url": first.url, "weight": 3.0}, {"url": second.url, "model": "n"}]
    open_client(cache, tmp_path, endpoints=endpoints).ask(prompts(200), "asking")
    assert 120 < len(first.asked) < 180
    assert len(first.asked) + len(second.asked) == 200
    assert {body["model"] for body in second.asked} == {"n"}
    # Other weights send nothing again.
    endpoints[1]["weight"] = 5.0
    open_client(cache, tmp_path, endpoints=endpoints, concurrency=3, max_attempts=2).ask(prompts(200), "asking")
    assert len(first.asked) + len(second.asked) == 200


def test_a_failing_endpoint_is_suspended_and_the_others_get_its_requests(
    start: Start, cache: ReplyCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, denied = start(), start(lambda body: Answer(401))
    endpoints = [{"url": good.url}, {"url": denied.url}, {"url": "http://127.0.0.1:9/v1"}]
    replies = open_client(cache, tmp_path, endpoints=endpoints, max_attempts=3).ask(prompts(60), "asking")
    assert texts(replies) == [f"Reply to p{n}" for n in range(60)]
    printed = capsys.readouterr().out
    assert f"{denied.url} answers 401" in printed
    assert "http://127.0.0.1:9/v1 cannot be reached" in printed
    assert "suspended" in printed


def test_a_suspended_endpoint_is_probed_later(
    start: Start, cache: ReplyCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kshot.generate.teacher.scheduler.SUSPENSION_SECONDS", 0.05)

    def slowly(body: dict[str, Any]) -> Answer:
        time.sleep(0.02)
        return echo(body)

    good, bad = start(slowly), start(answer_in_turn(Answer(401)))
    endpoints = [{"url": good.url, "concurrency": 1}, {"url": bad.url, "concurrency": 1}]
    stream = open_client(cache, tmp_path, endpoints=endpoints).stream(iter(prompts(100)), "asking")
    assert sum(1 for _ in stream) == 100
    assert len(bad.asked) > 5


def test_a_recovered_server_is_used_while_old_requests_still_hang(
    start: Start, cache: ReplyCache, tmp_path: Path
) -> None:
    number = count()

    def behave(body: dict[str, Any]) -> Answer:
        n = next(number)
        if n == 20:
            time.sleep(1.5)
        return Answer(500) if 20 < n < 70 else echo(body)

    client = open_client(cache, tmp_path, endpoint=start(behave).url, max_attempts=20, max_backoff_seconds=0.05)
    assert texts(client.ask(prompts(60), "asking")) == [f"Reply to p{n}" for n in range(60)]


def test_all_endpoints_failed_names_each_reason(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    down, broken = start(lambda body: Answer(500, b'{"error": {"message": "out of\\nmemory"}}')), start()
    broken.behave = lambda body: Answer(404, b"no such model")
    began = time.monotonic()
    with pytest.raises(TeacherError) as raised:
        open_client(cache, tmp_path, endpoints=[{"url": down.url}, {"url": broken.url}]).ask(prompts(40), "asking")
    assert f"{down.url} answers 500: out of memory" in str(raised.value)
    assert f"{broken.url} answers 404: no such model" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert time.monotonic() - began < 5


def test_one_bad_request_does_not_stop_the_others(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    def behave(body: dict[str, Any]) -> Answer:
        return Answer(400, b'{"error": "too long"}') if body["messages"][0]["content"] == "p7" else echo(body)

    client = open_client(cache, tmp_path, endpoint=start(behave).url)
    replies = [reply for _, reply in client.stream(prompts(20), "asking", 20)]
    assert [reply.error for reply in replies if not reply.text] == ["answers 400: too long"]
    assert (client.failed, len(cache), cache.count_failures()) == (1, 19, 1)


def test_concurrency_falls_to_what_the_endpoint_bears(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    server: Server = start()
    refused = Counter[bool]()

    def behave(body: dict[str, Any]) -> Answer:
        over = server.busy > 4
        refused[over] += 1
        time.sleep(0.005)
        return Answer(429) if over else echo(body)

    server.behave = behave
    replies = open_client(cache, tmp_path, endpoint=server.url, concurrency=64).ask(prompts(400), "asking")
    assert texts(replies) == [f"Reply to p{n}" for n in range(400)]
    assert refused[True] < refused[False] / 2


def test_concurrency_rises_to_its_limit(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    def behave(body: dict[str, Any]) -> Answer:
        time.sleep(0.05)
        return echo(body)

    server = start(behave)
    open_client(cache, tmp_path, endpoint=server.url, concurrency=40).ask(prompts(400), "asking")
    assert 30 <= server.max_busy <= 40


@pytest.mark.parametrize("absurd", ["1e300", "-7", "nan", "soon", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_retry_after_is_bounded(start: Start, cache: ReplyCache, tmp_path: Path, absurd: str) -> None:
    server = start(answer_in_turn(*[Answer(429, headers={"Retry-After": absurd})] * 2))
    began = time.monotonic()
    assert texts(open_client(cache, tmp_path, endpoint=server.url).ask(prompts(3), "asking")) == [
        f"Reply to p{n}" for n in range(3)
    ]
    assert time.monotonic() - began < 3


def test_retry_after_is_honoured(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    server = start(answer_in_turn(Answer(429, headers={"Retry-After": "0.6"})))
    began = time.monotonic()
    open_client(cache, tmp_path, endpoint=server.url, max_backoff_seconds=5.0).ask(prompts(1), "asking")
    assert time.monotonic() - began >= 0.6


def test_timeouts_resets_and_malformed_responses_change_no_reply(
    start: Start, cache: ReplyCache, tmp_path: Path
) -> None:
    """Two of three requests get a reply, however slow the device: an endpoint without any reply is suspended."""
    trouble = [Answer(cut=True), Answer(502, b"<html>"), Answer(body=b"{"), Answer(body=b"null"), Answer(503)] * 3
    asked, seen = count(), []

    def behave(body: dict[str, Any]) -> Answer:
        n = next(asked)
        if n == 5:
            time.sleep(2.0)
        if n % 3 == 0 and n // 3 < len(trouble):
            seen.append(n)
            return trouble[n // 3]
        return echo(body)

    client = open_client(cache, tmp_path, endpoint=start(behave).url, timeout=1.0, max_attempts=20)
    assert texts(client.ask(prompts(40), "asking")) == [f"Reply to p{n}" for n in range(40)]
    assert len(seen) == len(trouble)


def test_strange_replies_are_cached_whole_or_truncated(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    strange = {
        "half": Answer(body=says("a\\u").body.replace(b"\\\\u", b"\\ud83d")),
        "nul": says("a\x00b"),
        "bytes": Answer(body=says("abc").body.replace(b"abc", b"\xff\xfe")),
        "long": says("x" * 10_000_000),
        "usage": says("u", usage={"prompt_tokens": 1 << 62, "completion_tokens": -1}),
        "refusal": Answer(body=b'{"choices": [{"message": {"content": null, "refusal": "No."}}]}'),
    }
    client = open_client(cache, tmp_path, endpoint=start(lambda body: strange[body["messages"][0]["content"]]).url)
    replies = {request.prompt: reply for request, reply in client.stream([Request(k) for k in strange], "asking")}
    assert (replies["half"].text, replies["nul"].text) == ("a?", "a\x00b")
    assert len(replies["long"].text) == 1_000_000
    assert replies["long"].finish_reason == "cut"
    assert (replies["refusal"].text, replies["refusal"].finish_reason) == ("No.", "refusal")
    assert (replies["usage"].prompt_tokens, replies["usage"].completion_tokens) == (2, 1)  # by length
    assert len(cache) == len(strange)
    assert texts(client.ask([Request(k) for k in strange], "asking")) == [replies[k].text for k in strange]


@pytest.mark.parametrize(
    "change",
    [{"temperature": 0.5}, {"max_tokens": 9}, {"model": "other"}, {"extra_body": {"top_p": 0.5}}],
    ids=lambda change: next(iter(change)),
)
def test_settings_that_shape_a_reply_are_in_the_cache_key(
    start: Start, cache: ReplyCache, tmp_path: Path, change: dict[str, Any]
) -> None:
    server = start()
    open_client(cache, tmp_path, endpoint=server.url).ask(prompts(2), "asking")
    open_client(cache, tmp_path, endpoint=server.url, timeout=9.0, concurrency=1).ask(prompts(2), "asking")
    assert len(server.asked) == 2
    open_client(cache, tmp_path, endpoint=server.url, **change).ask(prompts(2), "asking")
    assert len(server.asked) == 4


def test_a_request_overrides_the_settings(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    server = start()
    plain = Request("p")
    special = Request("p", system="s", schema={"type": "object"}, max_tokens=5, temperature=1.0)
    open_client(cache, tmp_path, endpoint=server.url, concurrency=1).ask([plain, special, plain], "asking")
    first, second = server.asked
    assert "response_format" not in first
    assert [m["role"] for m in second["messages"]] == ["system", "user"]
    assert (second["max_tokens"], second["temperature"]) == (5, 1.0)
    assert second["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_a_rejected_schema_is_omitted_from_then_on(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    def behave(body: dict[str, Any]) -> Answer:
        return Answer(422) if "response_format" in body else echo(body)

    server = start(behave)
    requests = [Request(f"p{n}", schema={}) for n in range(10)]
    client = open_client(cache, tmp_path, endpoint=server.url, concurrency=1)
    assert texts(client.ask(requests, "asking")) == [f"Reply to p{n}" for n in range(10)]
    assert sum("response_format" in body for body in server.asked) == 1
    server.asked.clear()
    stubborn = open_client(cache, tmp_path, endpoint=server.url, model="n", structured="json_schema")
    with pytest.raises(TeacherError, match="422"):
        stubborn.ask(requests, "asking")


@pytest.mark.parametrize(("budget", "replies"), [({"requests": 7}, 7), ({"tokens": 1000}, 10), ({"money": 0.0025}, 12)])
def test_a_spent_budget_ends_the_stream_and_keeps_the_replies(
    start: Start, cache: ReplyCache, tmp_path: Path, budget: dict[str, Any], replies: int
) -> None:
    server = start(lambda body: says("x" * 40, usage={"prompt_tokens": 50, "completion_tokens": 50}))
    settings = {
        "endpoint": server.url,
        "budget": budget,
        "input_price_per_mtok": 1.0,
        "output_price_per_mtok": 3.0,
        "max_tokens": 50,
    }
    requests = [Request("p" * 200 + str(n)) for n in range(30)]
    pairs = []
    with pytest.raises(BudgetExceededError, match=r"budget of .* is spent") as raised:
        for pair in open_client(cache, tmp_path, **settings).stream(requests, "asking"):
            pairs.append(pair)
    assert raised.value.budget == next(iter(budget))
    assert len(pairs) == len(server.asked) == len(cache) == pytest.approx(replies, abs=1)
    assert len(server.asked) <= replies
    # A rerun has no budget left, but all cached replies.
    again = open_client(cache, tmp_path, **settings)
    replies_again = again.ask(requests, "asking")
    assert sum(not reply.problem for reply in replies_again) == len(cache) == len(server.asked)
    assert again.budget_error is not None


def test_estimate_is_the_maximum_cost_of_what_is_not_cached(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    server = start()
    client = open_client(
        cache, tmp_path, endpoint=server.url, input_price_per_mtok=1e6, output_price_per_mtok=2e6, max_tokens=10
    )
    client.ask([Request("p" * 8)], "asking")
    estimate = client.estimate([Request("p" * 8), Request("q" * 9), Request("q" * 9)])
    assert (estimate.cached, estimate.missing.requests) == (1, 1)
    assert (estimate.missing.prompt_tokens, estimate.missing.completion_tokens, estimate.missing.money) == (3, 10, 23.0)
    assert len(server.asked) == 1


def test_usage_and_source_are_cached(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    server = start(lambda body: says("x", usage={"prompt_tokens": 11, "completion_tokens": 5}))
    client = open_client(cache, tmp_path, endpoint=server.url, input_price_per_mtok=1.0, output_price_per_mtok=2.0)
    client.ask(prompts(2), "asking")
    [(_, reply)] = client.stream(prompts(1), "asking")
    assert (reply.prompt_tokens, reply.completion_tokens, reply.finish_reason) == (11, 5, "stop")
    assert (reply.endpoint, reply.model, reply.cost) == (server.url, "m", pytest.approx(21e-6))
    assert cache.sum_costs().tokens == client.cost.tokens == 32


def test_the_api_key_reaches_no_message_no_log_and_no_cache(
    start: Start, cache: ReplyCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    leaking = start(
        answer_in_turn(says(f"Your key is {KEY}."), Answer(401, b'{"error": {"message": "bad key %b"}}' % KEY.encode()))
    )
    client = open_client(cache, tmp_path, endpoint=leaking.url, api_key_env="MY_KEY", concurrency=1)
    with pytest.raises(TeacherError, match=r"bad key \*\*\*") as raised:
        client.ask(prompts(5), "asking")
    cache.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Your key is ***." in written
    assert KEY.encode() not in written
    assert KEY not in f"{raised.value!r} {raised.value.__cause__!r} {capsys.readouterr()} {client.__dict__}"


def test_keys_outside_the_environment_are_refused_without_printing_them(cache: ReplyCache, tmp_path: Path) -> None:
    for settings in (
        {"endpoint": f"https://user:{KEY}@host/v1"},
        {"endpoint": f"https://host/v1?api_key={KEY}"},
        {"endpoint": "openai", "api_key_env": KEY},
    ):
        with pytest.raises(TeacherError) as raised:
            open_client(cache, tmp_path, **settings)
        assert KEY not in str(raised.value)
