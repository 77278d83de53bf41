"""Training speed beside TRL and Unsloth: `python benchmarks/gpu_train.py --shape 1.5b`, on one GPU.

Tokens a second, model FLOPs utilisation and peak memory of LoRA steps on the same rows, with random weights of a known
shape: TRL as it is; TRL with packing and, where they are installed, Liger and flash attention; Unsloth, if it is
installed; kshot as it is; and kshot without padding, with the same kernels. Each has its own process. A packed row
holds as many tokens as a batch of the others does on average. On a CPU take `--shape tiny`.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from _rows import MAX_TOKENS, training_rows

from kshot.config import Config, TrainConfig
from kshot.core.errors import summarize_error
from kshot.core.files import write_json
from kshot.models.loading import load_student
from kshot.models.resolve import resolve_model
from kshot.planning.hardware import ACCELERATORS
from kshot.runtime import process_setup  # noqa: F401 - sets what the libraries read when they are imported
from kshot.runtime.device import describe_device, measure_peak_memory
from kshot.runtime.logging import quiet
from kshot.train.data import TrainRow
from kshot.train.fit import make_trainer
from kshot.train.trainer_config import lora_config, sft_config, sft_options

WARM_UP = 3
"""Steps that are not counted."""
SEED = 1
VARIANTS = ("trl", "trl_packed", "unsloth", "kshot", "kshot_padding_free")
SIZES = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size",
    "tie_word_embeddings",
)  # fmt: skip
# The last three are those of SmolLM2-135M, Qwen2.5-1.5B and Llama-3.1-8B.
SHAPES: dict[str, tuple[str, tuple[int, ...]]] = {
    "tiny": ("llama", (256, 768, 6, 8, 4, 49152, True)),
    "135m": ("llama", (576, 1536, 30, 9, 3, 49152, True)),
    "1.5b": ("qwen2", (1536, 8960, 28, 12, 2, 151936, True)),
    "8b": ("llama", (4096, 14336, 32, 32, 8, 128256, False)),
}
"""The architecture and its `SIZES`."""


@dataclass(frozen=True)
class Case:
    """What all variants share: shape, rows of a step, steps, and whether to recompute activations."""

    shape: str
    batch: int
    steps: int
    checkpointing: bool


@dataclass(frozen=True)
class Measured:
    """One variant: seconds and tokens of each counted step, peak bytes, and what it used."""

    seconds: list[float]
    tokens: list[int]
    peak: int | None
    parameters: int
    used: str


def random_student(shape: str, dtype: Any) -> Any:
    """A model of this shape with random weights, on the GPU if there is one."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    kind, sizes = SHAPES[shape]
    torch.manual_seed(SEED)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(kind, **dict(zip(SIZES, sizes, strict=True))), dtype=dtype
    )
    model.config.use_cache = False
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def tokenized_rows(case: Case) -> tuple[list[TrainRow], Any]:
    """The same rows for all, in the order of training, and the tokenizer."""
    _, tokenizer = load_student(resolve_model(Config().student))
    return training_rows(tokenizer, case.batch * case.steps * 2, case.batch, case.steps, SEED), tokenizer


def kshot_trainer(case: Case, folder: Path, extra: dict[str, Any]) -> tuple[Any, str]:
    """The trainer that `kshot train` makes."""
    import torch

    rows, tokenizer = tokenized_rows(case)
    model = random_student(case.shape, torch.float32)
    sft = {"per_device_train_batch_size": case.batch, "gradient_checkpointing": case.checkpointing, **extra}
    settings = TrainConfig(sft=sft, validation_fraction=0)
    device = describe_device(model, "bfloat16", 0)
    device = replace(device, attention=flash_attention() if extra else device.attention)
    options = sft_options(settings) | {"save_strategy": "no"}
    arguments = sft_config(options, settings, device, folder, SEED, validate=False)
    return make_trainer(model, tokenizer, rows, (), settings, arguments, device), ", ".join([device.attention, *extra])


def trl_arguments(case: Case, folder: Path, **extra: Any) -> Any:
    """TRL's settings for the same optimizer steps."""
    import torch
    from trl import SFTConfig

    return SFTConfig(**{
        "output_dir": str(folder), "per_device_train_batch_size": case.batch, "learning_rate": 8e-4, "bf16": True,
        "use_cpu": not torch.cuda.is_available(), "max_length": MAX_TOKENS, "num_train_epochs": 1, "seed": SEED,
        "gradient_checkpointing": case.checkpointing, "logging_steps": 1, "save_strategy": "no", "report_to": [],
        "disable_tqdm": True, "log_level": "error", **extra,
    })  # fmt: skip


