"""Every field of TRL's SFTConfig and PEFT's LoraConfig: honoured, set by kshot, or not supported.

A test compares both tables with the installed versions, and docs/reference/train-settings.md is made of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter

MAX_COUNT = 1_000_000
"""The largest count that a setting may give; a plan of more rows would not fit into memory."""

NonEmpty = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1, le=MAX_COUNT)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Yes = Annotated[bool, AfterValidator(lambda value: _require(value, True))]
No = Annotated[bool, AfterValidator(lambda value: _require(value, False))]
Index = Annotated[int, Field(ge=0)]


def _require(value: bool, wanted: bool) -> bool:
    if value is not wanted:
        raise ValueError
    return value


@dataclass(frozen=True)
class TrainerSetting:
    """What kshot does with a field. `note` says which values it takes, or why it is refused and what to use."""

    status: Literal["honoured", "ours", "unsupported"]
    note: str
    kind: Any = None
    """The type of a value that is honoured, as pydantic checks it."""


def _honoured(note: str, kind: Any) -> TrainerSetting:
    return TrainerSetting("honoured", note, kind)


def _number(note: str, **bounds: float) -> TrainerSetting:
    return _honoured(note, Annotated[float, Field(allow_inf_nan=False, **bounds)])  # type: ignore[call-overload]


def _one_of(*names: str) -> TrainerSetting:
    return _honoured(f"one of {', '.join(names)}", Literal[names])


def _ours(note: str, *names: str) -> dict[str, TrainerSetting]:
    return dict.fromkeys(names, TrainerSetting("ours", note))


def _unsupported(note: str, *names: str) -> dict[str, TrainerSetting]:
    return dict.fromkeys(names, TrainerSetting("unsupported", note))


COUNT = _honoured(f"a whole number, 1 to {MAX_COUNT}", Count)
COUNT_OR_NULL = _honoured(f"a whole number, 1 to {MAX_COUNT}, or null", Count | None)
STEPS = _honoured("a whole number of steps, or a fraction of all steps between 0 and 1", Count | Fraction)
SWITCH = _honoured("true or false", bool)
FACTOR = _number("a number, 0 or more and below 1", ge=0, lt=1)
NOT_NEGATIVE = _number("a number, 0 or more", ge=0)
ABOVE_ZERO = _honoured("a number above 0", Positive)
NAMES = _honoured("a regular expression or a list of names", NonEmpty | Annotated[list[NonEmpty], Field(min_length=1)])

SFT_SETTINGS: Mapping[str, TrainerSetting] = {
    "learning_rate": ABOVE_ZERO,
    "lr_scheduler_type": _one_of(
        "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt",
        "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay",
    ),
    "lr_scheduler_kwargs": _honoured("keys and values that the scheduler takes", dict[str, Any]),
    "warmup_steps": _honoured(
        "a whole number of steps, or a fraction of all steps, 0 or more and below 1",
        Annotated[int, Field(ge=0, le=MAX_COUNT)] | Annotated[float, Field(ge=0, lt=1)],
    ),
    "optim": _one_of("adamw_torch_fused", "adamw_torch", "adafactor", "sgd", "adagrad", "rmsprop"),
    "weight_decay": _number("a number, 0 to 100", ge=0, le=100),
    "adam_beta1": FACTOR,
    "adam_beta2": FACTOR,
    "adam_epsilon": _number("a number, 1e-12 to 1", ge=1e-12, le=1),
    "max_grad_norm": _number("a number, 0 or more; 0 cuts no gradient", ge=0),
    "per_device_train_batch_size": COUNT,
    "per_device_eval_batch_size": COUNT,
    "gradient_accumulation_steps": COUNT,
    "num_train_epochs": _number(f"a number above 0, at most {MAX_COUNT}", gt=0, le=MAX_COUNT),
    "max_steps": _honoured(f"a whole number, 1 to {MAX_COUNT}, or -1 for all epochs", Literal[-1] | Count),
    "label_smoothing_factor": FACTOR,
    "loss_type": _one_of("nll", "dft"),
    "neftune_noise_alpha": _honoured(
        "a number above 0, at most 1000, or null", Annotated[Positive, Field(le=1000)] | None
    ),
    "gradient_checkpointing": SWITCH,
    "gradient_checkpointing_kwargs": _honoured(
        "{use_reentrant: false}: the other way trains nothing when threads share a batch",
        dict[Literal["use_reentrant"], No],
    ),
    "pad_to_multiple_of": COUNT_OR_NULL,
    "eval_strategy": _one_of("steps", "no"),
    "eval_steps": STEPS,
    "eval_delay": NOT_NEGATIVE,
    "eval_on_start": SWITCH,
    "save_steps": STEPS,
    "save_total_limit": COUNT_OR_NULL,
    **_ours("the run's folder", "output_dir"),
    **_ours("train.max_length; longer rows are dropped, never cut", "max_length", "truncation_mode"),
    **_ours("seed or train.seed", "seed", "data_seed"),
    **_ours("train.dtype", "bf16", "fp16", "bf16_full_eval", "fp16_full_eval", "tf32"),
    **_ours("the device that it finds", "use_cpu"),
    **_ours("the last complete checkpoint: run the same command again", "resume_from_checkpoint", "ignore_data_skip",
            "restore_callback_states_from_checkpoint"),
    **_ours("a row a step in metrics.jsonl", "logging_strategy", "logging_steps", "logging_first_step",
            "logging_nan_inf_filter", "include_num_input_tokens_seen"),
    **_ours("its own progress bar and messages", "disable_tqdm", "log_level", "log_level_replica"),
    **_ours("checkpoints that a killed run can go on from; set save_steps", "save_strategy", "save_only_model"),
    **_ours("its own order of rows: like lengths together, drawn from train.seed", "train_sampling_strategy",
            "length_column_name", "shuffle_dataset"),
    **_ours("train.loss_on", "completion_only_loss", "assistant_only_loss"),
    **_ours("the student's own tokenizer and chat template; change them in the student's folder",
            "chat_template_path", "eos_token", "pad_token"),
    **_ours("the records of the run, which it tokenizes itself", "dataset_text_field", "dataset_kwargs",
            "dataset_num_proc", "remove_unused_columns", "label_names"),
    **_ours("how its rows reach the device; they are in memory already", "dataloader_pin_memory",
            "dataloader_num_workers", "dataloader_persistent_workers", "dataloader_prefetch_factor",
            "dataloader_multiprocessing_context", "dataloader_in_order", "dataloader_drop_last"),
    **_ours("no cache in training", "use_cache"),
    **_ours("the loss of the answers alone, so no loss of a router", "router_aux_loss_coef"),
    **_ours("the stages: kshot train trains, kshot evaluate measures", "do_train", "do_eval", "do_predict"),
    **_ours("the validation loss, its only measure in training", "prediction_loss_only", "eval_accumulation_steps",
            "eval_do_concat_batches", "eval_use_gather_object", "include_for_metrics", "batch_eval_metrics"),
    **_ours("a smaller batch where memory runs out", "auto_find_batch_size", "torch_empty_cache_steps"),
    "padding_free": SWITCH,
    "torch_compile": SWITCH,
    "torch_compile_backend": _one_of("inductor", "cudagraphs", "aot_eager", "eager"),
    "torch_compile_mode": _one_of("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"),
    "use_liger_kernel": SWITCH,
    **_unsupported("a step takes whole rows; padding_free: true makes one row of a batch, without padding", "packing",
                   "packing_strategy", "eval_packing"),
    **_unsupported("name the student under `student`; kshot loads it in float32 from its folder",
                   "model_init_kwargs"),
    **_unsupported("kshot runs no code of a student; convert it to an architecture that transformers has",
                   "trust_remote_code"),
    **_unsupported("publish with `kshot push`", "push_to_hub", "hub_token", "hub_private_repo", "hub_model_id",
                   "hub_strategy", "hub_always_push", "hub_revision"),
    **_unsupported("read metrics.jsonl, which has the loss of each step", "report_to", "run_name", "project",
                   "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id"),
    **_unsupported("the student is that of the last step; take fewer steps with max_steps", "load_best_model_at_end",
                   "metric_for_best_model", "greater_is_better"),
    **_unsupported("name the processes in train.processes, or start them with accelerate launch; kshot sums gradients "
                   "itself, once a step", "average_tokens_across_devices", "ddp_find_unused_parameters",
                   "ddp_bucket_cap_mb", "ddp_broadcast_buffers", "ddp_static_graph", "ddp_backend", "ddp_timeout",
                   "fsdp", "fsdp_config", "deepspeed", "parallelism_config", "accelerator_config", "local_rank",
                   "log_on_each_node", "save_on_each_node"),
    **_unsupported("use_liger_kernel takes the kernels that leave the loss to kshot", "liger_kernel_config"),
    **_unsupported("use gradient_checkpointing, which saves the same memory", "activation_checkpointing",
                   "activation_checkpointing_kwargs", "activation_offloading"),
    **_unsupported("the optimizers that kshot knows need no more; choose one with optim", "optim_args",
                   "optim_target_modules"),
    **_unsupported("a tool to debug the trainer, which says nothing here", "debug", "skip_memory_metrics",
                   "full_determinism", "enable_jit_checkpoint"),
}  # fmt: skip
"""Fields of TRL's SFTConfig, those of transformers' TrainingArguments among them."""

LORA_SETTINGS: Mapping[str, TrainerSetting] = {
    "r": COUNT,
    "lora_alpha": ABOVE_ZERO,
    "lora_dropout": FACTOR,
    "target_modules": NAMES,
    "exclude_modules": _honoured("a regular expression, a list of names, or null", NAMES.kind | None),
    "use_rslora": SWITCH,
    "use_dora": SWITCH,
    "init_lora_weights": _honoured("true, gaussian or orthogonal", Yes | Literal["gaussian", "orthogonal"]),
    "layers_to_transform": _honoured(
        "a layer's number or a list of them, from 0", Index | Annotated[list[Index], Field(min_length=1)]
    ),
    "layers_pattern": _honoured(
        "the name of the list of layers, or several", NonEmpty | Annotated[list[NonEmpty], Field(min_length=1)]
    ),
    "rank_pattern": _honoured("names with a rank of 1 or more each", dict[NonEmpty, Count]),
    "alpha_pattern": _honoured("names with a number above 0 each", dict[NonEmpty, Positive]),
    "target_parameters": _honoured("a list of names of parameters", Annotated[list[NonEmpty], Field(min_length=1)]),
    **_ours("LoRA for a causal language model", "task_type", "peft_type", "auto_mapping", "inference_mode"),
    **_ours("the student under `student`", "base_model_name_or_path", "revision", "peft_version"),
    **_ours("the kind of each layer, which it finds", "fan_in_fan_out"),
    **_unsupported("kshot trains adapters only, which adapter_scale and kl_coef can undo; name the layers in "
                   "target_modules", "bias", "lora_bias", "modules_to_save", "trainable_token_indices",
                   "ensure_weight_tying"),
    **_unsupported("it needs an init_lora_weights that changes the student's own weights; use true, gaussian or "
                   "orthogonal", "loftq_config", "eva_config", "corda_config", "lora_ga_config"),
    **_unsupported("the student that kshot writes has no adapter in it; use use_dora, use_rslora or rank_pattern",
                   "alora_invocation_tokens", "arrow_config", "kasa_config", "monteclora_config", "velora_config",
                   "use_bdlora", "layer_replication"),
    **_unsupported("kshot trains on float32, bfloat16 or nf4 weights, see train.dtype and train.quantize", "use_qalora",
                   "qalora_group_size"),
    **_unsupported("kshot trains without Megatron", "megatron_config", "megatron_core",
                   "runtime_config"),
}  # fmt: skip
"""Fields of PEFT's LoraConfig."""


def convert(given: Mapping[str, Any], known: Mapping[str, TrainerSetting]) -> dict[str, Any]:
    """The values of honoured settings in their types: 0 for a fraction is 0.0, which torch tells apart."""
    kinds = {name: known[name].kind for name in given if name in known}
    return {
        name: TypeAdapter(kinds[name]).validate_python(value, strict=True) if kinds.get(name) else value
        for name, value in given.items()
    }
