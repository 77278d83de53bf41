"""Which rows are held out: near-duplicates on one side, of each label its part, never more than a run can use."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from kshot.core.answers import normalize_answer
from kshot.core.errors import DataError
from kshot.core.seeding import stream
from kshot.core.text import MAX_INPUT_SIMILARITY, signs
from kshot.project.examples import LabelledRow

MIN_TRAIN_ROWS = 2
MAX_TRAIN_ROWS, MAX_TEST_ROWS = 4000, 1000
"""More examples than records of the own task are never shown; more items take hours and no longer decide."""
POOL = 16
"""Demonstrations that evaluation has to choose from."""
MAX_SHORT_CHARS = 80
"""Texts up to this length are compared with all others of a like length, longer ones by MinHash first."""
CHUNK_TEXTS = 512
GRAM_CHARS, BANDS, BAND_ROWS, MINHASH_SEED = 5, 32, 4, 42
"""Of two texts at the threshold whose edits are spread out, the 5-grams have a Jaccard similarity of 0.6: the bands
miss one pair in a hundred. Of unlike texts they propose one in ten thousand."""


def group_near_duplicates(rows: Sequence[LabelledRow]) -> list[list[int]]:
    """Group the rows whose inputs are near-duplicates of one another, by index."""
    parent = list(range(len(rows)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    texts = [normalize_answer(row.input) for row in rows]
    by_signs: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        # Other numbers are another problem.
        by_signs[tuple(signs(row.input))].append(index)
    for indices in by_signs.values():
        for one, other in _near_pairs(sorted(indices, key=lambda index: len(texts[index])), texts):
            first, second = sorted((root(one), root(other)))
            parent[second] = first
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(rows)):
        groups[root(index)].append(index)
    return list(groups.values())


def _near_pairs(ordered: Sequence[int], texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of near-duplicates among the texts, which are given in the order of their lengths."""
    from rapidfuzz import fuzz, process

    lengths = [len(texts[index]) for index in ordered]
    shorts = bisect_right(lengths, MAX_SHORT_CHARS)
    for start in range(0, shorts, CHUNK_TEXTS):
        chunk = ordered[start : min(start + CHUNK_TEXTS, shorts)]
        # A text of more than this length is less similar, whatever it says.
        most = len(texts[chunk[-1]]) * (200 / MAX_INPUT_SIMILARITY - 1)
        others = ordered[start : bisect_right(lengths, most)]
        similar = process.cdist(
            [texts[index] for index in chunk], [texts[index] for index in others], scorer=fuzz.ratio,
            score_cutoff=MAX_INPUT_SIMILARITY, dtype=np.float32,
        )  # fmt: skip
        for one, other in np.argwhere(similar >= MAX_INPUT_SIMILARITY).tolist():
            yield chunk[one], others[other]
    for one, other in _candidates(ordered[shorts:], texts):
        if fuzz.ratio(texts[one], texts[other], score_cutoff=MAX_INPUT_SIMILARITY):
            yield one, other


def _candidates(indices: Sequence[int], texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of long texts that agree in a band of their MinHashes."""
    from rensa import RMinHash

    if len(indices) < 2:
        return
    seen: set[tuple[int, int]] = set()
    buckets: list[dict[tuple[int, ...], list[int]]] = [defaultdict(list) for _ in range(BANDS)]
    for start in range(0, len(indices), CHUNK_TEXTS):
        chunk = indices[start : start + CHUNK_TEXTS]
        digests = RMinHash.digests_from_token_sets(
            [_grams(texts[index]) for index in chunk], BANDS * BAND_ROWS, MINHASH_SEED
        )
        for index, digest in zip(chunk, digests, strict=True):
            for band, bucket in enumerate(buckets):
                bucket[tuple(digest[band * BAND_ROWS : (band + 1) * BAND_ROWS])].append(index)
    for bucket in buckets:
        for same in bucket.values():
            for earlier, later in pairwise(same):
                # Neighbours in a bucket are enough to join its texts, and the first of it catches what they miss.
                for pair in ((earlier, later), (same[0], later)):
                    if pair[0] != pair[1] and pair not in seen:
                        seen.add(pair)
                        yield pair


def _grams(text: str) -> list[str]:
    return [text[start : start + GRAM_CHARS] for start in range(len(text) - GRAM_CHARS + 1)]


def split_rows(
    rows: Sequence[LabelledRow], labels: Sequence[str], fraction: float, seed: int, groups: Sequence[list[int]]
) -> tuple[list[LabelledRow], list[LabelledRow]]:
    """Split off held-out rows: of each label its fraction, near-duplicates on one side, drawn by the seed.

    A label keeps at least one training row.

    Args:
        groups: see `group_near_duplicates`.

    Returns:
        The training rows and the held-out rows, each in the table's order.
    """
    groups = list(groups)
    stream(seed, "held-out rows").shuffle(groups)
    left = Counter(row.output for row in rows) if labels else Counter({"": len(rows)})
    wanted = {label: round(fraction * count) or int(count > 1) for label, count in left.items()}
    held_out: set[int] = set()
    for group in groups:
        need = Counter(rows[index].output if labels else "" for index in group)
        if all(wanted[label] >= count and left[label] > count for label, count in need.items()):
            held_out.update(group)
            for label, count in need.items():
                wanted[label] -= count
            left -= need
    train = [row for index, row in enumerate(rows) if index not in held_out]
    return train, [row for index, row in enumerate(rows) if index in held_out]


def draw_rows(rows: Sequence[LabelledRow], count: int, labels: Sequence[str], seed: int) -> list[LabelledRow]:
    """Draw so many rows by the seed, as many of each label as of any other while they last, in the table's order."""
    if len(rows) <= count:
        return list(rows)
    order = list(range(len(rows)))
    stream(seed, "drawn rows").shuffle(order)
    if labels:
        turn = Counter[str]()
        turns = {}
        for index in order:
            turns[index] = turn[rows[index].output]
            turn[rows[index].output] += 1
        order.sort(key=turns.__getitem__)
    return [rows[index] for index in sorted(order[:count])]


def drop_near_duplicates(rows: Sequence[LabelledRow], held_out: Sequence[LabelledRow]) -> list[LabelledRow]:
    """Drop the rows whose inputs nearly repeat a held-out one.

    Raises:
        DataError: too few rows are left to train on.
    """
    repeated = find_repeated(rows, held_out)
    left = [row for index, row in enumerate(rows) if index not in repeated]
    if len(left) < MIN_TRAIN_ROWS:
        raise DataError(f"{len(left)} of {len(rows)} rows do not repeat a held-out one; name other held-out rows")
    return left


def find_repeated(rows: Sequence[LabelledRow], others: Sequence[LabelledRow]) -> set[int]:
    """The rows, by index, whose inputs nearly repeat one of the others."""
    from rapidfuzz import fuzz, process

    texts = [normalize_answer(row.input) for row in others]
    repeated = set()
    for index, row in enumerate(rows):
        given = normalize_answer(row.input), signs(row.input)
        similar = process.extract_iter(given[0], texts, scorer=fuzz.ratio, score_cutoff=MAX_INPUT_SIMILARITY)
        if any(signs(others[position].input) == given[1] for _, _, position in similar):
            repeated.add(index)
    return repeated


def choose_pool(rows: Sequence[LabelledRow], count: int = POOL) -> list[LabelledRow]:
    """Rows to demonstrate with, as many outputs first as there are."""
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        first.setdefault(row.output, index)
    chosen = set(first.values())
    return [rows[index] for index in (*first.values(), *(i for i in range(len(rows)) if i not in chosen))][:count]