def trl_trainer(case: Case, folder: Path, packed: bool) -> tuple[Any, str]:
    """TRL's own trainer, with its defaults or with what its documents advise for speed."""
    import torch
    from datasets import Dataset
    from trl import SFTTrainer

    rows, tokenizer = tokenized_rows(case)
    model = random_student(case.shape, torch.bfloat16)
    extra: dict[str, Any] = {}
    used = [model.config._attn_implementation]
    if packed:
        used = [flash_attention()]
        model.set_attn_implementation(used[0])
        average = -(-sum(row.tokens for row in rows) // case.steps)
        extra = {"packing": True, "max_length": max(average, MAX_TOKENS), "per_device_train_batch_size": 1}
        extra |= kernels()
        used += [f"packing to {extra['max_length']} tokens", *kernels()]
    trainer = SFTTrainer(
        model=model, args=trl_arguments(case, folder, **extra), processing_class=tokenizer,
        train_dataset=Dataset.from_list([row.example() for row in rows]), peft_config=lora_config(TrainConfig()),
    )  # fmt: skip
    return trainer, ", ".join(used)


def unsloth_trainer(case: Case, folder: Path) -> tuple[Any, str]:
    """Unsloth's patched trainer on the same weights; ModuleNotFoundError where it is not installed."""
    unsloth = import_module("unsloth").FastLanguageModel  # Before trl, which it patches.
    import torch
    from datasets import Dataset
    from trl import SFTTrainer

    rows, tokenizer = tokenized_rows(case)
    random_student(case.shape, torch.bfloat16).save_pretrained(folder / "student")
    tokenizer.save_pretrained(folder / "student")
    model, _ = unsloth.from_pretrained(
        str(folder / "student"), max_seq_length=MAX_TOKENS, dtype=torch.bfloat16, load_in_4bit=False
    )
    model = unsloth.get_peft_model(
        model, r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", random_state=SEED,
        use_gradient_checkpointing="unsloth" if case.checkpointing else False,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=model, args=trl_arguments(case, folder), processing_class=tokenizer,
        train_dataset=Dataset.from_list([row.example() for row in rows]),
    )  # fmt: skip
    return trainer, "its own kernels"


def flash_attention() -> str:
    """The flash attention that is installed, or the fused one of torch."""
    return "flash_attention_2" if find_spec("flash_attn") else "sdpa"


def kernels() -> dict[str, Any]:
    """Liger's kernels, where they are installed and a GPU can run them."""
    import torch

    return {"use_liger_kernel": True} if find_spec("liger_kernel") and torch.cuda.is_available() else {}


def measure(variant: str, case: Case) -> Measured:
    """Train for a few steps in this process, and time each with the GPU's work done."""
    import torch
    from transformers import PrinterCallback, TrainerCallback

    make: dict[str, Callable[[Path], tuple[Any, str]]] = {
        "trl": lambda folder: trl_trainer(case, folder, packed=False),
        "trl_packed": lambda folder: trl_trainer(case, folder, packed=True),
        "unsloth": lambda folder: unsloth_trainer(case, folder),
        "kshot": lambda folder: kshot_trainer(case, folder, {}),
        "kshot_padding_free": lambda folder: kshot_trainer(case, folder, {"padding_free": True, **kernels()}),
    }
    has_gpu = torch.cuda.is_available()
    ends: list[float] = []
    tokens: list[int] = []

    class Clock(TrainerCallback):  # type: ignore[misc,unused-ignore]
        def on_step_end(self, *arguments: Any, **options: Any) -> None:
            if has_gpu:
                torch.cuda.synchronize()
            ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as name, quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer, used = make[variant](Path(name))
        inner = trainer.training_step

        def counted(model: Any, inputs: dict[str, Any], *arguments: Any, **options: Any) -> Any:
            mask = inputs.get("attention_mask")
            tokens.append(int(mask.sum() if mask is not None else inputs["input_ids"].numel()))
            return inner(model, inputs, *arguments, **options)

        trainer.training_step = counted
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(Clock())
        parameters = count_multiplied(trainer.model)
        trainer.train()
    seconds = [after - before for before, after in pairwise(ends)]
    return Measured(
        seconds[WARM_UP - 1 :], tokens[WARM_UP:], measure_peak_memory("cuda" if has_gpu else "cpu"), parameters, used
    )


def count_multiplied(model: Any) -> int:
    """Weights that a token is multiplied with: all but embeddings that are only looked up."""
    inputs, outputs = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    return sum(int(weight.numel()) for weight in model.parameters() if weight is not inputs or weight is outputs)


def find_peak_flops() -> tuple[str, float | None]:
    """The device's name, and its peak in bfloat16 where its data sheet is known."""
    import torch

    if not torch.cuda.is_available():
        return "cpu", None
    name = torch.cuda.get_device_name()
    known = (kind.flops for kind in ACCELERATORS.values() if kind.name.lower() in name.lower().replace(" ", ""))
    return name, next(known, None)


def describe(result: Measured, peak: float | None) -> dict[str, Any]:
    """The figures of a variant. A frozen weight costs two operations forward and two backward a token."""
    rate = sum(result.tokens) / sum(result.seconds)
    return {
        "tokens_a_second": round(rate, 1),
        "mfu": round(4 * result.parameters * rate / peak, 3) if peak else None,
        "peak_memory_gb": round(result.peak / 1e9, 2) if result.peak else None,
        "median_step_seconds": round(statistics.median(result.seconds), 3),
        "tokens_a_step": round(statistics.fmean(result.tokens), 1),
        "used": result.used,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=list(SHAPES), default="1.5b")
    parser.add_argument("--batch", type=int, default=16, help="rows of a step")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--checkpointing", action="store_true", help="recompute activations, in every variant")
    parser.add_argument("--variants", nargs="*", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    case = Case(options.shape, options.batch, options.steps, options.checkpointing)
    device, peak = find_peak_flops()
    result: dict[str, Any] = {"device": device, "shape": case.shape, "batch": case.batch, "steps": case.steps}
    for variant in options.variants:
        try:
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                result[variant] = describe(pool.submit(measure, variant, case).result(), peak)
        except Exception as error:  # One that is not installed, or has no memory, leaves the others their figures.
            result[variant] = {"failed": summarize_error(error)}
        print(f"{variant}: {result[variant]}", flush=True)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
