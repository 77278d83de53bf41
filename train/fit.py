"""The fine-tuning itself: TRL's SFTTrainer with a PEFT LoRA, in visible order."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kshot.config import Train
from kshot.core.console import progress, say
from kshot.core.errors import ConfigError, cause_of
from kshot.core.files import read_log
from kshot.runtime.device import Machine, halve
from kshot.runtime.logging import quiet
from kshot.train.callbacks import make_callback, rewind
from kshot.train.checkpoints import last_whole, step_of
from kshot.train.data import Row, ordered, within
from kshot.train.trainer_config import SFT, lora_config, sft_config


def planned(rows: Sequence[Row], settings: Train, seed: int) -> list[Row]:
    """The rows in the order of training, those of every epoch."""
    options = {**SFT, **settings.sft}
    batch, steps = _batch(options), int(options.get("max_steps", -1))
    epochs = steps * batch / len(rows) if steps > 0 else float(options["num_train_epochs"])
    return within(ordered(rows, epochs, batch, seed), batch, settings.tokens)


def steps_of(plan: Sequence[Row], settings: Train) -> int:
    """In how many steps the plan is trained on."""
    return -(-len(plan) // _batch({**SFT, **settings.sft}))


def _batch(options: dict[str, Any]) -> int:
    return int(options["per_device_train_batch_size"]) * int(options.get("gradient_accumulation_steps", 1))


def fit(
    model: Any, tokenizer: Any, plan: Sequence[Row], validation: Sequence[Row], settings: Train, machine: Machine,
    folder: Path, seed: int,
) -> Any:  # fmt: skip
    """Train, resuming from the last whole checkpoint in `folder`; returns the PEFT model.

    Args:
        plan: what `planned` gave; a step takes the next batch of it.
        model: the student in float32; LoRA layers are put into it, and under bfloat16 its frozen linear weights halved.
    """
    from datasets import Dataset
    from trl import SFTTrainer

    from kshot.train.trainer import AnswerTrainer

    options = {**SFT, **settings.sft}
    checkpoints = folder / "checkpoints"
    resume = last_whole(checkpoints)
    done = step_of(resume) if resume else 0
    metrics = folder / "metrics.jsonl"
    rewind(metrics, done)
    with quiet():
        arguments = sft_config(options, settings, machine, checkpoints, seed, bool(validation))
    steps = steps_of(plan, settings)
    if resume:
        say(f"resuming after step {done} of {steps}")
    if machine.dtype == "bfloat16":
        halve(model)
    special = _is_special(model, arguments)
    if settings.near_base and special:
        raise ConfigError(
            ["train.near_base: not with another loss, label smoothing, or a student that scales its scores"]
        )
    with progress("training", steps, done) as tick, quiet():
        make = SFTTrainer
        if settings.near_base or (machine.device == "cpu" and not special):
            make = partial(AnswerTrainer, near_base=settings.near_base, threads=machine.apart)
        try:
            trainer = make(
                model=model,
                args=arguments,
                train_dataset=_dataset(Dataset, plan),
                eval_dataset=_dataset(Dataset, validation) if validation else None,
                processing_class=tokenizer,
                peft_config=lora_config(settings),
                callbacks=[make_callback(metrics, tick)],
            )
        except (ImportError, RuntimeError, TypeError, ValueError) as error:
            raise ConfigError(
                [f"train: TRL or PEFT refuses these settings for this student: {cause_of(error)}"]
            ) from None
        _silence(trainer)
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        # The trainer measures at the last step by itself, unless it was killed between that step and the measuring.
        if validation and not any("eval_loss" in row for row in read_log(metrics) if row["step"] == steps):
            trainer.evaluate()
    return trainer.model


def _is_special(model: Any, arguments: Any) -> bool:
    """Whether the loss or the scores are more than the plain ones that `AnswerTrainer` computes."""
    changed = ("logits_scaling", "logit_scale", "final_logit_softcapping")
    plain = arguments.loss_type == "nll" and not arguments.label_smoothing_factor
    return not plain or any(getattr(model.config, name, None) for name in changed)


def _dataset(cls: Any, rows: Sequence[Row]) -> Any:
    return cls.from_list([row.example() for row in rows])


def _silence(trainer: Any) -> None:
    """Take out the callback that prints a dictionary a step; ours prints instead."""
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
