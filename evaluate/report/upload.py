"""What a push of the report sends, a static page of the hub; and the student's scores for its model's card."""

from pathlib import Path

from kshot.core.console import say
from kshot.core.errors import RunError
from kshot.core.run_files import read_model
from kshot.core.runs import is_of_training
from kshot.evaluate.report.numbers import score_name
from kshot.evaluate.run_files import GainRow
from kshot.hub.model_card import ScoreOnHub
from kshot.hub.upload import CARD, Upload

SENT = ("report.md", "gains.json", "alternatives.json", "scores.png", "scores.svg")
METRICS = {"exact_match": "exact_match", "rouge_l": "rouge"}
"""Scores that the hub has a metric of its own for; the others are kinds of accuracy."""


def collect_report(folder: Path) -> Upload:
    """The upload of an evaluate folder's report.

    Raises:
        RunError: the evaluation is not finished.
    """
    from huggingface_hub import SpaceCardData

    page = folder / "report.html"
    if not page.is_file() or not (folder / "manifest.json").is_file():
        raise RunError(f"{folder}: no report to push; run `kshot evaluate` for this run first")
    name = folder.parent.name
    data = SpaceCardData(title=f"{name}: gain of the student", sdk="static", app_file="index.html", tags=["kshot"])
    card = f"---\n{data.to_yaml()}\n---\n\nWhat `kshot evaluate` measured of the run {name}: `index.html`.\n"
    files: dict[str, Path | bytes] = {file: folder / file for file in SENT if (folder / file).is_file()}
    return Upload("report", "space", files | {"index.html": page, CARD: card.encode()})


def list_scores(run: Path) -> list[ScoreOnHub]:
    """The student's scores, for the card of its model; none before the evaluation.

    The judge's are left out: they compare with the base, and say nothing by themselves.
    """
    path = run / "evaluate" / "gains.json"
    if not path.is_file():
        return []
    if not is_of_training(run, path.with_name("manifest.json")):
        say(f"push: {path} is of an earlier training, so the card states no scores; run `kshot evaluate` again")
        return []
    return [
        ScoreOnHub(row.suite, METRICS.get(row.score, "accuracy"), score_name(row.score), row.k, row.student)
        for row in read_model(path, list[GainRow])
        if row.score != "judge"
    ]
