"""The page's data, its file form, and the server's guards."""

import http.client
import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kshot.cli.view import view
from kshot.core.errors import DataError, RunError
from kshot.core.seeding import digest
from kshot.generate.curation.decisions.log import read_decisions
from kshot.view import page as page_module
from kshot.view.contents import load_contents
from kshot.view.deciding import DecisionRequest, make_decision
from kshot.view.page import render_page, write_page
from kshot.view.server import MAX_BODY_BYTES, ViewServer
from tests.unit.composing import read_lines
from tests.unit.deciding import decide, logged
from tests.unit.viewing import GLAD, HOSTILE, make_run, serving_view


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("view"))


@pytest.fixture
def run(made: Path) -> Iterator[Path]:
    yield made
    (made / "generate" / "decisions.jsonl").unlink(missing_ok=True)


@pytest.fixture
def server(run: Path) -> Iterator[ViewServer]:
    with serving_view(run) as started:
        yield started


def ask(
    server: ViewServer, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Send a request as it is; the path stands below the token."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, f"/{server.token}/{path}" if not path.startswith("/") else path, skip_host=True)
    given = {
        "Host": f"127.0.0.1:{server.server_port}",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    if body is not None:
        given = {"Content-Length": str(len(body)), **given}
    for name, text in given.items():
        if text:
            connection.putheader(name, text)
    connection.endheaders(body)
    reply = connection.getresponse()
    result = (reply.status, dict(reply.getheaders()), reply.read())
    connection.close()
    return result


def send(server: ViewServer, content: object, **headers: str) -> tuple[int, Any]:
    """Send a decision as the page does."""
    own = {"Content_Type": "application/json", "X_Kshot_Token": server.token, **headers}
    status, _, body = ask(server, "POST", "decisions", json.dumps(content).encode(), **own)
    return status, json.loads(body)


def key_of(text: str = GLAD[0], output: str = "glad", task: str = "mood") -> str:
    return digest(task, text, output)


def test_contents_show_made_examples_first_and_every_row(run: Path) -> None:
    contents = load_contents(run)
    modes = [example.mode for example in contents.examples]
    assert modes == sorted(modes, key=lambda mode: mode == "gold")
    assert contents.totals["examples"] == len(contents.examples) == 24
    assert len(contents.records) == contents.totals["records"] == 60
    assert contents.totals["rejects"] == len(read_lines(run / "generate" / "rejects.jsonl"))
    assert contents.rejects[0].key == digest("echo", "nearly right", "nearly right")
    assert [row.kind for row in contents.rejects if row.mode == "rephrase"] == ["a label is missing"]


def test_a_record_names_the_examples_that_it_shows(run: Path) -> None:
    contents = load_contents(run)
    keys = {example.key for example in contents.examples}
    own = [record for record in contents.records if record.task in ("mood", "echo")]
    assert own
    assert all({record.key, *record.demos} <= keys for record in own)
    assert {record.label for record in own if record.task == "mood"} == {"glad", "sad"}
    assert all(record.key in contents.texts for record in contents.records if record.key)


def test_a_record_of_an_edited_example_has_the_key_of_the_example(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    shown = next(record for record in load_contents(run).records if record.task == "mood")
    texts = load_contents(run).texts[shown.key]
    logged(run / "generate", decide("edit", *texts, ("Nobody knows this text.", texts.output)))
    make_run(tmp_path)
    contents = load_contents(run)
    own = [record for record in contents.records if "Nobody knows this text." in record.prompt]
    assert own
    assert all(shown.key in (record.key, *record.demos) for record in own)
    assert (texts.input, shown.key) in {(example.input, example.key) for example in contents.examples}


def test_a_run_without_data_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no data to view; run `kshot generate` first"):
        load_contents(tmp_path)


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "generate"
    folder.mkdir()
    (folder / "rejects.jsonl").write_text('{"id": "1"}\n')
    with pytest.raises(DataError, match=r"rejects\.jsonl:1: mode: Field required; run `kshot generate` again"):
        load_contents(tmp_path)


def test_records_of_another_make_are_shown_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "generate"
    folder.mkdir()
    (folder / "rejects.jsonl").touch()
    (folder / "train.jsonl").write_text(
        '{"instruction": "Say a.", "output": "a", "meta": {"demo_ids": 3, "k": null}}\n'
    )
    (record,) = load_contents(tmp_path).records
    assert (record.prompt, record.output, record.key, record.demos, record.k) == ("Say a.", "a", "", (), 0)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"key": "none"}, "no example of this run"),
        ({"what": "edit", "edited_input": "x", "edited_output": "merry"}, "none of the labels glad, sad"),
        ({"what": "edit", "edited_input": " ", "edited_output": "glad"}, "the input is empty"),
        ({"what": "edit", "edited_input": GLAD[1], "edited_output": "sad"}, "another example of the task"),
        ({"what": "edit"}, "the input is empty"),
        ({"what": "refuse", "edited_input": "x", "edited_output": "y"}, "belong to an edit"),
    ],
)
def test_a_decision_that_could_not_be_honoured_is_refused(run: Path, change: dict[str, Any], fault: str) -> None:
    request = DecisionRequest(**{"key": key_of(), "what": "accept", **change})
    with pytest.raises(DataError, match=fault):
        make_decision(request, load_contents(run))


