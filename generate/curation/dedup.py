"""Finds duplicates: exact ones by a hash of the normalised text, near ones by MinHash LSH, then exact Jaccard.

A text is a set of shingles, three words in a row. MinHash (A. Broder, 1997; here rensa's R-MinHash in Rust) with
banded locality-sensitive hashing proposes pairs, and the true Jaccard similarity of the two sets decides. A text of
few shingles (`MIN_SHINGLES`) is compared exactly only: two short inputs are alike by nature, and one changed word is
another problem. So is a changed number or operator in texts of any length.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash, RMinHashLSH

from kshot.core.text import MIN_NEAR_DUPLICATE_JACCARD, MIN_SHINGLES, jaccard, normalize_text, shingles, signs

VERSION = 2
"""Raise it with every change of an output; the data's cache key contains it."""
MAX_MISSED_FRACTION = 0.005
"""Fraction of the pairs right at the threshold that LSH may miss; of more similar pairs it misses fewer."""
MAX_HASHES = 128
SEED = 42
CHUNK_TEXTS = 4096


def hash_text(*parts: str) -> int:
    """A 64-bit hash of the parts, never 0."""
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(joined, digest_size=8).digest()) or 1


def lsh_bands(threshold: float) -> tuple[int, int]:
    """(bands, rows of each): the most selective split of `MAX_HASHES` hashes within `MAX_MISSED_FRACTION`.

    Two texts of similarity s are candidates with probability 1 - (1 - s^rows)^bands.
    """
    best = (MAX_HASHES, 1)
    for rows in range(1, MAX_HASHES + 1):
        needed = 1 if threshold >= 1 else math.ceil(math.log(MAX_MISSED_FRACTION) / math.log1p(-(threshold**rows)))
        if needed * rows > MAX_HASHES:
            break
        best = (needed, rows)
    return best


class SeenKeys:
    """A set of non-zero 64-bit keys in 11 to 22 bytes each (open addressing); a Python set takes about 90."""

    def __init__(self) -> None:
        self._slots = array("Q", (0,)) * 64
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, key: int) -> bool:
        """Add a key; True if it is new."""
        if 4 * self._count >= 3 * len(self._slots):
            self._grow()
        if not self._put(self._slots, key):
            return False
        self._count += 1
        return True

    def _grow(self) -> None:
        larger = array("Q", (0,)) * (2 * len(self._slots))
        for key in self._slots:
            if key:
                self._put(larger, key)
        self._slots = larger

    @staticmethod
    def _put(slots: "array[int]", key: int) -> bool:
        mask = len(slots) - 1
        slot = key & mask
        while stored := slots[slot]:
            if stored == key:
                return False
            slot = (slot + 1) & mask
        slots[slot] = key
        return True


class NearIndex:
    """Finds the accepted text that a new one nearly duplicates; takes about 2 KiB for each accepted text.

    Args:
        threshold: minimum Jaccard similarity of near-duplicates, above 0 and up to 1.
        min_shingles: texts with fewer shingles are neither compared nor stored.
    """

    def __init__(self, threshold: float, min_shingles: int = MIN_SHINGLES) -> None:
        self._threshold, self._min_shingles = _check_threshold(threshold), max(1, min_shingles)
        count, rows = lsh_bands(threshold)
        self._hashes = count * rows
        self._index = RMinHashLSH(threshold, self._hashes, count)
        self._texts: list[str] = []

    def add(self, text: str) -> int | None:
        """The number of the first accepted text that this one nearly duplicates; None if it is new and now accepted."""
        runs = shingles(text)
        if len(runs) < self._min_shingles:
            return None
        (sketch,) = RMinHash.from_token_sets([runs], self._hashes, SEED)
        for number in sorted(self._index.query(sketch)):
            if _is_near(text, self._texts[number], self._threshold):
                return int(number)
        self._index.insert(len(self._texts), sketch)
        self._texts.append(text)
        return None


