"""Does generation's memory stay flat? `python benchmarks/memory_flat.py --json FILE [--small 10000 --large 1000000]`.

Runs `kshot generate` on all programmatic families, without a teacher and with the default checks, in two processes,
and prints the ratio of their peak resident memory (getrusage) and the records made in a second of one core.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kshot.core.files import read_json, write_json

KIB_OR_BYTES = 1 if sys.platform == "darwin" else 1024


def measured(records: int, seed: int, near: float | None) -> dict[str, Any]:
    """One run: peak MiB, CPU and wall seconds, records and rejects."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "flat.yaml"
        dedup = f"{{near: {near}}}" if near else "{}"
        config.write_text(f"seed: {seed}\ngenerate: {{records: {records}, teacher: null, dedup: {dedup}}}\n")
        command = [sys.executable, "-m", "kshot.cli", "generate", str(config), "--run", "flat"]
        began = time.monotonic()
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"kshot generate of {records} records ended with {child.returncode}")
        manifest = read_json(Path(folder) / "runs" / "flat" / "generate" / "manifest.json")
        size = (Path(folder) / "runs" / "flat" / "generate" / "train.jsonl").stat().st_size
    return {
        "asked": records,
        "records": manifest["records"],
        "rejected": manifest["modes"]["compose"]["rejected"],
        "peak_mib": round(usage.ru_maxrss * KIB_OR_BYTES / 2**20, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "seconds": round(time.monotonic() - began, 1),
        "file_mib": round(size / 2**20, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--near", type=float, help="leave out near-duplicates of this similarity as well")
    options = parser.parse_args()
    small, large = (measured(size, options.seed, options.near) for size in (options.small, options.large))
    result = {
        "rss_ratio": round(large["peak_mib"] / small["peak_mib"], 4),
        "records_per_cpu_second": round(large["records"] / large["cpu_seconds"]),
        "small": small,
        "large": large,
    }
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
