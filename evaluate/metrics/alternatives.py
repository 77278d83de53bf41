"""What a user could ship in place of the student: linear classifiers over TF-IDF and embeddings, on the same rows.

It is computed for classification tasks that the run trained on (`trained` in the suite) whose rows stand in the
training records. All ways answer the same held-out items, and the advice compares them item by item (McNemar's test).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kshot.core.answers import normalize_answer
from kshot.core.files import read_jsonl
from kshot.evaluate.run_files import AlternativeRow, AlternativesFile, Sample
from kshot.evaluate.run_files.alternatives import Method, TrainedOn
from kshot.models.embeddings import embed_texts
from kshot.suites.format import Suite, SuiteTask

SCORE_ORDER = ("normalized_match", "exact_match")
"""A model's answers count by the first of these that was measured."""
SIGNIFICANT_P = 0.05
EXAMPLES = "examples.jsonl"
Embed = Callable[[Sequence[str]], NDArray[np.float32]]
CLASSIFIERS: tuple[Method, ...] = ("tf-idf", "encoder")
NAMES = {
    "tf-idf": "TF-IDF and logistic regression",
    "encoder": "the sentence encoder and logistic regression",
    "base": "the base",
    "student": "the student",
}


@dataclass(frozen=True)
class TrainingPair:
    """A row that the run trained on; `is_real` where a person wrote it."""

    input: str
    label: str
    is_real: bool


@dataclass(frozen=True)
class Answers:
    """A way to answer and which items it has right."""

    row: AlternativeRow
    right: tuple[bool, ...]


def compare_alternatives(
    suites: Sequence[Suite], train: Path, samples: Sequence[Sample], limit: int | None, encoder: str | None = None
) -> AlternativesFile:
    """Compare on each classification task that the run trained on; an empty file where there is none.

    Args:
        train: the run's train.jsonl.
        samples: the answers of both models.
        limit: how many items of each task were measured.
        encoder: see `embed_texts`; None: no classifier over embeddings.

    Raises:
        WeightsError: the encoder cannot be used.
    """
    tasks = [(suite, task) for suite in suites for task in suite.tasks if task.spec.trained and task.is_multiple_choice]
    if not tasks or not train.is_file():
        return AlternativesFile(rows=[], advice=[])
    pairs = _read_pairs(train, {task.name for _, task in tasks})
    rows: list[AlternativeRow] = []
    advice: list[str] = []
    for suite, task in tasks:
        items = task.items[:limit]
        answers = [
            *_model_answers(suite.name, task.name, samples, len(items)),
            *_classifier_answers(suite.name, task, pairs.get(task.name, []), limit, encoder),
        ]
        rows += [way.row for way in answers]
        if sentence := _advise(task.name, answers):
            advice.append(sentence)
    return AlternativesFile(rows=rows, advice=advice)


def _read_pairs(train: Path, names: set[str]) -> dict[str, list[TrainingPair]]:
    """By task, the rows that its records show, as queries or demonstrations, each once.

    Records with made-up labels or steps tell no label. Whether a person wrote a demonstration stands in examples.jsonl;
    without this file the queries alone count.
    """
    gold = _read_gold(train.with_name(EXAMPLES), names)
    found: dict[str, dict[str, TrainingPair]] = {}
    for _, row in read_jsonl(train):
        meta = row.get("meta")
        if not isinstance(meta, Mapping) or meta.get("task") not in names:
            continue
        query, task = meta.get("query"), str(meta["task"])
        if meta.get("symbol_tuned") or meta.get("kind") == "cot" or not isinstance(query, Mapping):
            continue
        shown = [query, *(meta.get("demonstrations") or ())] if task in gold else [query]
        for example in shown:
            text = str(example["input"])
            is_real = text in gold[task] if task in gold else meta.get("example_mode") == "gold"
            found.setdefault(task, {}).setdefault(text, TrainingPair(text, str(example["output"]), is_real))
    return {name: list(pairs.values()) for name, pairs in found.items()}


def _read_gold(path: Path, names: set[str]) -> dict[str, set[str]]:
    """By task, the inputs that a person wrote, from generate's examples.jsonl; empty without the file."""
    if not path.is_file():
        return {}
    return {
        str(row["id"]): {str(example["input"]) for example in row["examples"] if example["mode"] == "gold"}
        for _, row in read_jsonl(path)
        if row.get("id") in names
    }


