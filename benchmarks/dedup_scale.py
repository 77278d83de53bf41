"""How quickly are near-duplicates found? `python benchmarks/dedup_scale.py --json FILE [--records 1000000]`.

Makes texts of 20 to 60 words from a seed and plants copies among them with a few words changed, whose true Jaccard
similarity is computed. Prints the seconds and the peak memory of `near_duplicates`, how many it found, the share of the
planted copies at or above the threshold that it found, and the seconds that datasketch takes for the same work
(shingles, hashes, bands and exact check) on the same texts, or on the first `--slice` of them, beside ours on these.
"""

import argparse
import resource
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from kshot.core.files import write_json
from kshot.core.text import MIN_SHINGLES, jaccard, normalize_text, shingles
from kshot.generate.curation.dedup import SEED, hash_text, lsh_bands, near_duplicates

VOCABULARY = 20_000
PLANTED = 0.05
"""Share of the texts that are a changed copy of an earlier one."""
MIB = 2**20 if sys.platform == "darwin" else 2**10


def corpus(records: int, seed: int, threshold: float) -> tuple[list[str], dict[int, int]]:
    """Texts, and for each planted copy at or above the threshold the text it was made from.

    Words are drawn as in a language, a few of them often (Zipf).
    """
    rng = Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(VOCABULARY)]
    totals, total = array("d"), 0.0
    for rank in range(VOCABULARY):
        totals.append(total := total + 1 / (rank + 10))
    texts: list[str] = []
    planted: dict[int, int] = {}
    for place in range(records):
        if place and rng.random() < PLANTED:
            source = rng.randrange(place)
            copy = texts[source].split()
            for _ in range(rng.randint(0, 4)):
                copy[rng.randrange(len(copy))] = rng.choice(words)
            texts.append(" ".join(copy))
            if source not in planted and jaccard(shingles(texts[source]), shingles(texts[-1])) >= threshold:
                planted[place] = source
        else:
            texts.append(" ".join(rng.choices(words, cum_weights=totals, k=rng.randint(20, 60))))
    return texts, planted


def with_datasketch(texts: list[str], threshold: float) -> list[int]:
    """What `near_duplicates` does, with datasketch's MinHash and LSH in place of rensa's."""
    from datasketch import MinHash, MinHashLSH

    count, rows = lsh_bands(threshold)
    index = MinHashLSH(num_perm=count * rows, params=(count, rows))
    exact: dict[int, int] = {}
    found: list[int] = []
    for place, text in enumerate(texts):
        earlier = exact.setdefault(hash_text(normalize_text(text)), place)
        held = shingles(text)
        if earlier < place or len(held) < MIN_SHINGLES:
            found.append(earlier if earlier < place else -1)
            continue
        sketch = MinHash(num_perm=count * rows, seed=SEED)
        sketch.update_batch([shingle.encode() for shingle in held])
        near = (other for other in sorted(index.query(sketch)) if jaccard(held, shingles(texts[other])) >= threshold)
        found.append(next(near, -1))
        if found[-1] < 0:
            index.insert(place, sketch, check_duplication=False)
    return found


def timed(work: Callable[[], Sequence[int]]) -> tuple[float, Sequence[int]]:
    """CPU seconds of this process, and what the work gave."""
    began = time.process_time()
    found = work()
    return round(time.process_time() - began, 2), found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--slice", type=int, help="texts for datasketch, which takes much longer (default: all)")
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    texts, planted = corpus(options.records, options.seed, options.threshold)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    seconds, found = timed(lambda: near_duplicates(texts, options.threshold).tolist())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    first = texts[: options.slice or len(texts)]
    ours, on_slice = seconds, found
    if len(first) < len(texts):
        ours, on_slice = timed(lambda: near_duplicates(first, options.threshold).tolist())
    theirs, by_datasketch = timed(lambda: with_datasketch(first, options.threshold))
    result: dict[str, Any] = {
        "records": len(texts),
        "seconds": seconds,
        "peak_mib": round(peak, 1),
        "corpus_mib": round(before, 1),
        "duplicates_found": sum(place >= 0 for place in found),
        "planted": len(planted),
        "recall_on_planted": round(sum(found[place] >= 0 for place in planted) / max(1, len(planted)), 5),
        "slice": len(first),
        "seconds_slice": ours,
        "seconds_datasketch": theirs,
        "duplicates_slice": sum(place >= 0 for place in on_slice),
        "duplicates_datasketch": sum(place >= 0 for place in by_datasketch),
    }
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
