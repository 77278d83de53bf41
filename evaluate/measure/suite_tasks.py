"""A suite as lm-eval tasks: prompts rendered as in training, demonstrations fixed and nested across shots.

Which demonstrations are shown depends on the suite and the few-shot seed alone, so both models see the same ones.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any

from kshot.core.errors import SuiteError
from kshot.evaluate.lm.constants import SCORED_OPTIONS
from kshot.evaluate.scoring import text
from kshot.models.chat_text import TURN_END
from kshot.suites.format import Suite, SuiteTask
from kshot.suites.prompts import Labels, render_chat

VERSION = 2
"""Of the prompts too (`kshot/suites/prompts.py`)."""
SPARE_TOKENS = 8
"""Tokens beyond the longest accepted answer."""
FREE_TEXT_TOKENS = 64
"""The same where the answer may stand in a longer text."""
TURNS = "turns"
"""The field of an item that holds its chat."""


def check_shots(suite: Suite, shots: Sequence[int]) -> None:
    """Every task must have as many demonstrations as the largest k.

    Raises:
        SuiteError: names the tasks that have fewer.
    """
    short = [f"{task.name} ({len(task.demos)})" for task in suite.tasks if len(task.demos) < max(shots, default=0)]
    if short:
        raise SuiteError(
            f"suite {suite.name}: fewer demonstrations than k={max(shots)}: {', '.join(short)}; lower evaluate.shots, "
            "or give the suite more of them"
        )


def build_lm_eval_tasks(
    suite: Suite, k: int, limit: int | None, tokenizer: Any, seed: int = 0, labels: Labels = "gold"
) -> list[Any]:
    """For each task the generation of an answer, and for multiple choice the choice by log-likelihood.

    The first is named `TASK__exact_match`, whatever its scores. Where an option of a task begins another one ("no",
    "no opinion"), its options are scored with the end of the turn: the shorter would always win.
    """
    tasks = []
    for task in suite.tasks:
        end = TURN_END if _has_prefix_option(task) else ""
        docs = [
            {
                "item": number,
                "input": row.input,
                TURNS: render_chat(suite, task, row, k, seed, labels),
                "output": row.output,
                "options": row.options,
                SCORED_OPTIONS: [option + end for option in row.options],
                "target": row.output[0],
                "gold": next((row.options.index(a) for a in row.output if a in row.options), 0),
            }
            for number, row in enumerate(task.items[:limit])
        ]
        tasks.append(_lm_eval_task(f"{task.name}__exact_match", docs, _generation_settings(task, tokenizer), k))
        if task.is_multiple_choice:
            tasks.append(_lm_eval_task(f"{task.name}__loglikelihood", docs, CHOICE_SETTINGS, k))
    return tasks


def count_requests(suite: Suite, limit: int | None) -> int:
    """How many answers and options a measurement asks for, for the progress bar."""
    rows = [(task, row) for task in suite.tasks for row in task.items[:limit]]
    return sum(1 + (len(row.options) if task.is_multiple_choice else 0) for task, row in rows)


def _has_prefix_option(task: SuiteTask) -> bool:
    pairs = (pair for row in task.items for pair in permutations(row.options, 2))
    return any(longer.startswith(shorter) for shorter, longer in pairs)


def _lm_eval_task(name: str, docs: Sequence[Mapping[str, object]], settings: Mapping[str, object], k: int) -> Any:
    from datasets import Dataset, DatasetDict
    from lm_eval.api.task import ConfigurableTask

    config = {
        "task": name,
        "custom_dataset": lambda **_: DatasetDict(test=Dataset.from_list(list(docs))),
        "test_split": "test",
        "doc_to_text": "input",
        "target_delimiter": "",
        "num_fewshot": 0,
        "metadata": {"version": 1, "k": k},
        **settings,
    }

    class SuiteLmEvalTask(ConfigurableTask):  # type: ignore[misc,unused-ignore]
        """Sends the turns of an item as they are."""

        def fewshot_context(self, doc: dict[str, Any], *_: Any, chat_template: Any = None, **__: Any) -> str:
            return str(chat_template(doc[TURNS]))

    return SuiteLmEvalTask(config=config)


def _score_choice(doc: dict[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, float]:
    scores = [score for score, _ in results]
    return {"acc": float(doc["options"][scores.index(max(scores))] in doc["output"])}


CHOICE_SETTINGS: Mapping[str, object] = {
    "output_type": "multiple_choice",
    "doc_to_choice": SCORED_OPTIONS,
    "doc_to_target": "gold",
    "process_results": _score_choice,
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}


def has_line_breaks(task: SuiteTask) -> bool:
    """Whether an accepted answer of the task holds a line break."""
    return any("\n" in output for row in (*task.demos, *task.items) for output in row.output)


def make_scorer(task: SuiteTask) -> Callable[[str, Sequence[str], Sequence[str]], dict[str, float]]:
    """Return what gives the written scores of an answer, from it, the accepted answers and the options.

    Exact match reads what it would have been given alone: the first line.
    """
    has_lines = has_line_breaks(task)

    def score_written(answer: str, accepted: Sequence[str], options: Sequence[str]) -> dict[str, float]:
        answers = dict.fromkeys(task.spec.written_scores, answer)
        if "exact_match" in answers and not has_lines:
            answers["exact_match"] = answer.partition("\n")[0]
        return {score: text.score_answer(score, each, accepted, options) for score, each in answers.items()}

    return score_written


def _generation_settings(task: SuiteTask, tokenizer: Any) -> dict[str, object]:
    """Greedy decoding, stopped where no accepted answer could still match.

    A line break ends the answer where no accepted answer of the task holds one. The longest accepted answer and some
    spare tokens bound its length, since a longer one is wrong however it goes on. Scores that look for the answer in a
    longer text leave room for one, unless the task says `first_line_only`.
    """
    scores = task.spec.written_scores
    accepted = [output for row in (*task.demos, *task.items) for output in row.output]
    longest = max(len(tokenizer(output, add_special_tokens=False)["input_ids"]) for output in accepted)
    whole = scores == ["exact_match"] or task.spec.first_line_only
    has_lines = has_line_breaks(task)
    score_written = make_scorer(task)

    def score_answer(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
        return score_written(results[0], doc["output"], doc.get("options", ()))

    until = [tokenizer.eos_token, *(["\n"] if whole and not has_lines else [])]
    return {
        "output_type": "generate_until",
        "doc_to_target": "target",
        "process_results": score_answer,
        "metric_list": [{"metric": score, "aggregation": "mean", "higher_is_better": True} for score in scores],
        "generation_kwargs": {
            "until": until,
            "max_gen_toks": longest + (SPARE_TOKENS if whole else FREE_TEXT_TOKENS),
            "do_sample": False,
        },
    }
