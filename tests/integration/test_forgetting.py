"""Forgetting, on a tiny student that is its base slightly changed."""

import math
from pathlib import Path

import pytest

from kshot.evaluate.metrics.forgetting import load_material
from tests.integration.ready import evaluated, read, ready_run


def test_evaluate_measures_forgetting_once_and_reports_it(
    config_file: Path, tiny_student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    folder = ready_run(config_file, tiny_student) / "evaluate"
    options = ("evaluate.shots=[0]", "evaluate.forgetting=true")
    assert evaluated(config_file, *options) == 0
    assert "forgetting: bits per byte on English text" in capsys.readouterr().out
    report, material = read(folder / "forgetting.json"), load_material()
    # By hand: each token's log-probability after an end of turn, which is lm-eval's beginning of a text.
    model, tokenizer = (
        LlamaForCausalLM.from_pretrained(tiny_student).eval(),
        AutoTokenizer.from_pretrained(tiny_student),
    )
    text = material.text[3].text
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    prefix = [tokenizer.bos_token_id]
    with torch.no_grad():
        log_probs = model(torch.tensor([prefix + ids])).logits[0, :-1].log_softmax(-1)
    bits = -sum(float(log_probs[position, token]) for position, token in enumerate(ids)) / math.log(2)
    assert read(folder / "forgetting" / "base.json")["bits"][3] == pytest.approx(bits, rel=1e-4)
    assert report["text"]["paragraphs"] == 24
    assert report["text"]["difference"] == pytest.approx(report["text"]["student"] - report["text"]["base"])
    assert report["text"]["low"] <= report["text"]["difference"] <= report["text"]["high"]
    assert report["text"]["difference"] != 0
    assert [row["question"] for row in report["answers"]] == list(material.questions)
    text, page = ((folder / name).read_text() for name in ("report.md", "report.html"))
    assert "## Forgetting" in text
    assert "| all | 24 |" in text
    assert '<section id="forgetting"' in page
    assert "How does a refrigerator keep food cold?" in page
    # Kept, as measurements are; and left out where the config does not ask for it.
    times = {path: path.stat().st_mtime_ns for path in (folder / "forgetting").iterdir()}
    assert len(times) == 2
    assert evaluated(config_file, *options) == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert evaluated(config_file, "evaluate.shots=[0]") == 0
    assert read(folder / "forgetting.json")["text"] is None
