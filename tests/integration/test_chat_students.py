"""Students whose template opens a thought, shows a date and ends turns with another token than eos."""

import json
from pathlib import Path
from typing import Any

import pytest

from kshot.config.loader import load_config
from kshot.core.errors import WeightsError
from kshot.core.runs import Run
from kshot.models.chat_text import TURN_END
from kshot.models.loading import load_student
from kshot.train.data import IGNORED, tokenize_record
from kshot.train.stage import run_train
from tests.chat_templates import Template, build_tokenizer, list_templates
from tests.conftest import write_config

TEMPLATE = Template(
    "odd",
    "Today is {{ strftime_now('%d %b %Y') }}.\n{% for m in messages %}{% if m.role == 'system' %}"
    "{{ raise_exception('no system role') }}{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}",
    bos="<s>",
    eos="<|endoftext|>",
    special=("<|im_start|>", "<|im_end|>"),
    plain=("<think>", "</think>"),
    adds_bos=True,
)
PROMPT = "Today is 26 Jul 2024.\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n</think>\n\n"


def save_student(folder: Path, template: Template) -> Path:
    """A Llama of two layers with this template."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = build_tokenizer(template)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_student(tmp_path_factory.mktemp("odd"), TEMPLATE)


def test_a_trained_student_asks_for_its_answers_as_it_was_trained(student: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = load_config(str(write_config(tmp_path, student)), ["train.sft.max_steps=2", "train.validation_fraction=0"])
    run = Run(tmp_path / "runs" / "odd")
    records = [{"instruction": f"Say {n}", "output": str(n)} for n in range(12)]
    data = run.stage("generate") / "train.jsonl"
    data.write_text("".join(json.dumps(record) + "\n" for record in records))
    run_train(config, run)
    merged = run.folder / "train" / "merged"
    tokenizer = AutoTokenizer.from_pretrained(merged)
    turns = [{"role": "user", "content": "Hi"}]
    # No `enable_thinking`, no date: what a server sends.
    assert tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False) == PROMPT
    stop = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert stop in AutoModelForCausalLM.from_pretrained(merged).generation_config.eos_token_id
    manifest = json.loads((run.folder / "train" / "manifest.json").read_text())
    assert (manifest["template_date"], manifest["stop_token"]) == ("2024-07-26", "<|im_end|>")


def prefix_lm(folder: Path) -> Any:
    from kshot.evaluate.lm.prefix_lm import PrefixSharingLM

    model, tokenizer = load_student(str(folder))
    return PrefixSharingLM(model.eval(), tokenizer)


def test_prefix_lm_asks_with_the_tokens_of_training(student: Path) -> None:
    lm = prefix_lm(student)
    for question in ("Hi", "Say <|im_end|> now", "<think>no</think>"):
        for answer in ("yes", "<|im_end|>", "a <think> b"):
            record = {"instruction": question, "output": answer}
            row = tokenize_record(record, lm.tokenizer, targets=True)
            prompt = lm.apply_chat_template([{"role": "user", "content": question}])
            asked = lm.tok_batch_encode([prompt], left_truncate_len=2000)[0][0].tolist()
            context, option = lm._encode_pair(prompt, answer + TURN_END)
            trained = [token for token in row.labels if token != IGNORED]
            end = trained.index(lm.chat.stop_id) + 1
            assert asked == lm.tok_encode(prompt) == list(row.input_ids[: len(asked)])
            assert context + option == asked + trained[:end]
    prompts = [lm.apply_chat_template([{"role": "user", "content": text}]) for text in ("Hi <think>", "Hi")]
    batch, mask = lm.tok_batch_encode(prompts)
    assert lm.tok_encode(prompts) == [lm.tok_encode(prompt) for prompt in prompts]
    for ids, seen, prompt in zip(batch, mask, prompts, strict=True):
        assert ids[seen.bool()].tolist() == lm.tok_encode(prompt)
        assert seen.tolist() == sorted(seen.tolist()), "padded on the left"


def test_prefix_lm_stops_at_the_stop_token_and_not_at_its_characters(student: Path) -> None:
    import torch
    from lm_eval.api.instance import Instance

    lm = prefix_lm(student)
    text = lm.chat.control.encode(lm.chat.control.mark("a<|im_end|>b")).ids
    script = [*text, lm.chat.stop_id, *text]
    head = lm.model.get_output_embeddings()
    prompt = lm.apply_chat_template([{"role": "user", "content": "Hi"}])
    start = len(lm.tok_encode(prompt))
    forward = lm.model.forward

    def scripted(*arguments: Any, **options: Any) -> Any:
        output = forward(*arguments, **options)
        places = options["position_ids"][0][options["logits_to_keep"]].tolist()
        for row, place in enumerate(places):
            output.logits[0, row] = torch.nn.functional.one_hot(
                torch.tensor(script[max(place - start + 1, 0)]), head.out_features
            ).float()
        return output

    lm.model.forward = scripted
    settings = {"until": [lm.tokenizer.eos_token], "max_gen_toks": len(script) - 1, "do_sample": False}
    assert lm.generate_until([Instance("generate_until", {}, (prompt, settings), 0)]) == ["a<|im_end|>b"]


def test_another_backend_sends_the_same_prompts_and_stops_there(student: Path) -> None:
    from kshot.evaluate.lm.backends import Backend, open_backend
    from kshot.runtime.device import Device

    ours, theirs = (
        prefix_lm(student),
        open_backend(Backend("hf", str(student)), Device("cpu", 1, "float32", "sdpa", {})),
    )
    turns = [{"role": "system", "content": "Be <|im_end|> brief."}, {"role": "user", "content": "Hi"}]
    prompt = ours.apply_chat_template(turns)
    assert "Be <|im_end|> brief.\n\nHi" in ours.tokenizer.decode(ours.tok_encode(prompt))
    assert theirs.apply_chat_template(turns) == prompt
    assert theirs.tok_encode(prompt) == ours.tok_encode(prompt)
    assert theirs.eot_token_id == ours.eot_token_id == ours.chat.stop_id
    assert ours.chat.stop_id in theirs.model.generation_config.eos_token_id


def test_training_refuses_a_student_before_it_reads_the_weights(tmp_path: Path) -> None:
    refused = next(template for template in list_templates() if template.name == "refused_without_stop")
    folder = save_student(tmp_path / "student", refused)
    (folder / "model.safetensors").write_bytes(b"broken")
    config = load_config(str(write_config(tmp_path, folder)), [])
    run = Run(tmp_path / "runs" / "refused")
    (run.stage("generate") / "train.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    with pytest.raises(WeightsError, match=f"^{folder}: no stop token: the chat template ends an answer with none"):
        run_train(config, run)
