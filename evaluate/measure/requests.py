"""A panel as lm-eval tasks: prompts rendered as in training, demonstrations fixed and nested across shots.

Which demonstrations are shown depends on the panel and the demo seed alone, so both models see the same ones.
"""

from collections.abc import Sequence
from itertools import permutations
from typing import Any, Literal

from kshot.core.errors import SuiteError
from kshot.core.prompting import EVAL_TEMPLATE, append_options, names_all, render_prompt
from kshot.core.seeding import stream
from kshot.core.types import Example
from kshot.evaluate.scoring.text import SCORES
from kshot.suites.format import Suite, SuiteRow, SuiteTask

CHOICES = "scored_options"
"""Where a row holds the texts whose log-probabilities are asked."""
SPARE_TOKENS = 8
ROOM = 64
"""Tokens beyond the longest accepted answer where the answer may stand in a longer text."""
Labels = Literal["gold", "random"]


def check_shots(panel: Suite, shots: Sequence[int]) -> None:
    """Every task must have as many demonstrations as the largest k.

    Raises:
        PanelError: names the tasks that have fewer.
    """
    short = [f"{task.name} ({len(task.demos)})" for task in panel.tasks if len(task.demos) < max(shots, default=0)]
    if short:
        raise SuiteError(
            f"panel {panel.name}: fewer demonstrations than k={max(shots)}: {', '.join(short)}; lower evaluate.shots"
        )


def render_query(task: SuiteTask, row: SuiteRow) -> str:
    """The input as shown: options that change from item to item are part of it."""
    shown = task.multiple_choice and not task.spec.options_fixed
    return append_options(row.input, row.options) if shown else row.input


def render_instruction(task: SuiteTask) -> str:
    """The instruction as shown: labels that are the same for every item follow it, where it does not name them all.

    Nobody could answer with a label that is told nowhere.
    """
    text, labels = task.spec.instruction, [option for row in task.items[:1] for option in row.options]
    return text if not task.spec.options_fixed or names_all(text, labels) else append_options(text, labels)


def choose_demonstrations(task: SuiteTask, k: int, seed: int = 0) -> tuple[SuiteRow, ...]:
    """The first k of the pool: in the pool's order for seed 0, else in an order drawn for the task and seed."""
    if seed == 0:
        return task.demos[:k]
    return tuple(stream(seed, "demonstrations", task.name).sample(task.demos, len(task.demos))[:k])


def random_label(task: SuiteTask, demo: SuiteRow, seed: int = 0) -> str:
    """A demonstration's output without its meaning (Min et al., arXiv:2202.12837).

    One of the options, drawn evenly, which may happen to be right; in tasks without options the output of another
    demonstration of the pool. It stays the same whatever the number of shots.
    """
    others = [other.output[0] for other in task.demos if other != demo]
    labels = demo.options if task.multiple_choice else others or [demo.output[0]]
    return stream(seed, "random label", task.name, demo.input, *demo.options).choice(labels)


def render_item(task: SuiteTask, row: SuiteRow, k: int, seed: int = 0, labels: Labels = "gold") -> str:
    """The user's message for an item at k shots."""
    demos = [
        Example(render_query(task, demo), demo.output[0] if labels == "gold" else random_label(task, demo, seed))
        for demo in choose_demonstrations(task, k, seed)
    ]
    return render_prompt(EVAL_TEMPLATE, render_instruction(task), demos, render_query(task, row)).text


def build_lm_eval_tasks(
    panel: Suite, k: int, items: int | None, tokenizer: Any, seed: int = 0, labels: Labels = "gold"
) -> list[Any]:
    """For each task the generation of an answer, and for multiple choice the choice by log-likelihood.

    The first is named `<task>__exact_match`, whatever the scores that it is given. Where an option of a task begins
    another one ("no", "no opinion"), its options are scored with the end of the turn: the shorter would always win.
    """
    made = []
    for task in panel.tasks:
        end = tokenizer.eos_token if _begins_another(task) else ""
        docs = [
            {
                "item": number,
                "input": row.input,
                "prompt": render_item(task, row, k, seed, labels),
                "output": row.output,
                "options": row.options,
                CHOICES: [option + end for option in row.options],
                "target": row.output[0],
                "gold": next((row.options.index(a) for a in row.output if a in row.options), 0),
            }
            for number, row in enumerate(task.items[:items])
        ]
        made.append(_task(f"{task.name}__exact_match", docs, _generation(task, tokenizer), k))
        if task.multiple_choice:
            made.append(_task(f"{task.name}__loglikelihood", docs, CHOICE, k))
    return made


def _begins_another(task: SuiteTask) -> bool:
    pairs = (pair for row in task.items for pair in permutations(row.options, 2))
    return any(longer.startswith(shorter) for shorter, longer in pairs)


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


CHOICE: dict[str, Any] = {
    "output_type": "multiple_choice",
    "doc_to_choice": CHOICES,
    "doc_to_target": "gold",
    "process_results": _right_choice,
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}


def _generation(task: SuiteTask, tokenizer: Any) -> dict[str, Any]:
    """Greedy decoding, cut where no accepted answer could still match.

    A line break ends the answer where no accepted answer of the task holds one; the longest accepted answer and some
    tokens to spare bound its length, since a longer one is wrong however it goes on. Scores that look for the answer in
    a longer text leave room for one.
    """
    scores = task.spec.scores
    accepted = [text for row in (*task.demos, *task.items) for text in row.output]
    longest = max(len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in accepted)
    whole = scores == ["exact_match"]
    lines = any("\n" in text for text in accepted)

    def judge(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
        # Exact match reads what it would have been given alone.
        found = dict.fromkeys(scores, results[0])
        if "exact_match" in found and not lines:
            found["exact_match"] = results[0].partition("\n")[0]
        return {score: float(SCORES[score](answer, doc["output"])) for score, answer in found.items()}

    until = [tokenizer.eos_token, *(["\n"] if whole and not lines else [])]
    return {
        "output_type": "generate_until",
        "doc_to_target": "target",
        "process_results": judge,
        "metric_list": [{"metric": score, "aggregation": "mean", "higher_is_better": True} for score in scores],
        "generation_kwargs": {
            "until": until,
            "max_gen_toks": longest + (SPARE_TOKENS if whole else ROOM),
            "do_sample": False,
        },
    }


def count_requests(panel: Suite, items: int | None) -> int:
    """How many answers and options a pass over the panel asks for, for the progress bar."""
    rows = [(task, row) for task in panel.tasks for row in task.items[:items]]
    return sum(1 + (len(row.options) if task.multiple_choice else 0) for task, row in rows)
