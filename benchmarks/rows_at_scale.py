"""What it takes to make training rows of many records: seconds, peak memory, and what a resume pays.

    python -m benchmarks.rows_at_scale 200000

The records are made up, of 0 to 4 demonstrations; the tokenizer is the default student's.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kshot.config import Config
from kshot.core.runs import hash_file
from kshot.models.resolve import resolve_model

MEBI = 1 << 20


def write_records(path: Path, count: int) -> None:
    """Write records of 300 to 1400 characters, with demonstrations whose outputs are learnt too."""
    with path.open("w", encoding="utf-8") as handle:
        for number in range(count):
            shots = number % 5
            lines = [
                f"Input: the {n + number} parcels of order {number * 7 + n}, at noon\nOutput: " for n in range(shots)
            ]
            text, spans = "Say which parcels the order holds, in the words of the input.\n\n", []
            for n, line in enumerate(lines):
                start = len(text) + len(line)
                text += f"{line}{n + number} parcels\n\n"
                spans.append([start, start + len(f"{n + number} parcels")])
            text += f"Input: the {number} parcels of order {number * 3}, at dusk\nOutput:"
            row = {"instruction": text, "output": f"{number} parcels", "meta": {"k": shots, "loss_spans": spans}}
            handle.write(json.dumps(row) + "\n")


def measure(data: Path, scratch: Path) -> None:
    """Make the rows and print what it took; a second call finds them."""
    from transformers import AutoTokenizer

    from kshot.train.rows.store import store_rows

    student = resolve_model(Config().student)
    AutoTokenizer.from_pretrained(student)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.monotonic()
    table = store_rows(data, hash_file(data), student, 512, True, scratch).table
    seconds = time.monotonic() - began
    own, workers = (
        resource.getrusage(kind).ru_maxrss / 1024 for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    size = sum(file.stat().st_size for file in scratch.rglob("*") if file.is_file()) / MEBI
    print(
        f"{len(table.lengths)} rows in {seconds:.1f} s; peak {own:.0f} MiB in this process ({base:.0f} before), "
        f"{workers:.0f} in the largest worker; {size:.0f} MiB on disk"
    )


def main() -> None:
    """Print a line for the first time and one for a resume, each in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--measure", nargs=2, type=Path)
    given = parser.parse_args()
    if given.measure:
        measure(*given.measure)
        return
    with tempfile.TemporaryDirectory() as name:
        data, scratch = Path(name) / "train.jsonl", Path(name) / "rows"
        write_records(data, given.count)
        print(f"{given.count} records, {data.stat().st_size / MEBI:.0f} MiB, {os.cpu_count()} cores")
        for label in ("first", "resume"):
            sys.stdout.write(f"{label}: ")
            sys.stdout.flush()
            subprocess.run(
                [sys.executable, "-m", __spec__.name, str(given.count), "--measure", data, scratch], check=True
            )


if __name__ == "__main__":
    main()