def _model_answers(suite: str, task: str, samples: Iterable[Sample], items: int) -> Iterator[Answers]:
    """Each model with each number of demonstrations, at the first few-shot seed."""
    own = [s for s in samples if (s.suite, s.task) == (suite, task) and s.score in SCORE_ORDER and s.seed == 0]
    names = {s.score for s in own}
    score = next((name for name in SCORE_ORDER if name in names), None)
    own = sorted((s for s in own if s.score == score), key=lambda s: (s.model, s.k, s.item))
    for (model, k), group in groupby(own, key=lambda s: (s.model, s.k)):
        right = tuple(bool(s.right) for s in group)
        if len(right) == items and model in ("base", "student"):
            yield _answers(suite, task, "student" if model == "student" else "base", "", 0, k, right)


def _classifier_answers(
    suite: str, task: SuiteTask, pairs: Sequence[TrainingPair], limit: int | None, encoder: str | None
) -> Iterator[Answers]:
    real = [pair for pair in pairs if pair.is_real]
    sets: list[tuple[TrainedOn, Sequence[TrainingPair]]] = [("real", real)]
    if len(pairs) > len(real):
        sets.append(("real and made", pairs))
    for name, rows in sets:
        if len({row.label for row in rows}) < 2:
            continue
        items = task.items[:limit]
        texts = [item.input for item in items]
        for method in CLASSIFIERS if encoder else CLASSIFIERS[:1]:
            embed = partial(embed_texts, encoder=encoder) if encoder and method == "encoder" else None
            predicted = _classify(rows, texts, embed)
            right = tuple(
                normalize_answer(label) in map(normalize_answer, item.output)
                for label, item in zip(predicted, items, strict=True)
            )
            yield _answers(suite, task.name, method, name, len(rows), None, right)


def _classify(rows: Sequence[TrainingPair], texts: Sequence[str], embed: Embed | None) -> list[str]:
    """Predict labels by logistic regression.

    Args:
        embed: gives the features; None: TF-IDF of words, word pairs and parts of words.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import FunctionTransformer

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+")  # noqa: S106 - a pattern
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    features = FunctionTransformer(embed) if embed else make_union(words, parts)
    model = make_pipeline(features, LogisticRegression(C=10.0, max_iter=2000))
    model.fit([row.input for row in rows], [row.label for row in rows])
    return [str(label) for label in model.predict(list(texts))]


def _answers(
    suite: str, task: str, method: str, trained_on: TrainedOn, train_rows: int, k: int | None, right: tuple[bool, ...]
) -> Answers:
    from scipy.stats import binomtest

    interval = binomtest(sum(right), len(right)).proportion_ci(method="wilson")
    row = AlternativeRow.model_validate(
        {
            "suite": suite, "task": task, "method": method, "trained_on": trained_on, "train_rows": train_rows, "k": k,
            "accuracy": sum(right) / len(right), "low": float(interval.low), "high": float(interval.high),
            "items": len(right),
        }
    )  # fmt: skip
    return Answers(row, right)


def _advise(task: str, answers: Sequence[Answers]) -> str | None:
    """Say what to ship: the best student, unless another way is as good; None without a student or an alternative."""
    students = [way for way in answers if way.row.method == "student"]
    others = [way for way in answers if way.row.method != "student"]
    if not students or not others:
        return None
    best, rival = (max(ways, key=lambda way: way.row.accuracy) for ways in (students, others))
    p = _mcnemar(best.right, rival.right)
    beside = f"{_describe(best.row)} is right on {best.row.accuracy:.0%} of {best.row.items} held-out rows of {task}, "
    beside += f"{_describe(rival.row)} on {rival.row.accuracy:.0%} (McNemar's p {p:.2g})"
    if best.row.accuracy > rival.row.accuracy and p < SIGNIFICANT_P:
        return f"Ship the student: {beside}."
    if best.row.accuracy < rival.row.accuracy and p < SIGNIFICANT_P:
        return f"Do not ship the student yet: {beside}."
    simpler = (
        "the classifier, which costs less to run"
        if rival.row.method in CLASSIFIERS
        else "the base, which needs no training"
    )
    return (
        f"It is open: {beside}. The difference may be chance; more held-out rows would tell, until then take {simpler}."
    )


def _describe(row: AlternativeRow) -> str:
    if row.method in CLASSIFIERS:
        return f"{NAMES[row.method]} on the {row.trained_on} rows"
    return f"{NAMES[row.method]} (k={row.k})"


def _mcnemar(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Exact two-sided p of McNemar's test (Psychometrika 12, 1947); 1 where the two never differ."""
    from scipy.stats import binomtest

    wins = sum(a and not b for a, b in zip(one, other, strict=True))
    losses = sum(b and not a for a, b in zip(one, other, strict=True))
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
