"""How much of a CPU training step TRL spends on positions without a label: `python benchmarks/answer_positions.py`.

Trains the quickstart's student for a few steps on the same rows with TRL's trainer and then with ours, and
prints the ratio of the times and the largest difference of the losses.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from kshot import quiet
from kshot.config import Config, Generate
from kshot.files import write_json
from kshot.generate.compose import compose
from kshot.generate.screen import Screen
from kshot.generate.units import select_units
from kshot.machine import Machine, cores
from kshot.train.data import ordered, prepare
from kshot.weights import load_student, resolve


def steps(make: Any, rows: list[Any], tokenizer: Any, student: str, count: int, seed: int) -> list[tuple[float, float]]:
    """(seconds, loss) of each step."""
    from datasets import Dataset
    from peft import LoraConfig

    from kshot.train.fit import LORA, SFT, sft_config

    model, _ = load_student(student)
    options = {**SFT, "max_steps": count, "save_strategy": "no"}
    machine = Machine("cpu", cores(), "bfloat16", "eager", {})
    with tempfile.TemporaryDirectory() as folder:
        settings = sft_config(options, Config().train, machine, Path(folder), seed, validate=False)
        trainer = make(
            model=model, args=settings, train_dataset=Dataset.from_list([row.example() for row in rows]),
            processing_class=tokenizer, peft_config=LoraConfig(task_type="CAUSAL_LM", **LORA),
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
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    with quiet.quiet():
        from trl import SFTTrainer

        from kshot.train.answers import AnswerTrainer

        student = resolve(Config().student)
        _, tokenizer = load_student(student)
        units = select_units([], [])
        records, _ = compose(units, {}, Generate(records=240), Screen([]), 1, lambda done=1, note="": None)
        split = prepare([vars(record) for record in records], tokenizer, 512, 0.0, 1, True)
        rows = ordered(split.train, 1, 8, 1)[: 8 * options.steps]
        theirs = steps(SFTTrainer, rows, tokenizer, student, options.steps, 1)
        ours = steps(AnswerTrainer, rows, tokenizer, student, options.steps, 1)
    ratio = statistics.median(a[0] / b[0] for a, b in zip(theirs[1:], ours[1:], strict=True))
    apart = max(abs(a[1] - b[1]) for a, b in zip(theirs, ours, strict=True))
    result = {
        "trl_seconds_over_ours": round(ratio, 2),
        "largest_loss_difference": round(apart, 4),
        "steps": options.steps,
    }
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
