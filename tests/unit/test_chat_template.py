"""Chat templates: the matrix of structures, control tokens in users' texts, the stop token, what is kept."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kshot.core.errors import DataError, WeightsError
from kshot.evaluate.measure.measurement import make_measurement
from kshot.models import chat_template
from kshot.models.chat_probes import close_thought
from kshot.models.chat_template import chat_format, stop_at
from kshot.models.chat_text import CHAT, ControlTokens, visible
from kshot.models.loading import load_chat_format, load_student
from kshot.runtime.device import Device
from kshot.suites.loading import load_suite
from kshot.train.data import IGNORED, tokenize_record
from tests.architectures import ARCHITECTURES
from tests.chat_templates import Cell, PromptModel, Template, build_tokenizer, list_templates, try_template
from tests.students import CHAT as CHATML

TEMPLATES = {template.name: template for template in list_templates()}
CHATML_TEMPLATE = Template("chatml", CHATML, "<|im_start|>", "<|im_end|>", ("<|im_start|>", "<|im_end|>"))


def test_list_templates_holds_those_of_trl_and_many_more() -> None:
    trls = [name for name in TEMPLATES if name.startswith("trl/")]
    assert len(trls) >= 28
    assert len(TEMPLATES) - len(trls) >= 40


def test_the_page_of_students_lists_what_was_tried() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "students.md").read_text(encoding="utf-8")
    missing = [f"`{name}`" for name in TEMPLATES if f"| `{name}` |" not in page]
    missing += [name for name in ARCHITECTURES if f"| {name} | right |" not in page]
    assert not missing, "print the tables again: python -m tests.chat_templates, python -m tests.architectures"


@pytest.mark.parametrize("name", TEMPLATES)
def test_rows_and_prompts_of_a_template_are_right_or_it_is_refused(name: str) -> None:
    cell = try_template(TEMPLATES[name])
    expected = "refused" if "refused" in TEMPLATES[name].expect else "right"
    assert (cell.verdict, cell.template) == (expected, name), cell.note


@pytest.mark.parametrize(
    "broken",
    [
        ("kshot.models.chat_text.ControlTokens.mark", lambda self, text: text),
        ("kshot.models.chat_template.close_thought", lambda *_: ""),
        ("kshot.models.chat_template._find_stop", lambda _, __, control, *___: (min(control.ids), min(control.ids))),
        ("kshot.models.chat_template._fix_date", lambda template: (template, None)),
        ("kshot.models.chat_template._append", lambda template, addition: template),
    ],
    ids=lambda broken: str(broken[0]).rpartition(".")[2],
)
def test_the_matrix_notices_what_is_broken(
    broken: tuple[str, Callable[..., Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*broken)
    names = ("qwq", "glm4", "two_clocks", "generation_prompt_ignored")
    cells: list[Cell] = []
    for name in names:
        try:
            cells.append(try_template(TEMPLATES[name]))
        except DataError as error:
            cells.append(Cell(name, "wrong", str(error)))
    assert "wrong" in [cell.verdict for cell in cells]


def test_chat_format_leaves_a_template_alone_that_needs_no_help() -> None:
    tokenizer = build_tokenizer(CHATML_TEMPLATE)
    turns = [{"role": "user", "content": "Hello there"}]
    before = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    chat = chat_format(tokenizer)
    assert (tokenizer.chat_template, chat.notes, chat.date) == (CHATML, (), None)
    assert chat.encode(chat.render_prompt(turns)).ids == list(before)
    assert chat_format(tokenizer) is chat
    tokenizer.chat_template = TEMPLATES["qwq"].template
    assert chat_format(tokenizer).prompt_tail.endswith("</think>\n\n"), "another template is looked at anew"


def test_chat_format_keeps_the_other_templates_of_a_tokenizer() -> None:
    tokenizer = build_tokenizer(TEMPLATES["qwq"])
    tokenizer.chat_template = {"default": tokenizer.chat_template, "tool_use": "x"}
    chat = chat_format(tokenizer)
    assert tokenizer.chat_template == {"default": chat.template, "tool_use": "x"}
    assert chat_format(tokenizer) is chat


@pytest.mark.parametrize("kind", ["bytes", "words"])
@pytest.mark.parametrize("text", ["Say <|im_end|> now", "<|im_end|>", "é <|im_end|><|im_start|>\n\nx", "a\n<|im_end|>"])
def test_control_tokens_of_a_user_are_tokenized_as_a_tokenizer_without_them_would(kind: str, text: str) -> None:
    tokenizer = build_tokenizer(CHATML_TEMPLATE, kind)
    row = tokenize_record({"instruction": text, "output": text}, tokenizer, targets=True)
    special = [token for token in row.input_ids if token in tokenizer.all_special_ids]
    assert tokenizer.convert_ids_to_tokens(special) == ["<|im_start|>", "<|im_end|>", "<|im_start|>", "<|im_end|>"]
    control = ControlTokens(tokenizer, CHATML)
    first = row.input_ids.index(special[1])
    asked = control._plain.encode(f"user\n{text}", add_special_tokens=False).ids
    # A tokenizer that puts a space before a whole text puts none behind a control token.
    begun = tokenizer.decode(asked).lstrip() == tokenizer.decode(row.input_ids[1:first]).lstrip()
    assert begun
    if kind == "bytes":
        assert list(row.input_ids[1:first]) == asked


def test_a_text_without_control_tokens_is_tokenized_as_it_stands() -> None:
    tokenizer = build_tokenizer(CHATML_TEMPLATE)
    chat = chat_format(tokenizer)
    text = "<|im_start|>user\nUsers <write> [this] </s>"
    assert chat.encode(CHAT + text).ids == tokenizer(text, add_special_tokens=False)["input_ids"]
    assert visible(chat.control.mark("a<|im_end|>b\ufdd0")) == "a<|im_end|>b"


def test_white_space_that_a_control_token_takes_is_taken_beside_marked_text_too() -> None:
    from tokenizers import AddedToken

    tokenizer = build_tokenizer(Template("x", CHATML, None, "<|im_end|>"))
    tokenizer.add_special_tokens(
        {"additional_special_tokens": [AddedToken("<|im_start|>", rstrip=True), AddedToken("<|x|>", lstrip=True)]}
    )
    control = ControlTokens(tokenizer, CHATML)
    plain, marked = (control.encode(f"<|im_start|>  {text} <|x|>") for text in ("user", control.mark("<|im_end|>")))
    assert tokenizer.decode(plain.ids[1:-1]) == "user"
    assert tokenizer.decode(marked.ids[1:-1]) == "<|im_end|>"
    assert marked.offsets[1][0] == 14


def test_a_tokenizer_that_makes_control_tokens_of_plain_text_is_said() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "</s>", "user", "assistant", "Probe", "answer", "question"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>")
    control = ControlTokens(fast, "")
    with pytest.raises(DataError, match="'Say </s>': the student's tokenizer makes the control token '</s>' of plain"):
        control.encode(control.mark("Say </s>"))


@pytest.mark.parametrize("name", ["trl/gemma", "llama2", "glm4", "two_clocks", "parts_only", "trl/glm4moe"])
def test_outputs_of_demonstrations_are_found_in_every_template(name: str) -> None:
    tokenizer = build_tokenizer(TEMPLATES[name])
    chat = chat_format(tokenizer)
    head = f"  Use {chat.stop}.\nInput: u\nOutput: "
    instruction = f"{head}one{chat.stop}\n\nInput: b\nOutput: \n"
    start = len(head)
    record = {
        "instruction": instruction,
        "output": "two",
        "meta": {"k": 1, "loss_spans": [[start, start + 3 + len(chat.stop)]]},
    }
    every, last = (tokenize_record(record, tokenizer, targets=targets) for targets in (True, False))
    learnt = [a for a, b in zip(every.labels, last.labels, strict=True) if a != IGNORED and b == IGNORED]
    assert tokenizer.decode(learnt).strip() == f"one{chat.stop}"
    assert every.input_ids == last.input_ids


def test_tokenize_record_refuses_an_instruction_that_the_template_changes() -> None:
    changing = CHATML.replace("m['content']", "m['content'] | replace('Secret', '')")
    tokenizer = build_tokenizer(Template("x", changing, None, "<|im_end|>", ("<|im_start|>",)))
    record = {"instruction": "Secret a", "output": "b", "meta": {"loss_spans": [[0, 1]]}}
    with pytest.raises(DataError, match="changes this instruction: 'Secret a'"):
        tokenize_record(record, tokenizer, targets=True)


@pytest.mark.parametrize(
    ("tail", "close"),
    [
        ("assistant\n", ""),
        ("<think>\n", "</think>\n\n"),
        ("<think>", "\n</think>\n\n"),
        ("<think>\n\n</think>\n\n", ""),
        ("</think>", ""),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|inner_prefix|>", "<|inner_suffix|>"),
        ("model\n<|channel>thought\n", "<channel|>"),
        ("<reasoning>\n", "</reasoning>\n\n"),
        ("<|think_start|>", "<|think_end|>"),
        ("<|think_start|><|think_end|>", ""),
        ("[THINK]", "\n[/THINK]\n\n"),
        ("◁think▷", "◁/think▷"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ],
)
def test_close_thought_closes_what_is_open(tail: str, close: str) -> None:
    assert close_thought(tail) == close


def test_a_tokenizer_without_places_or_template_is_refused_in_a_line(tiny_student: Path) -> None:
    slow = SimpleNamespace(chat_template="x", is_fast=False)
    with pytest.raises(WeightsError, match="needs a fast tokenizer"):
        chat_format(slow)
    with pytest.raises(WeightsError, match="no chat template"):
        chat_format(SimpleNamespace(chat_template=None, is_fast=True))
    assert load_chat_format(str(tiny_student)).stop == "<|im_end|>"


def test_load_student_stops_where_the_template_ends_a_turn(tiny_student: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model, _ = load_student(str(tiny_student))
    assert model.generation_config.eos_token_id == 2, "as it was"
    tokenizer = build_tokenizer(TEMPLATES["stop_is_not_eos"])
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.generation_config.eos_token_id = [0]
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded, tokenizer = load_student(str(tmp_path))
    stop = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert loaded.generation_config.eos_token_id == [0, stop]
    loaded.save_pretrained(tmp_path / "saved")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert again.generation_config.eos_token_id == [0, stop]
    empty = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=None))
    stop_at(empty, chat_format(tokenizer))
    assert empty.generation_config.eos_token_id == stop


def test_a_refused_student_is_named_with_its_folder(tiny_student: Path, tmp_path: Path) -> None:
    model, _ = load_student(str(tiny_student))
    model.save_pretrained(tmp_path)
    build_tokenizer(TEMPLATES["refused_changed_text"]).save_pretrained(tmp_path)
    for load in (load_student, load_chat_format):
        with pytest.raises(WeightsError, match=f"^{tmp_path}: the chat template leaves out or changes"):
            load(str(tmp_path))


def test_the_key_of_a_measurement_holds_the_date_and_version_of_templates(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key() -> str:
        device = Device("cpu", 1, "float32", "sdpa", {})
        return make_measurement(Path("x"), "base", "f", load_suite(str(suite)), 0, None, device).key

    keys = {key()}
    monkeypatch.setattr(chat_template, "TEMPLATE_DATE", date(2025, 1, 1))
    keys.add(key())
    monkeypatch.setattr(chat_template, "VERSION", chat_template.VERSION + 1)
    keys.add(key())
    assert len(keys) == 3


def test_prompts_for_lm_eval_go_on_with_a_begun_answer() -> None:
    model = PromptModel(build_tokenizer(TEMPLATES["qwq"]))
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "It is <|im_end|>"}]
    prompt = model.apply_chat_template(turns, add_generation_prompt=False)
    assert visible(prompt).endswith("<|im_start|>assistant\n<think>\n</think>\n\nIt is <|im_end|>")
    assert model.tok_encode(prompt)[-1] != model.chat.stop_id
