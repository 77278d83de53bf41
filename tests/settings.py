"""Settings of `train`, each with values that act and values that are refused, tried on a tiny student.

`settings_cells()` gives the table; an entry more in `SETTINGS` is a test more. Run it to print the table:
`python -m tests.settings`.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError
from torch._dynamo.utils import counters

from kshot.config import TrainConfig
from kshot.core.errors import ConfigError, KshotError
from kshot.core.files import read_log
from kshot.models.loading import load_student
from kshot.runtime.device import Device
from kshot.train.acceleration import choose_attention
from kshot.train.export.merged import compare_logits, compute_logits, merge_student, scale_adapter
from kshot.train.fit import fit, plan_rows
from kshot.train.rows.split import prepare_rows
from kshot.train.trainer_config import check_trainer_config
from tests.architectures import save_architecture
from tests.chat_templates import escape_cell

ACTS, REFUSED = "acts", "refused"
STUDENT = "Llama, tied embeddings"
EXPERTS = "Mixtral"
SENTENCES = tuple(
    f"{text} {count}." for count in ("Once", "Twice or more", "Never at all") for text in (
        "Name the colour of the sky", "Say yes", "What is two and two?", "Name a day of the week, please",
    )
)  # fmt: skip
PLAIN: dict[str, Any] = {
    "max_length": 400, "validation_fraction": 0.3,
    "sft": {"learning_rate": 0.01, "save_steps": 100, "per_device_train_batch_size": 2},
    "lora": {"r": 4, "lora_alpha": 8},
}  # fmt: skip
"""A training of four steps, with which others are compared."""


@dataclass(frozen=True)
class SettingCell:
    """A setting and a value: what is expected, `acts` or `refused`, and what came out."""

    setting: str
    value: Any
    expected: str
    got: str
    note: str
    """What differs from the plain training, or the line that refuses it."""


SETTINGS: Mapping[str, Sequence[tuple[Any, str]]] = {
    "sft.learning_rate": [(0.02, ACTS), (0, REFUSED), (-1, REFUSED), (float("nan"), REFUSED), ("1e-4", REFUSED)],
    "sft.lr_scheduler_type": [
        *((name, ACTS) for name in ("linear", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt")),
        ("cosin", REFUSED), ("reduce_lr_on_plateau", REFUSED), ("greedy", REFUSED), (3, REFUSED),
    ],
    "sft": [
        ({"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.5}}, ACTS),
        ({"lr_scheduler_type": "cosine_warmup_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.5}}, ACTS),
        ({"lr_scheduler_type": "warmup_stable_decay", "lr_scheduler_kwargs": {"num_decay_steps": 1}}, ACTS),
        ({"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"num_cycles": 2}}, ACTS),
        ({"lr_scheduler_type": "cosine_with_min_lr"}, REFUSED),
        ({"lr_scheduler_type": "constant", "lr_scheduler_kwargs": {"num_cycles": 2}}, REFUSED),
        ({"lr_scheduler_type": "constant", "warmup_steps": 2}, REFUSED),
        ({"optim": "sgd", "adam_beta1": 0.8}, REFUSED),
        ({"loss_type": "dft", "label_smoothing_factor": 0.1}, REFUSED),
        ({"eval_strategy": "no", "eval_steps": 2}, REFUSED),
        ({"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False}}, ACTS),
        ({"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": True}}, REFUSED),
        ({"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": 0}}, REFUSED),
        ({"gradient_checkpointing_kwargs": {"use_reentrant": False}}, REFUSED),
        ({"max_steps": 1, "warmup_steps": 1}, REFUSED),
        ({"max_steps": 1}, ACTS),
        ({"torch_compile": True, "torch_compile_backend": "eager", "torch_compile_mode": "default"}, ACTS),
        ({"torch_compile": True, "torch_compile_mode": "nope"}, REFUSED),
        ({"save_steps": 1, "save_total_limit": 3}, ACTS),
        ({"max_steps": 10**6, "per_device_train_batch_size": 10**6}, REFUSED),
        ({"learning_rate": 1e-30, "lr_scheduler_type": "constant"}, REFUSED),
    ],
    "sft.lr_scheduler_kwargs": [({"num_cycles": 1.5}, ACTS), ({"nope": 1}, REFUSED), ({"num_cycles": "x"}, REFUSED),
                                ("num_cycles=2", REFUSED), ({"last_epoch": 3}, REFUSED)],
    "sft.warmup_steps": [(0, ACTS), (2, ACTS), (0.6, ACTS), (2.5, REFUSED), (-1, REFUSED)],
    "sft.warmup_ratio": [(2, REFUSED), (0.1, REFUSED)],
    "sft.optim": [("adafactor", ACTS), ("sgd", ACTS), ("adagrad", ACTS), ("rmsprop", ACTS), ("adamw_8bit", REFUSED),
                  ("paged_adamw_32bit", REFUSED), ("lomo", REFUSED), ("adam", REFUSED)],
    "sft.weight_decay": [(0.5, ACTS), (-0.1, REFUSED)],
    "sft.adam_beta1": [(0.5, ACTS), (0, ACTS), (1, REFUSED)],
    "sft.adam_beta2": [(0.5, ACTS), (0, ACTS), (1.5, REFUSED)],
    "sft.adam_epsilon": [(0.1, ACTS), (0, REFUSED)],
    "sft.max_grad_norm": [(0.01, ACTS), (-1, REFUSED)],
    "sft.per_device_train_batch_size": [(4, ACTS), (0, REFUSED), (-2, REFUSED), (2.0, REFUSED), (True, REFUSED)],
    "sft.per_device_eval_batch_size": [(1, ACTS), (0, REFUSED)],
    "sft.gradient_accumulation_steps": [(2, ACTS), (0, REFUSED)],
    "sft.num_train_epochs": [(2, ACTS), (0.5, ACTS), (0, REFUSED), (float("nan"), REFUSED), (float("inf"), REFUSED)],
    "sft.max_steps": [(3, ACTS), (0, REFUSED), (-2, REFUSED), ("3", REFUSED)],
    "sft.label_smoothing_factor": [(0.2, ACTS), (1.5, REFUSED)],
    "sft.loss_type": [("dft", ACTS), ("chunked_nll", REFUSED)],
    "sft.neftune_noise_alpha": [(5, ACTS), (-5, REFUSED), (0, REFUSED)],
    "sft.gradient_checkpointing": [(True, ACTS), ("yes", REFUSED)],
    "sft.pad_to_multiple_of": [(8, ACTS), (None, ACTS), (0, REFUSED), ("auto", REFUSED)],
    "sft.eval_strategy": [("no", ACTS), ("epoch", REFUSED), ("nope", REFUSED)],
    "sft.eval_steps": [(2, ACTS), (0.5, ACTS), (0, REFUSED), (1.5, REFUSED)],
    "sft.eval_delay": [(3, ACTS), (-1, REFUSED)],
    "sft.eval_on_start": [(True, ACTS), (1, REFUSED)],
    "sft.save_steps": [(2, ACTS), (0, REFUSED)],
    "sft.save_total_limit": [(0, REFUSED)],
    "sft.packing": [(True, REFUSED)],
    "sft.padding_free": [(True, ACTS), (1, REFUSED)],
    "sft.torch_compile": [("yes", REFUSED)],
    "sft.torch_compile_backend": [("eager", REFUSED), ("nope", REFUSED)],
    "sft.model_init_kwargs": [({"load_in_4bit": True}, REFUSED), ({"quantization_config": {}}, REFUSED)],
    **{f"sft.{name}": [(value, REFUSED)] for name, value in {
        "trust_remote_code": True, "chat_template_path": "x.jinja", "output_dir": "x", "push_to_hub": True,
        "report_to": "wandb", "resume_from_checkpoint": "x", "seed": 3, "data_seed": 3, "bf16": True, "fp16": True,
        "max_length": 64, "completion_only_loss": False, "assistant_only_loss": True, "dataset_text_field": "x",
        "train_sampling_strategy": "group_by_length", "length_column_name": "n", "group_by_length": True,
        "save_strategy": "no", "logging_steps": 5, "deepspeed": {}, "fsdp": "full_shard", "eval_packing": True,
        "use_liger_kernel": True, "liger_kernel_config": {"rope": True}, "activation_offloading": True,
        "load_best_model_at_end": True, "auto_find_batch_size": True, "dataloader_num_workers": 2,
        "router_aux_loss_coef": 0.1, "activation_checkpointing": True, "save_only_model": True, "nope": 1,
    }.items()},
    "lora.r": [(8, ACTS), (0, REFUSED), (-1, REFUSED), (4096, REFUSED), ("8", REFUSED)],
    "lora.lora_alpha": [(16, ACTS), (0.5, ACTS), (0, REFUSED), (-8, REFUSED)],
    "lora.lora_dropout": [(0.3, ACTS), (1, REFUSED), (-0.1, REFUSED)],
    "lora.target_modules": [
        (["q_proj", "v_proj"], ACTS), (r".*layers\.0\..*_proj", ACTS), (["q_proj", "embed_tokens"], REFUSED),
        (["q_proj", "lm_head"], REFUSED), (["q_proj", "nope"], REFUSED), (["nope"], REFUSED), ([], REFUSED),
        ("(", REFUSED), ("nope", REFUSED), (3, REFUSED),
    ],
    "lora.exclude_modules": [(["q_proj"], ACTS), (".*q_proj", ACTS), (["nope"], REFUSED), ("nope", REFUSED)],
    "lora.use_rslora": [(True, ACTS), (1, REFUSED)],
    "lora.use_dora": [(True, ACTS)],
    "lora.init_lora_weights": [
        ("gaussian", ACTS), ("orthogonal", ACTS), (False, REFUSED), (1, REFUSED),
        *((name, REFUSED) for name in ("pissa", "pissa_niter_4", "olora", "eva", "loftq", "corda", "lora_ga", "nope")),
    ],
    "lora": [
        ({"target_modules": ["q_proj"], "layers_to_transform": [1]}, ACTS),
        ({"target_modules": ["q_proj"], "layers_to_transform": 1}, ACTS),
        ({"target_modules": ["q_proj"], "layers_to_transform": [1], "layers_pattern": "layers"}, ACTS),
        ({"target_modules": ["q_proj"], "layers_to_transform": [1, 7]}, REFUSED),
        ({"target_modules": ["q_proj"], "layers_to_transform": [1], "layers_pattern": "nope"}, REFUSED),
        ({"target_modules": ["q_proj"], "target_parameters": ["mlp.experts.down_proj"]}, ACTS),
        ({"layers_to_transform": [1]}, REFUSED),
        ({"target_modules": ["q_proj"], "layers_pattern": "layers"}, REFUSED),
    ],
    "lora.rank_pattern": [({"q_proj": 8}, ACTS), ({"nope": 8}, REFUSED), ({"q_proj": 0}, REFUSED),
                          ({"q_proj": 999}, REFUSED), ({"(": 2}, REFUSED)],
    "lora.alpha_pattern": [({"q_proj": 32}, ACTS), ({"nope": 8}, REFUSED), ({"q_proj": 0}, REFUSED)],
    "lora.target_parameters": [(["mlp.experts.nope"], REFUSED), ([], REFUSED)],
    **{f"lora.{name}": [(value, REFUSED)] for name, value in {
        "modules_to_save": ["lm_head"], "trainable_token_indices": [1, 2], "bias": "all", "fan_in_fan_out": True,
        "lora_bias": True, "layer_replication": [[0, 2]], "megatron_config": {}, "use_qalora": True,
        "arrow_config": {}, "task_type": "SEQ_CLS", "peft_type": "IA3", "inference_mode": True, "eva_config": {},
        "revision": "x", "rank": 4, "runtime_config": {}, "ensure_weight_tying": True, "use_bdlora": {},
        "loftq_config": {"a": 1}, "alora_invocation_tokens": [1], "kasa_config": {}, "corda_config": {},
    }.items()},
    "threads": [(100_000, REFUSED), (-1, REFUSED)],
    "": [
        ({"lora": {"use_dora": True}, "adapter_scale": 0.5}, REFUSED),
        ({"sft": {"loss_type": "dft"}, "kl_coef": 0.1}, REFUSED),
        ({"sft": {"eval_steps": 2}, "validation_fraction": 0.0}, REFUSED),
        ({"adapter_scale": 0.5}, ACTS),
        ({"kl_coef": 0.5}, ACTS),
        ({"sft": {"torch_compile": True}, "kl_coef": 0.1}, REFUSED),
        ({"attention": "flash_attention_2"}, REFUSED),
    ],
}  # fmt: skip
"""By the key under `train`, its values and what each does; "sft", "lora" and "" take several keys at once."""

NEED_GPU = {("sft", "use_liger_kernel")}
"""Honoured where there is a GPU."""

HOSTILE: tuple[Any, ...] = (
    -1, 0, 1, 0.5, 2.5, 1e-300, 1e300, float("nan"), float("inf"), -float("inf"), 10**400, -(10**5000), True, False,
    None, "", "x", "1e-4", "(", "a" * 5000, "\n", [], [0], [-1], ["x"], [None], [[]], {}, {"nope": 1}, {"": None},
    {"(": -1},
)  # fmt: skip
"""Values that few settings take."""


def settings_cells(settings: Sequence[str] = ()) -> list[SettingCell]:
    """The whole table, or the rows of these settings."""
    return [try_setting(name, value, expected) for name in settings or SETTINGS for value, expected in SETTINGS[name]]


def try_setting(setting: str, value: Any, expected: str) -> SettingCell:
    """Train with the value, and compare with the plain training what was seen."""
    experts = "target_parameters" in setting or (isinstance(value, dict) and "target_parameters" in value)
    try:
        seen = train_once(_settings(setting, value), EXPERTS if experts else STUDENT)
    except ConfigError as error:
        wordy = [fault for fault in error.faults if "\n" in fault or "train" not in fault]
        return SettingCell(setting, value, expected, "unclear" if wordy else REFUSED, str(error))
    except KshotError as error:
        return SettingCell(setting, value, expected, REFUSED, str(error))
    except Exception as error:  # A traceback is what the table looks for.
        return SettingCell(setting, value, expected, "traceback", repr(error))
    plain = _plain(EXPERTS if experts else STUDENT)
    differences = [name for name in plain if plain[name] != seen[name]]
    return SettingCell(setting, value, expected, ACTS if differences else "ignored", ", ".join(differences))


def _settings(setting: str, value: Any) -> dict[str, Any]:
    section, _, name = setting.partition(".")
    change = {name: value} if name else value
    if section in ("sft", "lora"):
        change = {section: change}
    elif section:
        change = {section: value}
    merged = {**PLAIN, **change}
    return merged | {key: {**PLAIN[key], **change.get(key, {})} for key in ("sft", "lora")}


@cache
def _plain(architecture: str) -> dict[str, Any]:
    return train_once(PLAIN, architecture)


def train_once(settings: Mapping[str, Any], architecture: str = STUDENT) -> dict[str, Any]:
    """Train as kshot does, on two threads, and merge; returns everything in which a setting can be seen.

    Raises:
        KshotError: the settings are refused, or the merged student is not the trained one.
    """
    try:
        config = TrainConfig(**settings)
    except ValidationError as error:
        raise ConfigError([f"train: {fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]) from None
    if faults := check_trainer_config(config):
        raise ConfigError(faults)
    with TemporaryDirectory() as name:
        folder = Path(name)
        student = save_architecture(architecture, folder / "student")
        model, tokenizer = load_student(str(student))
        records = [{"instruction": text, "output": f"answer {n}"} for n, text in enumerate(SENTENCES)]
        split = prepare_rows(records, tokenizer, config.max_length, config.validation_fraction, 1, targets=True)
        plan = plan_rows(split.train, config, 1)
        shapes = _watch(model)
        device = choose_attention(model, config, Device("cpu", 2, "float32", "eager", {}))
        counters.clear()
        trained = fit(model, tokenizer, plan, split.validation, config, device, folder / "train", 1)
        scale_adapter(trained, config.adapter_scale)
        trained.save_pretrained(folder / "adapter")
        prompts = [row.input_ids for row in plan[:2]]
        merged = compute_logits(merge_student(str(student), folder / "adapter"), prompts)
        compare_logits(compute_logits(trained, prompts), merged, 1e-4, folder / "adapter")
        rows = read_log(folder / "train" / "metrics.jsonl")
        return {
            "student": [float(logits.double().abs().sum()) for logits in merged],
            "learning rates": [row["learning_rate"] for row in rows if "learning_rate" in row],
            "gradient norms": [row.get("grad_norm") for row in rows if "loss" in row],
            "validation": [(row["step"], row["eval_loss"]) for row in rows if "eval_loss" in row],
            "checkpoints": sorted(path.name for path in (folder / "train" / "checkpoints").glob("checkpoint-*")),
            "compiled": counters["frames"]["ok"] > 0,
            "recomputation": trained.is_gradient_checkpointing,
            "batches": sorted(set(shapes)),
        }


def _watch(model: Any) -> list[tuple[bool, int, int]]:
    """Filled with each batch's shape, and whether it was for training."""
    shapes: list[tuple[bool, int, int]] = []
    embeddings = model.get_input_embeddings()
    embeddings.register_forward_hook(lambda layer, given, _: shapes.append((layer.training, *given[0].shape)))
    return shapes


def main() -> None:
    """Print the table in Markdown."""
    cells = settings_cells()
    rows = "".join(
        f"| {cell.setting} | {escape_cell(repr(cell.value))} | {cell.expected} | {cell.got} | "
        f"{escape_cell(cell.note[:200])} |\n" for cell in cells
    )  # fmt: skip
    counts = Counter("right" if cell.got == cell.expected else "wrong" for cell in cells)
    head = "| setting under `train` | value | expected | got | what differs, or why not |\n|---|---|---|---|---|\n"
    sys.stdout.write(f"{head}{rows}\n{', '.join(f'{count} {verdict}' for verdict, count in counts.items())}\n")


if __name__ == "__main__":
    main()
