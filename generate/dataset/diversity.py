"""Measures how diverse the inputs that a teacher wrote are, beside the gold ones of the same task.

All values depend on how many texts there are, so both kinds are compared on samples of one size.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from kshot.core.seeding import stream
from kshot.core.similarity import SimilarityIndex, TfIdfSimilarity
from kshot.core.text import ngrams, words
from kshot.core.types import Task
from kshot.generate.run_files import TaskDiversity, TextDiversity
from kshot.generate.synthesis.examples.attributes import TaskAttributes, count_attributes

SAMPLES = 20
MAX_SAMPLED = 200
MIN_TEXTS, MAX_TEXTS = 3, 1000
"""Fewer inputs are not measured; of more a sample is."""
NEAR_COPY_COSINE = 0.7
"""TF-IDF cosine from which an input counts as nearly a copy of another one."""
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


def measure_diversity(
    tasks: Sequence[Task], attributes: Mapping[str, TaskAttributes], seed: int, embed: Embed | None = None
) -> dict[str, TaskDiversity]:
    """Return the diversity of each task with gold and new inputs, by task id.

    Args:
        embed: gives embeddings of length 1; None: no distance between meanings is measured.
    """
    measured = {}
    for task in tasks:
        gold = [example.input for example in task.examples if example.mode == "gold"]
        made = [example.input for example in task.examples if example.mode != "gold"]
        size = min(len(gold), len(made), MAX_SAMPLED)
        if size < MIN_TEXTS:
            continue
        rng = stream(seed, "diversity", task.id)
        similarity = TfIdfSimilarity([*gold, *made])
        counts = count_attributes(task, attributes[task.id]) if task.id in attributes else {}
        measured[task.id] = TaskDiversity(
            sampled=size,
            gold=_measure(gold, size, similarity, rng, embed),
            new=_measure(made, size, similarity, rng, embed),
            attributes=counts,
        )
    return measured


def describe_diversity(task: str, diversity: TaskDiversity) -> str:
    """Say in a line how diverse the new inputs are, beside the gold ones."""
    gold, new = diversity.gold, diversity.new
    parts = [f"distinct word pairs {new.distinct_2:.2f} (gold {gold.distinct_2:.2f})"]
    parts.append(f"near copies {new.near_copies:.0%} (gold {gold.near_copies:.0%})")
    if new.embedding_distance is not None and gold.embedding_distance is not None:
        parts.append(f"distance to the nearest {new.embedding_distance:.2f} (gold {gold.embedding_distance:.2f})")
    if diversity.attributes:
        values = [count for counts in diversity.attributes.values() for count in counts.values()]
        parts.append(f"attributes met {sum(count > 0 for count in values)} of {len(values)}")
    return f"{task}: {new.texts} new inputs beside {gold.texts} gold ones: {', '.join(parts)}"


def _measure(
    texts: Sequence[str], size: int, similarity: TfIdfSimilarity, rng: Random, embed: Embed | None
) -> TextDiversity:
    """Return the means over samples of `size` texts."""
    count, texts = len(texts), texts if len(texts) <= MAX_TEXTS else rng.sample(texts, MAX_TEXTS)
    cosines = SimilarityIndex(similarity, texts).cosines_of_each(texts)
    embeddings = embed(texts) if embed else None
    one, two, near, distances = [], [], [], []
    for _ in range(1 if size == len(texts) else SAMPLES):
        chosen = rng.sample(range(len(texts)), size)
        tokens = [words(texts[position]) for position in chosen]
        one.append(_distinct(tokens, 1))
        two.append(_distinct(tokens, 2))
        near.append(float((_nearest(cosines[np.ix_(chosen, chosen)]) >= NEAR_COPY_COSINE).mean()))
        if embeddings is not None:
            distances.append(float((1 - _nearest(embeddings[chosen] @ embeddings[chosen].T)).mean()))
    return TextDiversity(
        texts=count,
        distinct_1=_mean(one),
        distinct_2=_mean(two),
        near_copies=_mean(near),
        embedding_distance=_mean(distances) if distances else None,
    )


def _distinct(tokens: Sequence[list[str]], n: int) -> float:
    """Distinct n-grams over all n-grams (arXiv:1510.03055); 0 where there is none."""
    grams = [gram for text in tokens for gram in ngrams(text, n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def _nearest(similarities: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return each text's similarity to the most similar other one; (texts, texts) to (texts,)."""
    others = similarities.copy()
    np.fill_diagonal(others, -1)
    return np.asarray(others.max(axis=1))


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)
