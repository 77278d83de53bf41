"""Chat templates of today's kinds, each tried with tiny tokenizers: prompts and rows are what `ChatFormat` promises.

Those that TRL ships are taken from there. Ours stand in `templates/`, a YAML file each, and a file more is a test more:
`template`, `eos`, and what else is special: `bos`, `special` tokens, `plain` added tokens that are not special, `stops`
of the generation config, `adds_bos`. `expect` holds the right values: `stop`, `tail` (end of the prompt), `lead`,
`shows` (a text in the prompt), `date`, or `refused` (a part of the reason).
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from kshot.core.errors import KshotError
from kshot.core.safe_yaml import read_yaml
from kshot.evaluate.lm.chat_prompts import ChatPrompts
from kshot.models.chat_template import chat_format
from kshot.models.chat_text import visible
from kshot.train.data import IGNORED, tokenize_record

OURS = Path(__file__).parent / "templates"
_SPECIAL = re.compile(
    r"<[|｜][^<>\s'\"]{1,40}?[|｜]>|<\|[a-z_]+>|<[a-z_]+\|>|</?s>|<(?:bos|eos|sop|unk)>|\[/?INST\]|\[gMASK\]"
    r"|<(?:start|end)_of_(?:turn|utterance)>|<end_of_utterance>|\[/?SYSTEM_PROMPT\]"
)
_PLAIN = re.compile(r"</?(?:think|tool_call|tool_response)>|\[/?THINK\]")
KINDS = ("bytes", "words")
"""Byte-level BPE, as of Llama 3 and Qwen; and BPE over words that begin with a space, as of Llama 2 and Gemma."""
RECORDS: tuple[dict[str, Any], ...] = (
    {"instruction": "Name the colour.\n\nInput: sky\nOutput:", "output": "blue"},
    {"instruction": "Two  spaces \nkept.", "output": "one\n\ntwo  three"},
    {"instruction": "Says <stop> now, and <think>no</think>.", "output": "It wrote <stop> here."},
    {"instruction": "<stop><stop>\n<stop>", "output": "<stop>"},
    {"instruction": "Say é and 日本 <stop> 日本.", "output": " led by a space"},
)
"""`<stop>` stands for the student's stop token."""
CORPUS = ["Name the colour.\n\nInput: sky\nOutput: blue", "user assistant system answer\n\n\n says  now here"] * 3


@dataclass(frozen=True)
class Template:
    """A chat template with what its tokenizer knows."""

    name: str
    template: str
    bos: str | None = None
    eos: str | None = None
    special: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    adds_bos: bool = False
    expect: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """A template's outcome: `right`, `refused` or `wrong`, and why or what was changed."""

    template: str
    verdict: str
    note: str


def list_templates() -> list[Template]:
    """TRL's, then ours."""
    import trl

    shipped = sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))
    trls = [_of_trl(path) for path in shipped if not path.stem.endswith("_training")]
    return trls + [_of_ours(path) for path in sorted(OURS.glob("*.yaml"))]


def _of_trl(path: Path) -> Template:
    text = path.read_text(encoding="utf-8")
    special = list(dict.fromkeys(_SPECIAL.findall(text)))
    ends = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|END_OF_TURN_TOKEN|>", "<|return|>", "<turn|>",
            "<｜end▁of▁sentence｜>", "<end_of_utterance>", "</s>")  # fmt: skip
    eos = next((token for token in ends if token in special), "<|endoftext|>")
    return Template(f"trl/{path.stem}", text, "<s>", eos, tuple(special), tuple(dict.fromkeys(_PLAIN.findall(text))))


def _of_ours(path: Path) -> Template:
    _, given = read_yaml(path)
    for name in ("special", "plain", "stops"):
        given[name] = tuple(given.get(name, ()))
    text = given["template"]
    given["special"] = tuple(dict.fromkeys([*given["special"], *_SPECIAL.findall(text)]))
    given["plain"] = tuple(dict.fromkeys([*given["plain"], *_PLAIN.findall(text)]))
    return Template(**given | {"name": path.stem, "template": text})