def near_duplicates(
    texts: Sequence[str], threshold: float = MIN_NEAR_DUPLICATE_JACCARD, min_shingles: int = MIN_SHINGLES
) -> NDArray[np.int64]:
    """Find which earlier text each text duplicates; the first of a group stays.

    Takes about 260 bytes for each text beside the texts themselves.

    Args:
        texts: of two duplicates the earlier one stays.
        threshold: minimum Jaccard similarity of near-duplicates' shingle sets.
        min_shingles: texts with fewer shingles are compared exactly only.

    Returns:
        For each text the position of the text that it duplicates, exactly (after `normalize_text`) or nearly, or -1
        where it stays. A text is compared with those that stay: no chain of small steps removes a text unlike
        them all.
    """
    originals = exact_duplicates(texts)
    for later, earlier in _candidate_pairs(texts, originals, _check_threshold(threshold), max(1, min_shingles)):
        both_stay = originals[later] < 0 and originals[earlier] < 0
        if both_stay and _is_near(texts[later], texts[earlier], threshold):
            originals[later] = earlier
    for position, earlier in enumerate(originals):
        if earlier >= 0 and originals[earlier] >= 0:
            originals[position] = originals[earlier]
    return originals


def _is_near(one: str, other: str, threshold: float) -> bool:
    """Whether two texts share most shingles, and all numbers and operators."""
    return jaccard(shingles(one), shingles(other)) >= threshold and signs(one) == signs(other)


def exact_duplicates(texts: Iterable[str]) -> NDArray[np.int64]:
    """For each text the position of the first text equal to it after `normalize_text`, or -1 where it is the first."""
    keys = np.fromiter((hash_text(normalize_text(text)) for text in texts), dtype=np.uint64)
    _, first_positions, groups = np.unique(keys, return_index=True, return_inverse=True)
    originals = first_positions[groups]
    return np.where(originals == np.arange(len(originals)), -1, originals)


def _candidate_pairs(
    texts: Sequence[str], originals: NDArray[np.int64], threshold: float, min_shingles: int
) -> Iterator[tuple[int, int]]:
    """Pairs (later, earlier) of texts that are no exact duplicates and agree in a band, in ascending order."""
    count, rows = lsh_bands(threshold)
    positions, keys = array("q"), []
    for start in range(0, len(texts), CHUNK_TEXTS):
        chunk = {
            position: runs
            for position in range(start, min(start + CHUNK_TEXTS, len(texts)))
            if originals[position] < 0 and len(runs := shingles(texts[position])) >= min_shingles
        }
        positions.extend(chunk)
        digests = RMinHash.digests_from_token_sets(list(chunk.values()), count * rows, SEED)
        keys.append(_band_keys(np.array(digests, dtype=np.uint64).reshape(len(chunk), count, rows)))
    pairs = array("Q")
    for band in range(count if positions else 0):
        for same in _runs(np.concatenate([chunk_keys[:, band] for chunk_keys in keys])):
            pairs.extend(positions[late] << 32 | positions[early] for early, late in combinations(same, 2))
    for pair in np.unique(np.frombuffer(pairs, dtype=np.uint64)).tolist():
        yield pair >> 32, pair & 0xFFFFFFFF


def _runs(column: NDArray[np.uint64]) -> Iterator[list[int]]:
    """The positions, ascending, of each value that occurs more than once."""
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    repeated = np.concatenate(([False], ordered[1:] == ordered[:-1], [False]))
    edges = np.flatnonzero(repeated[1:] != repeated[:-1])
    for start, end in edges.reshape(-1, 2).tolist():
        yield order[start : end + 1].tolist()


def _band_keys(digests: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of each band's values: (texts, bands, rows) to (texts, bands)."""
    keys = np.zeros(digests.shape[:2], dtype=np.uint64)
    for row in range(digests.shape[2]):
        keys = (keys ^ digests[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


def _check_threshold(threshold: float) -> float:
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold {threshold!r} is not a fraction above 0 and up to 1")
    return threshold
