"""Computes a plan: counts from a sample of the records, memory from the student's shapes, time from a probe."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from kshot.config import Config
from kshot.core.console import say, say_on_stderr
from kshot.core.errors import DataError
from kshot.core.runs import Run
from kshot.models.resolve import fetch_model
from kshot.planning.hardware import MIN_STEP_SECONDS, UTILISATION, Hardware
from kshot.planning.memory import Shapes, estimate_memory, read_shapes
from kshot.planning.probe import CountedRecord, probe_seconds_per_token
from kshot.planning.run_files import PlanFile
from kshot.suites.format import Suite
from kshot.train.data import TrainRow

SAMPLE = 400
"""Records whose tokens are counted."""
FORWARD_BACKWARD = {"lora": 4, "full": 6}
"""Operations for a weight and token: 2 forward, 2 for the gradient of the inputs, 2 for that of a trained weight."""


@dataclass(frozen=True)
class RecordSample:
    """Records that stand for all, and how many there are."""

    records: list[dict[str, Any]]
    total: int


def make_plan(config: Config, run: Run, hardware: Hardware, has_probe: bool) -> PlanFile:
    """What the stages of a config will take.

    Args:
        run: its records are counted where they are made; else a sample is composed without a teacher.
        has_probe: measure some training steps on this machine.

    Raises:
        KshotError: faults of config, data or student.
    """
    from kshot.models.loading import load_chat_format
    from kshot.train.fit import count_step_rows
    from kshot.train.parallel.launch import choose_process_count
    from kshot.train.trainer_config import lora_config, sft_options

    settings = config.train
    sample = _read_sample(config, run)
    needs_weights = hardware.accelerator is None and has_probe
    folder = fetch_model(config.student, with_weights=needs_weights)
    load_chat_format(folder)
    counted = _count_tokens(config, sample, folder)
    rows = [row for each in counted for row in each.rows]
    dropped = sum(each.dropped for each in counted)
    if not rows:
        raise DataError(f"all {len(counted)} records counted are longer than train.max_length; raise it")
    options = sft_options(settings)
    processes = hardware.count if hardware.accelerator else choose_process_count(settings.processes)
    step_rows = count_step_rows(settings, processes)
    per_row = sum(row.tokens for row in rows) / len(rows)
    kept = sample.total * sum(bool(each.rows) for each in counted) / len(counted)
    planned = _count_rows(config, kept, len(rows) / sum(bool(each.rows) for each in counted), per_row, step_rows)
    shapes = read_shapes(folder, lora_config(settings) if settings.method == "lora" else None)
    device, is_bfloat16 = _choose_arithmetic(config, hardware)
    batch = int(options["per_device_train_batch_size"])
    memory = estimate_memory(
        shapes, batch * max(row.tokens for row in rows), batch * max(_count_loss_tokens(row) for row in rows),
        is_bfloat16, bool(options.get("gradient_checkpointing", False)), device, settings.quantize is not None,
    )  # fmt: skip
    tokens, steps = round(planned * per_row), -(-planned // step_rows)
    if not needs_weights:
        seconds, origin = _assume_seconds(config, hardware, shapes, tokens, steps)
    else:
        a_token = probe_seconds_per_token(config, counted, count_step_rows(settings, 1))
        seconds, origin = tokens * a_token, f"{1 / a_token:.0f} tokens a second in some steps of one process here"
    suites = _load_own_suites(config)
    answers, choices = _count_measurements(config, suites)
    return PlanFile(
        hardware=hardware.name, records=sample.total, sampled=len(counted), tokens_per_row=per_row,
        dropped_fraction=dropped / (dropped + len(rows)), rows=planned, tokens=tokens, steps=steps,
        step_rows=step_rows, memory=memory, memory_total=sum(memory.values()),
        memory_available=hardware.accelerator.memory if hardware.accelerator else _count_own_memory(),
        seconds=seconds, seconds_from=origin, answers=answers, choices=choices,
        teacher=[*_estimate_teacher(config, run), *_estimate_questions(config, suites)],
    )  # fmt: skip


def _count_tokens(config: Config, sample: RecordSample, folder: str) -> list[CountedRecord]:
    from transformers import AutoTokenizer

    from kshot.train.data import tokenize_conversation

    tokenizer, settings = AutoTokenizer.from_pretrained(folder), config.train
    counted = []
    for record in sample.records:
        rows = tokenize_conversation(record, tokenizer, settings.loss_on == "all_answers")
        short = [row for row in rows if row.tokens <= settings.max_length]
        counted.append(CountedRecord(record, short, len(rows) - len(short)))
    return counted


def _read_sample(config: Config, run: Run) -> RecordSample:
    """Records of the run, evenly spaced; composed by the bank and the task files where it has none yet."""
    from kshot.train.conversion import read_outside_data

    if config.train.data:
        records = read_outside_data(config.train.data).records
        return RecordSample(records[:: max(1, len(records) // SAMPLE)][:SAMPLE], len(records))
    path = run.folder / "generate" / "train.jsonl"
    if path.is_file():
        return _sample_lines(path)
    from kshot.generate.stage import run_generate

    count = config.generate.records
    say(f"plan: {path} is not there yet; {min(SAMPLE, count)} records composed without a teacher stand for it")
    update = {"teacher": None, "synthesis": type(config.generate.synthesis)(), "records": min(SAMPLE, count)}
    own = config.model_copy(update={"generate": config.generate.model_copy(update=update)})
    with TemporaryDirectory(prefix="kshot-plan-") as folder, say_on_stderr():
        run_generate(own, Run(Path(folder) / "sample"))
        sample = _sample_lines(Path(folder) / "sample" / "generate" / "train.jsonl")
    return RecordSample(sample.records, count)


def _sample_lines(path: Path) -> RecordSample:
    with path.open("rb") as file:
        total = sum(1 for _ in file)
    if not total:
        raise DataError(f"{path}: no records; run `kshot generate` again")
    every = max(1, total // SAMPLE)
    with path.open("rb") as file:
        records = [orjson.loads(line) for number, line in enumerate(file) if number % every == 0]
    return RecordSample(records[:SAMPLE], total)


def _count_rows(config: Config, kept: float, rows_per_record: float, per_row: float, step_rows: int) -> int:
    """Rows of all epochs, as `plan_rows` takes them from the data.

    Args:
        kept: records that give a row.
    """
    from kshot.train.trainer_config import sft_options

    settings = config.train
    options = sft_options(settings)
    rows = rows_per_record * round(kept - round(kept * settings.validation_fraction))
    steps = int(options.get("max_steps", -1))
    planned = steps * step_rows if steps > 0 else round(rows * float(options["num_train_epochs"]))
    if settings.max_train_tokens:
        planned = min(planned, int(settings.max_train_tokens / per_row) // step_rows * step_rows)
    return max(planned, 1)


def _count_loss_tokens(row: TrainRow) -> int:
    return sum(label >= 0 for label in row.labels)


def _choose_arithmetic(config: Config, hardware: Hardware) -> tuple[str, bool]:
    """Device and whether frozen weights are in bfloat16; on this machine what a run's probe would find is not known."""
    import torch

    if hardware.accelerator or torch.cuda.is_available():
        return "cuda", config.train.dtype != "float32"
    return "cpu", config.train.dtype == "bfloat16"