@cache
def _untrained(kind: str) -> str:
    """The JSON of a tiny tokenizer without control tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    if kind == "bytes":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet, special = pre_tokenizers.ByteLevel.alphabet(), []
    else:
        tokenizer = Tokenizer(models.BPE(byte_fallback=True))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        alphabet, special = [chr(code) for code in range(32, 127)], [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    if special:  # In the vocabulary, but no added tokens.
        import json

        return json.dumps(json.loads(tokenizer.to_str()) | {"added_tokens": []})
    return str(tokenizer.to_str())


def build_tokenizer(template: Template, kind: str = "bytes") -> Any:
    """A tiny tokenizer that knows the template's tokens."""
    from tokenizers import AddedToken, Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer.from_str(_untrained(kind))
    names = {"bos_token": template.bos, "eos_token": template.eos}
    known = {name: token for name, token in names.items() if token}
    special = dict.fromkeys([*known.values(), *template.special, *template.stops])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in template.plain])
    if template.adds_bos and template.bos:
        pair = (template.bos, tokenizer.token_to_id(template.bos))
        tokenizer.post_processor = processors.TemplateProcessing(f"{template.bos} $A", special_tokens=[pair])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **known)
    fast.chat_template = template.template
    return fast


class PromptModel(ChatPrompts):
    """Prompts as evaluation sends them, without a model."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer


def template_cells() -> list[Cell]:
    """The whole matrix."""
    return [try_template(template) for template in list_templates()]


def try_template(template: Template) -> Cell:
    """The outcome of a template with every kind of tokenizer; `wrong` with the first fault."""
    notes: dict[str, None] = {}
    for kind in KINDS:
        tokenizer = build_tokenizer(template, kind)
        stops = [tokenizer.convert_tokens_to_ids(token) for token in template.stops]
        try:
            chat = chat_format(tokenizer, stops)
        except KshotError as error:
            expected = template.expect.get("refused")
            verdict = "refused" if expected is None or expected in str(error) else "wrong"
            return Cell(template.name, verdict, str(error))
        faults = [*_compare(template, tokenizer), *_try_rows(tokenizer, stops)]
        if faults:
            return Cell(template.name, "wrong", f"{kind}: {faults[0]}")
        notes |= dict.fromkeys([*chat.notes, f"stops at {chat.stop}"])
    if "refused" in template.expect:
        return Cell(template.name, "wrong", f"is not refused: {template.expect['refused']}")
    return Cell(template.name, "right", "; ".join(notes))


def _compare(template: Template, tokenizer: Any) -> Iterator[str]:
    """Differences from the values that the file names."""
    chat, expect = chat_format(tokenizer), template.expect
    prompt = visible(chat.render_prompt([{"role": "user", "content": "Hi there"}]))
    for name, value in {"stop": chat.stop, "lead": chat.answer_lead, "date": chat.date}.items():
        if name in expect and expect[name] != value:
            yield f"{name} is {value!r}, expected {expect[name]!r}"
    if not prompt.endswith(expect.get("tail", "")):
        yield f"the prompt ends {prompt[-60:]!r}, expected {expect['tail']!r}"
    if expect.get("shows", "") not in prompt:
        yield f"the prompt does not show {expect['shows']!r}: {prompt!r}"
    if re.search(r"<think>(?!.*</think>)", prompt.partition("Hi there")[2], re.S):
        yield f"a thought stays open: {prompt!r}"


def _try_rows(tokenizer: Any, stops: list[int]) -> Iterator[str]:
    """What is wrong with rows and prompts of the records."""
    chat = chat_format(tokenizer)
    control = set(chat.control.ids.values())
    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        from transformers import AutoTokenizer

        again = AutoTokenizer.from_pretrained(folder)
    chat_format(again, stops)
    for record in RECORDS:
        question, answer = (record[name].replace("<stop>", chat.stop) for name in ("instruction", "output"))
        turns = [{"role": "user", "content": question}]
        row = tokenize_record({"instruction": question, "output": answer}, tokenizer, targets=True)
        asked = PromptModel(tokenizer).tok_encode(PromptModel(tokenizer).apply_chat_template(turns))
        trained = [token for token in row.labels if token != IGNORED]
        if list(row.input_ids) != asked + trained:
            yield f"{question!r}: the prompt is not what is trained"
        end = tokenizer.decode(trained[trained.index(chat.stop_id) + 1 :]) if chat.stop_id in trained else "none"
        end = end.replace(tokenizer.eos_token or "none", "")
        if end.strip() or trained.count(chat.stop_id) != 1:
            yield f"{answer!r}: no stop token ends it, or several: {tokenizer.decode(trained)!r}"
        text = tokenizer.decode(trained[: trained.index(chat.stop_id)]) if not end.strip() else ""
        if _squeeze(text).removesuffix(_squeeze(chat.turn_end.removesuffix(chat.stop))) != _squeeze(answer):
            yield f"{answer!r} is trained as {text!r}"
        if _squeeze(question) not in _squeeze(tokenizer.decode(asked)):
            yield f"{question!r} is not in the prompt {tokenizer.decode(asked)!r}"
        harmless = PromptModel(tokenizer).apply_chat_template([{"role": "user", "content": "harmless"}])
        expected = [token for token in PromptModel(tokenizer).tok_encode(harmless) if token in control]
        if [token for token in asked if token in control] != expected:
            yield f"{question!r}: its control tokens are tokens"
        if chat.find_user_text(turns) is None:
            yield f"{question!r}: not found in the prompt"
        with patch("transformers.utils.chat_template_utils.datetime") as clock:
            clock.now.return_value = datetime(1999, 1, 2)
            later = tokenize_record({"instruction": question, "output": answer}, again, targets=True)
        if later != row:
            yield f"{question!r}: the saved tokenizer trains another row on another day"
    yield from _try_conversations(tokenizer, again)


def _try_conversations(tokenizer: Any, again: Any) -> Iterator[str]:
    chat, model = chat_format(tokenizer), PromptModel(tokenizer)
    turns = [{"role": "system", "content": f"Be {chat.stop} brief."}, {"role": "user", "content": "Hello."}]
    ids = model.tok_encode(model.apply_chat_template(turns))
    harmless = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}]
    plain = model.tok_encode(model.apply_chat_template(harmless))
    control = set(chat.control.ids.values())
    if "Be" not in tokenizer.decode(ids) or sum(i in control for i in ids) != sum(i in control for i in plain):
        yield "a system text is lost, or its control tokens are tokens"
    # Whoever loads the saved student with transformers alone sends the same prompt.
    turns = [{"role": "user", "content": "Hello there."}]
    with patch.object(again, "_kshot_chat_format", None, create=True):
        theirs = again.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    if list(theirs) != model.tok_encode(model.apply_chat_template(turns)):
        yield f"transformers sends another prompt: {again.decode(theirs)!r}"


def _squeeze(text: str) -> str:
    return "".join(text.replace("▁", " ").split())


def escape_cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return re.sub(r"([|<>\[\]*_`\\])", r"\\\1", text.replace("\n", "⏎"))


def main() -> None:
    """Print the matrix as a Markdown table, and how many cells have which verdict."""
    cells = template_cells()
    rows = "".join(f"| `{cell.template}` | {cell.verdict} | {escape_cell(cell.note)} |\n" for cell in cells)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(cell.verdict for cell in cells).items())
    sys.stdout.write(f"| template | outcome | what was changed, or why not |\n|---|---|---|\n{rows}\n{counts}\n")


if __name__ == "__main__":
    main()
