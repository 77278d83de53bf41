"""How far `kshot plan` is from what a training then took.

    python benchmarks/plan_error.py quickstart --set generate.records=200

Plans before there are data, generates and trains in a folder that is removed, and prints plan, measurement and error.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from kshot.config.loader import load_config
from kshot.core.files import read_json, read_log
from kshot.core.runs import Run
from kshot.generate.stage import run_generate
from kshot.planning.hardware import parse_hardware
from kshot.planning.plan import make_plan
from kshot.train.stage import run_train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    given = parser.parse_args()
    config = load_config(given.config, given.overrides)
    with TemporaryDirectory() as folder:
        run = Run(Path(folder) / "run")
        plan = make_plan(config, run, parse_hardware("here"), has_probe=True)
        run_generate(config, run)
        run_train(config, run)
        manifest = read_json(run.folder / "train" / "manifest.json")
        seconds = [row["seconds"] for row in read_log(run.folder / "train" / "metrics.jsonl")]
    rows = [
        ("tokens", plan.tokens, manifest["tokens"]),
        ("steps", plan.steps, manifest["steps"]),
        ("peak memory, MB", plan.memory_total / 1e6, manifest["peak_memory"] / 1e6),
        ("training, s", plan.seconds or 0.0, seconds[-1]),
    ]
    print(f"{'':18}{'planned':>12}{'measured':>12}{'error':>9}")
    for name, planned, measured in rows:
        print(f"{name:18}{planned:>12,.0f}{measured:>12,.0f}{planned / measured - 1:>+9.0%}")


if __name__ == "__main__":
    main()
