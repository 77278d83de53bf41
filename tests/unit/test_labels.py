"""Labels of demonstrations and queries: balance, imbalance and turns."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from kshot.core.seeding import stream
from kshot.generate.compose.labels import LabelTurns, choose_labels
from tests.unit.composing import composed


def test_imbalanced_labels_reward_counting_them_and_not_copying_the_last() -> None:
    def right(skewed: bool) -> tuple[float, float]:
        """How often the most frequent label of the demonstrations is the query's, and how often that of the last is."""
        turns = LabelTurns()
        draws = [choose_labels(stream(seed, "draw"), "ab", 7, skewed, False, turns) for seed in range(800)]
        mixed = [drawn for drawn in draws if len(set(drawn[:-1])) > 1]
        counted = sum(Counter(drawn[:-1]).most_common(1)[0][0] == drawn[-1] for drawn in mixed)
        return counted / len(mixed), sum(drawn[-2] == drawn[-1] for drawn in mixed) / len(mixed)

    counted, copied = right(skewed=True)
    assert counted > 0.6
    assert abs(copied - 0.5) < 0.05
    assert all(abs(share - 0.5) < 0.07 for share in right(skewed=False))


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["yes no", "No Yes", "T F", "red blue green"]), min_size=1, max_size=60), st.booleans())
def test_label_turns_balance_each_label_space_over_all_tasks(tasks: list[str], few: bool) -> None:
    turns, counted = LabelTurns(), Counter[str]()
    for number, labels in enumerate(tasks):
        *demos, last = choose_labels(stream(number, "draw"), labels.split(), 3 * few, True, True, turns)
        assert len(demos) == 3 * few
        assert not few or set(demos) == set(labels.split()), "each is shown where there is room"
        counted[last.lower()] += 1
    for labels in ("yes no", "t f", "red blue green"):
        counts = [counted[label] for label in labels.split()]
        assert max(counts) - min(counts) <= 1


def test_label_turns_count_records_with_and_without_demonstrations_apart() -> None:
    turns = LabelTurns()
    first = [turns.take(stream(1, "a", number), ("yes", "no"), 0) for number in range(2)]
    assert sorted(first) == ["no", "yes"]
    for number in range(9):
        turns.take(stream(2, "b", number), ("yes", "no"), 4)
    third = turns.take(stream(3, "c"), ("yes", "no"), 0)
    assert turns.take(stream(4, "d"), ("yes", "no"), 0) != third


def test_a_data_set_has_each_label_of_a_space_equally_often() -> None:
    records, _ = composed(records=900, label_imbalance_fraction=0.9)
    for one, other in (("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f")):
        for few in (False, True):
            found = Counter(r.output.lower() for r in records if (r.meta.k > 0) == few)
            assert abs(found[one] - found[other]) <= 8, (one, found[one], found[other])
