"""The model that lm-eval asks gives what lm-eval's own gives."""

import random
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def both(tiny_student: Path) -> tuple[Any, Any, list[int]]:
    from lm_eval.models.huggingface import HFLM

    from kshot.evaluate.model import PanelLM
    from kshot.weights import load_student

    ticks: list[int] = []
    model, tokenizer = load_student(str(tiny_student))
    other, _ = load_student(str(tiny_student))
    ours = PanelLM(model.eval(), tokenizer, 3, lambda done=1, note="": ticks.append(done))
    theirs = HFLM(pretrained=other.eval(), tokenizer=tokenizer, batch_size=1, backend="causal")
    return ours, theirs, ticks


def test_log_probabilities_equal_lm_eval_s(both: tuple[Any, Any, list[int]]) -> None:
    ours, theirs, ticks = both
    rng = random.Random(1)
    requests = []
    for _ in range(12):
        context = [rng.randrange(3, 259) for _ in range(rng.randrange(1, 60))]
        for _ in range(rng.randrange(1, 5)):
            continuation = [rng.randrange(3, 259) for _ in range(rng.randrange(1, 6))]
            requests.append((("", str(len(requests))), context, continuation))
    rng.shuffle(requests)
    ticks.clear()
    mine = ours._loglikelihood_tokens(requests)
    assert [score for score, _ in mine] == pytest.approx(
        [s for s, _ in theirs._loglikelihood_tokens(requests, True)], abs=1e-4
    )
    assert sum(ticks) == len(requests)
    ours._shares = False
    assert [score for score, _ in ours._loglikelihood_tokens(requests)] == pytest.approx([s for s, _ in mine], abs=1e-4)
    ours._shares = True


def test_the_greedy_continuation_is_known_as_such(both: tuple[Any, Any, list[int]]) -> None:
    import torch

    ours, _, _ = both
    context = [5, 6, 7, 8]
    ids = torch.tensor([context])
    for _ in range(3):
        with torch.no_grad():
            ids = torch.cat([ids, ours.model(ids).logits[:, -1].argmax(-1, keepdim=True)], 1)
    greedy = ids[0, 4:].tolist()
    other = [*greedy[:-1], (greedy[-1] + 1) % 259]
    found = ours._loglikelihood_tokens([(("", "a"), context, greedy), (("", "b"), context, other)])
    assert [is_greedy for _, is_greedy in found] == [True, False]
    assert found[0][0] > found[1][0]


def test_a_prompt_longer_than_the_context_is_cut_on_the_left(both: tuple[Any, Any, list[int]]) -> None:
    ours, theirs, _ = both
    context = [random.Random(2).randrange(3, 259) for _ in range(ours.max_length + 50)]
    request = (("", ""), context, [9, 10])
    assert ours._loglikelihood_tokens([request])[0][0] == pytest.approx(
        theirs._loglikelihood_tokens([request], True)[0][0], abs=0.05
    )


def test_bfloat16_keeps_a_float32_output_layer(tiny_student: Path) -> None:
    import torch

    from kshot.evaluate.model import PanelLM
    from kshot.weights import load_student

    model, tokenizer = load_student(str(tiny_student))
    ours = PanelLM(model.to(torch.bfloat16).eval(), tokenizer, 4, lambda done=1, note="": None)
    with torch.no_grad():
        assert ours.model(torch.tensor([[5, 6]])).logits.dtype == torch.float32
