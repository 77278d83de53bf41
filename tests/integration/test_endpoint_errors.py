"""Errors that an endpoint sends with any status: the right class, its message, one line, and no storm of retries."""

import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from kshot.core.errors import TeacherError
from kshot.generate.teacher import Request
from kshot.generate.teacher.cache import ReplyCache
from tests.integration.misbehaving import Answer, Start, answer_in_turn, echo, open_client


def body(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, value if isinstance(value, bytes) else orjson.dumps(value), headers)


LIMITED = {"error": {"message": "Rate limit exceeded", "code": 429}}


@pytest.mark.parametrize(
    "value",
    [
        LIMITED,
        {"error": {"message": "Slow down", "code": "429"}},
        {"error": {"message": "Slow down", "type": "rate_limit_exceeded"}},
        {"error": {"message": "Slow down", "status": "RESOURCE_EXHAUSTED"}},
        {"error": "Too many requests, slow down"},
        [LIMITED],
        {"choices": [{"error": {"code": 429, "message": "upstream"}, "message": {"content": ""}}]},
        {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
        b'data: {"error": {"code": 429, "message": "Rate limit exceeded"}}\n\n',
        {"error": {"message": "The engine is overloaded", "code": 503}},
    ],
    ids=range(10),
)  # fmt: skip
def test_a_rate_limit_in_a_body_pauses_and_counts_as_no_attempt(
    start: Start, cache: ReplyCache, tmp_path: Path, value: Any
) -> None:
    server = start(answer_in_turn(*[body(value)] * 2))
    client = open_client(cache, tmp_path, endpoint=server.url, concurrency=1, max_attempts=3)
    assert [reply.text for reply in client.ask([Request("a"), Request("b")], "asking")] == ["Reply to a", "Reply to b"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (body({"error": {"message": "No such model: m", "code": 404}}), r"error 404: No such model: m"),
        (body({"error": {"message": "Bad key", "code": 401}}), r"error 401: Bad key; is the key in"),
        (body({"error": {"message": "Temperature is odd", "code": 400}}), r"error 400: Temperature is odd"),
        (body({"error": {"message": "It broke", "type": "server_error"}}), r"error 500: It broke"),
        (body({"error": {"message": "Something strange"}}), r"no chat completion: Something strange"),
        (body({"detail": "Something strange"}), r"no chat completion: Something strange"),
        (body({"object": "list", "data": []}), r"answers 200, and no chat completion"),
        (body({"choices": []}), r"answers 200, and no chat completion"),
        (body(b"<!DOCTYPE html><html><head><title>Log in</title></head></html>"), r"a web page: Log in"),
        (body(b"<html><body><p>Blocked by the proxy</p></body></html>"), r"a web page: Blocked by the proxy"),
        (body(b'data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: [DONE]\n\n'), r"streams the reply as events"),
        (body(b""), r"answers 200, and no chat completion"),
        (body(b"upstream gave up"), r"upstream gave up"),
        (body(b"<html><title>Bad gateway</title></html>", 502), r"answers 502: a web page: Bad gateway"),
    ],
    ids=range(14),
)  # fmt: skip
def test_an_error_in_a_body_ends_the_run_with_its_message(
    start: Start, cache: ReplyCache, tmp_path: Path, answer: Answer, words: str
) -> None:
    server = start(lambda _: answer)
    client = open_client(cache, tmp_path, endpoint=server.url)
    with pytest.raises(TeacherError, match=words) as raised:
        client.ask([Request(f"p{n}") for n in range(200)], "asking")
    assert "\n" not in str(raised.value)
    assert len(server.asked) < 60, "no storm of retries"


