"""An SFTTrainer for CPUs: it projects answer positions only, and gives each core rows of its own.

TRL 1.16 scores just the labelled positions where Triton runs, and every position elsewhere
(`trl.trainer.utils.add_fused_lm_head`). With a large vocabulary and short answers that is much of a CPU step. And the
matrices of a small model are too small to be shared out well: threads wait for one another after each of them, where
rows of a batch have nothing to wait for but the sum of their gradients. Loss and gradients are the same
(benchmarks/train_step.py).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch.nn import Dropout, functional
from trl import SFTTrainer

from kshot.train.data import IGNORED

TOGETHER = 0.8
"""Threads at the same matrices do the work of threads ** TOGETHER: two that of 1.7 (benchmarks/train_step.py)."""


class AnswerTrainer(SFTTrainer):  # type: ignore[misc,unused-ignore]
    """TRL's trainer but for where the loss is computed, and for a pull towards the base.

    Args:
        near_base: weight of the divergence KL(base || student) on the answer tokens, in training only.
        threads: cores that may be given rows of their own; one leaves a step to torch's threads.
    """

    def __init__(self, *arguments: Any, near_base: float = 0.0, threads: int = 1, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._near_base = near_base
        self._threads = threads
        # For the divergence the adapter is switched off and on, for all rows at once.
        apart = not near_base and any_order(self.model)
        self._shares, each = division(threads, self.args.per_device_train_batch_size) if apart else (1, threads)
        self._pool = ThreadPoolExecutor(self._shares, initializer=torch.set_num_threads, initargs=(each,))

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Gradients of the whole batch, added to those that are there; returns its loss."""
        # Without a mask the rows stand one after another in one.
        mask = inputs.get("attention_mask")
        shares = shared_out([] if mask is None else mask.sum(dim=1).tolist(), self._shares)
        if len(shares) == 1 or num_items_in_batch is None:
            return super().training_step(model, inputs, num_items_in_batch)
        model.train()
        inputs = self._prepare_inputs(inputs)
        learnt = [weights for weights in model.parameters() if weights.requires_grad]

        def work(rows: Sequence[int]) -> tuple[torch.Tensor, Sequence[torch.Tensor | None]]:
            own = trimmed(inputs, rows, self.args.pad_to_multiple_of or 1)
            loss = self.compute_loss(model, own, num_items_in_batch=num_items_in_batch)
            return loss.detach(), torch.autograd.grad(loss, learnt, allow_unused=True)

        total = torch.zeros(())
        # In the order of the shares, whichever is ready first: sums of floats depend on it.
        for loss, gradients in self._pool.map(work, shares):
            total += loss
            for weights, gradient in zip(learnt, gradients, strict=True):
                if gradient is not None:
                    weights.grad = gradient if weights.grad is None else weights.grad.add_(gradient)
        # A worker's own number of threads is also what torch remembers for later ones.
        torch.set_num_threads(self._threads)
        return total

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean negative log-likelihood of the answer tokens, over the whole step if gradients are accumulated."""
        inputs = dict(inputs)
        labels = inputs.pop("labels")[:, 1:]
        student = self.accelerator.unwrap_model(model)
        answers = labels != IGNORED
        ours = self._log_probabilities(student, inputs, answers)
        loss = functional.nll_loss(ours, labels[answers], reduction="sum")
        if self._near_base and model.training:
            with torch.no_grad(), student.disable_adapter():
                base = self._log_probabilities(student, inputs, answers)
            loss = loss + self._near_base * functional.kl_div(ours, base, reduction="sum", log_target=True)
        count = answers.sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        loss = loss / count.clamp(min=1)
        return (loss, {}) if return_outputs else loss

    def _log_probabilities(self, student: Any, inputs: dict[str, Any], answers: torch.Tensor) -> torch.Tensor:
        """Of shape (answer tokens, vocabulary) in float32, from the positions before the marked ones."""
        model = student.get_base_model()
        with torch.autocast(answers.device.type, torch.bfloat16, enabled=self.args.bf16):
            hidden = model.base_model(**inputs, use_cache=False).last_hidden_state[:, :-1]
            logits = model.get_output_embeddings()(hidden[answers])
        return functional.log_softmax(logits.float(), dim=-1)


def any_order(student: Any) -> bool:
    """Whether rows may be computed at once and in any order: nothing is drawn at random or kept from row to row."""
    config = student.config.to_dict()
    drawn = any(module.p for module in student.modules() if isinstance(module, Dropout))
    drawn = drawn or any("drop" in name and value for name, value in config.items() if isinstance(value, float))
    rope = str(config.get("rope_parameters") or config.get("rope_scaling"))
    return not drawn and "dynamic" not in rope and "longrope" not in rope


def division(threads: int, rows: int) -> tuple[int, int]:
    """In how many shares to compute a batch, and with how many threads each: the largest one is soonest done so."""

    def spent(shares: int) -> tuple[float, int]:
        return -(-rows // shares) / (threads // shares) ** TOGETHER, -shares

    shares = min(range(1, max(1, min(threads, rows)) + 1), key=spent)
    return shares, threads // shares


def shared_out(lengths: Sequence[int], shares: int) -> list[list[int]]:
    """Rows dealt out to at most so many shares, as many to each, give or take one, and like lengths together."""
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    count = max(1, min(shares, len(order)))
    return [order[len(order) * n // count : len(order) * (n + 1) // count] for n in range(count)]


def trimmed(inputs: dict[str, Any], rows: Sequence[int], multiple: int) -> dict[str, Any]:
    """Some rows of a batch that is padded on the right, without the padding that only the others need."""
    longest = int(inputs["attention_mask"][rows].sum(dim=1).max())
    width = -(-longest // multiple) * multiple
    return {name: values[rows, :width] for name, values in inputs.items()}
