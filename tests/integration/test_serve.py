"""`kshot serve`: the openai client against it, its key, its guards, and that no server outlives kshot."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

import kshot
from kshot.core.errors import ConfigError, RunError
from kshot.core.files import write_json
from kshot.models.answering import find_model, load_ready
from kshot.serving.background import find_free_port
from kshot.serving.endpoint import read_key
from kshot.serving.guard import RefusedRequestError, check_fields, is_loopback
from tests.integration.test_teacher import alive, wait_for
from tests.students import save_scripted_student

STUDENT, BASE = "Yes, \u00e9!", "No way?"
KEY = "secret-key"
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run: a merged student, and an adapter on its base that makes it answer as the student."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaForCausalLM

    folder = tmp_path_factory.mktemp("serve")
    base = save_scripted_student(folder / "base", BASE)
    train = folder / "runs" / "mine" / "train"
    student = save_scripted_student(train / "merged", STUDENT)
    write_json(train / "manifest.json", {"base": str(base)})
    model = LlamaForCausalLM.from_pretrained(base)
    adapted = get_peft_model(model, LoraConfig(r=64, lora_alpha=64, target_modules=["lm_head"]))
    difference = LlamaForCausalLM.from_pretrained(student).lm_head.weight - model.lm_head.base_layer.weight
    import torch

    left, sizes, right = torch.linalg.svd(difference.detach())
    with torch.no_grad():
        model.lm_head.lora_A["default"].weight.copy_(right[:64])
        model.lm_head.lora_B["default"].weight.copy_(left[:, :64] * sizes[:64])
    adapted.save_pretrained(train / "adapter")
    return folder


@pytest.fixture(scope="module")
def endpoint(place: Path) -> Iterator[str]:
    """The student's base URL, without a key."""
    with kshot.serve(place / "runs" / "mine") as url:
        yield url


@pytest.fixture
def client(endpoint: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=endpoint, api_key="none", max_retries=0)


def test_the_openai_client_gets_answers(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="mine", messages=HELLO)
    assert reply.choices[0].message.content == STUDENT
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "mine"


def test_the_openai_client_gets_a_stream(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="mine", messages=HELLO, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == STUDENT
    assert len(chunks) > 4
    assert {chunk.model for chunk in chunks} == {"mine"}


def test_models_name_the_run_and_no_path(client: openai.OpenAI, endpoint: str) -> None:
    assert [model.id for model in client.models.list()] == ["mine"]
    assert client.models.retrieve("mine").owned_by == "kshot"
    with urllib.request.urlopen(f"{endpoint}/models") as reply:
        assert b"/runs/" not in reply.read()


def test_another_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no model 'other' here; it is 'mine'"):
        client.chat.completions.create(model="other", messages=HELLO)


def test_limits_and_sampling_are_honoured(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="mine", messages=HELLO, max_tokens=3)
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("Yes", "length")
    sampled = [
        client.chat.completions.create(model="mine", messages=HELLO, temperature=2.0, max_tokens=30, seed=seed)
        for seed in range(8)
    ]
    assert len({reply.choices[0].message.content for reply in sampled}) > 1


def test_a_prompt_longer_than_the_context_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="context is 2048"):
        client.chat.completions.create(model="mine", messages=[{"role": "user", "content": "x" * 3000}])
    # The answer may not leave the context either.
    message = {"role": "user", "content": "x" * 2020}
    reply = client.chat.completions.create(model="mine", messages=[message], max_tokens=500)
    assert reply.usage.total_tokens <= 2048


def test_what_a_user_writes_makes_no_control_token(client: openai.OpenAI, place: Path) -> None:
    message = {"role": "user", "content": "Is <|im_end|> a token?"}
    count = client.chat.completions.create(model="mine", messages=[message]).usage.prompt_tokens
    assert count == len(kshot.chat(place / "runs" / "mine").speaker.encode([message]))


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("POST", "/v1/chat/completions", {"Content-Type": "text/plain"}, b"{}", 415),
        ("POST", "/v1/chat/completions", {"Content-Type": "application/json"}, b"{", 400),
        ("GET", "/v1/models", {"Host": "evil.example:80"}, None, 403),
        ("POST", "/reset", {"Content-Type": "application/json"}, b"{}", 404),
        ("POST", "/load_model", {"Content-Type": "application/json"}, b'{"model": "a/b"}', 404),
    ],
)
def test_other_requests_are_refused(
    endpoint: str, method: str, path: str, headers: dict[str, str], body: bytes | None, status: int
) -> None:
    address = endpoint.removesuffix("/v1") + path
    request = urllib.request.Request(address, data=body, headers=headers, method=method)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == status


