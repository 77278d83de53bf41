"""Does composing scale? `python benchmarks/compose_shards.py --json FILE [--records 1000000] [--shards 0 1 2]`.

Runs `kshot generate` on all programmatic families, without a teacher and with the default checks, once for each number
of shards; 0 is the run without shards. Prints for each, with the machine's load at its start:

seconds          from start to end
alone_seconds    of these, after the last shard's end: this process reads, settles and writes alone
cpu_seconds      of this process, and of the busiest shard: their sum is the way that no further core shortens
peak_mib         the largest sum of resident memory over all processes, and that of the largest process
speedup          in seconds, and in CPU seconds on that way, against the first run; other work on the machine moves the
                 first, hardly the second
same             whether the files equal those of the first run
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kshot.core.files import read_json, write_json

FILES = ("train.jsonl", "rejects.jsonl", "contamination.jsonl", "manifest.json")
SECONDS_BETWEEN_SAMPLES = 0.5


def list_processes(parent: int) -> list[int]:
    """The process and its children."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return []
    return [parent, *(process for child in children for process in list_processes(int(child)))]


def resident_mib(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:")), 0.0)


def cpu_seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(records: int, shards: int, seed: int, near: float | None) -> dict[str, Any]:
    """One run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dedup = f"{{near: {near}}}" if near else "{}"
        text = f"seed: {seed}\ngenerate: {{records: {records}, teacher: null, dedup: {dedup}}}\n"
        (folder / "shards.yaml").write_text(text)
        command = [sys.executable, "-m", "kshot.cli", "generate", "shards.yaml"]
        command += ["--shards", str(shards)] if shards else []
        load, began = os.getloadavg()[0], time.monotonic()
        driver = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        total = largest = 0.0
        busy: dict[int, float] = {}
        last_shard = began
        while driver.poll() is None:
            processes = list_processes(driver.pid)
            sizes = [resident_mib(process) for process in processes]
            busy.update({process: max(busy.get(process, 0.0), cpu_seconds(process)) for process in processes})
            total, largest = max(total, sum(sizes)), max([largest, *sizes])
            if len(sizes) > 1:
                last_shard = time.monotonic()
            time.sleep(SECONDS_BETWEEN_SAMPLES)
        ended = time.monotonic()
        if driver.returncode:
            raise SystemExit(f"kshot generate with {shards} shards ended with {driver.returncode}")
        data = folder / "runs" / "shards" / "generate"
        return {
            "shards": shards,
            "records": read_json(data / "manifest.json")["records"],
            "seconds": round(ended - began, 1),
            "alone_seconds": round(ended - last_shard, 1) if shards else None,
            "cpu_seconds": {
                "this": round(busy.pop(driver.pid), 1),
                "busiest_shard": round(max(busy.values(), default=0.0), 1),
            },
            "peak_mib": {"all": round(total), "largest": round(largest)},
            "load": round(load, 1),
            "sha256": [hashlib.file_digest((data / file).open("rb"), "sha256").hexdigest() for file in FILES],
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--near", type=float, help="leave out near-duplicates of this similarity as well")
    options = parser.parse_args()
    runs: list[dict[str, Any]] = []
    for shards in options.shards:
        run = measure(options.records, shards, options.seed, options.near)
        first = runs[0] if runs else run
        run["speedup"] = {
            "seconds": round(first["seconds"] / run["seconds"], 2),
            "cpu": round(sum(first["cpu_seconds"].values()) / sum(run["cpu_seconds"].values()), 2),
        }
        run["same"] = run["sha256"] == first["sha256"]
        runs.append(run)
        print({name: value for name, value in run.items() if name != "sha256"}, flush=True)
    if options.json:
        write_json(options.json, {"cores": len(os.sched_getaffinity(0)), "runs": runs})


if __name__ == "__main__":
    main()
