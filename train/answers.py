"""An SFTTrainer that projects answer positions only, for CPUs.

TRL 1.16 scores just the labelled positions where Triton runs, and every position elsewhere
(`trl.trainer.utils.add_fused_lm_head`). With a large vocabulary and short answers that is much of a CPU step
(benchmarks/train_step.py); the loss is the same.
"""

from typing import Any

import torch
from trl import SFTTrainer

from kshot.train.data import IGNORED


class AnswerTrainer(SFTTrainer):  # type: ignore[misc,unused-ignore]
    """TRL's trainer but for where the loss is computed."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean negative log-likelihood of the answer tokens, over the whole step if gradients are accumulated."""
        inputs = dict(inputs)
        labels = inputs.pop("labels")[:, 1:]
        student = self.accelerator.unwrap_model(model).get_base_model()
        answers = labels != IGNORED
        with torch.autocast(labels.device.type, torch.bfloat16, enabled=self.args.bf16):
            hidden = student.base_model(**inputs, use_cache=False).last_hidden_state[:, :-1]
            logits = student.get_output_embeddings()(hidden[answers])
        loss = torch.nn.functional.cross_entropy(logits.float(), labels[answers], reduction="sum")
        count = answers.sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        loss = loss / count.clamp(min=1)
        return (loss, {}) if return_outputs else loss
