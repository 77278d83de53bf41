"""What makes a CPU training step of kshot faster than TRL's: `python benchmarks/train_step.py`.

Trains the quickstart's student for a few steps on the same rows: with TRL's trainer as it is; with logits at answer
positions only; with rows per core as well; with one heap that keeps what is freed; and, in bfloat16, with frozen
weights cast once. Each variant has its own process. Prints the ratios of the median times, and the largest difference
of the losses.
"""

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from _rows import training_rows

from kshot.config import Config
from kshot.core.files import write_json
from kshot.models.loading import load_student
from kshot.models.resolve import resolve_model
from kshot.runtime import process_setup  # noqa: F401 - sets what the libraries read when they are imported
from kshot.runtime.device import Device, cast_frozen_linears, count_cores
from kshot.runtime.logging import quiet
from kshot.train.trainer_config import SFT_DEFAULTS, lora_config, sft_config

BATCH = 8
ONE_HEAP = ("one_heap", "halved")


def steps(
    make: Any, halved: bool, rows: list[Any], tokenizer: Any, student: str, count: int, seed: int, dtype: str
) -> list[tuple[float, float]]:
    """(seconds, loss) of each step, but for the first two, which warm up."""
    from datasets import Dataset

    model, _ = load_student(student)
    model.config.use_cache = False
    device = Device("cpu", count_cores(), dtype, "eager" if dtype == "bfloat16" else "sdpa", {})
    model.set_attn_implementation(device.attention)
    if halved:
        cast_frozen_linears(model)
    options = {**SFT_DEFAULTS, "per_device_train_batch_size": BATCH, "max_steps": count, "save_strategy": "no"}
    with tempfile.TemporaryDirectory() as folder:
        settings = sft_config(options, Config().train, device, Path(folder), seed, validate=False)
        trainer = make(
            model=model, args=settings, train_dataset=Dataset.from_list([row.example() for row in rows]),
            processing_class=tokenizer, peft_config=lora_config(Config().train),
        )  # fmt: skip
        done: list[tuple[float, float]] = []
        inner = trainer.training_step

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            loss = inner(*args, **kwargs)
            done.append((time.perf_counter() - began, float(loss)))
            return loss

        trainer.training_step = timed
        trainer.train()
    return done[2:]


def run(name: str, count: int, dtype: str) -> list[tuple[float, float]]:
    """`steps` of one variant."""
    with quiet():
        from trl import SFTTrainer

        from kshot.train.trainer import CompletionTrainer

        student = resolve_model(Config().student)
        _, tokenizer = load_student(student)
        rows = training_rows(tokenizer, 240, BATCH, count)
        make = {"trl": SFTTrainer, "answers": CompletionTrainer}.get(
            name, partial(CompletionTrainer, threads=count_cores())
        )
        return steps(make, name == "halved", rows, tokenizer, student, count, 1, dtype)


def alone(name: str, count: int, dtype: str) -> list[tuple[float, float]]:
    """`run` in a process of its own, which glibc gives its usual heaps before the variant `one_heap`."""
    os.environ.pop("MALLOC_ARENA_MAX", None)
    if name not in ONE_HEAP:
        os.environ["MALLOC_ARENA_MAX"] = str(8 * count_cores())
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(run, name, count, dtype).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    options = parser.parse_args()
    variants = ["trl", "answers", "rows_per_core", "one_heap", *(["halved"] if options.dtype == "bfloat16" else [])]
    done = {name: alone(name, options.steps, options.dtype) for name in variants}
    seconds = {name: statistics.median(spent for spent, _ in steps_) for name, steps_ in done.items()}
    result = {
        "seconds_a_step": {name: round(spent, 2) for name, spent in seconds.items()},
        "speedup": {name: round(seconds["trl"] / spent, 2) for name, spent in seconds.items()},
        "largest_loss_difference": round(
            max(abs(one[1] - other[1]) for name in done for one, other in zip(done["trl"], done[name], strict=True)), 4
        ),
        "steps": options.steps,
    }
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
