"""Device settings, probed rather than assumed: device type, threads, attention, and bfloat16 by a timed step."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from kshot.core.console import say
from kshot.core.errors import DataError, RunError
from kshot.core.files import read_json, write_json
from kshot.runtime.parallel import count_worker_groups, run_parallel

MAX_CORES = "KSHOT_MAX_CORES"
"""The environment variable that gives a shard its part of the cores."""
MIN_BFLOAT16_SPEEDUP = 1.1
"""bfloat16 rounds more, so it has to be clearly faster."""
MAX_SLOWDOWN = 2.0
"""A dtype is given up at this multiple of the best time, for a matrix product or for a step."""
MAX_FIRST_SLOWDOWN = 4.0
"""The same after the first round: on a busy machine the same step was seen to take three times as long."""
ROUNDS = 4
"""Rounds of probe steps. The first one is the warm-up; the best time of each step counts."""
ATTENTION = ("sdpa", "eager")
"""On short rows on a CPU eager attention can beat the fused one."""
PROBE_TOKENS = 160
"""Tokens of a probe row, a few more than the quickstart's mean: long rows take most of the time."""


Step = TypeVar("Step")


@dataclass(frozen=True)
class Device:
    """The settings of a computation. `seconds` holds the times of a probe step by dtype and attention."""

    type: str
    threads: int
    dtype: str
    attention: str
    seconds: dict[str, float]

    @property
    def worker_count(self) -> int:
        """Cores that may work on parts of their own: all of a CPU's, one beside a GPU."""
        return self.threads if self.type == "cpu" else 1


def count_cores() -> int:
    """CPU cores that this process may use: those of the system, or of its shard where that is less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get(MAX_CORES, "")
    return min(cores, int(limit)) if limit.isdecimal() and int(limit) else cores


def visible_gpus() -> list[str]:
    """The CUDA devices that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if named := os.environ.get("CUDA_VISIBLE_DEVICES"):
        return [name.strip() for name in named.split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def measure_peak_memory(device: str) -> int | None:
    """Most bytes that this process has held so far: on a GPU those of torch, else its resident memory.

    None where the system does not tell.
    """
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:
        return None
    # Linux counts in kilobytes, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def probe_device(model: Any, dtype: str, threads: int, backward: bool) -> Device:
    """Choose device, threads, dtype and attention for `model` (on the CPU, in float32; left unchanged).

    Args:
        dtype: `auto` to probe, else the dtype to use.
        threads: 0 for all cores.
        backward: probe a training step rather than a forward pass.
    """
    import torch

    device = describe_device(model, dtype, threads)
    kind, threads = device.type, device.threads
    if kind != "cpu":
        return device
    ways = supported_attention(model)
    models = {"float32": model} if dtype != "bfloat16" else {}
    if dtype == "bfloat16" or (dtype == "auto" and not _is_bfloat16_slow()):
        models["bfloat16"] = cast_frozen_linears(deepcopy(model)) if backward else deepcopy(model).to(torch.bfloat16)
    steps = {
        (name, attention): partial(_time_step, probed, name == "bfloat16" and backward, attention, backward)
        for name, probed in models.items()
        for attention in ways
    }
    seconds = time_in_turns(steps)
    set_attention(model, ways[0])
    fastest = min(seconds, key=lambda o: seconds[o] * (MIN_BFLOAT16_SPEEDUP if o[0] == "bfloat16" else 1))
    return Device(kind, threads, *fastest, {" ".join(option): round(spent, 4) for option, spent in seconds.items()})


def describe_device(model: Any, dtype: str, threads: int) -> Device:
    """The fastest device with its usual settings, without a timed step: float32 on a CPU, unless `dtype` is given."""
    import torch

    threads = threads or count_cores()
    torch.set_num_threads(threads)
    kind = available_devices()[0]
    best = "bfloat16" if kind == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    return Device(kind, threads, best if dtype == "auto" else dtype, supported_attention(model)[0], {})


def time_in_turns(steps: Mapping[Step, Callable[[], float]], rounds: int = ROUNDS) -> dict[Step, float]:
    """The best time of each step over the rounds, in which the steps take turns.

    Other work on the machine comes and goes: it slows a round, seldom all of them, and never one step only. A step that
    is far behind is not timed again.
    """
    best: dict[Step, float] = {}
    for number in range(rounds):
        limit = (MAX_FIRST_SLOWDOWN if number < 2 else MAX_SLOWDOWN) * min(best.values(), default=inf)
        for name, measure in steps.items():
            if best.get(name, 0) <= limit:
                best[name] = min(best.get(name, inf), measure())
    return best


def supported_attention(model: Any) -> list[str]:
    """The attention implementations of `ATTENTION` that the model has, or the one that it is loaded with."""
    before = model.config._attn_implementation
    supported = [name for name in ATTENTION if _accepts(model, name)]
    _accepts(model, before)
    return supported or [before or ATTENTION[-1]]


def _accepts(model: Any, attention: str | None) -> bool:
    try:
        model.set_attn_implementation(attention)
    except (ValueError, ImportError, NotImplementedError):
        return False
    return True


def set_attention(model: Any, wanted: str) -> None:
    """Compute with this attention, or with one that the model has, which is said."""
    if _accepts(model, wanted):
        return
    ways = supported_attention(model)
    if _accepts(model, ways[0]):
        say(f"{type(model).__name__} has no {wanted} attention; it computes with {ways[0]}")


def available_devices() -> list[str]:
    """The device types of this machine that torch can use, fastest first."""
    import torch

    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [name for name, available in here.items() if available]


def load_or_probe_device(path: Path, key: str, probe: Callable[[], Device]) -> Device:
    """The settings that an earlier, killed run kept in `path` under `key`; else those of `probe()`, kept there.

    Raises:
        RunError: they were kept on a device that this machine lacks.
    """
    import torch

    try:
        kept = read_json(path)
    except DataError:
        kept = {}
    if kept.get("key") == key:
        device = Device(**kept["device"])
        if device.type not in available_devices():
            raise RunError(
                f"{path}: this began on {device.type}, which this machine lacks; go on where there is one, or delete "
                "this file to begin again without"
            )
    else:
        device = probe()
        write_json(path, {"key": key, "device": asdict(device)})
    torch.set_num_threads(device.threads)
    return device


def use_threads(device: Device, threads: int) -> Device:
    """The same settings with so many threads, which torch uses from now on; 0 for all cores."""
    import torch

    threads = threads or count_cores()
    torch.set_num_threads(threads)
    return replace(device, threads=threads)


def cast_frozen_linears(model: Any) -> Any:
    """Cast the frozen weights of linear layers to bfloat16, in place, and return the model.

    Autocast would cast them again at every pass (`benchmarks/train_step.py` measures the difference). Embeddings, norms
    and the output projection stay as they are, so a step computes the same.
    """
    import torch

    output = model.get_output_embeddings()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear) and module is not output:
            module.to(torch.bfloat16)
    return model


