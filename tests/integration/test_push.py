"""`kshot push` to a hub on loopback, through huggingface_hub's own client: what is sent, and what its cards say."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard, ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from kshot.core.errors import KshotError
from kshot.core.files import write_json
from kshot.hub.upload import Upload, check_upload
from kshot.train.run_files import TrainManifest
from tests.fake_hub import TOKEN, FakeHub, fake_hub, find_card_faults
from tests.unit.evaluation_rows import make_gain

HUB_BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"
FACTS = {
    "run": "mine", "base": HUB_BASE, "base_fingerprint": "f00", "data": "aa", "rows": 10, "validation_rows": 2,
    "tokens": 1000, "dropped": {}, "steps": 5, "loss": 0.5, "validation": None, "lora": {"r": 16}, "sft": {},
    "device": {"type": "cpu", "dtype": "float32", "threads": 2}, "adapter_scale": 1.0, "template_date": None,
    "stop_token": "<|im_end|>", "key": "k", "seed": 7, "training_seed": 7, "versions": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with fake_hub() as served:
        yield served


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run: data, adapter and merged student, report; the weights are a few bytes."""
    from kshot.train.export.card import render_card

    folder = tmp_path / "runs" / "mine"
    manifest = TrainManifest.model_validate(FACTS)
    for name, weights in (("adapter", "adapter_model.safetensors"), ("merged", "model.safetensors")):
        place = folder / "train" / name
        place.mkdir(parents=True)
        (place / weights).write_bytes(b"w" * 100)
        config = "adapter_config.json" if name == "adapter" else "config.json"
        write_json(place / config, {"base_model_name_or_path": HUB_BASE})
        (place / "README.md").write_text(render_card(manifest, merged=name == "merged"))
    write_json(folder / "train" / "manifest.json", manifest.model_dump())
    evaluate = folder / "evaluate"
    evaluate.mkdir()
    write_json(evaluate / "gains.json", [make_gain(score=s).model_dump() for s in ("exact_match", "judge")])
    write_json(evaluate / "manifest.json", {"trained": "k"})
    (evaluate / "report.html").write_text("<!doctype html><title>report</title>")
    (evaluate / "report.md").write_text("# report")
    generate = folder / "generate"
    generate.mkdir()
    (generate / "train.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    (generate / "README.md").write_text("---\nlicense: apache-2.0\nlanguage: en\n---\n\n# data\n")
    write_json(generate / "manifest.json", {"config": str(tmp_path)})
    (generate / "replies.sqlite").write_bytes(b"secret")
    return folder


def push(hub: FakeHub, *arguments: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    command = [sys.executable, "-m", "kshot.cli", "push", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_push_sends_data_then_models_that_name_it(hub: FakeHub, run: Path) -> None:
    done = push(hub, str(run), "me/set")
    assert done.returncode == 0, done.stderr
    assert hub.repos["me/set"]["visibility"] == "private"
    assert hub.repos["me/set"]["type"] == "dataset"
    assert set(hub.files["me/set"]) == {"README.md", "train.jsonl"}
    done = push(hub, str(run), "me/student", "--what", "merged", "--license", "mit")
    assert done.returncode == 0, done.stderr
    card = hub.card("me/student")
    assert (card["base_model"], card["base_model_relation"]) == (HUB_BASE, "finetune")
    assert (card["datasets"], card["license"], card["library_name"]) == (["me/set"], "mit", "transformers")
    (result,) = model_index_to_eval_results(card["model-index"])[1]
    assert (result.metric_type, result.metric_value, result.dataset_config) == ("exact_match", 0.4, "k=0")
    body = hub.files["me/student"]["README.md"].decode()
    assert '"me/student"' in body
    assert "path/to" not in body
    assert ModelCard(body).data.model_name == "student"
    done = push(hub, str(run), "me/lora", "--what", "adapter", "--public")
    assert done.returncode == 0, done.stderr
    assert hub.repos["me/lora"]["visibility"] == "public"
    assert hub.card("me/lora")["base_model_relation"] == "adapter"
    assert set(hub.files["me/lora"]) == {"README.md", "adapter_config.json", "adapter_model.safetensors"}
    for repo in ("me/set", "me/student", "me/lora"):
        assert find_card_faults(hub.files[repo]["README.md"].decode(), "model") == []
    DatasetCard(hub.files["me/set"]["README.md"].decode())
    assert json.loads((run / "hub.json").read_text()) == {
        "data": "me/set",
        "merged": "me/student",
        "adapter": "me/lora",
    }


def test_push_sends_the_report_as_a_static_page(hub: FakeHub, run: Path) -> None:
    done = push(hub, str(run), "me/report", "--what", "report")
    assert done.returncode == 0, done.stderr
    assert (hub.repos["me/report"]["type"], hub.repos["me/report"]["sdk"]) == ("space", "static")
    assert set(hub.files["me/report"]) == {"README.md", "index.html", "report.md", "gains.json"}
    assert hub.card("me/report")["app_file"] == "index.html"


def test_push_of_an_export_takes_the_only_one_and_asks_among_several(hub: FakeHub, run: Path) -> None:
    done = push(hub, str(run), "me/q", "--what", "gguf")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no GGUF file yet; run `kshot export" in done.stderr
    for name in ("gguf-q8_0", "gguf-float16"):
        folder = run / "export" / name
        folder.mkdir(parents=True)
        write_json(folder / "export.json", {"trained": "k"})
        (folder / f"{name}.gguf").write_bytes(b"GGUF")
        (folder / "README.md").write_text((run / "train" / "merged" / "README.md").read_text())
    done = push(hub, str(run), "me/q", "--what", "gguf")
    assert done.returncode == 2
    assert "several exports to gguf" in done.stderr
    done = push(hub, str(run), "me/q", "--what", "gguf", "--folder", str(run / "export" / "gguf-q8_0"))
    assert done.returncode == 0, done.stderr
    assert set(hub.files["me/q"]) == {"README.md", "gguf-q8_0.gguf"}
    card = hub.card("me/q")
    assert card["base_model_relation"] == "quantized"
    assert "gguf" in card["tags"]
    assert "library_name" not in card


def test_dry_run_lists_files_and_sizes_and_sends_nothing(hub: FakeHub, run: Path) -> None:
    commits = len(hub.commits)
    done = push(hub, str(run), "me/dry", "--what", "merged", "--dry-run", token="")
    assert done.returncode == 0, done.stderr
    lines = " ".join(done.stdout.split())
    assert "would send 3 files, 0.0 MB to the private model me/dry" in lines
    assert "100 model.safetensors" in lines
    assert len(hub.commits) == commits
    assert "me/dry" not in hub.repos


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["me/x", "--what", "weights"], "expected data, adapter, merged, gguf or report"),
        (["no-owner"], "expected OWNER/NAME"),
        (["me/a b"], "no name of a repository"),
        (["me/x", "--what", "report", "--license", "mit"], "a report states none"),
        (["me/x", "--what", "merged", "--license", "my own"], "the hub refused the merged"),
    ],
)
def test_push_refuses_in_one_line(hub: FakeHub, run: Path, arguments: list[str], error: str) -> None:
    done = push(hub, str(run), *arguments)
    assert done.returncode == 2
    assert error in done.stderr
    assert done.stderr.count("\n") == 1
    assert "me/x" not in hub.repos


def test_a_wrong_token_and_a_hub_that_is_away_are_one_line(hub: FakeHub, run: Path) -> None:
    for url, token in ((hub.url, "hf_wrong"), ("http://127.0.0.1:9", TOKEN)):
        done = push(FakeHub(url=url), str(run), "me/away", token=token)
        assert done.returncode == 2
        assert "me/away: the hub refused the data" in done.stderr
        assert "hf auth login" in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (run / "hub.json").exists()


def test_a_file_that_names_this_machine_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    card = b"---\ntags: [kshot]\n---\n\n# a\n"
    for content, is_sent in ((f'{{"base": "{tmp_path}/model"}}', False), (f'{{"base": "{tmp_path}x"}}', True)):
        upload = Upload("adapter", "model", {"README.md": card, "adapter_config.json": content.encode()})
        if is_sent:
            check_upload(upload, "me/x")
            continue
        with pytest.raises(KshotError, match="names the folder"):
            check_upload(upload, "me/x")


def test_an_invalid_card_is_refused_before_anything_is_sent() -> None:
    for metadata in ("base_model: /home/me/model", "model-index: [{name: a}]"):
        upload = Upload("adapter", "model", {"README.md": f"---\n{metadata}\n---\n\n# a\n".encode()})
        with pytest.raises(KshotError, match="adapter: the card's"):
            check_upload(upload, "me/x")


def test_what_an_earlier_training_left_is_not_sent(hub: FakeHub, run: Path) -> None:
    folder = run / "export" / "merged-bfloat16"
    folder.mkdir(parents=True)
    write_json(folder / "export.json", {"trained": "before"})
    (folder / "model.safetensors").write_bytes(b"old")
    (folder / "README.md").write_text((run / "train" / "merged" / "README.md").read_text())
    write_json(run / "evaluate" / "manifest.json", {"trained": "before"})
    done = push(hub, str(run), "me/again", "--what", "merged")
    assert done.returncode == 0, done.stderr
    assert "1 exports are of an earlier training and left alone" in done.stdout
    assert "the card states no scores" in done.stdout
    assert hub.files["me/again"]["model.safetensors"] == b"w" * 100
    assert "model-index" not in hub.card("me/again")
    done = push(hub, str(run), "me/again", "--what", "merged", "--folder", str(folder))
    assert done.returncode == 2
    assert "no export of this run's student as it is trained now" in done.stderr


def test_a_student_without_an_adapter_has_none_to_push(hub: FakeHub, run: Path) -> None:
    write_json(run / "train" / "manifest.json", {**FACTS, "method": "full"})
    done = push(hub, str(run), "me/full", "--what", "adapter")
    assert done.returncode == 2
    assert "there is no adapter; push --what merged" in done.stderr
