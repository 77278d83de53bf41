"""The stage's files: each line is one of the models, and the cache key changes with what shapes the data."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from kshot.config import Config, GenerateConfig
from kshot.core.runs import Run
from kshot.core.types import Record
from kshot.generate import stage
from kshot.generate.compose import sampler
from kshot.generate.run_files import ContaminationRow, GenerateManifest, NearestRow, RecordRow, RejectRow
from kshot.generate.stage import cache_key, run_generate
from kshot.generate.versions import component_versions
from tests.unit.composing import SEEDS, composed, generate_into, read_lines

TASKS = "- {id: t, category: c, descriptions: [d], examples: [{input: a, output: b}, {input: c, output: d}]}\n"


def test_every_line_of_every_file_is_a_row_of_its_model(tmp_path: Path, suite: Path) -> None:
    records, _ = composed(families=["morphology"])
    leaked = {record.meta.query.input for record in records if record.meta.task == "plain_words"}
    rows = [{"input": text, "output": ["x"]} for text in ("a", "b", "c", "d", *sorted(leaked)[:2])]
    (suite / "echo.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    folder = generate_into(
        tmp_path, families=["morphology"], tasks=[SEEDS / "everyday.yaml"], decontaminate=[str(suite)], records=300
    )
    contamination: TypeAdapter[ContaminationRow | NearestRow] = TypeAdapter(ContaminationRow | NearestRow)
    written = [RecordRow.model_validate_json(line) for line in (folder / "train.jsonl").read_bytes().splitlines()]
    rejects = [RejectRow.model_validate_json(line) for line in (folder / "rejects.jsonl").read_bytes().splitlines()]
    found = [contamination.validate_json(line) for line in (folder / "contamination.jsonl").read_bytes().splitlines()]
    manifest = GenerateManifest.model_validate_json((folder / "manifest.json").read_bytes())
    assert len(written) == manifest.records == 300
    assert all(row.meta.query.output == row.output for row in written)
    matches = [row for row in found if isinstance(row, ContaminationRow)]
    assert matches
    assert {row.reject for row in matches} <= {reject.id for reject in rejects}
    assert {row.family for row in found if isinstance(row, NearestRow)} == set(manifest.nearest)
    assert manifest.components == component_versions()
    assert json.loads((folder / "manifest.json").read_text())["config"]["generate"]["records"] == 300


def test_meta_is_an_object_with_the_fields_in_their_order(tmp_path: Path) -> None:
    folder = generate_into(tmp_path, families=["morphology"], records=10)
    (row, *_) = read_lines(folder / "train.jsonl")
    assert list(row) == ["instruction", "output", "meta"]
    assert " ".join(row["meta"]) == (
        "id kind k form task family category origin mode task_instruction demonstrations query template loss_spans "
        "demo_ids query_id example_mode symbol_tuned wrapped teacher verified_by seed turns"
    )
    assert set(row["meta"]["query"]) == {"input", "output"}


def test_loss_spans_are_outputs_of_demonstrations_and_the_structure_is_as_shown() -> None:
    records, _ = composed(records=400, cot_fraction=0.4, wrapped_fraction=0.5, symbol_tuning_fraction=0.3)
    spans = 0
    for record in records:
        meta = record.meta
        outputs = [demo.output for demo in meta.demonstrations]
        targets = [record.instruction[start:end] for start, end in meta.loss_spans]
        assert targets == outputs[len(outputs) - len(targets) :]
        assert all(demo.input in record.instruction for demo in (*meta.demonstrations, meta.query))
        assert record.instruction.startswith(meta.task_instruction)
        spans += len(targets)
    assert spans > 100
    assert {record.meta.wrapped for record in records} == {record.meta.symbol_tuned for record in records}


@pytest.mark.parametrize("model", [RecordRow, RejectRow, ContaminationRow, NearestRow, GenerateManifest])
def test_every_field_of_a_file_is_described_in_its_schema(model: type[BaseModel]) -> None:
    assert model.model_fields
    assert not [name for name, field in model.model_fields.items() if not field.description]
    assert model.model_json_schema()["type"] == "object"


def test_a_manifest_of_another_make_is_no_finished_data_set(tmp_path: Path) -> None:
    folder = generate_into(tmp_path, families=["morphology"], records=10)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({"key": manifest["key"], "records": 10}))
    generate_into(tmp_path, families=["morphology"], records=10)
    assert json.loads((folder / "manifest.json").read_text()) == manifest


def test_record_row_refuses_a_field_too_many() -> None:
    row = json.loads(RecordRow.of(composed(records=1)[0][0]).to_line())
    assert isinstance(Record(**row | {"meta": None}), Record)
    with pytest.raises(ValidationError, match="extra"):
        RecordRow.model_validate({**row, "more": 1})


def test_the_cache_key_changes_with_inputs_settings_and_versions(
    tmp_path: Path, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks, prompts = tmp_path / "tasks.yaml", tmp_path / "prompts"
    tasks.write_text(TASKS)
    prompts.mkdir()
    settings = GenerateConfig(tasks=[tasks], teacher=None, decontaminate=[str(suite)], prompts=prompts)
    config = Config(generate=settings)
    keys = [cache_key(config)]
    assert cache_key(config) == keys[0]
    assert cache_key(config.model_copy(update={"runs": tmp_path})) == keys[0]
    (suite / "notes.txt").write_text("no input of the stage")
    assert cache_key(config) == keys[0]
    for path in (tasks, suite / "echo.jsonl", prompts / "rephrase.j2"):
        path.write_text((path.read_text() if path.exists() else "") + "\n")
        keys.append(cache_key(config))
    (suite / "suite.yaml").rename(suite / "own.yaml")
    keys.append(cache_key(config))
    keys.append(cache_key(config.model_copy(update={"seed": 8})))
    keys.append(cache_key(config.model_copy(update={"generate": settings.model_copy(update={"records": 7})})))
    monkeypatch.setattr(sampler, "VERSION", sampler.VERSION + 1)
    keys.append(cache_key(config))
    monkeypatch.setattr(stage, "entry_point_versions", lambda: {"a_package": "2.0"})
    keys.append(cache_key(config))
    assert len(set(keys)) == len(keys) == 9


def test_the_stage_reads_no_source_file_for_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []

    def hash_file(path: Path) -> str:
        hashed.append(path)
        return "h"

    monkeypatch.setattr(stage, "hash_file", hash_file)
    cache_key(Config(generate=GenerateConfig(teacher=None)))
    assert hashed
    assert {path.suffix for path in hashed} == {".yaml", ".jsonl"}


def test_a_run_is_made_again_only_when_its_key_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(generate=GenerateConfig(families=["morphology"], records=10, teacher=None, decontaminate=[]))
    run = Run(tmp_path / "run")
    times = []
    for version in (1, 1, 2):
        monkeypatch.setattr(sampler, "VERSION", version)
        run_generate(config, run)
        times.append((run.folder / "generate" / "manifest.json").stat().st_mtime_ns)
    assert times[0] == times[1] < times[2]
