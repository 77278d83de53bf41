"""What sharing prompt prefixes saves, and that nothing changes: `python benchmarks/prefix_eval.py --json FILE`.

Measures the base model of the quickstart, in float32, on kshot's suite at 8 shots twice in one run: with lm-eval's `hf`
model and with ours. Prints the ratio of the CPU times for greedy answers, during which ours scores the options, and for
what is left of the options, and how the two differ. It runs on one thread, since waiting threads would count as work.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from kshot.config import Config
from kshot.core.files import write_json
from kshot.models.loading import load_student
from kshot.models.resolve import resolve_model
from kshot.runtime import process_setup  # noqa: F401 - sets what the libraries read when they are imported
from kshot.runtime.logging import quiet
from kshot.suites.loading import load_suite


def time_replies(ask: Any, requests: Any) -> tuple[float, Any]:
    """CPU seconds of this process, all threads, and the replies."""
    began = time.process_time()
    replies = ask(requests, disable_tqdm=True)
    return time.process_time() - began, replies


def build_requests(lm: Any, shots: int, limit: int) -> dict[str, list[Any]]:
    """lm-eval's requests for kshot's suite by their kind, in its order."""
    from kshot.evaluate.measure.suite_tasks import build_lm_eval_tasks

    requests_by_kind: dict[str, list[Any]] = {"generate_until": [], "loglikelihood": []}
    for task in build_lm_eval_tasks(load_suite("kshot"), shots, limit, lm.tokenizer):
        task.build_all_requests(apply_chat_template=True, chat_template=lm.apply_chat_template)
        for request in task.instances:
            requests_by_kind[request.request_type].append(request)
    return requests_by_kind


def compare_replies(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """How the replies of two models to the same requests differ, by their kind."""
    texts = zip(first["generate_until"], second["generate_until"], strict=True)
    scores = zip(first["loglikelihood"], second["loglikelihood"], strict=True)
    return {
        "texts_differ": sum(a != b for a, b in texts),
        "max_abs_logprob_diff": max(abs(a[0] - b[0]) for a, b in scores),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--limit", type=int, default=16, help="items of each task")
    parser.add_argument("--shots", type=int, default=8)
    options = parser.parse_args()
    with quiet():
        import torch
        from lm_eval.models.huggingface import HFLM

        from kshot.evaluate.lm.prefix_lm import PrefixSharingLM

        torch.set_num_threads(1)
        student = resolve_model(Config().student)
        model, tokenizer = load_student(student)
        theirs = HFLM(pretrained=model.eval(), tokenizer=tokenizer, backend="causal", batch_size=8)
        ours = PrefixSharingLM(load_student(student)[0].eval(), tokenizer)
        requests_by_kind = build_requests(theirs, options.shots, options.limit)
        times: dict[str, dict[str, float]] = {"theirs": {}, "ours": {}}
        replies: dict[str, dict[str, Any]] = {"theirs": {}, "ours": {}}
        for kind, requests in requests_by_kind.items():
            for name, model in (("theirs", theirs), ("ours", ours)):
                times[name][kind], replies[name][kind] = time_replies(getattr(model, kind), requests)
                print(f"{kind}: {name} {times[name][kind]:.1f} CPU seconds for {len(requests)} requests", flush=True)

    def choices(scores: list[tuple[float, bool]]) -> dict[tuple[str, int], int]:
        best: dict[tuple[str, int], tuple[float, int]] = {}
        for request, (score, _) in zip(requests_by_kind["loglikelihood"], scores, strict=True):
            key = (request.task_name, request.doc_id)
            best[key] = max(best.get(key, (float("-inf"), -1)), (score, -request.idx))
        return {key: choice for key, (_, choice) in best.items()}

    chosen = [choices(answers["loglikelihood"]) for answers in replies.values()]
    result = {
        "cpu_ratio": round(sum(times["ours"].values()) / sum(times["theirs"].values()), 4),
        "cpu_ratio_choice": round(times["ours"]["loglikelihood"] / times["theirs"]["loglikelihood"], 4),
        "cpu_ratio_generation": round(times["ours"]["generate_until"] / times["theirs"]["generate_until"], 4),
        "choices_differ": sum(chosen[0][key] != chosen[1][key] for key in chosen[0]),
        **compare_replies(replies["ours"], replies["theirs"]),
        "items": len(chosen[0]),
        "texts": len(requests_by_kind["generate_until"]),
        "shots": options.shots,
    }
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