@pytest.mark.parametrize(
    "field",
    [
        {"n": 2}, {"logprobs": True}, {"response_format": {"type": "json_object"}}, {"tools": [{"type": "function"}]},
        {"max_tokens": 0}, {"temperature": 3}, {"temperature": True}, {"top_p": 1.5}, {"messages": []},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
    ],
)  # fmt: skip
def test_check_fields_refuses_what_would_be_ignored(field: dict[str, object]) -> None:
    check_fields({"messages": HELLO, "n": 1, "stream_options": {"include_usage": True}, "temperature": 0.5})
    with pytest.raises(RefusedRequestError, match=next(iter(field))):
        check_fields({"messages": HELLO} | field)


def test_the_adapter_is_served_on_its_base_merged_in_memory(place: Path) -> None:
    checkpoint = find_model(str(place / "runs" / "mine"), adapter=True)
    assert checkpoint.adapter == place / "runs" / "mine" / "train" / "adapter"
    assert checkpoint.folder == str(place / "base")
    assert kshot.chat(checkpoint.adapter).ask("hello") == STUDENT
    with kshot.serve(place / "runs" / "mine", adapter=True, name="tuned") as url:
        client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
        assert client.chat.completions.create(model="tuned", messages=HELLO).choices[0].message.content == STUDENT


def test_a_run_whose_merged_weights_are_gone_speaks_by_its_adapter(place: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(place / "runs" / "mine", tmp_path / "mine", ignore=shutil.ignore_patterns("merged"))
    assert kshot.chat(tmp_path / "mine").ask("hello") == STUDENT


def test_dtype_casts_the_weights(place: Path) -> None:
    model, _ = load_ready(find_model(str(place / "base")), "bfloat16")
    assert str(model.dtype) == "torch.bfloat16"


def server_of(kshot_pid: int) -> list[int]:
    """The processes below this one: the watchdog, and the server."""
    found = []
    for child in Path(f"/proc/{kshot_pid}/task/{kshot_pid}/children").read_text().split():
        found += [int(child), *server_of(int(child))]
    return found


def start(place: Path, port: int, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "kshot.cli", "serve", "mine", "--port", str(port), *arguments]
    process = subprocess.Popen(
        command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | variables
    )
    assert process.stdout
    for line in process.stdout:
        if "Ctrl-C ends it" in line:
            return process
    raise AssertionError(f"exit {process.wait()}")


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_key_is_asked_for_and_no_server_outlives_kshot(place: Path, how: signal.Signals) -> None:
    port = find_free_port()
    process = start(place, port, "--api-key-env", "MY_KEY", "--name", "named", MY_KEY=KEY)
    servers = server_of(process.pid)
    assert len(servers) >= 2
    url = f"http://127.0.0.1:{port}/v1"
    right = openai.OpenAI(base_url=url, api_key=KEY, max_retries=0)
    assert right.chat.completions.create(model="named", messages=HELLO).choices[0].message.content == STUDENT
    for key in ("wrong", f"{KEY}x"):
        with pytest.raises(openai.AuthenticationError, match="missing or wrong"):
            openai.OpenAI(base_url=url, api_key=key, max_retries=0).models.list()
    assert all(KEY.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in servers)
    process.send_signal(how)
    assert process.wait(30) == (0 if how == signal.SIGINT else -signal.SIGKILL)
    assert wait_for(lambda: not any(alive(pid) for pid in servers), 30)


def test_a_port_that_is_taken_is_one_line(endpoint: str, place: Path) -> None:
    port = endpoint.removesuffix("/v1").rpartition(":")[2]
    command = [sys.executable, "-m", "kshot.cli", "serve", "mine", "--port", port]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"error: --host 127.0.0.1 --port {port}: address already in use" in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_other_machines_need_a_key(place: Path, host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(ConfigError, match="without a key; set KSHOT_API_KEY"), kshot.serve(place / "base", host=host):
        pass


def test_loopback_needs_none() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.0.0.2", "::1", "localhost")))


def test_read_key_takes_the_variable_and_refuses_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KSHOT_API_KEY", raising=False)
    assert read_key("") == ""
    monkeypatch.setenv("KSHOT_API_KEY", KEY)
    assert read_key("") == KEY
    monkeypatch.setenv("ODD", "two\nlines")
    for name in ("MISSING", "ODD"):
        with pytest.raises(ConfigError, match=name):
            read_key(name)


def test_weights_that_do_not_load_are_one_line(place: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    save_scripted_student(broken, STUDENT)
    (broken / "model.safetensors").write_bytes(b"nothing")
    words = r"serve: the server ended while starting \(exit 2\): .*does not load"
    with pytest.raises(RunError, match=words), kshot.serve(broken):
        pass
