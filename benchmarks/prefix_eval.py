"""What running shared beginnings once saves, and that nothing changes: `python benchmarks/prefix_eval.py --json FILE`.

Asks the base model of the quickstart, in float32, kshot's own panel at 8 shots twice in one run: with lm-eval's `hf`
model and with ours. Prints the ratio of the CPU times for greedy answers, on whose way ours scores the options, and for
what is left to do for these, and how the two differ. It runs on one thread, since threads that wait for each other
would count as work.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from kshot.config import Config
from kshot.core.files import write_json
from kshot.models.loading import load_student
from kshot.models.references import resolve_model
from kshot.runtime import process_setup as quiet
from kshot.suites.loading import load_suite


def timed(ask: Any, requests: Any) -> tuple[float, Any]:
    """CPU seconds of this process, all threads, and the replies."""
    began = time.process_time()
    replies = ask(requests, disable_tqdm=True)
    return time.process_time() - began, replies


def questions(lm: Any, shots: int, items: int) -> dict[str, list[Any]]:
    """lm-eval's requests for kshot's own panel by their kind, in the order in which it asks them."""
    from kshot.evaluate.measure.suite_tasks import build_lm_eval_tasks

    asked: dict[str, list[Any]] = {"generate_until": [], "loglikelihood": []}
    for task in build_lm_eval_tasks(load_suite("kshot"), shots, items, lm.tokenizer):
        task.build_all_requests(apply_chat_template=True, chat_template=lm.apply_chat_template)
        for request in task.instances:
            asked[request.request_type].append(request)
    return asked


def differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """How the replies of two models to `questions` differ, by their kind."""
    texts = zip(one["generate_until"], other["generate_until"], strict=True)
    scores = zip(one["loglikelihood"], other["loglikelihood"], strict=True)
    return {
        "texts_differ": sum(a != b for a, b in texts),
        "max_abs_logprob_diff": max(abs(a[0] - b[0]) for a, b in scores),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--items", type=int, default=16, help="of each task")
    parser.add_argument("--shots", type=int, default=8)
    options = parser.parse_args()
    with quiet.quiet():
        import torch
        from lm_eval.models.huggingface import HFLM

        from kshot.evaluate.lm.prefix_lm import PrefixSharingLM

        torch.set_num_threads(1)
        student = resolve_model(Config().student)
        model, tokenizer = load_student(student)
        theirs = HFLM(pretrained=model.eval(), tokenizer=tokenizer, backend="causal", batch_size=8)
        ours = PrefixSharingLM(load_student(student)[0].eval(), tokenizer)
        asked = questions(theirs, options.shots, options.items)
        times: dict[str, dict[str, float]] = {"theirs": {}, "ours": {}}
        replies: dict[str, dict[str, Any]] = {"theirs": {}, "ours": {}}
        for kind, requests in asked.items():
            for name, model in (("theirs", theirs), ("ours", ours)):
                times[name][kind], replies[name][kind] = timed(getattr(model, kind), requests)
                print(f"{kind}: {name} {times[name][kind]:.1f} CPU seconds for {len(requests)} requests", flush=True)

    def choices(scores: list[tuple[float, bool]]) -> dict[tuple[str, int], int]:
        best: dict[tuple[str, int], tuple[float, int]] = {}
        for request, (score, _) in zip(asked["loglikelihood"], scores, strict=True):
            key = (request.task_name, request.doc_id)
            best[key] = max(best.get(key, (float("-inf"), -1)), (score, -request.idx))
        return {key: choice for key, (_, choice) in best.items()}

    chosen = [choices(found["loglikelihood"]) for found in replies.values()]
    result = {
        "cpu_ratio": round(sum(times["ours"].values()) / sum(times["theirs"].values()), 4),
        "cpu_ratio_choice": round(times["ours"]["loglikelihood"] / times["theirs"]["loglikelihood"], 4),
        "cpu_ratio_generation": round(times["ours"]["generate_until"] / times["theirs"]["generate_until"], 4),
        "choices_differ": sum(chosen[0][key] != chosen[1][key] for key in chosen[0]),
        **differing(replies["ours"], replies["theirs"]),
        "items": len(chosen[0]),
        "texts": len(asked["generate_until"]),
        "shots": options.shots,
    }
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
