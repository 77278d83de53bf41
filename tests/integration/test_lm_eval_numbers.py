"""lm-eval's tasks have lm-eval's numbers to the last digit, or the measurement says why not."""

import shutil
from pathlib import Path

import pytest

from kshot.core.errors import KshotError
from kshot.runtime.device import Device
from tests.integration.ready import evaluated, read, ready_run
from tests.lm_eval_cells import (
    GROUPS,
    NAMED,
    STRUCTURES,
    Flags,
    compare,
    kshot_numbers,
    lm_eval_cells,
    task_name,
    write_tasks,
)

NO_SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CLOCK = NO_SYSTEM + "{% if false %}{{ strftime_now('%Y') }}{% endif %}"


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lm_eval") / "tasks"
    write_tasks(folder)
    return folder


@pytest.mark.parametrize("name", [*STRUCTURES, *GROUPS])
def test_a_structure_has_lm_evals_numbers_to_the_last_digit(name: str, tiny_student: Path) -> None:
    cells = lm_eval_cells(tiny_student, [name])
    assert len(cells) == 3
    assert [verdict for _, verdict in cells] == ["equal"] * 3


@pytest.mark.parametrize("name", NAMED)
def test_a_structure_that_kshot_asks_otherwise_is_named(name: str, tiny_student: Path) -> None:
    ((_, verdict),) = lm_eval_cells(tiny_student, [name], [Flags(k=2)])
    assert verdict == "named: control tokens that a text holds are text for kshot"


def with_template(student: Path, folder: Path, template: str) -> Path:
    shutil.copytree(student, folder)
    (folder / "chat_template.jinja").write_text(template)
    return folder


@pytest.mark.parametrize(
    ("template", "task", "verdict"),
    [
        (NO_SYSTEM, "choice", "equal"),
        (NO_SYSTEM, "description", "named: kshot changed the chat template: a system text goes in front of the user's"),
        (CLOCK.replace("false", "true"), "choice", "named: kshot changed the chat template: its date is 2024-07-26"),
        (NO_SYSTEM.replace("<|im_end|>", "<|endoftext|>"), "writing", "named: answers end at '<|endoftext|>'"),
    ],
)
def test_a_template_that_needs_help_is_named_where_it_changes_the_prompt(
    template: str, task: str, verdict: str, tiny_student: Path, tasks: Path, tmp_path: Path
) -> None:
    student = with_template(tiny_student, tmp_path / "student", template)
    assert compare(student, tasks, task, Flags(), tmp_path / "out").startswith(verdict)


def test_a_bos_token_that_lm_eval_adds_is_named(tiny_student: Path, tasks: Path, tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    student = tmp_path / "student"
    shutil.copytree(tiny_student, student)
    tokenizer = AutoTokenizer.from_pretrained(student)
    tokenizer.bos_token = "<|endoftext|>"
    processor = TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", tokenizer.bos_token_id)]
    )
    tokenizer.backend_tokenizer.post_processor = processor
    tokenizer.save_pretrained(student)
    for task in ("choice", "writing"):
        verdict = compare(student, tasks, task, Flags(), tmp_path / task)
        assert verdict == "named: lm_eval puts a BOS token in front"


@pytest.mark.parametrize(
    ("dtype", "attention", "task", "reason"),
    [
        ("bfloat16", "sdpa", "choice", "kshot's last layer computes in float32, and rounds otherwise than bfloat16"),
        ("float32", "eager", "rolling", "eager attention rounds otherwise than sdpa"),
        ("float32", "eager", "choice", None),
    ],
)
def test_another_rounding_is_named(
    dtype: str, attention: str, task: str, reason: str | None, tiny_student: Path, tasks: Path, tmp_path: Path
) -> None:
    device = Device("cpu", 1, dtype, attention, {})
    _, _, file = kshot_numbers(tiny_student, tasks, task, Flags(), tmp_path, device)
    assert file.differences == ({f"{task}: {reason}": 7} if reason else {})


def test_items_that_are_cut_are_counted_by_task(tiny_student: Path, tasks: Path, tmp_path: Path) -> None:
    """As lm-eval cuts: where the prompt and the answer's budget are more than the context."""
    for name, count in (("a long prompt", 7), ("writing", 0)):
        _, _, file = kshot_numbers(tiny_student, tasks, task_name(name), Flags(), tmp_path / task_name(name))
        assert file.truncated == count
        assert file.truncated_by_task == ({task_name(name): count} if count else {})


def test_an_answer_that_leaves_no_room_for_a_prompt_is_refused(tiny_student: Path, tmp_path: Path) -> None:
    write_tasks(tmp_path / "tasks")
    file = tmp_path / "tasks" / "writing.yaml"
    file.write_text(file.read_text().replace('"max_gen_toks": 6', '"max_gen_toks": 2048'))
    with pytest.raises(KshotError, match="answers of up to 2048 tokens leave no room"):
        kshot_numbers(tiny_student, tmp_path / "tasks", "writing", Flags(), tmp_path / "out")


def test_a_task_that_fails_while_it_is_scored_is_refused_by_name(tiny_student: Path, tmp_path: Path) -> None:
    write_tasks(tmp_path / "tasks")
    code = tmp_path / "tasks" / "code.py"
    code.write_text(code.read_text().replace("len(answer)", "len(answer) / 0"))
    with pytest.raises(KshotError, match=r"lm_eval:process_results: lm-eval cannot measure it: .*division"):
        kshot_numbers(tiny_student, tmp_path / "tasks", "process_results", Flags(), tmp_path / "out")


def test_differences_and_cut_items_are_in_the_report_and_on_the_terminal(
    config_file: Path, tiny_student: Path, tasks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ready_run(config_file, tiny_student) / "evaluate"
    names = ("control_tokens_in_a_text", "a_long_prompt")
    suites = f"evaluate.suites=[{', '.join(f'lm_eval:{name}' for name in names)}]"
    assert evaluated(config_file, suites, f"evaluate.lm_eval_path={tasks}", "evaluate.shots=[0]") == 0
    reason = "control_tokens_in_a_text: control tokens that a text holds are text for kshot"
    manifest = read(folder / "manifest.json")
    assert manifest["lm_eval_differences"] == {
        f"control_tokens_in_a_text k=0 {model} {reason}": 7 for model in ("base", "student")
    }
    assert manifest["truncated"] == {f"a_long_prompt k=0 {model} a_long_prompt": 7 for model in ("base", "student")}
    report = (folder / "report.md").read_text()
    assert f"- control_tokens_in_a_text k=0 base {reason} (7 items)" in report
    assert "7 items in a_long_prompt k=0 base a_long_prompt" in report
    shown = " ".join(capsys.readouterr().out.split())
    assert f"not as `lm_eval` measures it, 7 items of {reason}" in shown
    assert "cut on the left: 7 items of a_long_prompt" in shown
