"""Duplicates among texts: exact ones by a hash of the normalised text, near ones by MinHash LSH and then exact Jaccard.

A text is a set of shingles, three words in a row. MinHash (A. Broder, 1997; here rensa's R-MinHash in Rust) with
banded locality-sensitive hashing proposes pairs, and the true Jaccard similarity of the two sets decides. A text of
few shingles (`MIN_SHINGLES`) is compared exactly only: two short inputs are alike by nature, and one changed word is another
problem.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash, RMinHashLSH

from kshot.core.text import MIN_NEAR_DUPLICATE_JACCARD, MIN_SHINGLES, jaccard, normalize_text, shingles

MAX_MISSED_FRACTION = 0.005
"""Share of the pairs right at the threshold that the candidates may miss; of nearer pairs they miss fewer."""
MAX_HASHES = 128
SEED = 42
CHUNK = 4096


def hash_text(*parts: str) -> int:
    """A 64-bit hash of the parts, never 0."""
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(joined, digest_size=8).digest()) or 1


def lsh_bands(threshold: float) -> tuple[int, int]:
    """(bands, rows of each): the most selective split of `MAX_HASHES` hashes that misses at most `MAX_MISSED_FRACTION`.

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
        """Whether the key is new."""
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
        place = key & mask
        while held := slots[place]:
            if held == key:
                return False
            place = (place + 1) & mask
        slots[place] = key
        return True


class NearIndex:
    """Texts that were taken, and the question which of them a new one nearly repeats; about 2 KiB for each text taken.

    Args:
        threshold: Jaccard similarity from which a text repeats another, above 0 and up to 1.
        short: shingles below which a text is left out, both as a question and as an answer.
    """

    def __init__(self, threshold: float, short: int = MIN_SHINGLES) -> None:
        self._threshold, self._short = _checked(threshold), max(1, short)
        count, rows = lsh_bands(threshold)
        self._hashes = count * rows
        self._index = RMinHashLSH(threshold, self._hashes, count)
        self._texts: list[str] = []

    def add(self, text: str) -> int | None:
        """The number of the first taken text that this one nearly repeats; None if there is none, and it is taken."""
        held = shingles(text)
        if len(held) < self._short:
            return None
        (sketch,) = RMinHash.from_token_sets([held], self._hashes, SEED)
        mine = set(held)
        for number in sorted(self._index.query(sketch)):
            if jaccard(mine, shingles(self._texts[number])) >= self._threshold:
                return int(number)
        self._index.insert(len(self._texts), sketch)
        self._texts.append(text)
        return None


def near_duplicates(
    texts: Sequence[str], threshold: float = MIN_NEAR_DUPLICATE_JACCARD, short: int = MIN_SHINGLES
) -> NDArray[np.int64]:
    """Which earlier text each one repeats; the first of a group stays.

    Takes about 260 bytes for each text beside the texts themselves.

    Args:
        texts: in the order in which earlier ones are to stay.
        threshold: Jaccard similarity of the shingle sets from which two texts are near-duplicates.
        short: shingles below which a text is compared exactly only.

    Returns:
        For each text the position of the text that it repeats, exactly (after `normalize_text`) or nearly, or -1 where it
        stays. A text is compared with those that stay, so no chain of small steps removes a text unlike all that stay.
    """
    found = exact_duplicates(texts)
    for later, earlier in _candidates(texts, found, _checked(threshold), max(1, short)):
        both_stay = found[later] < 0 and found[earlier] < 0
        if both_stay and jaccard(shingles(texts[later]), shingles(texts[earlier])) >= threshold:
            found[later] = earlier
    for place, earlier in enumerate(found):
        if earlier >= 0 and found[earlier] >= 0:
            found[place] = found[earlier]
    return found


def exact_duplicates(texts: Iterable[str]) -> NDArray[np.int64]:
    """For each text the position of the first one that is the same after `normalize_text`, or -1 if it is the first."""
    keys = np.fromiter((hash_text(normalize_text(text)) for text in texts), dtype=np.uint64)
    _, firsts, which = np.unique(keys, return_index=True, return_inverse=True)
    found = firsts[which]
    return np.where(found == np.arange(len(found)), -1, found)


def _candidates(
    texts: Sequence[str], found: NDArray[np.int64], threshold: float, short: int
) -> Iterator[tuple[int, int]]:
    """Pairs (later, earlier) of texts that are no exact duplicates and agree in a band, in ascending order."""
    count, rows = lsh_bands(threshold)
    places, keys = array("q"), []
    for start in range(0, len(texts), CHUNK):
        held = {
            place: run
            for place in range(start, min(start + CHUNK, len(texts)))
            if found[place] < 0 and len(run := shingles(texts[place])) >= short
        }
        places.extend(held)
        digests = RMinHash.digests_from_token_sets(list(held.values()), count * rows, SEED)
        keys.append(_band_keys(np.array(digests, dtype=np.uint64).reshape(len(held), count, rows)))
    pairs = array("Q")
    for band in range(count if places else 0):
        for same in _runs(np.concatenate([chunk[:, band] for chunk in keys])):
            pairs.extend(places[late] << 32 | places[early] for early, late in combinations(same, 2))
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


def _checked(threshold: float) -> float:
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold {threshold!r} is not a share above 0 and up to 1")
    return threshold
