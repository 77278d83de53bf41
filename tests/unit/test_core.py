"""Files that are whole, streams that do not move, prompts that are the same in training and evaluation."""

import time
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot.core.errors import DataError, RunError
from kshot.core.files import atomic_file, atomic_folder, read_jsonl, read_log, write_json, write_jsonl
from kshot.core.prompting import TEMPLATES, append_options, can_show, render_answer, render_prompt
from kshot.core.runs import Run, read_finished, write_manifest
from kshot.core.seeding import digest, stream
from kshot.core.types import Example
from kshot.models.loading import fingerprint_model
from kshot.runtime.parallel import run_parallel

GOLDEN = Path(__file__).parents[1] / "golden"


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_whole_or_absent_and_sweeps_what_a_kill_left(tmp_path: Path) -> None:
    (tmp_path / ".m.99.part").mkdir()
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "m") as temporary:
        (temporary / "x").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(tmp_path / "m") as temporary:
        (temporary / "x").write_text("all")
    assert (tmp_path / "m" / "x").read_text() == "all"


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": \n')
    with pytest.raises(DataError, match=r"a\.jsonl:3: broken JSON"):
        list(read_jsonl(path))
    path.write_text("[1]\n")
    with pytest.raises(DataError, match=r"a\.jsonl:1: expected an object, found list"):
        list(read_jsonl(path))


def test_a_torn_last_line_of_a_log_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('{"step":1}\n{"step":2}\n{"ste')
    assert [row["step"] for row in read_log(path)] == [1, 2]
    path.write_text('{"step":1}\n{"ste\n{"step":3}\n')
    with pytest.raises(DataError, match=":2:"):
        read_log(path)


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=5))
def test_jsonl_reads_back_what_was_written(rows: list[dict[str, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        write_jsonl(path, rows)
        assert [row for _, row in read_jsonl(path)] == rows


def test_streams_depend_on_their_names_alone() -> None:
    first = stream(7, "a", 1).random()
    stream(7, "b").random()
    assert stream(7, "a", 1).random() == first
    assert stream(7, "a1").random() != first
    assert digest("ab", "c") != digest("a", "bc")


def test_a_stage_is_finished_only_under_its_key(tmp_path: Path) -> None:
    assert read_finished(tmp_path, "k") is None
    write_manifest(tmp_path, {"key": "k"})
    assert read_finished(tmp_path, "k") == {"key": "k"}
    assert read_finished(tmp_path, "other") is None


def test_a_stage_is_held_by_one_process(tmp_path: Path) -> None:
    run = Run(tmp_path / "r")
    with run.held("train"), pytest.raises(RunError, match="another kshot"), run.held("train"):
        pass
    with run.held("train"):
        assert (tmp_path / "r" / "train").is_dir()


DEMOS = (Example("leaf", "leaves", "f becomes v, add es."), Example("cat", "cats", "Add s."))


def test_prompts_are_as_they_were() -> None:
    """What the student reads is part of the product: a change here must be meant (rewrite tests/golden/prompts.txt)."""
    shown = [
        f"===== {name} k={k}\n{render_prompt(name, 'Write the plural.', DEMOS[:k], 'dog').text}"
        for name in TEMPLATES
        for k in (0, 2)
    ]
    shown.append(f"===== reason\n{render_prompt('plain', 'Write the plural.', DEMOS, 'dog', with_rationale=True).text}")
    shown.append(f"===== demos only\n{render_prompt('plain', None, DEMOS, 'dog').text}")
    shown.append(f"===== options\n{append_options('Which one flies?', ['fish', 'bird'])}")
    assert "\n".join(shown) + "\n" == (GOLDEN / "prompts.txt").read_text()


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("reason", [False, True])
def test_a_prompt_knows_where_its_outputs_stand(template: str, reason: bool) -> None:
    prompt = render_prompt(template, "Write the plural.", DEMOS, "dog", reason)
    assert [prompt.text[a:b] for a, b in prompt.output_spans] == [render_answer(demo, reason) for demo in DEMOS]


def test_braces_in_data_are_text() -> None:
    prompt = render_prompt("plain", "Copy {x}.", [Example('{"a": 1}', "{b}")], "{input}").text
    assert "Copy {x}." in prompt
    assert '{"a": 1}' in prompt
    assert prompt.endswith("Input: {input}\nOutput:")


def test_templates_take_no_text_that_blurs_their_layout() -> None:
    assert not can_show("arrow", ["a\nb"])
    assert can_show("arrow", ["a"])
    assert can_show("arrow", ['"a"'])
    assert not can_show("quoted", ['"a"'])
    assert can_show("plain", ["a\nb"])


def test_a_fingerprint_sees_every_byte_that_answers_depend_on(tmp_path: Path) -> None:
    """Also one amid the weights, which adapters of some layers alone change."""
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(bytes(3 << 20))
    (tmp_path / "chat_template.jinja").write_text("a")
    seen = {fingerprint_model(str(tmp_path))}
    assert fingerprint_model(str(tmp_path)) in seen
    changed = bytearray(3 << 20)
    changed[3 << 19] = 1
    weights.write_bytes(changed)
    seen.add(fingerprint_model(str(tmp_path)))
    (tmp_path / "chat_template.jinja").write_text("b")
    seen.add(fingerprint_model(str(tmp_path)))
    (tmp_path / "README.md").write_text("no part of the model")
    seen.add(fingerprint_model(str(tmp_path)))
    assert len(seen) == 3
    (tmp_path / "generation_config.json").write_text('{"repetition_penalty": 1.5}')
    assert fingerprint_model(str(tmp_path)) not in seen


def test_who_interrupts_waits_for_what_is_begun_only() -> None:
    """Two threads of ten parts each; one of them fails at its third."""
    over, done = Event(), []

    def work(share: int) -> None:
        for part in range(10):
            if over.is_set():
                return
            if share == 1 and part == 2:
                raise KeyboardInterrupt
            time.sleep(0.02)
            done.append((share, part))

    with pytest.raises(KeyboardInterrupt):
        run_parallel(work, [0, 1], 2, over.set)
    assert len(done) < 12
