"""The teacher engine against a real local server that behaves as badly as real ones do."""

import socketserver
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

from kshot.config import TeacherConfig
from kshot.core.errors import TeacherError
from kshot.generate.teacher.budget import BudgetExceededError
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import TeacherClient, make_client
from kshot.generate.teacher.messages import Reply, Request
from tests.integration.misbehaving import Answer, Behave, Server, echo, in_turn, says

KEY = "sk-secret-0123456789"


@pytest.fixture
def servers() -> Iterator[Callable[[Behave], Server]]:
    with ExitStack() as stack:

        def start(behave: Behave = echo) -> Server:
            server = Server()
            server.behave = behave
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            stack.callback(socketserver.TCPServer.server_close, server)
            stack.callback(server.shutdown)
            return server

        yield start


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplyCache]:
    opened = ReplyCache(tmp_path / "replies.sqlite")
    yield opened
    opened.close()


def asker(store: ReplyCache, folder: Path, **settings: Any) -> TeacherClient:
    settings = {"model": "m", "longest_pause": 0.1, **settings}
    return make_client(TeacherConfig.model_validate(settings), "", store, folder)


def prompts(n: int) -> list[Request]:
    return [Request(f"p{i}") for i in range(n)]


def texts(replies: Sequence[Reply]) -> list[str]:
    return [reply.text for reply in replies]


def test_a_stream_is_in_order_bounded_and_stored_before_it_is_yielded(
    servers: Any, store: ReplyCache, tmp_path: Path
) -> None:
    server = servers()
    drawn = count()
    endless = (Request(f"p{n}") for n in drawn)
    stream = asker(store, tmp_path, endpoint=server.url, concurrency=4).stream(endless, "asking")
    with sqlite3.connect(tmp_path / "replies.sqlite") as other:
        for n, (request, reply) in enumerate(islice(stream, 50)):
            assert (request.prompt, reply.text) == (f"p{n}", f"Reply to p{n}")
            assert other.execute("SELECT count(*) FROM replies WHERE reply = ?", (reply.text,)).fetchone() == (1,)
    stream.close()
    assert next(drawn) < 400
    # What was on its way when the caller had enough was waited for: it is paid.
    assert len(store) == len(server.asked)


def test_weights_share_the_requests_and_the_same_ones_each_time(
    servers: Any, store: ReplyCache, tmp_path: Path
) -> None:
    one, other = servers(), servers()
    places = [{"url": one.url, "weight": 3.0}, {"url": other.url, "model": "n"}]
    asker(store, tmp_path, endpoints=places).ask(prompts(200), "asking")
    assert 120 < len(one.asked) < 180
    assert len(one.asked) + len(other.asked) == 200
    assert {body["model"] for body in other.asked} == {"n"}
    # Another weight buys nothing again.
    places[1]["weight"] = 5.0
    asker(store, tmp_path, endpoints=places, concurrency=3, attempts=2).ask(prompts(200), "asking")
    assert len(one.asked) + len(other.asked) == 200


