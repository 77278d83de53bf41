"""What an endpoint refuses is learnt from its error, dropped or renamed, said once, and kept for the run."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from kshot.generate.teacher import InventedTask, Request
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.parsing.dialect import to_strict_schema
from tests.integration.misbehaving import Answer, Start, echo, open_client


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


def test_the_schema_is_in_the_strict_subset() -> None:
    schema = to_strict_schema(InventedTask.model_json_schema())
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"]) == list(InventedTask.model_fields)
    assert not {"default", "maxLength", "minLength", "title"} & {
        key for item in schema["properties"].values() for key in item
    }
