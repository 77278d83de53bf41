"""Writes every file of an evaluation, and prints its summary."""

from pathlib import Path

from kshot.core.console import say
from kshot.core.files import write_jsonl
from kshot.core.run_files import write_model
from kshot.core.runs import LABEL_PRIORS
from kshot.evaluate.judge.verdicts import Judged
from kshot.evaluate.metrics.forgetting import FORGETTING
from kshot.evaluate.metrics.gain_rows import chance_scores
from kshot.evaluate.metrics.label_bias import LABEL_BIAS
from kshot.evaluate.report.contamination import contamination_section, print_contamination
from kshot.evaluate.report.figures import save_plots, score_plots
from kshot.evaluate.report.forgetting import forgetting_section, print_forgetting
from kshot.evaluate.report.headline import headlines
from kshot.evaluate.report.html import write_html
from kshot.evaluate.report.judge import judge_section
from kshot.evaluate.report.markdown import write_report
from kshot.evaluate.report.numbers import ITEMS_INTERVAL
from kshot.evaluate.report.section import drop_columns, print_table
from kshot.evaluate.report.sections import (
    baselines_section,
    fewshot_section,
    gains_table,
    is_marked,
    label_bias_section,
    other_metrics_section,
    seeds_section,
)
from kshot.evaluate.report.shipping import shipping_section
from kshot.evaluate.results import ALTERNATIVES, Results
from kshot.evaluate.run_files import EvaluateManifest

JUDGE_FILE = "judge.json"
JUDGEMENTS = "judgements.jsonl"


def write_results(folder: Path, results: Results, manifest: EvaluateManifest) -> None:
    """Write every file, the manifest last but for the HTML page that reads it; then print the summary."""
    gains = results.gains
    write_jsonl(folder / "samples.jsonl", (sample.model_dump(exclude_none=True) for sample in results.samples))
    write_model(folder / LABEL_BIAS, results.label_bias)
    write_model(folder / "baselines.json", results.baselines)
    write_model(folder / ALTERNATIVES, results.alternatives)
    write_model(folder / LABEL_PRIORS, results.label_priors)
    _write_judged(folder, results.judged)
    write_model(folder / "fewshot.json", results.fewshot)
    write_model(folder / "gains.json", gains)
    write_model(folder / FORGETTING, results.forgetting)
    means = results.baselines.means
    plots = score_plots(gains, chance_scores(results.baselines.tasks))
    save_plots(plots, folder / "scores")
    shipping = shipping_section(results.alternatives)
    sections = [
        judge_section(results.judged.file if results.judged else None),
        seeds_section(gains),
        fewshot_section(results.fewshot),
        baselines_section(means),
        other_metrics_section(results.other_metrics),
        label_bias_section(results.label_bias),
        contamination_section(results.contamination, gains),
        forgetting_section(results.forgetting),
    ]
    shown = [section for section in sections if section]
    write_report(folder, manifest, gains, shown, results.samples, shipping)
    write_model(folder / "manifest.json", manifest)
    write_html(folder, plots, shown, shipping)
    caption = "* below a trivial baseline, or as good as one: see the report" if any(map(is_marked, gains)) else None
    print_table(drop_columns(gains_table(gains, "*"), {ITEMS_INTERVAL, "MDE", "tasks", "items"}), caption)
    for line in headlines(gains, manifest.unfinished):
        say(line)
    if shipping:
        print_table(shipping.tables[0])
    for line in results.alternatives.advice:
        say(line)
    print_contamination(results.contamination, gains)
    print_forgetting(results.forgetting)
    say(f"evaluate: wrote {folder / 'report.html'}, report.md and gains.json")


def _write_judged(folder: Path, judged: Judged | None) -> None:
    """Write the verdicts; leave none of an earlier evaluation."""
    if judged is None:
        for name in (JUDGE_FILE, JUDGEMENTS):
            (folder / name).unlink(missing_ok=True)
        return
    write_model(folder / JUDGE_FILE, judged.file)
    write_jsonl(folder / JUDGEMENTS, (judgement.model_dump() for judgement in judged.judgements))
