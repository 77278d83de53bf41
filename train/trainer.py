"""An SFTTrainer for CPUs: it projects answer positions only, and gives each core rows of its own.

TRL 1.16 scores only the labelled positions where Triton runs, and every position elsewhere
(`trl.trainer.utils.add_fused_lm_head`). With a large vocabulary and short answers that is much of a CPU step. And the
matrices of a small model are too small to split: threads wait for one another after each of them, while rows of a batch
only wait for the sum of their gradients. Loss and gradients are the same (benchmarks/train_step.py).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import Dropout, functional

from kshot.models.loading import is_row_independent
from kshot.runtime.parallel import count_worker_groups, run_parallel
from kshot.train.data import IGNORED
from kshot.train.halving import HalvingTrainer, trim_padding


class CompletionTrainer(HalvingTrainer):
    """TRL's trainer with another computation of the loss, and an optional KL term.

    Args:
        kl_coef: weight of KL(base || student) on the answer tokens, in training only.
        threads: cores that may compute rows of their own; 1 leaves a batch to torch's threads.
    """

    def __init__(self, *arguments: Any, kl_coef: float = 0.0, threads: int = 1, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._kl_coef = kl_coef
        self._threads = threads
        # The noise on embeddings (NEFTune) is drawn for all rows at once.
        self._can_split = can_split_rows(self.model) and not self.args.neftune_noise_alpha

    def compute_gradients(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any) -> torch.Tensor:
        """Put the gradients of a part of a batch into the weights; returns its loss."""
        # The KL term switches the adapter off and on, for all rows at once.
        shares = self._split_rows(inputs) if not self._kl_coef else []
        if len(shares) < 2 or num_items_in_batch is None:
            return super().compute_gradients(model, inputs, num_items_in_batch)
        model.train()
        inputs = self._prepare_inputs(inputs)
        trainable = [weights for weights in model.parameters() if weights.requires_grad]

        def work(rows: Sequence[int]) -> tuple[torch.Tensor, Sequence[torch.Tensor | None]]:
            loss = self.compute_loss(model, self._take_rows(inputs, rows), num_items_in_batch=num_items_in_batch)
            return loss.detach(), torch.autograd.grad(loss, trainable, allow_unused=True)

        total = torch.zeros(())
        # In a fixed order, since sums of floats depend on it.
        for loss, gradients in run_parallel(work, shares, self._threads):
            total += loss
            for weights, gradient in zip(trainable, gradients, strict=True):
                if gradient is not None:
                    weights.grad = gradient if weights.grad is None else weights.grad.add_(gradient)
        return total

    def compute_validation_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        """The mean loss of a part of a batch."""
        shares = self._split_rows(inputs)
        if len(shares) < 2:
            return super().compute_validation_loss(model, inputs)
        inputs = self._prepare_inputs(inputs)
        count = (inputs["labels"][:, 1:] != IGNORED).sum()

        def work(rows: Sequence[int]) -> Any:
            with torch.no_grad():
                return self.compute_loss(model, self._take_rows(inputs, rows), num_items_in_batch=count)

        return torch.stack(run_parallel(work, shares, self._threads)).sum()

    def _split_rows(self, inputs: dict[str, Any]) -> list[list[int]]:
        """The rows of a batch in groups that may be computed at once; one group where they may not."""
        # Without a mask the rows are packed into one.
        mask = inputs.get("attention_mask")
        lengths = mask.sum(dim=1).tolist() if mask is not None and self._can_split else []
        return split_rows(lengths, count_worker_groups(self._threads, len(lengths)))

    def _take_rows(self, inputs: dict[str, Any], rows: Sequence[int]) -> dict[str, Any]:
        return trim_padding(inputs, rows, self.args.pad_to_multiple_of or 1)

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
        if self._kl_coef and model.training:
            with torch.no_grad(), student.disable_adapter():
                base = self._log_probabilities(student, inputs, answers)
            loss = loss + self._kl_coef * functional.kl_div(ours, base, reduction="sum", log_target=True)
        count = answers.sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        loss = loss / count.clamp(min=1)
        if num_items_in_batch is not None and model.training:
            # The answer tokens of all processes were counted, and their gradients and losses are averaged.
            loss = loss * self.accelerator.num_processes
        return (loss, {}) if return_outputs else loss

    def _log_probabilities(self, student: Any, inputs: dict[str, Any], answers: torch.Tensor) -> torch.Tensor:
        """Of shape (answer tokens, vocabulary) in float32, from the positions before the marked ones."""
        model = student.get_base_model() if hasattr(student, "get_base_model") else student
        with torch.autocast(answers.device.type, torch.bfloat16, enabled=self.args.bf16):
            hidden = model.base_model(**inputs, use_cache=False).last_hidden_state[:, :-1]
            logits = model.get_output_embeddings()(hidden[answers])
        return functional.log_softmax(logits.float(), dim=-1)


def can_split_rows(student: Any) -> bool:
    """Whether rows may be computed at once and in any order: nothing is random or kept from row to row.

    PEFT writes the sum of a parameter and its adapter into the layer while a row passes.
    """
    if any(getattr(module, "parameter_name", None) for module in student.modules()):
        return False
    drawn = any(module.p for module in student.modules() if isinstance(module, Dropout))
    settings = student.config.to_dict().items()
    drawn = drawn or any("drop" in name and value for name, value in settings if isinstance(value, float))
    return not drawn and is_row_independent(student.config)


def split_rows(lengths: Sequence[int], shares: int) -> list[list[int]]:
    """Split rows into at most `shares` groups of equal size (up to one), like lengths together."""
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    count = max(1, min(shares, len(order)))
    return [order[len(order) * n // count : len(order) * (n + 1) // count] for n in range(count)]