def test_a_failing_endpoint_is_set_aside_and_the_other_does_its_work(
    servers: Any, store: ReplyCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, denied = servers(), servers(lambda body: Answer(401))
    places = [{"url": good.url}, {"url": denied.url}, {"url": "http://127.0.0.1:9/v1"}]
    replies = asker(store, tmp_path, endpoints=places, attempts=3).ask(prompts(60), "asking")
    assert texts(replies) == [f"Reply to p{n}" for n in range(60)]
    said = capsys.readouterr().out
    assert f"{denied.url} answers 401" in said
    assert "http://127.0.0.1:9/v1 cannot be reached" in said
    assert "set aside" in said


def test_a_set_aside_endpoint_is_tried_again(
    servers: Any, store: ReplyCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kshot.generate.teacher.scheduler.ASIDE_SECONDS", 0.05)

    def slowly(body: dict[str, Any]) -> Answer:
        time.sleep(0.02)
        return echo(body)

    good, bad = servers(slowly), servers(in_turn(Answer(401)))
    places = [{"url": good.url, "concurrency": 1}, {"url": bad.url, "concurrency": 1}]
    stream = asker(store, tmp_path, endpoints=places).stream(iter(prompts(100)), "asking")
    assert sum(1 for _ in stream) == 100
    assert len(bad.asked) > 5


def test_a_server_that_comes_back_is_found_though_old_requests_still_hang(
    servers: Any, store: ReplyCache, tmp_path: Path
) -> None:
    number = count()

    def behave(body: dict[str, Any]) -> Answer:
        n = next(number)
        if n == 20:
            time.sleep(1.5)
        return Answer(500) if 20 < n < 70 else echo(body)

    client = asker(store, tmp_path, endpoint=servers(behave).url, attempts=20, longest_pause=0.05)
    assert texts(client.ask(prompts(60), "asking")) == [f"Reply to p{n}" for n in range(60)]


def test_all_failed_says_each_cause_at_once(servers: Any, store: ReplyCache, tmp_path: Path) -> None:
    down, broken = servers(lambda body: Answer(500, b'{"error": {"message": "out of\\nmemory"}}')), servers()
    broken.behave = lambda body: Answer(404, b"no such model")
    began = time.monotonic()
    with pytest.raises(TeacherError) as raised:
        asker(store, tmp_path, endpoints=[{"url": down.url}, {"url": broken.url}]).ask(prompts(40), "asking")
    assert f"{down.url} answers 500: out of memory" in str(raised.value)
    assert f"{broken.url} answers 404: no such model" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert time.monotonic() - began < 5


def test_one_request_that_will_never_do_does_not_stop_the_others(
    servers: Any, store: ReplyCache, tmp_path: Path
) -> None:
    def behave(body: dict[str, Any]) -> Answer:
        return Answer(400, b'{"error": "too long"}') if body["messages"][0]["content"] == "p7" else echo(body)

    client = asker(store, tmp_path, endpoint=servers(behave).url)
    replies = [reply for _, reply in client.stream(prompts(20), "asking", 20)]
    assert [reply.error for reply in replies if not reply.text] == ["answers 400: too long"]
    assert (client.failed, len(store), store.failures()) == (1, 19, 1)


def test_concurrency_falls_to_what_the_endpoint_bears(servers: Any, store: ReplyCache, tmp_path: Path) -> None:
    server: Server = servers()
    refused = Counter[bool]()

    def behave(body: dict[str, Any]) -> Answer:
        over = server.busy > 4
        refused[over] += 1
        time.sleep(0.005)
        return Answer(429) if over else echo(body)

    server.behave = behave
    replies = asker(store, tmp_path, endpoint=server.url, concurrency=64).ask(prompts(400), "asking")
    assert texts(replies) == [f"Reply to p{n}" for n in range(400)]
    assert refused[True] < refused[False] / 2


def test_concurrency_rises_to_the_ceiling_where_it_may(servers: Any, store: ReplyCache, tmp_path: Path) -> None:
    def behave(body: dict[str, Any]) -> Answer:
        time.sleep(0.05)
        return echo(body)

    server = servers(behave)
    asker(store, tmp_path, endpoint=server.url, concurrency=40).ask(prompts(400), "asking")
    assert 30 <= server.busiest <= 40


@pytest.mark.parametrize("absurd", ["86400", "1e300", "-7", "nan", "soon", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_retry_after_is_bounded(servers: Any, store: ReplyCache, tmp_path: Path, absurd: str) -> None:
    server = servers(in_turn(*[Answer(429, headers={"Retry-After": absurd})] * 2))
    began = time.monotonic()
    assert texts(asker(store, tmp_path, endpoint=server.url).ask(prompts(3), "asking")) == [
        f"Reply to p{n}" for n in range(3)
    ]
    assert time.monotonic() - began < 3


def test_retry_after_is_honoured(servers: Any, store: ReplyCache, tmp_path: Path) -> None:
    server = servers(in_turn(Answer(429, headers={"Retry-After": "0.6"})))
    began = time.monotonic()
    asker(store, tmp_path, endpoint=server.url, longest_pause=5.0).ask(prompts(1), "asking")
    assert time.monotonic() - began >= 0.6


def test_hangs_resets_and_garbage_change_no_reply(servers: Any, store: ReplyCache, tmp_path: Path) -> None:
    """Two of three requests are answered, however slow the machine: an endpoint that never answers is given up."""
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

    client = asker(store, tmp_path, endpoint=servers(behave).url, timeout=1.0, attempts=20)
    assert texts(client.ask(prompts(40), "asking")) == [f"Reply to p{n}" for n in range(40)]
    assert len(seen) == len(trouble)


def test_strange_replies_are_stored_whole_or_cut(servers: Any, store: ReplyCache, tmp_path: Path) -> None:
    strange = {
        "half": Answer(body=says("a\\u").body.replace(b"\\\\u", b"\\ud83d")),
        "nul": says("a\x00b"),
        "bytes": Answer(body=says("abc").body.replace(b"abc", b"\xff\xfe")),
        "long": says("x" * 10_000_000),
        "usage": says("u", usage={"prompt_tokens": 1 << 62, "completion_tokens": -1}),
        "refusal": Answer(body=b'{"choices": [{"message": {"content": null, "refusal": "No."}}]}'),
    }
    client = asker(store, tmp_path, endpoint=servers(lambda body: strange[body["messages"][0]["content"]]).url)
    found = {request.prompt: reply for request, reply in client.stream([Request(k) for k in strange], "asking")}
    assert (found["half"].text, found["nul"].text) == ("a?", "a\x00b")
    assert len(found["long"].text) == 1_000_000
    assert found["long"].finish_reason == "cut"
    assert (found["refusal"].text, found["refusal"].finish_reason) == ("No.", "refusal")
    assert (found["usage"].prompt_tokens, found["usage"].completion_tokens) == (2, 1)  # by length
    assert len(store) == len(strange)
    assert texts(client.ask([Request(k) for k in strange], "asking")) == [found[k].text for k in strange]


@pytest.mark.parametrize(
    "change",
    [{"temperature": 0.5}, {"max_tokens": 9}, {"model": "other"}, {"extra": {"top_p": 0.5}}],
    ids=lambda change: next(iter(change)),
)
def test_what_shapes_a_reply_is_asked_anew(
    servers: Any, store: ReplyCache, tmp_path: Path, change: dict[str, Any]
) -> None:
    server = servers()
    asker(store, tmp_path, endpoint=server.url).ask(prompts(2), "asking")
    asker(store, tmp_path, endpoint=server.url, timeout=9.0, concurrency=1).ask(prompts(2), "asking")
    assert len(server.asked) == 2
    asker(store, tmp_path, endpoint=server.url, **change).ask(prompts(2), "asking")
    assert len(server.asked) == 4


def test_a_request_has_its_own_system_schema_and_limits(servers: Any, store: ReplyCache, tmp_path: Path) -> None:
    server = servers()
    plain = Request("p")
    own = Request("p", system="s", schema={"type": "object"}, max_tokens=5, temperature=1.0)
    asker(store, tmp_path, endpoint=server.url, concurrency=1).ask([plain, own, plain], "asking")
    first, second = server.asked
    assert "response_format" not in first
    assert [m["role"] for m in second["messages"]] == ["system", "user"]
    assert (second["max_tokens"], second["temperature"]) == (5, 1.0)
    assert second["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_a_refused_schema_is_left_out_from_then_on(servers: Any, store: ReplyCache, tmp_path: Path) -> None:
    def behave(body: dict[str, Any]) -> Answer:
        return Answer(422) if "response_format" in body else echo(body)

    server = servers(behave)
    requests = [Request(f"p{n}", schema={}) for n in range(10)]
    client = asker(store, tmp_path, endpoint=server.url, concurrency=1)
    assert texts(client.ask(requests, "asking")) == [f"Reply to p{n}" for n in range(10)]
    assert sum("response_format" in body for body in server.asked) == 1
    server.asked.clear()
    stubborn = asker(store, tmp_path, endpoint=server.url, model="n", structured="json_schema")
    with pytest.raises(TeacherError, match="422"):
        stubborn.ask(requests, "asking")


@pytest.mark.parametrize(("budget", "replies"), [({"requests": 7}, 7), ({"tokens": 1000}, 10), ({"money": 0.0025}, 12)])
def test_a_spent_budget_ends_the_asking_and_keeps_what_came(
    servers: Any, store: ReplyCache, tmp_path: Path, budget: dict[str, Any], replies: int
) -> None:
    server = servers(lambda body: says("x" * 40, usage={"prompt_tokens": 50, "completion_tokens": 50}))
    settings = {"endpoint": server.url, "budget": budget, "price_in": 1.0, "price_out": 3.0, "max_tokens": 50}
    requests = [Request("p" * 200 + str(n)) for n in range(30)]
    found = []
    with pytest.raises(BudgetExceededError, match=r"budget of .* is spent") as raised:
        for pair in asker(store, tmp_path, **settings).stream(requests, "asking"):
            found.append(pair)
    assert raised.value.which == next(iter(budget))
    assert len(found) == len(server.asked) == len(store) == pytest.approx(replies, abs=1)
    assert len(server.asked) <= replies
    # A rerun has no new money, but all that was bought.
    again = asker(store, tmp_path, **settings)
    found_again = again.ask(requests, "asking")
    assert sum(not reply.problem for reply in found_again) == len(store) == len(server.asked)
    assert again.spent is not None


def test_a_plan_says_what_it_would_cost(servers: Any, store: ReplyCache, tmp_path: Path) -> None:
    server = servers()
    client = asker(store, tmp_path, endpoint=server.url, price_in=1e6, price_out=2e6, max_tokens=10)
    client.ask([Request("p" * 8)], "asking")
    plan = client.plan([Request("p" * 8), Request("q" * 9), Request("q" * 9)])
    assert (plan.stored, plan.missing.requests) == (1, 1)
    assert (plan.missing.prompt_tokens, plan.missing.completion_tokens, plan.missing.money) == (3, 10, 23.0)
    assert len(server.asked) == 1


def test_usage_and_source_are_stored(servers: Any, store: ReplyCache, tmp_path: Path) -> None:
    server = servers(lambda body: says("x", usage={"prompt_tokens": 11, "completion_tokens": 5}))
    client = asker(store, tmp_path, endpoint=server.url, price_in=1.0, price_out=2.0)
    client.ask(prompts(2), "asking")
    [(_, reply)] = client.stream(prompts(1), "asking")
    assert (reply.prompt_tokens, reply.completion_tokens, reply.finish_reason) == (11, 5, "stop")
    assert (reply.endpoint, reply.model, reply.cost) == (server.url, "m", pytest.approx(21e-6))
    assert store.total().tokens == client.spending.tokens == 32


def test_the_key_reaches_no_message_no_log_and_no_store(
    servers: Any, store: ReplyCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    teller = servers(
        in_turn(says(f"Your key is {KEY}."), Answer(401, b'{"error": {"message": "bad key %b"}}' % KEY.encode()))
    )
    client = asker(store, tmp_path, endpoint=teller.url, api_key_env="MY_KEY", concurrency=1)
    with pytest.raises(TeacherError, match=r"bad key \*\*\*") as raised:
        client.ask(prompts(5), "asking")
    store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Your key is ***." in kept
    assert KEY.encode() not in kept
    assert KEY not in f"{raised.value!r} {raised.value.__cause__!r} {capsys.readouterr()} {client.__dict__}"


def test_keys_outside_the_environment_are_refused_unseen(store: ReplyCache, tmp_path: Path) -> None:
    for settings in (
        {"endpoint": f"https://user:{KEY}@host/v1"},
        {"endpoint": f"https://host/v1?api_key={KEY}"},
        {"endpoint": "openai", "api_key_env": KEY},
    ):
        with pytest.raises(TeacherError) as raised:
            asker(store, tmp_path, **settings)
        assert KEY not in str(raised.value)


def test_a_store_of_the_first_version_is_still_good(servers: Any, tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    server = servers()
    key = ReplyCache.key(
        {
            "model": "m",
            "messages": [{"role": "user", "content": "p0"}],
            "temperature": 0.0,
            "max_tokens": 64,
            "sample": 0,
        }
    )
    with sqlite3.connect(path) as old:
        old.execute("CREATE TABLE replies (key TEXT PRIMARY KEY, request TEXT, reply TEXT)")
        old.execute("INSERT INTO replies VALUES (?, '{}', 'old reply')", (key,))
    store = ReplyCache(path)
    assert texts(asker(store, tmp_path, endpoint=server.url).ask(prompts(2), "asking")) == ["old reply", "Reply to p1"]
    store.close()
