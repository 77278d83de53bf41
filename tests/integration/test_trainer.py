"""`CompletionTrainer` beside TRL's trainer: the same loss, the same gradients, and the KL term."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest


def _trainer(make: Any, student: Path, folder: Path, batch: int = 8) -> Any:
    """One over four short rows, with a new adapter."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig

    from kshot.models.loading import load_student
    from kshot.train.data import tokenize_record

    model, tokenizer = load_student(str(student))
    calls = [{"instruction": f"say {n}" * n, "output": f"word {n}"} for n in range(1, 5)]
    rows = Dataset.from_list([tokenize_record(record, tokenizer, targets=False).example() for record in calls])
    settings = SFTConfig(
        output_dir=str(folder),
        use_cpu=True,
        bf16=False,
        report_to=[],
        per_device_eval_batch_size=4,
        per_device_train_batch_size=batch,
    )
    adapter = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear")
    return make(
        model=model, args=settings, train_dataset=rows, eval_dataset=rows, processing_class=tokenizer,
        peft_config=adapter,
    )  # fmt: skip


def test_completion_trainer_has_the_loss_of_trl(tiny_student: Path, tmp_path: Path) -> None:
    """Projecting answer positions only changes the time, not the loss; no more does measuring it in shares."""
    import torch
    from trl import SFTTrainer

    from kshot.train.trainer import CompletionTrainer

    trl = _trainer(SFTTrainer, tiny_student, tmp_path).evaluate()["eval_loss"]
    before = torch.get_num_threads()
    for threads in (1, 2, 3):
        trainer = _trainer(partial(CompletionTrainer, threads=threads), tiny_student, tmp_path)
        calls, whole = [], trainer.compute_loss
        trainer.compute_loss = lambda model, part, _calls=calls, _whole=whole, **more: (
            _calls.append((len(part["labels"]), torch.is_grad_enabled())),
            _whole(model, part, **more),
        )[1]
        assert trainer.evaluate()["eval_loss"] == pytest.approx(trl, rel=1e-5)
        assert sorted(calls) == {1: [(4, False)], 2: [(2, False)] * 2, 3: [(4, False)]}[threads]
    torch.set_num_threads(before)


def test_completion_trainer_gradients_are_the_same_with_rows_per_core(tiny_student: Path, tmp_path: Path) -> None:
    """Also where the rows do not go up in the cores, with gradients there before; and to the bit when repeated."""
    import torch

    from kshot.train.trainer import CompletionTrainer

    def gradients(threads: int, repeats: int = 1) -> tuple[float, torch.Tensor]:
        trainer = _trainer(partial(CompletionTrainer, threads=threads), tiny_student, tmp_path, 4)
        torch.manual_seed(0)
        trainable = [weights for weights in trainer.model.parameters() if weights.requires_grad]
        for weights in trainable:
            torch.nn.init.normal_(weights, std=0.1)
        batch = trainer.data_collator([trainer.train_dataset[row] for row in (3, 0, 2, 1)])
        count = (batch["labels"][:, 1:] != -100).sum()
        before = torch.get_num_threads()
        torch.set_num_threads(max(1, threads))
        calls, whole = [], trainer.compute_loss
        trainer.compute_loss = lambda model, part, **more: (
            calls.append(len(part["labels"])),
            whole(model, part, **more),
        )[1]
        loss = sum(float(trainer.training_step(trainer.model, batch, count)) for _ in range(repeats))
        assert torch.get_num_threads() == max(1, threads)
        assert len(calls) == repeats * min(threads, 4)
        torch.set_num_threads(before)
        return loss, torch.cat([weights.grad.flatten() for weights in trainable if weights.grad is not None])

    plain_loss, plain = gradients(1)
    for threads in (2, 4, 9):
        loss, found = gradients(threads)
        assert loss == pytest.approx(plain_loss, rel=1e-5)
        assert torch.allclose(found, plain, rtol=1e-4, atol=1e-7)
    assert torch.equal(gradients(4)[1], gradients(4)[1])
    assert torch.allclose(gradients(4, repeats=2)[1], 2 * plain, rtol=1e-4, atol=1e-7)


def test_split_rows_groups_by_length_and_only_where_the_order_does_not_matter(tiny_student: Path) -> None:
    from kshot.models.loading import load_student
    from kshot.runtime.parallel import count_worker_groups
    from kshot.train.trainer import can_split_rows, split_rows

    found = {(threads, rows): count_worker_groups(threads, rows) for threads in (1, 2, 3, 6, 9, 16) for rows in (1, 4)}
    assert found == {
        (1, 1): 1, (1, 4): 1, (2, 1): 1, (2, 4): 2, (3, 1): 1, (3, 4): 1, (6, 1): 1, (6, 4): 2, (9, 1): 1, (9, 4): 4,
        (16, 1): 1, (16, 4): 4,
    }  # fmt: skip
    assert split_rows([5, 9, 4, 8], 2) == [[2, 0], [3, 1]]
    assert split_rows([5, 9, 4], 2) == [[2], [0, 1]]
    assert split_rows([7, 7], 4) == [[0], [1]]
    assert split_rows([7], 4) == [[0]]
    assert len(split_rows([], 4)) == 1
    model, _ = load_student(str(tiny_student))
    assert can_split_rows(model)
    model.config.attention_dropout = 0.1
    assert not can_split_rows(model)
    model.config.attention_dropout = 0.0
    model.config.rope_parameters = {"rope_type": "dynamic", "factor": 2.0}
    assert not can_split_rows(model)


def test_completion_trainer_kl_term_is_the_divergence_from_the_base(tiny_student: Path, tmp_path: Path) -> None:
    """Summed by hand over the answer tokens, from plain forward passes; and none where the loss is only measured."""
    import torch

    from kshot.train.trainer import CompletionTrainer

    trainer = _trainer(partial(CompletionTrainer, kl_coef=0.5), tiny_student, tmp_path)
    model, batch = trainer.model, next(iter(trainer.get_train_dataloader()))
    torch.manual_seed(0)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights)
    # Sharp predictions, so that the divergence from one to the other is not that of the other to the one.
    model.get_base_model().get_output_embeddings().weight.data *= 50
    model.eval()
    with torch.no_grad():
        plain = float(trainer.compute_loss(model, batch))
        ours = model(**batch).logits[:, :-1].softmax(-1)
        with model.disable_adapter():
            base = model(**batch).logits[:, :-1].softmax(-1)
        answers = batch["labels"][:, 1:] != -100
        apart, backwards = (float((p * (p / q).log()).sum(-1)[answers].mean()) for p, q in ((base, ours), (ours, base)))
        assert plain == pytest.approx(float(model(**batch).loss), rel=1e-5)
        assert abs(apart - backwards) > 0.01 * apart > 0
        model.train()
        assert float(trainer.compute_loss(model, batch)) - plain == pytest.approx(0.5 * apart, rel=1e-3)
