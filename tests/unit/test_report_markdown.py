"""report.md on made-up results."""

from pathlib import Path

from kshot.evaluate.report.markdown import write_report
from kshot.evaluate.report.sections import baselines_section, fewshot_section, seeds_section
from kshot.evaluate.run_files import BaselineMean, BaselineScore, TaskScore
from tests.unit.evaluation_rows import make_fewshot_row, make_gain, make_manifest, make_sample


def test_write_report_marks_scores_below_baselines_and_shows_seeds(tmp_path: Path) -> None:
    halves = dict.fromkeys(("base", "student", "gain", "low", "high", "p", "p_holm", "worst_seed_gain"), 0.5)
    spread = dict.fromkeys(("seed_sd", "base_worst", "base_seed_sd", "student_worst", "student_seed_sd"), 0.25)
    gain = make_gain(k=1, **halves, **spread, tasks=5, families=5, items=9, seeds=2, below=["majority"])
    few = make_fewshot_row(
        model="base", k=1, zero=0.1, few=0.2, gain=0.5, low=0.5, high=0.5, p_holm=0.5, seeds=2, tasks=5, items=9
    )
    score = BaselineScore(score=0.6, student=0.5, tasks=5)
    mean = BaselineMean(suite="p", score="exact_match", k=1, baselines={"majority": score}, below=["majority"])
    task = TaskScore(suite="p", task="sky", score="exact_match", k=1, base=0.5, student=0.25, below=["majority"])
    manifest = make_manifest(fewshot_seeds=[0, 7], shots=[1], by_task=[task], truncated={"p k=1 base": 3})
    sections = [seeds_section([gain]), fewshot_section([few]), baselines_section([mean])]
    samples = [make_sample(k=1, model=model, answer=f"{model} | says") for model in ("base", "student")]
    write_report(tmp_path, manifest, [gain], [section for section in sections if section], samples)
    text = (tmp_path / "report.md").read_text()
    assert (
        "| p | exact match | 1 | 50.0 | 50.0 ▼ | +50.0 | +50.0 to +50.0 | +10.0 to +20.0 | 0.500 | gain | ? | 5 | 9 |"
        in text
    )
    assert "| p | exact match | 1 | majority class | 60.0 | 50.0 | 5 | below the baseline |" in text
    assert "| p | exact match | 1 | 25.0 | 25.0 | 25.0 | 25.0 | +50.0 | 25.0 |" in text
    assert "| p | exact match | base | 1 | 10.0 | 20.0 | +50.0 | +50.0 to +50.0 | 0.500 |" in text
    assert "| p | sky | exact match | 50.0 | 25.0 ▼ | -25.0 |" in text
    assert "| t | 1 | input | yes | base \\| says ✓ | student \\| says ✓ |" in text
    assert "With two to five tasks" in text
    assert "cut on the left: 3 items in p k=1 base" in text
    assert "![Score by number of demonstrations](scores.png)" in text


def test_sections_without_content_are_left_out() -> None:
    assert seeds_section([make_gain(seeds=1)]) is None
    assert fewshot_section([]) is None
