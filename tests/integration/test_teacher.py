"""The teacher's client against a real local server, and the watchdog that no server outlives."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from kshot.config import ParaphraseConfig, TeacherConfig
from kshot.core.errors import TeacherError
from kshot.generate.sources import select_sources
from kshot.generate.synthesis.paraphrase import paraphrase_descriptions
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher import Request
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import TeacherClient, make_client


class Endpoint(ThreadingHTTPServer):
    """Answers chat completions; `plan` gives the statuses of the first requests, 200 after that."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan: list[int] = []
        self.asked: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.reply = "Reply to: {prompt}"
        self.delay = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.server.delay)
        status = self.server.plan.pop(0) if self.server.plan else 200
        self.server.keys.add(self.headers.get("Authorization", ""))
        text = b"{}"
        if status == 200:
            self.server.asked.append(body)
            content = self.server.reply.replace("{prompt}", body["messages"][0]["content"])
            message = {"role": "assistant", "content": content}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            text = orjson.dumps(
                {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
            )
        elif status == 299:
            status, text = 200, b'{"choices": "none"}'
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def open_client(url: str, cache: ReplyCache, folder: Path, **options: Any) -> TeacherClient:
    return make_client(TeacherConfig(endpoint=url, model="m", **options), "", cache, folder)


def test_ask_returns_replies_in_order_and_sends_each_request_once(
    endpoint: Endpoint, cache: ReplyCache, tmp_path: Path
) -> None:
    requests = [Request(f"p{n}") for n in range(20)]
    first = open_client(endpoint.url, cache, tmp_path).ask(requests, "asking")
    assert [reply.text for reply in first] == [f"Reply to: p{n}" for n in range(20)]
    assert len(endpoint.asked) == 20
    again = open_client(endpoint.url, cache, tmp_path).ask(
        [*requests, Request("new"), Request("p0", sample=1)], "asking"
    )
    assert again[:20] == first
    assert len(endpoint.asked) == 22


def test_temporary_failures_are_retried(endpoint: Endpoint, cache: ReplyCache, tmp_path: Path) -> None:
    endpoint.plan = [429, 503, 500, 299]
    replies = open_client(endpoint.url, cache, tmp_path, max_attempts=20, concurrency=2).ask(
        [Request("a"), Request("b")], "asking"
    )
    assert [reply.text for reply in replies] == ["Reply to: a", "Reply to: b"]


def test_an_auth_failure_names_the_variable_of_the_key(
    endpoint: Endpoint, cache: ReplyCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    endpoint.plan = [401] * 50
    with pytest.raises(TeacherError, match=r"401.*is the key in \$MY_KEY\?") as raised:
        open_client(endpoint.url, cache, tmp_path, api_key_env="MY_KEY").ask([Request("a")], "asking")
    assert "sk-secret" not in str(raised.value)
    assert endpoint.keys == {"Bearer sk-secret"}
    assert b"sk-secret" not in (tmp_path / "replies.sqlite").read_bytes()


def test_replies_before_a_failure_stay_cached(endpoint: Endpoint, cache: ReplyCache, tmp_path: Path) -> None:
    endpoint.plan = [200, 200, 200, *[400] * 50]
    with pytest.raises(TeacherError, match=r"3 replies are cached"):
        open_client(endpoint.url, cache, tmp_path, concurrency=1).ask([Request(str(n)) for n in range(9)], "asking")
    endpoint.plan = []
    open_client(endpoint.url, cache, tmp_path).ask([Request(str(n)) for n in range(9)], "asking")
    assert len(endpoint.asked) == 9


def test_an_unreachable_teacher_is_one_line(cache: ReplyCache, tmp_path: Path) -> None:
    with pytest.raises(
        TeacherError, match=r"^teacher http://127\.0\.0\.1:9/v1 cannot be reached \(.+\); 0 replies"
    ) as raised:
        open_client("http://127.0.0.1:9/v1", cache, tmp_path, max_attempts=1).ask([Request("a")], "asking")
    assert "\n" not in str(raised.value)


def test_a_remote_teacher_needs_a_model(cache: ReplyCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TeacherError, match=r"generate\.teacher\.model"):
        make_client(TeacherConfig(endpoint="http://127.0.0.1:9/v1"), "", cache, tmp_path)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(TeacherError, match="OPENAI_BASE_URL"):
        make_client(TeacherConfig(endpoint="env", model="m"), "", cache, tmp_path).ask([Request("a")], "asking")


def test_every_paraphrase_is_accepted_or_rejected(endpoint: Endpoint, cache: ReplyCache, tmp_path: Path) -> None:
    sources = select_sources(["plural_form", "reverse_letters"], [])
    endpoint.reply = "Please give the plural form of this noun or thing."
    settings = ParaphraseConfig(modes=["rephrase", "restyle"], per_mode=3, validate_inputs=0)
    accepted, rejects = paraphrase_descriptions(
        sources, settings, open_client(endpoint.url, cache, tmp_path), PromptTemplates(None), 1
    )
    assert [paraphrase.text for paraphrase in accepted["plural_form"]] == [endpoint.reply]
    assert accepted["plural_form"][0].mode == "rephrase"
    assert accepted["reverse_letters"] == []
    assert sum(map(len, accepted.values())) + len(rejects) == len(sources) * 2 * 3
    assert {row.task for row in rejects if row.reason.startswith("copy")} == {"plural_form"}
    assert all(row.candidate == endpoint.reply for row in rejects)


# A server with a child process, as real ones have; it writes both process ids.
SERVER = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
open(sys.argv[1] + '.part', 'w').write(f'{os.getpid()} {child.pid}')
os.rename(sys.argv[1] + '.part', sys.argv[1])
time.sleep(600)
"""
PARENT = """
import subprocess, sys, time
watchdog = [sys.executable, '-m', 'kshot.serving.watchdog']
subprocess.Popen([*watchdog, sys.executable, '-c', sys.argv[1], sys.argv[2]], stdin=subprocess.PIPE)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        return (
            "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
            if Path("/proc").exists()
            else not os.kill(pid, 0)
        )
    except (OSError, ProcessLookupError):
        return False


def wait_for(condition: Any, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("victim", ["parent", "watchdog"])
def test_no_server_outlives_a_sigkill(tmp_path: Path, victim: str) -> None:
    mark = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, SERVER, str(mark)])
    assert wait_for(mark.exists)
    server, child = map(int, mark.read_text().split())
    if victim == "watchdog":
        if sys.platform != "linux":
            pytest.skip("only Linux stops the server when the watchdog itself is killed")
        watchdog = int(Path(f"/proc/{server}/stat").read_text().split()[3])
        os.kill(watchdog, signal.SIGKILL)
    else:
        parent.kill()
    assert wait_for(lambda: not alive(server))
    if victim == "parent":
        assert wait_for(lambda: not alive(child))
    elif alive(child):
        os.kill(child, signal.SIGKILL)
    parent.kill()
    parent.wait()
