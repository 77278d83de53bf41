"""Batches against a local server with /files and /batches: submitted once, collected by the run that comes next."""

import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from kshot.config import TeacherConfig
from kshot.core.errors import TeacherError
from kshot.generate.teacher import Request
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import TeacherClient, make_client


class BatchServer(ThreadingHTTPServer):
    """Ends a batch at the second poll; `p3` fails in the error file, and `p4` is in no file.

    With a message in `refuses` every batch fails as a whole.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), BatchHandler)
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.polls = 0
        self.refuses = ""
        self.live: list[dict[str, Any]] = []
        self.refused_fields: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def answer(self, source: str, name: str, failed: bool) -> str:
        lines = []
        for row in map(orjson.loads, self.files[source].splitlines()):
            prompt = row["body"]["messages"][0]["content"]
            if prompt != "p4" and (prompt == "p3") == failed:
                message = {"choices": [{"message": {"content": f"Reply to {prompt}"}}]}
                body, status = (message, 200) if not failed else ({"error": "no"}, 400)
                response = {"status_code": status, "body": body}
                lines.append(orjson.dumps({"custom_id": row["custom_id"], "response": response}))
        self.files[name] = b"\n".join(lines)
        return name


class BatchHandler(BaseHTTPRequestHandler):
    server: BatchServer

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/files":
            name = f"file-{len(self.server.files)}"
            start = data.index(b'{"body"')
            self.server.files[name] = data[start : data.index(b"\r\n--", start)]
            self.send({"id": name, "object": "file", "bytes": 1, "created_at": 0, "filename": "f", "purpose": "batch"})
        elif self.path == "/v1/chat/completions":
            self.answer_live(orjson.loads(data))
        elif self.path != "/v1/batches":
            self.send_error(404)
        else:
            name = f"batch-{len(self.server.batches)}"
            made = {"id": name, "object": "batch", "created_at": 0, "status": "in_progress", **orjson.loads(data)}
            self.server.batches[name] = made
            self.send(made)

    def answer_live(self, body: dict[str, Any]) -> None:
        self.server.live.append(body)
        refused = next((name for name in self.server.refused_fields if name in body), None)
        if refused:
            self.send({"error": {"message": f"Unsupported parameter: '{refused}' is not supported."}}, 400)
        else:
            self.send({"choices": [{"message": {"content": f"Reply to {body['messages'][-1]['content']}"}}]})

    def do_GET(self) -> None:
        if self.path.endswith("/content"):
            self.send(self.server.files[self.path.split("/")[3]])
        elif self.path.startswith("/v1/batches?"):
            self.send({"object": "list", "data": list(self.server.batches.values()), "has_more": False})
        else:
            batch = self.server.batches[self.path.split("/")[3]]
            self.server.polls += 1
            if self.server.refuses:
                batch["status"] = "failed"
                batch["errors"] = {"object": "list", "data": [{"code": "x", "message": self.server.refuses}]}
            elif self.server.polls > 1:
                source = batch["input_file_id"]
                batch["output_file_id"] = self.server.answer(source, "out-" + source, failed=False)
                batch["error_file_id"] = self.server.answer(source, "err-" + source, failed=True)
                batch["status"] = "completed"
            self.send(batch)

    def send(self, value: Any, status: int = 200) -> None:
        text = value if isinstance(value, bytes) else orjson.dumps(value)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[BatchServer]:
    started = BatchServer()
    threading.Thread(target=started.serve_forever, args=(0.02,), daemon=True).start()
    yield started
    started.shutdown()
    started.server_close()


def open_client(server: BatchServer, cache: ReplyCache, folder: Path, **settings: Any) -> TeacherClient:
    teacher = TeacherConfig(
        endpoint=server.url, model="m", input_price_per_mtok=1.0, output_price_per_mtok=1.0, **settings
    )
    return make_client(teacher, "", cache, folder)


REQUESTS = [Request(f"p{n}") for n in range(6)]
WANTED = [f"Reply to p{n}" if n not in {3, 4} else "" for n in range(6)]


def test_a_batch_returns_replies_and_errors(server: BatchServer, cache: ReplyCache, tmp_path: Path) -> None:
    client = open_client(server, cache, tmp_path)
    replies = client.ask_in_batches(REQUESTS, "asking", poll_seconds=0.01)
    assert [reply.text for reply in replies] == WANTED
    assert (client.failed, cache.count_failures(), cache.list_open_batches()) == (2, 2, [])
    # The first one is sent live. The others have half the price; a character is a quarter of a token.
    assert [body["messages"][0]["content"] for body in server.live] == ["p0"]
    assert client.cost.money == pytest.approx((1 + 3) * 1e-6 * (1 + 3 / 2))
    sent = [orjson.loads(line) for line in server.files["file-0"].splitlines()]
    assert {row["url"] for row in sent} == {"/v1/chat/completions"}
    assert sent[0]["body"]["model"] == "m"
    # Cached replies are not submitted again; failed requests are.
    client.ask_in_batches(REQUESTS, "asking", poll_seconds=0.01)
    assert len(server.batches) == 2
    assert len(server.files["file-3"].splitlines()) == 2


@pytest.mark.parametrize("id_known", [True, False], ids=["while it ran", "before its id was recorded"])
def test_a_batch_of_a_killed_run_is_collected_not_bought_again(
    server: BatchServer, cache: ReplyCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, id_known: bool
) -> None:
    def killed(seconds: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("kshot.generate.teacher.batch.time.sleep", killed)
        open_client(server, cache, tmp_path).ask_in_batches(REQUESTS, "asking")
    if not id_known:
        with sqlite3.connect(tmp_path / "replies.sqlite") as database:
            database.execute("UPDATE batches SET id = ''")
    replies = open_client(server, cache, tmp_path).ask_in_batches(REQUESTS[:3], "asking", poll_seconds=0.01)
    assert [reply.text for reply in replies] == WANTED[:3]
    assert len(server.batches) == 1
    # Replies that this run did not request are cached too: they are paid.
    assert len(cache) == 4


def test_ask_with_batches_keeps_to_the_budget(
    server: BatchServer, cache: ReplyCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_client(server, cache, tmp_path, budget={"requests": 2})
    monkeypatch.setattr("kshot.generate.teacher.batch.time.sleep", lambda seconds: None)
    client.use_batches = True
    replies = client.ask(REQUESTS, "asking")
    assert [reply.text for reply in replies] == ["Reply to p0", "Reply to p1", "", "", "", ""]
    assert [reply.problem for reply in replies] == ["", "", *["no reply: not sent, a budget is spent"] * 4]
    assert len(server.batches) == 1
    assert client.budget_error is not None


def test_a_failed_batch_is_one_line_and_is_submitted_again(
    server: BatchServer, cache: ReplyCache, tmp_path: Path
) -> None:
    server.refuses = "The model `m` does not exist"
    message = r"batch-0, which is failed \(The model `m` does not exist\); 1 replies are cached"
    with pytest.raises(TeacherError, match=message):
        open_client(server, cache, tmp_path).ask_in_batches(REQUESTS, "asking")
    server.refuses = ""
    replies = open_client(server, cache, tmp_path).ask_in_batches(REQUESTS, "asking", poll_seconds=0.01)
    assert [reply.text for reply in replies] == WANTED
    assert replies[3].problem == "no reply: {'error': 'no'}"


def test_an_endpoint_without_batches_is_one_line(server: BatchServer, cache: ReplyCache, tmp_path: Path) -> None:
    teacher = TeacherConfig(endpoint=f"{server.url}/elsewhere", model="m")
    with pytest.raises(TeacherError, match=r"^teacher .* answers 404: .*; no batch was submitted"):
        make_client(teacher, "", cache, tmp_path).ask_in_batches(REQUESTS, "asking")


def test_a_money_budget_uses_the_batch_price(server: BatchServer, cache: ReplyCache, tmp_path: Path) -> None:
    """All together may cost more than the budget at the full price, and less at the batch price."""
    client = open_client(server, cache, tmp_path, budget={"money": 380e-6})
    assert [reply.text for reply in client.ask_in_batches(REQUESTS, "asking", poll_seconds=0.01)] == WANTED


@pytest.mark.parametrize("field", ["max_tokens", "temperature", "response_format"])
def test_a_batch_has_what_the_endpoint_was_found_to_take(
    server: BatchServer, cache: ReplyCache, tmp_path: Path, field: str
) -> None:
    server.refused_fields = (field,)
    requests = [Request(f"p{n}", schema={"type": "object"}) for n in range(3)]
    replies = open_client(server, cache, tmp_path).ask_in_batches(requests, "asking", poll_seconds=0.01)
    assert [reply.text for reply in replies] == WANTED[:3]
    sent = [orjson.loads(line)["body"] for line in server.files["file-0"].splitlines()]
    assert len(sent) == 2
    assert not any(field in body for body in sent)
    assert len(server.live) == 2


def test_each_kind_of_request_is_tried_live_once(server: BatchServer, cache: ReplyCache, tmp_path: Path) -> None:
    client = open_client(server, cache, tmp_path)
    kinds = ({}, {"schema": {"type": "object"}}, {"system": "s"})
    client.ask_in_batches([Request(f"p{n}0", **kind) for kind in kinds for n in range(5, 8)], "a", poll_seconds=0.01)
    client.ask_in_batches([Request(f"p{n}1", **kind) for kind in kinds for n in range(5, 8)], "b", poll_seconds=0.01)
    assert len(server.live) == 3


def test_no_batch_is_submitted_where_every_live_try_is_refused(
    server: BatchServer, cache: ReplyCache, tmp_path: Path
) -> None:
    server.refused_fields = ("messages",)
    with pytest.raises(TeacherError, match=r"'messages' is not supported.*; no batch was submitted; 0 replies"):
        open_client(server, cache, tmp_path).ask_in_batches(REQUESTS, "asking", poll_seconds=0.01)
    assert not server.batches
    assert len(server.live) == 3


def test_a_deployment_has_no_batches_in_one_line(cache: ReplyCache, tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/openai/deployments/gpt?api-version=1"
    client = make_client(TeacherConfig(endpoint=url), "", cache, tmp_path)
    with pytest.raises(TeacherError, match=r"no batch API; name https://HOST/openai/v1"):
        client.ask_in_batches(REQUESTS, "asking")
