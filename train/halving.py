"""An SFTTrainer that goes on where memory runs out: it computes a batch in halves, and in halves of those.

The parts of a batch are computed one after another and their gradients added up, so a step takes the same rows, the
same loss and the same number of gradients as before. The step that failed is done again.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from trl import SFTTrainer

from kshot.core.console import say
from kshot.core.errors import RunError
from kshot.train.data import IGNORED
from kshot.train.parallel.group import average_gradients, sum_over_processes

Result = TypeVar("Result")
ADVICE = "lower train.max_length, set train.sft.gradient_checkpointing: true, or take a smaller student"
SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "alloc_failed")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or the machine, had no memory left; some say so in the text of a RuntimeError only."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


@contextmanager
def explain_out_of_memory() -> Iterator[None]:
    """One line for memory that runs out where no smaller batch helps.

    Raises:
        RunError: memory ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    else:
        return
    raise RunError(f"train: out of memory, and a smaller batch does not help; {ADVICE}")


class HalvingTrainer(SFTTrainer):  # type: ignore[misc,unused-ignore]
    """TRL's trainer, with a smaller batch at a time where memory runs out."""

    _parts = 1
    """Into how many parts a batch is split; it stays so for the later ones."""
    is_sharded = False
    """Whether the frozen weights are divided among the processes, which then compute the same layer at a time."""

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Add the gradients of a batch to the existing ones; returns its loss.

        DDP's wrapper is left out, which would sum gradients of each part: they are summed once, when the step is whole,
        so that one process may compute in halves and another not.
        """
        model = self._leave_wrapper(model)
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        before = [weight.grad for weight in weights]

        def work(parts: Sequence[dict[str, Any]]) -> torch.Tensor:
            gradients: list[torch.Tensor | None] = [None] * len(weights)
            total = torch.zeros((), device=self.args.device)
            for part, share in zip(parts, self._shares(parts, num_items_in_batch), strict=True):
                _set_gradients(weights, [None] * len(weights))
                total += self.compute_gradients(model, part, num_items_in_batch) * share
                new = [weight.grad if share == 1 or weight.grad is None else weight.grad * share for weight in weights]
                gradients = _add(gradients, new)
            _set_gradients(weights, _add(before, gradients))
            return total

        loss = self._in_halves(work, inputs, lambda: _set_gradients(weights, before))
        if self.is_replicated and self.accelerator.sync_gradients:
            average_gradients(weights)
        return loss

    @property
    def is_replicated(self) -> bool:
        """Whether several processes hold the whole student each (DDP)."""
        return bool(self.accelerator.num_processes > 1)

    def _leave_wrapper(self, model: Any) -> Any:
        return self.accelerator.unwrap_model(model) if self.is_replicated else model

    def evaluation_loop(
        self, dataloader: Any, description: str, prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval",
    ) -> Any:  # fmt: skip
        """The mean loss of the validation rows, each batch in one of the processes: the number that one would give."""
        # The trainer's own loop weighs batches by their rows, and takes a batch without padding for one row.
        if not self.is_replicated and not self.padding_free:
            return super().evaluation_loop(
                dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
            )
        from transformers.trainer_utils import EvalLoopOutput

        model, rows, size = self._leave_wrapper(self.model), dataloader.dataset, self.args.per_device_eval_batch_size
        model.eval()
        starts = range(0, len(rows), size)
        total = count = 0.0
        for first in range(0, len(starts), self.accelerator.num_processes):
            mine = first + self.accelerator.process_index
            # Each computes as many batches as the others, who may wait for it: one too many counts nothing.
            start = starts[mine] if mine < len(starts) else 0
            batch = [rows[index] for index in range(start, min(start + size, len(rows)))]
            loss, _, _ = self.prediction_step(model, dataloader.collate_fn(batch), prediction_loss_only=True)
            if mine < len(starts):
                total, count = total + float(loss) * len(batch), count + len(batch)
        total, count = sum_over_processes([total, count])
        metrics = {f"{metric_key_prefix}_loss": total / count}
        return EvalLoopOutput(predictions=None, label_ids=None, metrics=metrics, num_samples=len(rows))

    def prediction_step(
        self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[Any, Any, Any]:
        """The loss of a batch of the validation slice, and no logits."""

        def work(parts: Sequence[dict[str, Any]]) -> Any:
            losses = [self.compute_validation_loss(model, part) for part in parts]
            return sum(loss * share for loss, share in zip(losses, self._shares(parts, None), strict=True))

        return self._in_halves(work, inputs, lambda: None), None, None

    def compute_gradients(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any) -> torch.Tensor:
        """Put the gradients of a part of a batch into the weights; returns its loss."""
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        return loss

    def compute_validation_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        """The mean loss of a part of a batch."""
        loss, _, _ = super().prediction_step(model, inputs, prediction_loss_only=True)
        return loss

    def _in_halves(
        self, work: Callable[[Sequence[dict[str, Any]]], Result], inputs: dict[str, Any], reset: Callable[[], object]
    ) -> Result:
        """The result of `work` for the parts of a batch, which are halved until memory suffices.

        Raises:
            RunError: it does not for a single row.
        """
        rows = len(inputs["input_ids"])
        while True:
            parts = min(self._parts, rows)
            try:
                return work(_split_batch(inputs, parts, self.args.pad_to_multiple_of or 1))
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
            # Outside of the handler, whose traceback holds the tensors.
            reset()
            free_memory()
            if self._must_keep_pace:
                raise RunError(f"train: out of memory; lower train.sft.per_device_train_batch_size, or {ADVICE}")
            if self.padding_free:
                raise RunError(
                    "train: out of memory; lower train.sft.per_device_train_batch_size (a batch of padding_free is not "
                    f"halved), or {ADVICE}"
                )
            if parts >= rows:
                raise RunError(f"train: out of memory with a single row in the batch; {ADVICE}")
            self._parts = min(2 * parts, rows)
            say(f"out of memory: a batch of {rows} rows is computed in {self._parts} parts from here on")

    @property
    def _must_keep_pace(self) -> bool:
        """Whether processes wait for one another within a batch: TRL gathers its metrics there, or layers are sent."""
        return self.is_sharded or (self.is_replicated and type(self).compute_loss is SFTTrainer.compute_loss)

    @staticmethod
    def _shares(parts: Sequence[dict[str, Any]], num_items_in_batch: Any) -> list[float]:
        """What each part's loss counts: its share of the labels, where the loss is a mean over the part alone."""
        if num_items_in_batch is not None or len(parts) == 1:
            return [1.0] * len(parts)
        counts = [int((part["labels"][:, 1:] != IGNORED).sum()) for part in parts]
        return [count / max(1, sum(counts)) for count in counts]


def free_memory() -> None:
    """Give back what the device's allocator keeps."""
    from accelerate.utils.memory import clear_device_cache

    gc.collect()
    clear_device_cache(garbage_collection=True)


def _split_batch(inputs: dict[str, Any], parts: int, multiple: int) -> list[dict[str, Any]]:
    if parts == 1:
        return [inputs]
    rows = range(len(inputs["input_ids"]))
    groups = [rows[len(rows) * n // parts : len(rows) * (n + 1) // parts] for n in range(parts)]
    return [trim_padding(inputs, list(group), multiple) for group in groups]


def trim_padding(inputs: dict[str, Any], rows: Sequence[int], multiple: int) -> dict[str, Any]:
    """Some rows of a batch padded on the right, without the padding that only the others need."""
    longest = int(inputs["attention_mask"][rows].sum(dim=1).max())
    width = -(-longest // multiple) * multiple
    return {name: values[rows, :width] for name, values in inputs.items()}


def _set_gradients(weights: Sequence[Any], gradients: Sequence[Any]) -> None:
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient


def _add(sums: Sequence[Any], more: Sequence[Any]) -> list[Any]:
    return [new if old is None else old if new is None else old + new for old, new in zip(sums, more, strict=True)]
