"""lm-eval's samples as rows of samples.jsonl."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from kshot.core.errors import RunError
from kshot.evaluate.run_files import Sample
from kshot.models.chat_text import TURN_END, visible
from kshot.suites.format import Suite, SuiteTask

LmEvalSample = Mapping[str, Any]
"""A sample of lm-eval's `simple_evaluate`."""
Facts = Mapping[str, Any]
"""What all rows of a measurement share: suite, k, seed, model."""


def collect_samples(
    suite: Suite, by_task: Mapping[str, Sequence[LmEvalSample]], facts: Facts, label: str, lm: Any
) -> list[Sample]:
    """A row for each item and score, sorted by task, score and item.

    Raises:
        RunError: log-probabilities that are no numbers.
    """
    if suite.lm_eval:

        def is_cut(prompt: str) -> bool:
            return bool(len(lm.tok_encode(prompt)) > lm.max_length)

        rows = [row for task in suite.tasks for row in _of_lm_eval(suite, task, by_task[task.name], facts, is_cut, lm)]
    else:
        rows = [row for name, samples in by_task.items() for row in _of_own(suite, name, samples, facts, label, lm)]
    return sorted(rows, key=lambda row: (row.task, row.score, row.item))


def _of_own(
    suite: Suite, name: str, samples: Sequence[LmEvalSample], facts: Facts, label: str, lm: Any
) -> Iterable[Sample]:
    """Rows of one of our tasks, which is named TASK__SCORE; generated answers may have several scores."""
    task, _, score = name.rpartition("__")
    scores = next(each.spec.scores for each in suite.tasks if each.name == task)
    for sample in samples:
        doc, arguments = sample["doc"], sample["arguments"]
        if isinstance(arguments, dict):
            arguments = [(each["arg_0"], each["arg_1"]) for each in arguments.values()]
        prompt = arguments[0][0]
        room = max(_tokens_after(lm, after) for _, after in arguments)
        row = {
            **facts, "task": task, "item": doc["item"], "prompt": visible(prompt), "input": doc["input"],
            "accepted": doc["output"], "truncated": len(lm.tok_encode(prompt)) + room > lm.max_length,
        }  # fmt: skip
        replies = sample["filtered_resps"]
        if score == "exact_match":
            unfinished = is_unfinished(lm, prompt, str(sample["resps"][0][0]), room)
            for name_ in scores:
                value = sample[name_] if name_ == "rouge_l" else bool(sample[name_])
                yield Sample(**row, score=name_, right=value, answer=replies[0], unfinished=unfinished)
        else:
            log_probs = [float(reply[0]) for reply in replies]
            if not all(map(isfinite, log_probs)):
                raise RunError(f"{label}: log-probabilities are not numbers; the weights are broken")
            choice = doc["options"][log_probs.index(max(log_probs))]
            options = {"options": doc["options"], "log_probs": log_probs}
            yield Sample(**row, **options, score=score, right=bool(sample["acc"]), answer=choice)


def is_unfinished(lm: Any, prompt: str, answer: str, budget: int) -> bool:
    """Whether an answer filled its budget of tokens: as our model noted, else by its length in tokens."""
    noted = getattr(lm, "cut_answers", None)
    return len(lm.tok_encode(answer)) >= budget if noted is None else (prompt, answer) in noted


def _tokens_after(lm: Any, after: str | Mapping[str, Any]) -> int:
    """Tokens of the context kept for what follows a prompt: an answer, or an option but for its last token."""
    if isinstance(after, Mapping):
        return int(after["max_gen_toks"])
    return len(lm.tok_encode(visible(after))) + after.count(TURN_END) - 1


def _of_lm_eval(
    suite: Suite,
    task: SuiteTask,
    samples: Sequence[LmEvalSample],
    facts: Facts,
    is_cut: Callable[[str], bool],
    lm: Any,
) -> Iterable[Sample]:
    """Rows of one of lm-eval's tasks, paired by its doc_id; a metric counts where every item has it from 0 to 1."""
    filters = {str(sample["filter"]) for sample in samples}
    names = suite.lm_eval.scores[task.name] if suite.lm_eval else ()
    for score in names:
        if not all(_is_fraction(sample.get(score)) for sample in samples):
            continue
        for sample in samples:
            item, right = task.items[sample["doc_id"]], float(sample[score])
            prompt = str(sample["arguments"][0][0])
            yield Sample(
                **facts,
                **_answer(task, sample, score),
                task=task.name,
                score=score if len(filters) == 1 else f"{score} ({sample['filter']})",
                item=sample["doc_id"],
                prompt=visible(prompt),
                input=item.input,
                accepted=item.output,
                truncated=is_cut(prompt),
                unfinished=_lm_eval_unfinished(task, sample, lm),
                right=bool(right) if right in (0.0, 1.0) else right,
            )


def _lm_eval_unfinished(task: SuiteTask, sample: LmEvalSample, lm: Any) -> bool | None:
    """None where nothing was generated."""
    prompt, *after = sample["arguments"][0]
    settings = after[0] if after else None
    if task.is_multiple_choice or not isinstance(settings, Mapping):
        return None
    budget = int(settings.get("max_gen_toks", lm.max_gen_toks))
    return is_unfinished(lm, str(prompt), str(sample["resps"][0][0]), budget)


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and isfinite(value) and 0 <= value <= 1


def _answer(task: SuiteTask, sample: LmEvalSample, score: str) -> dict[str, Any]:
    replies = sample["filtered_resps"]
    if not task.is_multiple_choice:
        return {"answer": str(replies[0])}
    options = task.items[sample["doc_id"]].options
    log_probs = [float(reply[0]) for reply in replies][: len(options)]
    sizes = [len(option) or 1 if score == "acc_norm" else 1 for option in options]
    best = max(range(len(log_probs)), key=lambda n: log_probs[n] / sizes[n])
    return {"answer": options[best], "options": options, "log_probs": log_probs}