def _count_own_memory() -> int:
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _assume_seconds(
    config: Config, hardware: Hardware, shapes: Shapes, tokens: int, steps: int
) -> tuple[float | None, str]:
    """Seconds on named accelerators, and how they were found; None for this machine, where nothing was measured."""
    if hardware.accelerator is None:
        return None, "not measured; leave out --no-probe"
    operations = FORWARD_BACKWARD[config.train.method] * shapes.parameters
    a_second = hardware.count * hardware.accelerator.flops * UTILISATION / operations
    peak = hardware.accelerator.flops / 1e12
    text = f"{UTILISATION:.0%} of {peak:.0f} TFLOP/s each or {MIN_STEP_SECONDS} s a step, assumed and not measured"
    return max(tokens / a_second, steps * MIN_STEP_SECONDS), text


def _load_own_suites(config: Config) -> list[Suite]:
    """The suites in kshot's format; those of lm-eval are named, for they are not counted."""
    from kshot.project.suite import load_suite_entry

    skipped = [str(entry) for entry in config.evaluate.suites if str(entry).startswith("lm_eval:")]
    if skipped:
        say(f"plan: does not count the items of {', '.join(skipped)}")
    return [load_suite_entry(entry) for entry in config.evaluate.suites if str(entry) not in skipped]


def _count_measurements(config: Config, suites: Sequence[Suite]) -> tuple[int, int]:
    """Answers and options that base and student are asked for."""
    from kshot.evaluate.measure.plan import plan_with_baselines

    answers = choices = 0
    for suite, *_ in plan_with_baselines(suites, config.evaluate):
        for task in suite.tasks:
            items = task.items[: config.evaluate.limit]
            answers += 2 * len(items)
            choices += 2 * sum(len(row.options) for row in items) if task.is_multiple_choice else 0
    return answers, choices


def _estimate_questions(config: Config, suites: Sequence[Suite]) -> list[str]:
    """What the evaluation asks the teacher, in lines."""
    settings, lines = config.evaluate, []
    shots = len(set(settings.shots))
    for suite in suites if settings.teacher or config.generate.teacher else ():
        for task in suite.tasks:
            items = len(task.items[: settings.limit]) * shots
            if settings.teacher and task.spec.trained:
                lines.append(f"evaluate.teacher, {task.name}: {items} questions")
            if "judge" in task.spec.scores:
                lines.append(f"judge, {task.name}: at most {2 * items * len(settings.fewshot_seeds)} questions")
    return lines


def _estimate_teacher(config: Config, run: Run) -> list[str]:
    """The lines of `kshot generate --dry-run`; they ask nothing."""
    from kshot.generate.stage import estimate_requests

    if config.train.data or config.generate.teacher is None:
        return []
    return estimate_requests(config, run)
