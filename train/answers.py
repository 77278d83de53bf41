"""An SFTTrainer that projects answer positions only, for CPUs.

TRL 1.16 scores just the labelled positions where Triton runs, and every position elsewhere
(`trl.trainer.utils.add_fused_lm_head`). With a large vocabulary and short answers that is much of a CPU step
(benchmarks/train_step.py); the loss is the same.
"""

from typing import Any

import torch
from torch.nn import functional
from trl import SFTTrainer

from kshot.train.data import IGNORED


class AnswerTrainer(SFTTrainer):  # type: ignore[misc,unused-ignore]
    """TRL's trainer but for where the loss is computed, and for a pull towards the base.

    Args:
        near_base: weight of the divergence KL(base || student) on the answer tokens, in training only.
    """

    def __init__(self, *arguments: Any, near_base: float = 0.0, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._near_base = near_base

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
