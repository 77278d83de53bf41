"""A panel as lm-eval tasks: prompts rendered as in training, demonstrations fixed and nested across shots."""

from collections.abc import Sequence
from typing import Any

from kshot.answers import exact_match
from kshot.errors import PanelError
from kshot.panel import Panel, PanelTask, Row
from kshot.prompting import MAIN_TEMPLATE, render, with_options
from kshot.schema import Example

SPARE_TOKENS = 8


def check_shots(panel: Panel, shots: Sequence[int]) -> None:
    """Every task must have as many demonstrations as the largest k.

    Raises:
        PanelError: names the tasks that have fewer.
    """
    short = [f"{task.name} ({len(task.demos)})" for task in panel.tasks if len(task.demos) < max(shots, default=0)]
    if short:
        raise PanelError(
            f"panel {panel.name}: fewer demonstrations than k={max(shots)}: {', '.join(short)}; lower evaluate.shots"
        )


def query(task: PanelTask, row: Row) -> str:
    """The input as shown: options that change from item to item are part of it."""
    shown = task.multiple_choice and not task.entry.options_fixed
    return with_options(row.input, row.options) if shown else row.input


def prompt(task: PanelTask, row: Row, k: int) -> str:
    """The user's message for an item at k shots: the first k of the pool, in the pool's order."""
    demos = [Example(query(task, demo), demo.output[0]) for demo in task.demos[:k]]
    return render(MAIN_TEMPLATE, task.entry.instruction, demos, query(task, row)).text


def lm_eval_tasks(panel: Panel, k: int, items: int | None, tokenizer: Any) -> list[Any]:
    """For each task the generation of an answer, and for multiple choice the choice by log-likelihood."""
    made = []
    for task in panel.tasks:
        docs = [
            {
                "item": number,
                "input": row.input,
                "prompt": prompt(task, row, k),
                "output": row.output,
                "options": row.options,
                "target": row.output[0],
                "gold": next((row.options.index(a) for a in row.output if a in row.options), 0),
            }
            for number, row in enumerate(task.items[:items])
        ]
        made.append(_task(f"{task.name}__exact_match", docs, _generation(task, tokenizer), k))
        if task.multiple_choice:
            made.append(_task(f"{task.name}__loglikelihood", docs, CHOICE, k))
    return made


def _task(name: str, docs: list[dict[str, Any]], settings: dict[str, Any], k: int) -> Any:
    from datasets import Dataset, DatasetDict
    from lm_eval.api.task import ConfigurableTask

    config = {
        "task": name,
        "custom_dataset": lambda **_: DatasetDict(test=Dataset.from_list(docs)),
        "test_split": "test",
        "doc_to_text": "prompt",
        "target_delimiter": "",
        "num_fewshot": 0,
        "metadata": {"version": 1, "k": k},
        **settings,
    }
    return ConfigurableTask(config=config)


def _right_choice(doc: dict[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, float]:
    scores = [score for score, _ in results]
    return {"acc": float(doc["options"][scores.index(max(scores))] in doc["output"])}


def _right_answer(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    return {"exact_match": float(exact_match(results[0], doc["output"]))}


CHOICE: dict[str, Any] = {
    "output_type": "multiple_choice",
    "doc_to_choice": "options",
    "doc_to_target": "gold",
    "process_results": _right_choice,
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}


def _generation(task: PanelTask, tokenizer: Any) -> dict[str, Any]:
    """Greedy decoding, cut where no accepted answer could still match.

    A line break ends the answer where no accepted answer of the task holds one; the longest accepted answer and some
    tokens to spare bound its length, since a longer one is wrong however it goes on.
    """
    accepted = [text for row in (*task.demos, *task.items) for text in row.output]
    longest = max(len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in accepted)
    until = [tokenizer.eos_token] if any("\n" in text for text in accepted) else [tokenizer.eos_token, "\n"]
    return {
        "output_type": "generate_until",
        "doc_to_target": "target",
        "process_results": _right_answer,
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "generation_kwargs": {"until": until, "max_gen_toks": longest + SPARE_TOKENS, "do_sample": False},
    }


def requests(panel: Panel, items: int | None) -> int:
    """How many answers and options a pass over the panel asks for, for the progress bar."""
    rows = [(task, row) for task in panel.tasks for row in task.items[:items]]
    return sum(1 + (len(row.options) if task.multiple_choice else 0) for task, row in rows)