def test_an_example_that_a_program_draws_can_be_refused_and_not_edited(run: Path) -> None:
    contents = load_contents(run)
    key = next(record.key for record in contents.records if record.mode == "programmatic" and record.key)
    assert make_decision(DecisionRequest(key=key, what="refuse"), contents).what == "refuse"
    with pytest.raises(DataError, match="a program draws"):
        make_decision(DecisionRequest(key=key, what="edit", edited_input="x", edited_output="y"), contents)


def test_page_embeds_no_text_that_ends_its_script(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "view.html"
    assert write_page(target, load_contents(run))["examples"] == 24
    text = target.read_text()
    assert text.count("<script") == text.count("</script>") == 2
    assert "<img" not in text
    assert "\x1b" not in text.split('id="start"')[0]
    start = json.loads(re.findall(r'<script type="application/json" id="start">(.*?)</script>', text)[0])
    assert HOSTILE[0] in {row["output"] for row in start["rows"]["examples"]}
    assert start["token"] == ""
    assert "connect-src" not in text
    assert not re.findall(r"https?://", text)


def test_a_file_to_send_on_holds_the_first_rows_of_a_large_run(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "MAX_FILE_BYTES", 4000)
    counts = write_page(tmp_path / "view.html", load_contents(run))
    assert 0 < counts["records"] < 60
    assert (tmp_path / "view.html").stat().st_size < 60_000


def test_served_page_has_its_token_and_a_policy(run: Path) -> None:
    text = render_page(load_contents(run), "the-token")
    assert '"token":"the-token"' in text
    assert "default-src 'none'" in text
    assert "connect-src 'self'" in text


def test_server_listens_on_loopback_and_serves_page_and_rows(server: ViewServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    status, headers, body = ask(server, "GET", "")
    assert status == 200
    assert b"kshot view: run run" in body
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"
    status, _, body = ask(server, "GET", "rows/records?start=50")
    assert (status, len(json.loads(body))) == (200, 10)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "localhost.evil.example:{port}"])
def test_server_refuses_another_host(server: ViewServer, host: str) -> None:
    status, _, body = ask(server, "GET", "", Host=host.format(port=server.server_port))
    assert status == 403
    assert b"kshot view: run" not in body


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong/rows/records", "/favicon.ico", "/../etc/passwd"])
def test_server_refuses_an_address_without_the_token(server: ViewServer, path: str) -> None:
    assert ask(server, "GET", path)[0] == 404


