"""What prompts per core save in measuring: `python benchmarks/suite_cores.py --json FILE`.

Measures the base model of the quickstart, in float32, on kshot's suite with torch's threads sharing each matrix and
with prompts per core, in turns. Prints the ratio of the seconds and how the replies differ.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from prefix_eval import build_requests, compare_replies

from kshot.config import Config
from kshot.core.files import write_json
from kshot.models.loading import load_student
from kshot.models.resolve import resolve_model
from kshot.runtime import process_setup  # noqa: F401 - sets what the libraries read when they are imported
from kshot.runtime.device import count_cores
from kshot.runtime.logging import quiet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--limit", type=int, default=16, help="items of each task")
    parser.add_argument("--shots", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with quiet():
        import torch

        from kshot.evaluate.lm.prefix_lm import PrefixSharingLM

        torch.set_num_threads(count_cores())
        student = resolve_model(Config().student)
        seconds: dict[str, list[float]] = {"shared": [], "per_core": []}
        replies: dict[str, Any] = {}
        for name, threads in (("shared", 1), ("per_core", count_cores())) * options.rounds:
            model, tokenizer = load_student(student)
            model.set_attn_implementation("eager")
            lm = PrefixSharingLM(model.eval(), tokenizer, threads=threads)
            requests = build_requests(lm, options.shots, options.limit)
            began = time.perf_counter()
            replies[name] = {kind: getattr(lm, kind)(requests[kind], disable_tqdm=True) for kind in requests}
            seconds[name].append(round(time.perf_counter() - began, 1))
            print(f"{name}: {seconds[name][-1]} s", flush=True)
    result = {
        "seconds": seconds,
        "ratio": round(min(seconds["per_core"]) / min(seconds["shared"]), 3),
        **compare_replies(replies["shared"], replies["per_core"]),
        "cores": count_cores(),
        "shots": options.shots,
    }
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