QUOTA = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    "answer",
    [
        body({"error": {"message": QUOTA, "type": "insufficient_quota", "code": "insufficient_quota"}}, 429),
        body({"error": {"message": QUOTA}}, 429),
        body({"error": {"message": QUOTA, "code": 429}}),
        body({"error": {"message": "Insufficient credits, add more", "code": 402}}),
        body({"error": {"message": "Insufficient Balance"}}, 402),
        body({"error": {"message": "Your credit balance is too low"}}, 403),
    ],
    ids=range(6),
)
def test_a_spent_quota_stops_at_once(start: Start, cache: ReplyCache, tmp_path: Path, answer: Answer) -> None:
    server = start(lambda _: answer)
    message = str(orjson.loads(answer.body)["error"]["message"])
    with pytest.raises(TeacherError) as raised:
        open_client(cache, tmp_path, endpoint=server.url).ask([Request(f"p{n}") for n in range(200)], "asking")
    assert message in str(raised.value)
    assert "is the key" not in str(raised.value)
    assert len(server.asked) <= 16, "those in flight"


def test_a_rate_limit_that_names_a_delay_is_no_spent_quota(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.2s"}]
    error = {"error": {"message": QUOTA, "code": 429, "status": "RESOURCE_EXHAUSTED", "details": details}}
    server = start(answer_in_turn(body(error, 429)))
    replies = open_client(cache, tmp_path, endpoint=server.url).ask([Request("a")], "asking")
    assert [reply.text for reply in replies] == ["Reply to a"]


@pytest.mark.parametrize("status", [429, 503, 200])
def test_a_retry_after_of_hours_ends_the_run_at_once(
    start: Start, cache: ReplyCache, tmp_path: Path, status: int
) -> None:
    server = start(lambda _: body(LIMITED, status, **{"Retry-After": "10800"}))
    began = time.monotonic()
    with pytest.raises(TeacherError, match=r"Rate limit exceeded; it asks to wait 3 h; 0 replies are cached"):
        open_client(cache, tmp_path, endpoint=server.url).ask([Request("a")], "asking")
    assert time.monotonic() - began < 5
    assert len(server.asked) == 1


def test_a_retry_after_of_hours_leaves_the_requests_to_the_other_endpoint(
    start: Start, cache: ReplyCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = start(lambda _: body(LIMITED, 429, **{"Retry-After": "7200"}))
    client = open_client(cache, tmp_path, endpoints=[{"url": waiting.url}, {"url": start(echo).url}])
    replies = client.ask([Request(f"p{n}") for n in range(20)], "asking")
    assert [reply.text for reply in replies] == [f"Reply to p{n}" for n in range(20)]
    assert "asks to wait 2 h; suspended for 7200 s" in "".join(capsys.readouterr())


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for scheme in ("all", "http", "https", "no"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme.upper()}_PROXY", raising=False)
    return monkeypatch


@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy", "HTTP_PROXY"])
@pytest.mark.parametrize("prefix", ["", "http://"])
def test_a_proxy_is_used_with_and_without_a_scheme(
    start: Start, cache: ReplyCache, tmp_path: Path, proxies: pytest.MonkeyPatch, variable: str, prefix: str
) -> None:
    proxy = start(echo)
    proxies.setenv(variable, f"{prefix}127.0.0.1:{proxy.server_address[1]}")
    replies = open_client(cache, tmp_path, endpoint="http://teacher.test/v1").ask([Request("a")], "asking")
    assert [reply.text for reply in replies] == ["Reply to a"]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ALL_PROXY", "socks5://u:s3cret@127.0.0.1:1080", r"^ALL_PROXY: a socks5 proxy is not supported; .*NO_PROXY$"),
        ("HTTPS_PROXY", "socks5h://u:s3cret@h:1080", r"^HTTPS_PROXY: a socks5h proxy is not supported"),
        ("HTTPS_PROXY", "ftp://u:s3cret@h", r"^HTTPS_PROXY: a ftp proxy is not supported"),
        ("HTTPS_PROXY", "http://u:s3cret@:notaport", r"^HTTPS_PROXY: not the address of a proxy"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_in_one_line(
    cache: ReplyCache, tmp_path: Path, proxies: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    proxies.setenv(variable, value)
    with pytest.raises(TeacherError, match=words) as raised:
        open_client(cache, tmp_path, endpoint="https://teacher.test/v1").ask([Request("a")], "asking")
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)
