"""lm-eval's samples as rows of samples.jsonl."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from kshot.core.errors import RunError
from kshot.evaluate.run_files import Sample
from kshot.evaluate.scoring.calibration import calibrate_samples
from kshot.evaluate.scoring.text import CALIBRATED
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
        rows = [row for task in suite.tasks for row in _of_lm_eval(suite, task, by_task[task.name], facts, lm)]
    else:
        rows = [row for name, samples in by_task.items() for row in _of_own(suite, name, samples, facts, label, lm)]
        rows += calibrate_samples(rows, {task.name for task in suite.tasks if CALIBRATED in task.spec.scores})
    return sorted(rows, key=lambda row: (row.task, row.score, row.item))


def _of_own(
    suite: Suite, name: str, samples: Sequence[LmEvalSample], facts: Facts, label: str, lm: Any
) -> Iterable[Sample]:
    """Rows of one of our tasks, which is named TASK__SCORE; generated answers may have several scores."""
    task, _, score = name.rpartition("__")
    scores = next(each.spec.written_scores for each in suite.tasks if each.name == task)
    for sample in samples:
        doc, arguments = sample["doc"], _arguments(sample)
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


def _arguments(sample: LmEvalSample) -> list[tuple[Any, ...]]:
    """What was asked for an item: prompts, each with an option or with the settings of generation, or a text alone."""
    arguments = sample["arguments"]
    if isinstance(arguments, dict):
        return [tuple(each.values()) for each in arguments.values()]
    return list(arguments)


def is_cut(sample: LmEvalSample, lm: Any) -> bool:
    """Whether one of an item's prompts was longer than the model's context with what follows, and cut on the left."""
    for prompt, *after in _arguments(sample):
        if not after or not prompt:
            continue
        if isinstance(after[0], Mapping):
            room = _budget(after[0], lm)
            if len(lm.tok_encode(prompt)) + room > lm.max_length:
                return True
        elif sum(map(len, lm._encode_pair(prompt, after[0]))) > lm.max_length + 1:
            return True
    return False


def _budget(settings: Mapping[str, Any], lm: Any) -> int:
    from lm_eval.models.utils import normalize_gen_kwargs

    return int(normalize_gen_kwargs(dict(settings), lm.max_gen_toks)["max_gen_toks"])


def count_cut_items(
    suite: Suite, by_task: Mapping[str, Sequence[LmEvalSample]], rows: Sequence[Sample], lm: Any
) -> dict[str, int]:
    """By task, the items with a prompt that was cut; empty where there are none."""
    if suite.lm_eval:
        items = {name: {s["doc_id"] for s in samples if is_cut(s, lm)} for name, samples in by_task.items()}
    else:
        items = {row.task: set() for row in rows}
        for row in rows:
            items[row.task] |= {row.item} if row.truncated else set()
    return {name: len(cut) for name, cut in items.items() if cut}


def find_differences(suite: Suite, by_task: Mapping[str, Sequence[LmEvalSample]], lm: Any) -> dict[str, int]:
    """Why numbers of lm-eval's tasks may differ from those of the command `lm_eval`: "task: reason" -> items."""
    reasons: dict[str, set[int]] = {}
    for task in suite.tasks:
        for sample in by_task[task.name]:
            arguments = _arguments(sample)
            own = {lm.why_prompt_differs(prompt, after[0] if after else None) for prompt, *after in arguments}
            if any(after and isinstance(after[0], Mapping) for _, *after in arguments):
                own.add(_why_answer_ends_elsewhere(lm))
            own.add(_why_rounded_otherwise(lm, suite.lm_eval is not None and suite.lm_eval.is_continuous))
            for reason in own - {None}:
                reasons.setdefault(f"{task.name}: {reason}", set()).add(sample["doc_id"])
    return {reason: len(items) for reason, items in sorted(reasons.items())}


def _why_rounded_otherwise(lm: Any, is_continuous: bool) -> str | None:
    if not hasattr(lm, "asked_plainly"):
        return None
    dtype, attention = str(lm.model.dtype).removeprefix("torch."), lm.model.config._attn_implementation
    if dtype != "float32":
        return f"kshot's last layer computes in float32, and rounds otherwise than {dtype}"
    # What transformers takes where nobody says which.
    if is_continuous and attention != "sdpa" and getattr(lm.model, "_supports_sdpa", False):
        return f"{attention} attention rounds otherwise than sdpa"
    return None


def _why_answer_ends_elsewhere(lm: Any) -> str | None:
    end = lm.chat.turn_end.strip()
    return None if lm.chat.stops_itself and end == lm.chat.stop else f"answers end at {end!r}, where lm_eval's go on"


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
            prompt = str(_arguments(sample)[0][0])
            yield Sample(
                **facts,
                **_answer(task, sample, score),
                task=task.name,
                score=score if len(filters) == 1 else f"{score} ({sample['filter']})",
                item=sample["doc_id"],
                prompt=visible(prompt),
                input=item.input,
                accepted=item.output,
                truncated=is_cut(sample, lm),
                unfinished=_lm_eval_unfinished(task, sample, lm),
                right=bool(right) if right in (0.0, 1.0) else right,
            )


def _lm_eval_unfinished(task: SuiteTask, sample: LmEvalSample, lm: Any) -> bool | None:
    """None where nothing was generated."""
    prompt, *after = _arguments(sample)[0]
    settings = after[0] if after else None
    if task.is_multiple_choice or not isinstance(settings, Mapping):
        return None
    return is_unfinished(lm, str(prompt), str(sample["resps"][0][0]), _budget(settings, lm))


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
