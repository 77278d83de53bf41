"""Labels of a record: which ones its demonstrations and query show, and which one counts as its answer."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from zlib import crc32

from kshot.tasks.family import Params
from kshot.tasks.source import TaskSource

VERSION = 2
"""Raise it with every change of an output; the data's cache key contains it."""
MAX_LABELS = 10
"""An example-based task with more distinct outputs has open answers."""
MIN_EXAMPLES_PER_LABEL = 3
COUNTERS = 1 << 14


class LabelTurns:
    """Balances the queries' labels over a whole data set: each label of a label space is the answer equally often.

    A task gives few records: under independent draws a data set held 9 answers like `yes` and 25 like `no`. Counts are
    kept by label space, with and without demonstrations apart, in a fixed number of hashed counters.
    """

    def __init__(self) -> None:
        self._counts = [0] * COUNTERS

    def take(self, rng: Random, labels: Sequence[str], k: int) -> str:
        """Draw one of the labels that were the answer least often, and count it."""
        space = "\0".join([str(min(k, 1)), *sorted(label.casefold() for label in labels)])
        counters = {label: crc32(f"{space}\0\0{label.casefold()}".encode()) % COUNTERS for label in labels}
        least = min(self._counts[counter] for counter in counters.values())
        label = rng.choice([label for label, counter in counters.items() if self._counts[counter] == least])
        self._counts[counters[label]] += 1
        return label


def choose_labels(
    rng: Random, labels: Sequence[str], k: int, imbalanced: bool, must_show: bool, turns: LabelTurns
) -> list[str]:
    """Choose the labels of k demonstrations and, last, of the query, which `turns` gives.

    Args:
        imbalanced: draw the labels' shares from a Dirichlet(1), as in most real tasks, so that label frequencies of the
            demonstrations are evidence about the query's; else equal shares.
        must_show: only the demonstrations show the labels or their meaning, so they contain as many labels as fit, the
            query's first. Where all show one label, copying it answers without any rule.
    """
    weights = [rng.expovariate(1) for _ in labels] if imbalanced else None
    drawn = rng.choices(labels, weights, k=k + 1)
    last = turns.take(rng, labels, k)
    # Swapping two labels leaves the shares as they are.
    swaps = {drawn[-1]: last, last: drawn[-1]}
    demos = [swaps.get(label, label) for label in drawn[:-1]]
    if must_show:
        for label in (last, *rng.sample(labels, len(labels))):
            counts = Counter(demos)
            spare = [position for position, name in enumerate(demos) if label == last or counts[name] > 1]
            if label not in counts and spare:
                demos[rng.choice(spare)] = label
    if demos:
        # Each label is last equally often: counting the labels helps, copying the last one does not.
        end = rng.choice([label for label in labels if label in demos])
        position = rng.choice([position for position, label in enumerate(demos) if label == end])
        demos[position], demos[-1] = demos[-1], demos[position]
    return [*demos, last]


def label_space_of(source: TaskSource) -> frozenset[str]:
    """The label space of an example-based source: its labels, or few outputs with several examples each; else empty."""
    if source.example_count is None:
        return frozenset()
    if source.has_labels:
        return frozenset(source.labels({}))
    counts = Counter(example.output for example in source.sample_examples(Random(0), {}, source.example_count, ()))
    is_label_space = len(counts) <= MAX_LABELS and min(counts.values()) >= MIN_EXAMPLES_PER_LABEL
    return frozenset(counts) if is_label_space else frozenset()


def answer_label(source: TaskSource, params: Params, output: str, label_space: frozenset[str]) -> str | None:
    """The label under which to count an output, or None where answers are open.

    A family that draws its labels anew for each task counts them by position.

    Args:
        label_space: of an example-based source, see `label_space_of`.
    """
    if source.origin != "programmatic":
        return output if output in label_space else None
    labels = source.labels(params)
    if output not in labels:
        return None
    return f"label {labels.index(output) + 1}" if params else output