@pytest.mark.parametrize("path", ["rows/passwd", "rows/records?start=-1", "rows/records?start=x", "decisions"])
def test_server_refuses_what_is_no_page(server: ViewServer, path: str) -> None:
    assert ask(server, "GET", path)[0] in (400, 404)


def test_server_appends_a_decision(server: ViewServer, run: Path) -> None:
    status, reply = send(server, {"key": key_of(), "what": "refuse", "note": " too short "})
    assert (status, reply) == (
        200,
        {"what": "refuse", "edited_input": None, "edited_output": None, "note": "too short"},
    )
    (decision,) = read_decisions(run / "generate" / "decisions.jsonl").by_key.values()
    assert (decision.task, decision.input, decision.note) == ("mood", GLAD[0], "too short")
    assert decision.time.endswith("+00:00")
    assert b'"note":"too short"' in ask(server, "GET", "")[2], "a page that is loaded again shows it"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X_Kshot_Token": ""}, 403),
        ({"X_Kshot_Token": "wrong"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Length": ""}, 411),
        ({"Content_Length": "-5"}, 411),
        ({"Content_Length": str(MAX_BODY_BYTES + 1)}, 413),
        ({"Host": "evil.example"}, 403),
    ],
)
def test_server_writes_nothing_for_others(server: ViewServer, run: Path, headers: dict[str, str], status: int) -> None:
    assert send(server, {"key": key_of(), "what": "refuse"}, **headers)[0] == status
    assert not (run / "generate" / "decisions.jsonl").exists()


def test_server_accepts_its_own_origin(server: ViewServer) -> None:
    own = f"http://localhost:{server.server_port}"
    assert send(server, {"key": key_of(), "what": "accept"}, Origin=own)[0] == 200


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"key": 1, "what": "accept"},
        {"key": "x", "what": "delete"},
        {"key": "x", "what": "accept", "note": "n" * 2001},
    ],
)
def test_server_says_what_is_wrong_with_a_body(server: ViewServer, run: Path, content: object) -> None:
    status, reply = send(server, content)
    assert status == 400
    assert reply["error"]
    assert not (run / "generate" / "decisions.jsonl").exists()


def test_server_loads_a_run_anew_when_it_was_composed_again(server: ViewServer, run: Path) -> None:
    train = run / "generate" / "train.jsonl"
    before = train.read_bytes()
    try:
        train.write_bytes(b"".join(before.splitlines(keepends=True)[:7]))
        assert b'"records":7' in ask(server, "GET", "")[2]
    finally:
        train.write_bytes(before)


def test_server_names_a_log_that_was_broken_meanwhile(server: ViewServer, run: Path) -> None:
    (run / "generate" / "decisions.jsonl").write_text("no JSON\n{}\n")
    status, _, body = ask(server, "GET", "")
    assert status == 500
    assert "decisions.jsonl:1: broken JSON; repair or delete this line" in json.loads(body)["error"]


def test_a_port_in_use_is_one_line(server: ViewServer, run: Path) -> None:
    with pytest.raises(RunError, match=rf"--port {server.server_port}: address already in use"):
        ViewServer(run, server.server_port)


def test_view_command_prints_its_address_and_ends_by_ctrl_c(run: Path) -> None:
    command = [sys.executable, "-m", "kshot.cli", "view", str(run), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=_default_interrupt) as started:
        assert started.stdout is not None
        address = started.stdout.readline().removeprefix("view: ").strip()
        with urllib.request.urlopen(address) as page:
            assert b"kshot view: run run" in page.read()
        started.send_signal(signal.SIGINT)
        assert started.stdout.read() == "view: Ctrl-C ends it\nview: nothing decided\n"
    assert started.returncode == 0


def _default_interrupt() -> None:
    """A test may run where Ctrl-C is ignored, as behind a shell's `&`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_view_command_writes_a_file_and_names_a_wrong_run(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    view(run, html=tmp_path / "view.html")
    assert "24 examples, 60 records" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=r"^runs/mine: no data to view"):
        view(Path("mine"))
