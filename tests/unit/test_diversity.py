"""Diversity of new inputs beside the gold ones, on samples of one size."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from kshot.core.types import Example, Task
from kshot.generate.dataset.diversity import describe_diversity, measure_diversity
from kshot.generate.synthesis.examples.attributes import TaskAttributes

GOLD = (
    "a letter from the bank",
    "my train left early",
    "two eggs and some flour",
    "who won the match",
    "paint the door red",
)
COPIES = tuple(f"a letter from the {place} bank today" for place in ("old", "new", "big", "red", "far"))  # fmt: skip
VARIED = ("rain on the roof", "sell the blue car", "her violin lesson", "no salt in soup", "ships leave at dawn")


def _task(made: Sequence[str], gold: Sequence[str] = GOLD) -> Task:
    examples = [Example(text, "x") for text in gold]
    examples += [
        Example(text, "x", mode="demonstrate", attributes=(("topic", "tea" if number else "ships"),))
        for number, text in enumerate(made)
    ]
    return Task("t", "t", "c", ("Do it.",), tuple(examples))


def test_copies_of_one_input_are_less_diverse_than_gold_ones() -> None:
    measured = measure_diversity([_task(COPIES)], {}, seed=1)["t"]
    assert measured.new.near_copies == 1.0
    assert measured.gold.near_copies == 0.0
    assert measured.new.distinct_2 < 0.7 < measured.gold.distinct_2
    varied = measure_diversity([_task(VARIED)], {}, seed=1)["t"]
    assert varied.new.near_copies == 0.0
    assert varied.new.distinct_1 > measured.new.distinct_1


def test_both_kinds_are_measured_on_samples_of_one_size() -> None:
    """More texts of the same kind repeat more words, which is no lack of diversity."""
    many = [f"{first} {second}" for first in VARIED for second in VARIED]
    measured = measure_diversity([_task(many)], {}, seed=1)["t"]
    assert (measured.sampled, measured.gold.texts, measured.new.texts) == (5, 5, 25)
    whole = measure_diversity([_task(many, many)], {}, seed=1)["t"]
    assert measured.new.distinct_1 > 2 * whole.new.distinct_1


def test_attributes_count_the_examples_that_have_them() -> None:
    attributes = {"t": TaskAttributes(topic=("tea", "ships", "maps"))}
    measured = measure_diversity([_task(VARIED)], attributes, seed=1)["t"]
    assert measured.attributes == {"topic": {"tea": 4, "ships": 1, "maps": 0}}
    line = describe_diversity("t", measured)
    assert "5 new inputs beside 5 gold ones" in line
    assert "attributes met 2 of 3" in line


def test_an_encoder_measures_the_distance_to_the_nearest_input() -> None:
    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.eye(len(texts), dtype=np.float32)
        return rows if texts[0] == GOLD[0] else np.repeat(rows[:1], len(texts), axis=0)

    measured = measure_diversity([_task(VARIED)], {}, seed=1, embed=embed)["t"]
    assert measured.gold.embedding_distance == pytest.approx(1.0)
    assert measured.new.embedding_distance == pytest.approx(0.0)
    assert "distance to the nearest 0.00 (gold 1.00)" in describe_diversity("t", measured)


def test_a_task_without_new_inputs_is_not_measured() -> None:
    assert measure_diversity([_task(()), _task(VARIED[:2])], {}, seed=1) == {}
