"""Settings that suit the machine, found rather than assumed: device, threads, and bfloat16 by a timed step."""

import os
import time
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

from kshot.core.errors import DataError, RunError
from kshot.core.files import read_json, write_json
from kshot.runtime.parallel import count_worker_groups, run_parallel

GAIN = 1.1
HOPELESS = 2.0
"""A dtype is not probed where it takes so many times the best's time, for a matrix product or for a step."""
ATTENTION = ("sdpa", "eager")
"""On short rows on a CPU the plain implementation can beat the fused one."""
LENGTH = 160
"""Tokens of a row of the probe, a few more than the quickstart's have on average: long ones take most of the time."""


@dataclass(frozen=True)
class Device:
    """What was found. `seconds` holds the times of one probe step by dtype and attention, where one was needed."""

    type: str
    threads: int
    dtype: str
    attention: str
    seconds: dict[str, float]

    @property
    def worker_count(self) -> int:
        """How many cores may be given parts of a job of their own: all of a CPU's, none beside a GPU."""
        return self.threads if self.type == "cpu" else 1


def count_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cast_frozen_linears(model: Any) -> Any:
    """Put the frozen weights of linear layers into bfloat16, in place, and return the model.

    Autocast gives them that type anyway, again at every pass; here the copies are made once (benchmarks/train_step.py
    measures what that saves). Embeddings, norms and the output projection stay as they are, so a step computes
    what it computed before.
    """
    import torch

    output = model.get_output_embeddings()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear) and module is not output:
            module.to(torch.bfloat16)
    return model


def probe_device(model: Any, dtype: str, threads: int, backward: bool) -> Device:
    """Choose device, threads and dtype for `model` (on the CPU, in float32; left unchanged).

    Args:
        dtype: `auto` to find it out, else what the user wants.
        threads: 0 for all cores.
        backward: probe a training step rather than a forward pass.
    """
    import torch

    threads = threads or count_cores()
    torch.set_num_threads(threads)
    device = available_devices()[0]
    if device == "cuda":
        found = "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
        return Device(device, threads, found if dtype == "auto" else dtype, "sdpa", {})
    if device == "mps":
        return Device(device, threads, "float32" if dtype == "auto" else dtype, "sdpa", {})
    dtypes = ("float32", "bfloat16") if dtype == "auto" else (dtype,)
    seconds: dict[tuple[str, str], float] = {}
    for name in dtypes:
        probed = model
        if name == "bfloat16":
            if seconds and _product(torch.bfloat16) > HOPELESS * _product(torch.float32):
                continue
            probed = cast_frozen_linears(deepcopy(model)) if backward else deepcopy(model).to(torch.bfloat16)
        for kind in ATTENTION:
            enough = HOPELESS * min(seconds.values(), default=inf)
            seconds[name, kind] = _probe(probed, name == "bfloat16" and backward, kind, backward, enough)
            if seconds[name, kind] > enough:
                break
    model.set_attn_implementation(ATTENTION[0])
    # bfloat16 rounds more, so it has to be clearly faster.
    best = min(seconds, key=lambda option: seconds[option] * (GAIN if option[0] == "bfloat16" else 1))
    return Device(device, threads, *best, {" ".join(option): round(spent, 4) for option, spent in seconds.items()})


def available_devices() -> list[str]:
    """What torch can compute on here, the fastest first."""
    import torch

    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [name for name, found in here.items() if found]


def load_or_probe_device(path: Path, key: str, find: Any) -> Device:
    """What `path` says was found for `key` by an earlier, killed run; else what `find()` finds now, kept in `path`.

    Raises:
        RunError: it was found on a device that is not here.
    """
    import torch

    try:
        kept = read_json(path)
    except DataError:
        kept = {}
    if kept.get("key") == key:
        machine = Device(**kept["machine"])
        if machine.type not in available_devices():
            raise RunError(
                f"{path}: this began on {machine.type}, which is not here; go on where there is one, or delete this "
                "file to begin again without"
            )
    else:
        machine = find()
        write_json(path, {"key": key, "machine": asdict(machine)})
    torch.set_num_threads(machine.threads)
    return machine


def _product(dtype: Any) -> float:
    """Seconds for a matrix product of the size that a small model's have, the best of some.

    A CPU that has to imitate bfloat16 shows it here within milliseconds; a step of the model would take it a minute.
    """
    import torch

    rows, weights = torch.ones(LENGTH, 512, dtype=dtype), torch.ones(1024, 512, dtype=dtype)
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        torch.nn.functional.linear(rows, weights)
        spent.append(time.perf_counter() - began)
    return min(spent)


def _probe(model: Any, autocast: bool, attention: str, backward: bool, enough: float) -> float:
    """The best of two passes over four rows, shared out as in training and measuring, after one to warm up.

    Of one if that takes over `enough` seconds. The gradient goes back to the embeddings, as far as an adapter's does.
    """
    import torch

    model.set_attn_implementation(attention)
    tokens = torch.arange(4 * LENGTH).reshape(4, LENGTH) % model.config.vocab_size
    mask = torch.ones_like(tokens)
    mask[0, -8:] = 0
    threads = torch.get_num_threads()
    shares = count_worker_groups(threads, 4)
    learnt = model.get_input_embeddings().weight

    def work(rows: slice) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast), nullcontext() if backward else torch.no_grad():
            scores = model(tokens[rows], attention_mask=mask[rows], use_cache=False, logits_to_keep=8).logits
            if backward:
                torch.autograd.grad(scores.float().square().mean(), learnt)

    best = inf
    for attempt in range(3):
        began = time.perf_counter()
        run_parallel(work, [slice(start, None, shares) for start in range(shares)], threads)
        if attempt:
            best = min(best, time.perf_counter() - began)
            if best > enough:
                break
    return best