def _is_bfloat16_slow() -> bool:
    """Whether a matrix product of a small model's size is far slower in bfloat16.

    A CPU that emulates bfloat16 shows it here within milliseconds; a step of the model would take a minute.
    """
    import torch

    seconds = time_in_turns({dtype: partial(_time_product, dtype) for dtype in (torch.float32, torch.bfloat16)}, 8)
    return seconds[torch.bfloat16] > MAX_SLOWDOWN * seconds[torch.float32]


def _time_product(dtype: Any) -> float:
    import torch

    rows, weights = torch.ones(PROBE_TOKENS, 512, dtype=dtype), torch.ones(1024, 512, dtype=dtype)
    began = time.perf_counter()
    torch.nn.functional.linear(rows, weights)
    return time.perf_counter() - began


def _time_step(model: Any, autocast: bool, attention: str, backward: bool) -> float:
    """Seconds of a pass over four rows, split as in training and measuring.

    The gradient goes back to the embeddings, as far as an adapter's.
    """
    import torch

    set_attention(model, attention)
    embeddings = model.get_input_embeddings().weight
    tokens = torch.arange(4 * PROBE_TOKENS).reshape(4, PROBE_TOKENS) % len(embeddings)
    mask = torch.ones_like(tokens)
    mask[0, -8:] = 0
    threads = torch.get_num_threads()
    groups = count_worker_groups(threads, 4)

    def run(rows: slice) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast), nullcontext() if backward else torch.no_grad():
            scores = model(tokens[rows], attention_mask=mask[rows], use_cache=False, logits_to_keep=8).logits
            if backward:
                torch.autograd.grad(scores.float().square().mean(), embeddings)

    began = time.perf_counter()
    run_parallel(run, [slice(start, None, groups) for start in range(groups)], threads)
    return time.perf_counter() - began
