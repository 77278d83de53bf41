"""What got worse, on a tiny student that is its base slightly shaken."""

import math
from pathlib import Path

import pytest

from kshot.evaluate.metrics.forgetting import load_material
from tests.integration.ready import evaluated, read, ready_run


def test_text_and_questions_are_asked_once_and_told(
    config_file: Path, tiny_student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    folder = ready_run(config_file, tiny_student) / "evaluate"
    asking = ("evaluate.shots=[0]", "evaluate.forgetting=true")
    assert evaluated(config_file, *asking) == 0
    assert "what got worse: " in capsys.readouterr().out
    found, asked = read(folder / "forgetting.json"), load_material()
    # By hand: each token's log-probability after an end of turn, which is lm-eval's beginning of a text.
    model, tokenizer = (
        LlamaForCausalLM.from_pretrained(tiny_student).eval(),
        AutoTokenizer.from_pretrained(tiny_student),
    )
    text = asked["text"][3]["text"]
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    prefix = [tokenizer.bos_token_id]
    with torch.no_grad():
        log_probs = model(torch.tensor([prefix + ids])).logits[0, :-1].log_softmax(-1)
    bits = -sum(float(log_probs[place, token]) for place, token in enumerate(ids)) / math.log(2)
    assert read(folder / "forgetting" / "base.json")["bits"][3] == pytest.approx(bits, rel=1e-4)
    assert found["text"]["paragraphs"] == 24
    assert found["text"]["difference"] == pytest.approx(found["text"]["student"] - found["text"]["base"])
    assert found["text"]["low"] <= found["text"]["difference"] <= found["text"]["high"]
    assert found["text"]["difference"] != 0
    assert [row["question"] for row in found["answers"]] == asked["questions"]
    report, page = ((folder / name).read_text() for name in ("report.md", "report.html"))
    assert "## What got worse" in report
    assert "| all | 24 |" in report
    assert '<section id="worse"' in page
    assert "How does a refrigerator keep food cold?" in page
    # Kept, as cells are; and left out when it is not wanted.
    times = {path: path.stat().st_mtime_ns for path in (folder / "regression").iterdir()}
    assert len(times) == 2
    assert evaluated(config_file, *asking) == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert evaluated(config_file, "evaluate.shots=[0]") == 0
    assert read(folder / "forgetting.json")["text"] is None
