"""A model's card as the hub reads it: what the export wrote, with results, data set and licence."""

from collections.abc import Sequence
from dataclasses import dataclass

RELATIONS = {"adapter": "adapter", "merged": "finetune", "gguf": "quantized"}
PLACES = ("path/to/merged", "path/to/adapter")
"""What the cards of a run say where the repository's name belongs."""


@dataclass(frozen=True)
class ScoreOnHub:
    """A score of the student on a suite, as a row of the hub's `model-index`; `value` is a fraction."""

    suite: str
    metric: str
    metric_name: str
    k: int
    value: float


def complete_card(
    text: str, repo_id: str, what: str, scores: Sequence[ScoreOnHub], dataset: str | None, license_id: str | None
) -> str:
    """Return the card with the metadata that only a push knows.

    Args:
        what: adapter, merged or gguf.
        dataset: the repository of the run's data, where they were pushed.
        license_id: the licence, as the hub names it; None for none.
    """
    from huggingface_hub import EvalResult, ModelCard

    card = ModelCard(text, ignore_metadata_errors=False)
    data = card.data
    if data.get("base_model"):
        data["base_model_relation"] = RELATIONS[what]
    if what == "gguf":
        data.pop("library_name")
        data["tags"] = [*(data.get("tags") or []), "gguf"]
    if dataset:
        data["datasets"] = [dataset]
    if license_id:
        data["license"] = license_id
    if scores:
        data["model_name"] = repo_id.partition("/")[2]
        data["eval_results"] = [
            EvalResult(
                task_type="text-generation",
                dataset_type=score.suite,
                dataset_name=f"{score.suite}, {score.k} shots, held out",
                metric_type=score.metric,
                metric_name=f"{score.metric_name} at {score.k} shots",
                metric_value=round(score.value, 4),
                dataset_config=f"k={score.k}",
            )
            for score in scores
        ]
    body = card.text
    for place in PLACES:
        body = body.replace(place, repo_id)
    return f"---\n{data.to_yaml()}\n---\n{body}"
