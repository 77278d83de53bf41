"""What cores with prompts of their own save in measuring: `python benchmarks/panel_cores.py --json FILE`.

Asks the base model of the quickstart, in float32, kshot's own panel with torch's threads at the same matrices and with
each core at prompts of its own, in turns, and prints the ratio of the seconds and how the replies differ.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from prefix_eval import differing, questions

from kshot.config import Config
from kshot.core.files import write_json
from kshot.models.loading import load_student
from kshot.models.references import resolve_model
from kshot.runtime import process_setup as quiet
from kshot.runtime.device import count_cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--items", type=int, default=16, help="of each task")
    parser.add_argument("--shots", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with quiet.quiet():
        import torch

        from kshot.evaluate.lm.prefix_lm import PrefixSharingLM

        torch.set_num_threads(count_cores())
        student = resolve_model(Config().student)
        seconds: dict[str, list[float]] = {"together": [], "apart": []}
        replies: dict[str, Any] = {}
        for name, threads in (("together", 1), ("apart", count_cores())) * options.rounds:
            model, tokenizer = load_student(student)
            model.set_attn_implementation("eager")
            lm = PrefixSharingLM(model.eval(), tokenizer, threads=threads)
            asked = questions(lm, options.shots, options.items)
            began = time.perf_counter()
            replies[name] = {kind: getattr(lm, kind)(asked[kind], disable_tqdm=True) for kind in asked}
            seconds[name].append(round(time.perf_counter() - began, 1))
            print(f"{name}: {seconds[name][-1]} s", flush=True)
    result = {
        "seconds": seconds,
        "ratio": round(min(seconds["apart"]) / min(seconds["together"]), 3),
        **differing(replies["together"], replies["apart"]),
        "cores": count_cores(),
        "shots": options.shots,
    }
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
