"""Linear classifiers on the run's rows: logistic regression over TF-IDF, and over a sentence encoder's embeddings."""

import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kshot.core.answers import normalize_answer
from kshot.evaluate.alternatives.answered import Answered, make_answered, measure_bytes
from kshot.evaluate.alternatives.training_rows import TrainingPair
from kshot.evaluate.run_files.alternatives import Method, TrainedOn
from kshot.models.embeddings import embed_texts, resolve_encoder
from kshot.suites.format import SuiteRow

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
CLASSIFIERS: tuple[Method, ...] = ("tf-idf", "encoder")


def answer_with_classifiers(
    suite: str, task: str, items: Sequence[SuiteRow], pairs: Sequence[TrainingPair], encoder: str | None
) -> Iterator[Answered]:
    """The most frequent label, and each classifier trained on the real rows, and on the made ones too where some are.

    Args:
        encoder: see `embed_texts`; None: no classifier over embeddings.

    Raises:
        WeightsError: the encoder cannot be used.
    """
    real = [pair for pair in pairs if pair.is_real]
    sets: list[tuple[TrainedOn, Sequence[TrainingPair]]] = [("real", real)]
    if len(pairs) > len(real):
        sets.append(("real and made", pairs))
    for name, rows in sets:
        if len({row.label for row in rows}) < 2:
            continue
        facts = {"suite": suite, "task": task, "trained_on": name, "train_rows": len(rows), "k": None, "score": "label"}
        if name == "real":
            guesses = [_most_frequent(rows)] * len(items)
            yield make_answered(_score(guesses, items), **facts, method="majority", seconds=0.0, size=0)
        for method in CLASSIFIERS if encoder else CLASSIFIERS[:1]:
            embed = partial(embed_texts, encoder=encoder) if encoder and method == "encoder" else None
            predicted, seconds, size = _classify(rows, [item.input for item in items], embed)
            if embed and encoder:
                size += measure_bytes(Path(resolve_encoder(encoder)))
            yield make_answered(_score(predicted, items), **facts, method=method, seconds=seconds, size=size)


def _most_frequent(rows: Sequence[TrainingPair]) -> str:
    labels = [row.label for row in rows]
    return max(sorted(set(labels)), key=labels.count)


def _score(predicted: Sequence[str], items: Sequence[SuiteRow]) -> list[float]:
    return [
        float(normalize_answer(label) in map(normalize_answer, item.output))
        for label, item in zip(predicted, items, strict=True)
    ]


def _classify(rows: Sequence[TrainingPair], texts: Sequence[str], embed: Embed | None) -> tuple[list[str], float, int]:
    """Predict labels by logistic regression; with the seconds for a thousand texts and the bytes of the classifier.

    Args:
        embed: gives the features; None: TF-IDF of words, word pairs and parts of words.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import FunctionTransformer

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+")  # noqa: S106 - a pattern
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    regression = LogisticRegression(C=10.0, max_iter=2000)
    features = FunctionTransformer(embed) if embed else make_union(words, parts)
    model = make_pipeline(features, regression)
    model.fit([row.input for row in rows], [row.label for row in rows])
    begin = time.perf_counter()
    predicted = [str(label) for label in model.predict(list(texts))]
    seconds = 1000 * (time.perf_counter() - begin) / max(len(texts), 1)
    return predicted, seconds, len(pickle.dumps(regression if embed else model))
