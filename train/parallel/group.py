"""The processes of a training as one: the first leads, and the others hear from it what it decided.

Only the first process locks the run's folder, decides, speaks and writes. Where one fails, one line says so.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from kshot.core.console import speak_up
from kshot.core.errors import ConfigError, KshotError, PeerFailedError, RunError
from kshot.core.runs import Run
from kshot.runtime.processes import (
    die_with_parent,
    is_launch_incomplete,
    local_process_count,
    local_rank,
    process_count,
    process_rank,
)

Result = TypeVar("Result")
PATIENCE = timedelta(days=2)
"""The others may wait long while the first prepares rows. A process that died ends all through the launcher."""
FAILED = "kshot/failed"
LOSS_SIGNS = ("closed by peer", "reset by peer", "Broken pipe", "gloo/transport", "Socket closed")
MAX_BUCKET_ELEMENTS = 64 << 20
"""Elements of the gradients that are summed in one go."""


@contextmanager
def join_group() -> Iterator[None]:
    """Join the processes that were launched together; nothing to do where there is one only.

    Raises:
        ConfigError: kshot cannot train under this launch.
        PeerFailedError: another process failed, and says why.
    """
    _refuse_launch()
    if process_count() == 1:
        yield
        return
    import torch
    from torch import distributed

    if "TORCHELASTIC_RUN_ID" in os.environ:
        die_with_parent()
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank())
        backend = "cuda:nccl,cpu:gloo"
    if not distributed.is_initialized():
        distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
    except PeerFailedError:
        raise
    except KshotError:
        if not _is_first_to_fail():
            raise PeerFailedError from None
        speak_up()
        raise
    except RuntimeError as error:
        if not is_peer_loss(error):
            raise
        raise PeerFailedError from None


def _refuse_launch() -> None:
    if is_launch_incomplete():
        raise ConfigError(
            ["accelerate launch: started one of the processes that it was asked for, as it does without GPUs; "
             "pass --multi_gpu, or start kshot by itself with train.processes"]
        )  # fmt: skip
    if process_count() == 1:
        return
    import torch

    gpus = torch.cuda.device_count()
    for name, variable in (("DeepSpeed", "ACCELERATE_USE_DEEPSPEED"), ("FSDP", "ACCELERATE_USE_FSDP")):
        if os.environ.get(variable, "").lower() == "true":
            raise ConfigError(
                [f"accelerate launch: kshot divides weights itself and not with {name}; use "
                 "configs/accelerate/ddp.yaml, with train.shard_base: true or train.quantize: nf4 for a student that "
                 "does not fit on a GPU"]
            )  # fmt: skip
    if gpus and local_process_count() > gpus:
        raise ConfigError(
            [f"accelerate launch: {local_process_count()} processes on this machine, which has {gpus} GPUs; "
             f"pass --num_processes {gpus}"]
        )  # fmt: skip


def is_peer_loss(error: BaseException) -> bool:
    """Whether an error says that another process is gone."""
    if process_count() == 1:
        return False
    from torch import distributed

    return isinstance(error, distributed.DistError) or any(sign in str(error) for sign in LOSS_SIGNS)


def _is_first_to_fail() -> bool:
    from torch import distributed

    with suppress(RuntimeError):
        return int(distributed.distributed_c10d._get_default_store().add(FAILED, 1)) == 1
    return True


def is_first() -> bool:
    """Whether this is the process that decides and writes."""
    return process_rank() == 0


def lead(work: Callable[[], Result]) -> Result:
    """What `work` returns in the first process, for all of them.

    Raises:
        PeerFailedError: it raised there; the first process raises what it was.
    """
    if process_count() == 1:
        return work()
    if not is_first():
        done, result = _hear()
        if not done:
            raise PeerFailedError
        return result  # type: ignore[no-any-return]
    try:
        result = work()
    except BaseException:
        _tell(False, None)
        raise
    _tell(True, result)
    return result


def lead_alone(work: Callable[[], Result]) -> Result | None:
    """Like `lead`, but what `work` returns stays in the first process; the others get None."""
    kept: list[Result] = []
    lead(lambda: kept.append(work()))
    return kept[0] if kept else None


def _tell(done: bool, result: object) -> None:
    from torch import distributed

    distributed.broadcast_object_list([done, result], src=0)


def _hear() -> tuple[bool, Any]:
    from torch import distributed

    news: list[Any] = [None, None]
    distributed.broadcast_object_list(news, src=0)
    return news[0], news[1]


@contextmanager
def hold_stage(run: Run, stage: str) -> Iterator[Path]:
    """Lock a stage's folder for all processes: the first holds the lock, the others wait for its word.

    Raises:
        RunError: another kshot works there.
    """
    with ExitStack() as stack:
        yield lead(lambda: stack.enter_context(run.held(stage)))


def wait_for_all() -> None:
    """Return when every process is here."""
    if process_count() > 1:
        from torch import distributed

        distributed.barrier()


def average_gradients(weights: Sequence[Any]) -> None:
    """Give each weight the mean of its gradients over all processes, in place.

    A weight without a gradient in every process stays without one; else a missing one counts as 0.
    """
    import torch
    from torch import distributed

    # An expert may be called in one process and not in another.
    present = torch.tensor([weight.grad is not None for weight in weights], dtype=torch.int32, device=weights[0].device)
    distributed.all_reduce(present)
    touched = [weight for weight, count in zip(weights, present.tolist(), strict=True) if count]
    for bucket in _split_buckets(touched):
        gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in bucket]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= process_count()
        for weight, part in zip(bucket, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            weight.grad = part.view_as(weight).clone()


def _split_buckets(weights: Sequence[Any]) -> Iterator[list[Any]]:
    """The weights in groups of one dtype, each small enough to be copied."""
    bucket: list[Any] = []
    for weight in weights:
        full = sum(other.numel() for other in bucket) + weight.numel() > MAX_BUCKET_ELEMENTS
        if bucket and (full or bucket[0].dtype != weight.dtype):
            yield bucket
            bucket = []
        bucket.append(weight)
    if bucket:
        yield bucket


def sum_over_processes(values: Sequence[float]) -> list[float]:
    """The sum of each value over all processes, in float64 on the CPU's backend."""
    import torch
    from torch import distributed

    if process_count() == 1:
        return list(values)
    sums = torch.tensor(values, dtype=torch.float64)
    distributed.all_reduce(sums)
    return [float(total) for total in sums]


def check_equal_weights(weights: Sequence[Any]) -> None:
    """Check that the processes trained the same weights.

    Raises:
        RunError: they differ.
    """
    if process_count() == 1:
        return
    from torch import distributed

    ours = [float(weight.detach().double().sum()) for weight in weights]
    sums: list[Any] = [None] * process_count()
    distributed.all_gather_object(sums, ours)
    if any(theirs != sums[0] for theirs in sums):
        raise RunError("train: the processes' weights differ after the last step; report this with your settings")
