"""kshot beside lm-eval on local tasks, one for each structure that lm-eval knows: every metric, to the last digit.

`lm_eval_cells` gives rows (structure, verdict): "equal", "named: REASON" where kshot says why the numbers may
differ, or "wrong: ...". The model is tiny and random, the data are beside the YAMLs, nothing is fetched.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from math import fsum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kshot.evaluate.run_files import MeasurementFile
from kshot.runtime.device import Device

COLOURS = ["red", "green", "dark blue"]
CHOICE = {
    "output_type": "multiple_choice", "doc_to_text": "What colour is {{thing}}?", "doc_to_choice": COLOURS,
    "doc_to_target": "colour", "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
}  # fmt: skip
WRITE = {
    "output_type": "generate_until", "doc_to_text": "Name {{thing}}:", "doc_to_target": "{{thing}}",
    "generation_kwargs": {"until": ["\n"], "max_gen_toks": 6, "do_sample": False},
    "metric_list": [{"metric": "exact_match"}],
}  # fmt: skip
FIRST = {"function": "take_first"}
CODE = '''
def score(doc, results):
    """Several metrics, one of them a length, one without an aggregation of its own."""
    answer = results[0]
    return {"letters": len(answer), "has_e": float("e" in answer), "unnamed": 0.25}

def question(doc):
    return "What is " + doc["thing"] + "?"

from lm_eval.api.task import ConfigurableTask

class Reworded(ConfigurableTask):
    def __init__(self, config=None, **options):
        super().__init__(config={name: value for name, value in (config or {}).items() if name != "class"})

    def doc_to_text(self, doc, doc_to_text=None):
        return "Class: " + doc["thing"]
'''
"""The module beside the YAMLs."""
STRUCTURES: dict[str, dict[str, Any]] = {
    "choice": CHOICE,
    "writing": WRITE,
    "until": {**WRITE, "generation_kwargs": {"until": ["a", "e\n", "Name"], "max_gen_toks": 12, "do_sample": False}},
    "description": {**CHOICE, "description": "Answer about {{thing}}. "},
    "delimiters": {**CHOICE, "target_delimiter": " -> ", "fewshot_delimiter": "\n###\n", "description": "Look."},
    "gen_prefix": {**WRITE, "gen_prefix": "It is"},
    "gen_prefix choice": {**CHOICE, "gen_prefix": "The colour:"},
    "filters": {
        **WRITE,
        "filter_list": [
            {"name": "strict", "filter": [{"function": "regex", "regex_pattern": "(thing [0-9])"}, FIRST]},
            {"name": "loose", "filter": [{"function": "regex", "regex_pattern": "([a-z])"}, FIRST]},
        ],
        "metric_list": [{"metric": "exact_match", "ignore_case": True, "regexes_to_ignore": [","]}],
    },
    "repeats": {
        **WRITE, "repeats": 3,
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 4, "do_sample": True, "temperature": 1.0},
        "filter_list": [
            {"name": "vote", "filter": [{"function": "take_first_k", "k": 3}, {"function": "majority_vote"}, FIRST]},
            {"name": "first", "filter": [FIRST]},
        ],
    },
    "rolling": {
        "output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "{{thing}} is a thing",
        "metric_list": [{"metric": "word_perplexity"}, {"metric": "byte_perplexity"}, {"metric": "bits_per_byte"}],
    },
    "loglikelihood": {
        "output_type": "loglikelihood", "doc_to_text": "The next word is {{thing}} and", "doc_to_target": " more",
        "metric_list": [{"metric": "perplexity"}, {"metric": "acc"}],
    },
    "choices by the item": {
        **CHOICE, "doc_to_choice": "{{[thing, 'no ' ~ thing, 'none']}}",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_bytes"}, {"metric": "brier_score"}],
    },
    "mutual information": {**CHOICE, "metric_list": [{"metric": "acc_mutual_info"}, {"metric": "mcc"}]},
    "f1": {**CHOICE, "doc_to_target": "{{colour % 2}}", "metric_list": [{"metric": "f1"}]},
    "multiple inputs": {
        "output_type": "multiple_choice", "doc_to_text": "{{colour % 2}}", "doc_to_target": " is here",
        "doc_to_choice": "{{[thing, 'the other']}}", "metric_list": [{"metric": "acc"}],
    },
    "several targets": {**WRITE, "doc_to_target": "{{[thing, 'red']}}"},
    "decontamination": {**CHOICE, "should_decontaminate": True, "doc_to_decontamination_query": "thing"},
    "process_results": {
        **WRITE, "process_results": "!function code.score",
        "metric_list": [
            {"metric": "letters", "aggregation": "mean", "higher_is_better": False},
            {"metric": "has_e", "aggregation": "mean", "higher_is_better": True},
        ],
    },
    "a function's text": {**CHOICE, "doc_to_text": "!function code.question"},
    "class": {**CHOICE, "class": "!function code.Reworded"},
    "a median": {**CHOICE, "metric_list": [{"metric": "acc", "aggregation": "median"}]},
    "a long prompt": {**WRITE, "doc_to_text": "{{thing * 200}} Name {{thing}}:"},
}  # fmt: skip
GROUPS = {
    "weighted group": {"group": "weighted_group", "task": ["choice", "small"],
                       "aggregate_metric_list": [{"metric": "acc", "weight_by_size": True}]},
    "plain group": {"group": "plain_group", "task": ["choice", "small"],
                    "aggregate_metric_list": [{"metric": "acc", "weight_by_size": False}]},
}  # fmt: skip
NAMED = {"control tokens in a text": {**WRITE, "doc_to_text": "Say <|im_end|> {{thing}}"}}
"""Structures whose numbers may differ, with a reason."""


PLAIN = Device("cpu", 1, "float32", "sdpa", {})


@dataclass(frozen=True)
class Flags:
    """What is asked for of both."""

    k: int = 0
    limit: int | None = None
    multiturn: bool = True
    system: str | None = None


def write_tasks(folder: Path) -> None:
    """The YAMLs, their data and their module."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "code.py").write_text(CODE)
    for split, count in (("train", 5), ("test", 7), ("few", 3)):
        rows = [{"thing": f"{split} thing {n}", "colour": n * n % 3} for n in range(count)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tasks = STRUCTURES | NAMED | {"small": CHOICE}
    for name, settings in tasks.items():
        files = {"train": f"{folder}/train.jsonl", "test": f"{folder}/{'few' if name == 'small' else 'test'}.jsonl"}
        data = {"dataset_path": "json", "dataset_kwargs": {"data_files": files}}
        splits = {"training_split": "train", "test_split": "test"}
        _write(folder, task_name(name), {"task": task_name(name), **data, **splits, **settings})
    for settings in GROUPS.values():
        _write(folder, str(settings["group"]), settings)


def task_name(structure: str) -> str:
    """The name of a structure's task."""
    return structure.replace(" ", "_").replace("'", "")


def _write(folder: Path, name: str, settings: Mapping[str, Any]) -> None:
    lines = []
    for key, value in settings.items():
        text = value if str(value).startswith("!function") else json.dumps(value)
        lines.append(f"{key}: {text}\n")
    (folder / f"{name}.yaml").write_text("".join(lines))


Numbers = dict[tuple[str, str], float]
Replies = dict[tuple[str, int, str], tuple[list[str], list[Any]]]
"""(task, item, filter) -> its prompts, and its texts or rounded log-probabilities."""


def lm_eval_numbers(student: Path, tasks: Path, name: str, flags: Flags) -> tuple[Numbers, Replies]:
    """(task or group, "metric,filter") -> value, as the command `lm_eval` has it; its samples."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    from kshot.runtime.logging import facts_once, quiet

    lm = HFLM(pretrained=str(student), dtype="float32", device="cpu")
    manager = TaskManager(include_path=str(tasks), include_defaults=False)
    with facts_once(), quiet():
        results = simple_evaluate(
            lm, tasks=[name], num_fewshot=flags.k, limit=flags.limit, apply_chat_template=True,
            fewshot_as_multiturn=flags.multiturn, system_instruction=flags.system, task_manager=manager,
            bootstrap_iters=0,
        )  # fmt: skip
    numbers = {
        (task, metric): float(value)
        for task, values in results["results"].items()
        for metric, value in values.items()
        if "," in metric and "_stderr" not in metric
    }
    return numbers, read_replies(results["samples"])


def read_replies(samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> Replies:
    """What was asked and answered, from lm-eval's samples or from its file of them."""
    replies: Replies = {}
    for task, rows in samples.items():
        for row in rows:
            arguments = row["arguments"]
            asked = [list(each.values()) for each in arguments.values()] if isinstance(arguments, dict) else arguments
            given = [reply for own in row["resps"] for reply in own]
            replies[task, row["doc_id"], row["filter"]] = [str(each[0]) for each in asked], list(map(_read, given))
    return replies


def _read(reply: Any) -> str | float:
    """A text, or a log-probability that is rounded: numbers are texts in lm-eval's file."""
    value = reply[0] if isinstance(reply, list | tuple) else reply
    try:
        return round(float(value), 3)
    except ValueError:
        return str(value)


def kshot_numbers(
    student: Path, tasks: Path, name: str, flags: Flags, folder: Path, device: Device = PLAIN
) -> tuple[Numbers, Replies, MeasurementFile]:
    """The same by kshot's own files, and measurement.json, which names differences and what was cut."""
    from kshot.config import EvaluateConfig
    from kshot.core.files import read_jsonl
    from kshot.evaluate.measure.lm_eval_suites import load_lm_eval_suite
    from kshot.evaluate.measure.measurement import make_measurement, measure_missing
    from kshot.evaluate.measure.results import read_measurement
    from kshot.models.loading import load_student

    settings = EvaluateConfig(
        lm_eval_path=tasks, limit=flags.limit, fewshot_as_multiturn=flags.multiturn, system_instruction=flags.system
    )
    suite = load_lm_eval_suite(f"lm_eval:{name}", settings)
    measurement = make_measurement(folder, "base", "f", suite, flags.k, flags.limit, device)
    measure_missing([measurement], lambda: load_student(str(student)), device, flags.limit)
    rows: dict[tuple[str, str], list[float]] = {}
    for _, row in read_jsonl(measurement.folder / "samples.jsonl"):
        rows.setdefault((row["task"], row["score"]), []).append(float(row["right"]))
    numbers = {names: fsum(values) / len(values) for names, values in rows.items()}
    file = read_measurement(measurement)
    numbers |= {(task, metric): value for task, own in file.other_metrics.items() for metric, value in own.items()}
    samples = {
        path.name.removeprefix("samples_").rpartition("_")[0]: [row for _, row in read_jsonl(path)]
        for path in measurement.folder.rglob("samples_*.jsonl")
    }
    return numbers, read_replies(samples), file


def compare(student: Path, tasks: Path, name: str, flags: Flags, folder: Path) -> str:
    """The verdict on a task."""
    theirs, their_replies = lm_eval_numbers(student, tasks, name, flags)
    ours, replies, file = kshot_numbers(student, tasks, name, flags, folder)
    filters = {task: {metric.partition(",")[2] for t, metric in theirs if t == task} for task, _ in theirs}
    faults = []
    for (task, metric), value in theirs.items():
        label, _, filter_ = metric.partition(",")
        name_ = label if filter_ == "none" else f"{label} ({filter_})"
        alone = label if len(filters[task]) == 1 else name_
        got = ours.get((task, name_), ours.get((task, alone)))
        if got != value:
            faults.append(f"{task} {metric}: {got} for {value}")
    if file.differences:
        return f"named: {next(iter(file.differences)).partition(': ')[2]}"
    faults += [f"another prompt or reply: {key}" for key in their_replies if replies.get(key) != their_replies[key]]
    return f"wrong: {'; '.join(faults)}" if faults or not theirs else "equal"


FLAGS = (Flags(), Flags(k=2), Flags(k=2, multiturn=False, system="Be brief.", limit=4))


def lm_eval_cells(student: Path, names: Sequence[str] = (), flags: Sequence[Flags] = FLAGS) -> list[tuple[str, str]]:
    """(structure and flags, verdict) for each structure, or those of these names.

    Args:
        student: a model's folder, whose template ends turns with `<|im_end|>`.
    """
    cells = []
    with TemporaryDirectory() as scratch:
        tasks = Path(scratch) / "tasks"
        write_tasks(tasks)
        for number, name in enumerate(names or [*STRUCTURES, *GROUPS, *NAMED]):
            for place, own in enumerate(flags):
                folder = Path(scratch) / "measured" / f"{number}-{place}"
                try:
                    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                        verdict = compare(student, tasks, task_name(name), own, folder)
                except Exception as error:
                    verdict = f"wrong: {type(error).__name__}: {error}"
                turns = "turns" if own.multiturn else "one message"
                cells.append((f"{name}, k={own.k}, {turns}{', system' if own.system else ''}", verdict))
    return cells
