"""The fine-tuning itself: TRL's SFTTrainer with a PEFT LoRA, in visible order."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kshot.config import TrainConfig
from kshot.core.console import progress, say
from kshot.core.errors import ConfigError, RunError, summarize_error
from kshot.core.files import read_log
from kshot.runtime.device import Device, cast_frozen_linears, set_attention, use_threads
from kshot.runtime.logging import quiet
from kshot.train.acceleration import check_acceleration
from kshot.train.adapters import (
    adapter_config,
    adapter_coverage,
    find_idle_layers,
    refuse_idle_adapters,
    refuse_misplaced_adapters,
)
from kshot.train.callbacks import make_callback, truncate_metrics
from kshot.train.checkpoints import checkpoint_step, last_complete
from kshot.train.data import TrainRow
from kshot.train.parallel.group import check_equal_weights, is_first, is_peer_loss, lead
from kshot.train.parallel.layout import StepLayout, choose_layout, fill_steps
from kshot.train.parallel.shard import shard_frozen_weights
from kshot.train.rows.order import limit_tokens, order_rows
from kshot.train.rows.table import to_dataset
from kshot.train.trainer_config import check_schedule, has_plain_loss, sft_config, sft_options

MAX_PLAN_ROWS = 50_000_000
"""Rows of a plan, which is held in memory."""

MIN_CHANGE = 1e-10
"""What a weight has to move for something to be learnt."""
MAX_SAMPLED_ELEMENTS = 1 << 16
"""Elements of a weight that are looked at for it: a copy of all weights would take the memory of a second student."""


def plan_rows(
    rows: Sequence[TrainRow], settings: TrainConfig, seed: int, step_rows: int | None = None
) -> Sequence[TrainRow]:
    """The rows of every epoch in the order of training, up to `max_train_tokens`.

    Args:
        step_rows: rows of a step; by default those of one process.

    Raises:
        ConfigError: there are more than `MAX_PLAN_ROWS`.
    """
    options = sft_options(settings)
    batch, steps = step_rows or count_step_rows(settings), int(options.get("max_steps", -1))
    epochs = steps * batch / len(rows) if steps > 0 else float(options["num_train_epochs"])
    if epochs * len(rows) > MAX_PLAN_ROWS:
        raise ConfigError([f"train.sft: {epochs * len(rows):.0f} rows in all steps, and the most is {MAX_PLAN_ROWS}"])
    return limit_tokens(order_rows(rows, epochs, batch, seed), batch, settings.max_train_tokens)


def count_steps(plan: Sequence[TrainRow], step_rows: int) -> int:
    """Number of optimizer steps of the plan."""
    return -(-len(plan) // step_rows)


def count_step_rows(settings: TrainConfig, processes: int = 1) -> int:
    """Rows of an optimizer step: a batch times the batches that are accumulated, in each process."""
    options = sft_options(settings)
    return int(options["per_device_train_batch_size"]) * int(options.get("gradient_accumulation_steps", 1)) * processes


def arrange_steps(settings: TrainConfig, step_rows: int, processes: int) -> StepLayout:
    """How the rows of a step are dealt out, with batches of at most `per_device_train_batch_size`."""
    options = sft_options(settings)
    return choose_layout(step_rows, int(options["per_device_train_batch_size"]), processes)


def fit(
    model: Any, tokenizer: Any, plan: Sequence[TrainRow], validation: Sequence[TrainRow], settings: TrainConfig,
    device: Device, folder: Path, seed: int, layout: StepLayout | None = None,
) -> Any:  # fmt: skip
    """Train, resuming from the last complete checkpoint in `folder`; returns the trained model.

    The student is trained with the device's attention and has its own again at the end.

    Args:
        plan: what `plan_rows` gave; a step takes the next batch of it.
        model: the student in float32; gets LoRA layers, and under bfloat16 its frozen linear weights are cast.
        layout: how the rows of a step are dealt out; by default to this process alone.
    """
    layout = layout or arrange_steps(settings, count_step_rows(settings), 1)
    options = sft_options(settings)
    options |= {"per_device_train_batch_size": layout.batch, "gradient_accumulation_steps": layout.accumulation}
    checkpoints = folder / "checkpoints"
    resume = lead(lambda: last_complete(checkpoints))
    done = checkpoint_step(resume) if resume else 0
    metrics = folder / "metrics.jsonl"
    if is_first():
        truncate_metrics(metrics, done)
    steps = count_steps(plan, layout.rows)
    if steps == 1 and "warmup_steps" not in settings.sft:
        options["warmup_steps"] = 0  # A warm-up begins at a learning rate of 0.
    _check_steps(options, steps)
    if options["eval_strategy"] == "no":
        validation = ()
    with quiet():
        arguments = sft_config(options, settings, device, checkpoints, seed, bool(validation))
    if resume:
        say(f"resuming after step {done} of {steps}")
    use_threads(device, device.threads)  # accelerate gives a process among several one thread.
    attention = model.config._attn_implementation
    with progress("training", steps, done) as tick, quiet():
        trainer = make_trainer(model, tokenizer, fill_steps(plan, layout), validation, settings, arguments, device)
        trainer.add_callback(make_callback(metrics, tick))
        before = _sample(_trained(trainer.model))
        coverage = "all weights are trained"
        if settings.method == "lora":
            coverage = f"the adapter covers {adapter_coverage(trainer.model):.1%} of the student's weights"
        say(coverage)
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        # The trainer evaluates at the last step, unless it was killed between that step and the evaluation.
        is_validated = lead(lambda: _is_validated(metrics, steps))
        if validation and not is_validated:
            trainer.evaluate()
    if trainer.state.global_step != steps:
        raise RunError(f"{folder}: the trainer took {trainer.state.global_step} steps, and {steps} were planned")
    check_equal_weights(_trained(trainer.model))
    set_attention(model, attention)
    if not _has_changed(_sample(_trained(trainer.model)), before):
        more = " or lora_alpha" if settings.method == "lora" else ""
        raise RunError(f"{folder}: nothing was learnt in {steps} steps; raise learning_rate, max_grad_norm{more}")
    return trainer.model


def _is_validated(metrics: Path, step: int) -> bool:
    return any("eval_loss" in row for row in read_log(metrics) if row["step"] == step)


def _check_steps(options: dict[str, Any], steps: int) -> None:
    try:
        check_schedule(options, steps)
    except (ArithmeticError, TypeError, ValueError) as error:
        scheduler = options["lr_scheduler_type"]
        fault = f"train.sft.lr_scheduler_type: {scheduler} over {steps} steps: {summarize_error(error)}"
        raise ConfigError([fault]) from None


def _has_changed(weights: Sequence[Any], before: Sequence[Any]) -> bool:
    pairs = zip(weights, before, strict=True)
    return any(not weight.allclose(old, rtol=1e-6, atol=MIN_CHANGE) for weight, old in pairs)


def _sample(weights: Sequence[Any]) -> list[Any]:
    """Copies of the weights, of a large one its first elements."""
    return [weight.detach().flatten()[:MAX_SAMPLED_ELEMENTS].cpu().clone() for weight in weights]


def _trained(model: Any) -> list[Any]:
    return [weight for weight in model.parameters() if weight.requires_grad]


def make_trainer(
    model: Any, tokenizer: Any, plan: Sequence[TrainRow], validation: Sequence[TrainRow], settings: TrainConfig,
    arguments: Any, device: Device,
) -> Any:  # fmt: skip
    """The trainer, with the adapter on the model.

    Raises:
        ConfigError: settings that do not go with this student.
    """
    from kshot.train.halving import HalvingTrainer, is_out_of_memory
    from kshot.train.trainer import CompletionTrainer

    check_acceleration(model, settings, device)
    idle = find_idle_layers(model, list(plan[0].input_ids))
    needs_trl = _needs_trl_loss(model, arguments)
    if settings.kl_coef and needs_trl:
        raise ConfigError(["train.kl_coef: needs the plain loss: no other loss type, label smoothing or scaled logits"])
    config = model.config.get_text_config()
    _name_experts(config)
    if hasattr(config, "output_router_logits"):
        arguments.router_aux_loss_coef = 0.0  # On every device the loss is on the answers alone.
    is_lora = settings.method == "lora"
    if device.dtype == "bfloat16" and is_lora and not settings.quantize:
        cast_frozen_linears(model)
    # Not before: the checks above compute in float32, where the weights lie, and flash attention can do neither.
    set_attention(model, device.attention)
    make: Any = HalvingTrainer
    is_compiled = arguments.torch_compile
    if settings.kl_coef or (device.type == "cpu" and not needs_trl and not is_compiled):
        # Layers are sent around in one order, which threads would break.
        threads = 1 if settings.shard_base else device.worker_count
        make = partial(CompletionTrainer, kl_coef=settings.kl_coef, threads=threads)
    try:
        trainer = make(
            model=model,
            args=arguments,
            train_dataset=to_dataset(plan),
            eval_dataset=to_dataset(validation) if validation else None,
            processing_class=tokenizer,
            peft_config=adapter_config(model, settings, idle) if is_lora else None,
        )
    except (ImportError, RuntimeError, TypeError, ValueError) as error:
        if is_out_of_memory(error) or is_peer_loss(error):
            raise
        raise ConfigError(
            [f"train: TRL or PEFT refuses these settings for this student: {summarize_error(error)}"]
        ) from None
    if settings.shard_base:
        shard_frozen_weights(trainer.model, device.type)
        trainer.is_sharded = True
    if is_lora:
        refuse_idle_adapters(trainer.model, idle)
        refuse_misplaced_adapters(trainer.model, settings.lora)
    _silence(trainer)
    return trainer


def _needs_trl_loss(model: Any, arguments: Any) -> bool:
    """Whether loss or logits differ from the plain ones that `CompletionTrainer` computes."""
    changed = ("logits_scaling", "logit_scale", "final_logit_softcapping")
    plain = has_plain_loss(
        {"loss_type": arguments.loss_type, "label_smoothing_factor": arguments.label_smoothing_factor}
    )
    config = model.config.get_text_config()
    return not plain or any(getattr(config, name, None) for name in changed) or not _has_plain_logits(model)


def _has_plain_logits(model: Any) -> bool:
    """Whether the logits are what the output layer makes of the last hidden states."""
    import torch

    ids = torch.arange(8, device=model.device)[None]
    with torch.no_grad():
        try:
            hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
            plain = model.get_output_embeddings()(hidden)
        except (AttributeError, TypeError):
            return False
        logits = model(input_ids=ids, use_cache=False).logits
    return plain.shape == logits.shape and bool(torch.allclose(plain.float(), logits.float(), rtol=1e-3, atol=1e-3))


def _name_experts(config: Any) -> None:
    """TRL asks for `num_experts` where some configs say `num_local_experts`; this config is not saved."""
    if hasattr(config, "num_local_experts") and not hasattr(config, "num_experts"):
        config.num_experts = config.num_local_experts


def _silence(trainer: Any) -> None:
    """Remove the callback that prints a dictionary at each step; ours prints instead."""
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
