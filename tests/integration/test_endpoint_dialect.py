"""What an endpoint refuses is learnt from its error, dropped or renamed, said once, and kept for the run."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from kshot.config import TeacherConfig
from kshot.generate.teacher import InventedTask, Request
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import make_client
from kshot.generate.teacher.parsing.dialect import to_strict_schema
from tests.integration.misbehaving import Answer, Start, echo, open_client, says


def refuse(message: str) -> Answer:
    return Answer(400, orjson.dumps({"error": {"message": message, "type": "invalid_request_error"}}))


def gpt5(body: dict[str, Any]) -> Answer:
    """Refuses one thing at a time, as OpenAI's reasoning models do."""
    if "max_tokens" in body:
        return refuse("Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.")
    if "temperature" in body:
        return refuse("Unsupported value: 'temperature' does not support 0 with this model.")
    if "top_p" in body:
        return refuse("Unrecognized request argument supplied: top_p")
    if any(part["role"] == "system" for part in body["messages"]):
        return refuse("Unsupported value: role 'system' is not supported. Use 'developer' instead.")
    return echo(body)


def test_refused_fields_are_dropped_or_renamed_once_for_the_run(
    start: Start, cache: ReplyCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start(gpt5)
    client = open_client(cache, tmp_path, endpoint=server.url, extra_body={"top_p": 0.9}, concurrency=1)
    for name in "ab":
        replies = client.ask([Request(f"{name}{n}", system="s") for n in range(5)], "asking")
        assert [reply.text for reply in replies] == [f"Reply to {name}{n}" for n in range(5)]
    assert len(server.asked) == 10 + 4
    assert server.asked[-1]["max_completion_tokens"] == 64
    assert server.asked[-1]["messages"][0]["role"] == "developer"
    output = "".join(capsys.readouterr())
    for words in ("max_completion_tokens for max_tokens", "refuses temperature", "refuses top_p", "role developer"):
        assert output.count(words) == 1


def test_a_refused_system_message_begins_the_user_s(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    server = start(lambda body: refuse("System role not supported") if len(body["messages"]) > 1 else echo(body))
    reply = open_client(cache, tmp_path, endpoint=server.url).ask([Request("p", system="s")], "asking")[0]
    assert reply.text == "Reply to s\n\np"


def test_a_refused_schema_is_said_once_and_kept_for_the_run(
    start: Start, cache: ReplyCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start(lambda body: refuse("Invalid schema") if "response_format" in body else echo(body))
    client = open_client(cache, tmp_path, endpoint=server.url, concurrency=1)
    for name in "ab":
        client.ask([Request(f"{name}{n}", schema={"type": "object"}) for n in range(4)], "asking")
    assert sum("response_format" in body for body in server.asked) == 1
    assert "".join(capsys.readouterr()).count("refuses the JSON schema") == 1


def test_null_leaves_a_field_out(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    server = start(echo)
    open_client(cache, tmp_path, endpoint=server.url, extra_body={"temperature": None}).ask([Request("p")], "asking")
    assert "temperature" not in server.asked[0]


def test_a_null_temperature_is_sent_by_no_request(start: Start, cache: ReplyCache, tmp_path: Path) -> None:
    server = start(echo)
    open_client(cache, tmp_path, endpoint=server.url, temperature=None).ask([Request("p", temperature=0.7)], "asking")
    assert "temperature" not in server.asked[0]


DEPLOYMENT = "/openai/deployments/my-gpt"


@pytest.mark.parametrize("path", [DEPLOYMENT, f"{DEPLOYMENT}/", f"{DEPLOYMENT}/chat/completions"])
def test_a_deployment_of_azure_gets_its_query_and_its_key(
    start: Start, cache: ReplyCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("AZURE_KEY", "secret-of-azure")
    server = start(echo)
    teacher = TeacherConfig(
        endpoint=f"{server.url.removesuffix('/v1')}{path}?api-version=2024-10-21", api_key_env="AZURE_KEY"
    )
    client = make_client(teacher, "", cache, tmp_path)
    assert client.ask([Request("p")], "asking")[0].text == "Reply to p"
    line, headers = server.lines[0]
    assert line == f"{DEPLOYMENT}/chat/completions?api-version=2024-10-21"
    assert (headers["api-key"], headers.get("authorization")) == ("secret-of-azure", None)
    assert client.name == "my-gpt"


def test_an_endpoint_that_cuts_prompts_is_named_once(
    start: Start, cache: ReplyCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start(lambda body: says("x", usage={"prompt_tokens": 120, "completion_tokens": 1}))
    client = open_client(cache, tmp_path, endpoint=server.url)
    client.ask([Request(f"p{n} " + "word " * 200) for n in range(4)], "asking")
    assert "cut" not in "".join(capsys.readouterr())
    client.ask([Request(f"q{n} " + "word " * 300) for n in range(4)], "asking")
    output = "".join(capsys.readouterr())
    assert output.count("counts 120 tokens in a prompt of 301 words, so it seems to cut prompts; raise the") == 1
    client.ask([Request("中文" * 200)], "asking")


def test_the_schema_is_in_the_strict_subset() -> None:
    schema = to_strict_schema(InventedTask.model_json_schema())
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"]) == list(InventedTask.model_fields)
    assert not {"default", "maxLength", "minLength", "title"} & {
        key for item in schema["properties"].values() for key in item
    }
