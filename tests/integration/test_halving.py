"""Where memory runs out, a batch is computed in halves; the student is the one of an undisturbed training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kshot.config import TrainConfig
from kshot.config.loader import load_config
from kshot.core.errors import RunError
from kshot.core.files import read_log
from kshot.core.runs import Run
from kshot.models.loading import load_student
from kshot.runtime.device import Device
from kshot.train.fit import fit, plan_rows
from kshot.train.halving import explain_out_of_memory
from kshot.train.rows.split import prepare_rows
from kshot.train.stage import run_train

BATCH = 4
ERRORS: dict[str, Callable[[], Exception]] = {
    "CUDA": lambda: _torch_error("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of ..."),
    "MPS": lambda: RuntimeError("MPS backend out of memory (MPS allocated: 8.83 GB, other allocations: 2.17 GB)"),
    "XPU": lambda: _torch_error("XPU out of memory. Tried to allocate 1.00 GiB"),
    "cuBLAS": lambda: RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "CPU": lambda: RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate"
                                " memory: you tried to allocate 8589934592 bytes. Error code 12"),
    "Python": MemoryError,
}  # fmt: skip


def _torch_error(text: str) -> Exception:
    import torch

    return torch.OutOfMemoryError(text)


class Memory:
    """Fails every pass of more than `rows` rows from pass number `start` on, forward or backward."""

    def __init__(self, error: Callable[[], Exception], rows: int, start: int, *, backward: bool = False) -> None:
        self.error, self.rows, self.start, self.backward = error, rows, start, backward
        self.passes = 0
        self.sizes: list[int] = []

    def watch(self, _layer: Any, _: Any, output: Any) -> None:
        self.passes += 1
        rows = output.shape[0]
        if self.passes < self.start or rows <= self.rows or (self.backward and not output.requires_grad):
            self.sizes.append(rows)
        elif self.backward:
            output.register_hook(self.fail)
        else:
            self.fail(None)

    def fail(self, _: Any) -> None:
        raise self.error()


def _train(
    student: Path, folder: Path, memory: Memory | None = None, threads: int = 1, **sft: Any
) -> tuple[list[Any], list[dict[str, Any]]]:
    settings = TrainConfig(
        lora={"target_modules": ["q_proj", "v_proj"]},
        sft={
            "learning_rate": 0.01,
            "warmup_steps": 0,
            "per_device_train_batch_size": BATCH,
            "per_device_eval_batch_size": BATCH,
            **sft,
        },
    )
    model, tokenizer = load_student(str(student))
    records = [{"instruction": f"say {n}" * (n % 7 + 1), "output": f"word {n}"} for n in range(30)]
    split = prepare_rows(records, tokenizer, 400, 0.2, 1, targets=True)
    if memory:
        model.model.layers[1].mlp.register_forward_hook(memory.watch)
    plan = plan_rows(split.train, settings, 1)
    device = Device("cpu", threads, "float32", "eager", {})
    trained = fit(model, tokenizer, plan, split.validation, settings, device, folder, 1)
    weights = [weight.detach().clone() for weight in trained.parameters() if weight.requires_grad]
    return weights, read_log(folder / "metrics.jsonl")


@pytest.mark.parametrize(
    ("name", "threads", "sft", "backward"),
    [
        *((name, 1, {}, False) for name in ERRORS),
        ("CUDA", 1, {}, True),
        ("CPU", 2, {}, False),
        ("CPU", 2, {}, True),
        ("CUDA", 1, {"gradient_accumulation_steps": 2}, True),
        ("CUDA", 1, {"loss_type": "dft"}, False),
        ("CUDA", 1, {"label_smoothing_factor": 0.1, "gradient_accumulation_steps": 2}, True),
    ],
)
def test_a_step_without_memory_is_done_again_in_halves(
    name: str, threads: int, sft: dict[str, Any], backward: bool, tiny_student: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    import torch

    plain, plain_rows = _train(tiny_student, tmp_path / "plain", threads=threads, **sft)
    capsys.readouterr()
    memory = Memory(ERRORS[name], rows=1, start=8, backward=backward)
    halved, rows = _train(tiny_student, tmp_path / "halved", memory, threads, **sft)
    said = [line for line in "".join(capsys.readouterr()).splitlines() if line.startswith("out of memory")]
    # Two threads have two rows each of a batch of four, so one halving is enough.
    wanted = (2,) if threads == 2 else (2, 4)
    assert [f"in {parts} parts" in line for parts, line in zip(wanted, said, strict=True)] == [True] * len(said)
    assert set(memory.sizes[-4:]) == {1}
    assert [row["step"] for row in rows] == [row["step"] for row in plain_rows]
    for ours, theirs in zip(rows, plain_rows, strict=True):
        for key in ("loss", "eval_loss", "learning_rate"):
            assert ours.get(key, -1) == pytest.approx(theirs.get(key, -1), rel=1e-3)
    assert all(torch.allclose(ours, theirs, rtol=1e-2, atol=1e-4) for ours, theirs in zip(halved, plain, strict=True))


def test_a_single_row_without_memory_is_one_line(tiny_student: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"single row .* lower train.max_length, .*gradient_checkpointing.* student"):
        _train(tiny_student, tmp_path, Memory(ERRORS["CUDA"], rows=0, start=8))


def test_another_fault_of_a_step_stays_what_it_is(tiny_student: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="something else"):
        _train(tiny_student, tmp_path, Memory(lambda: RuntimeError("something else"), rows=0, start=8))


@pytest.mark.parametrize("name", ERRORS)
def test_explain_out_of_memory_is_one_line_where_no_batch_is_to_blame(name: str) -> None:
    advice = r"out of memory, and a smaller batch does not help; lower train\.max_length"
    with pytest.raises(RunError, match=advice), explain_out_of_memory():
        raise ERRORS[name]()
    with pytest.raises(RuntimeError, match="something else"), explain_out_of_memory():
        raise RuntimeError("something else")


def test_a_student_that_does_not_fit_into_memory_is_one_line(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(student: str, quantize: str | None) -> None:
        raise ERRORS["CPU"]()

    config = load_config(config_file)
    run = Run(config_file.parent / "runs" / "tiny")
    monkeypatch.setattr("kshot.train.stage.load_student", fail)
    (run.folder / "generate").mkdir(parents=True)
    (run.folder / "generate" / "train.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    with pytest.raises(RunError, match=r"take a smaller student$"):
        run_train(config, run)
