"""Rows of an evaluation's files, with values that a test does not care about filled in."""

from collections.abc import Mapping
from typing import Any

from kshot.evaluate.run_files import (
    BaselineTask,
    CompareRow,
    ContaminationFile,
    EvaluateManifest,
    FewshotRow,
    GainRow,
    Sample,
    TrialGain,
)
from kshot.suites.format import SuiteRow, SuiteTask, SuiteTaskSpec

COLOURS = ["red", "blue", "green", "grey"]


def make_sample(**values: Any) -> Sample:
    """An answer of the base to item 0 of suite p, by exact match at 0 shots."""
    defaults = {
        "suite": "p", "task": "t", "score": "exact_match", "k": 0, "item": 0, "seed": 0, "model": "base",
        "prompt": "prompt", "input": "input", "accepted": ["yes"], "truncated": False, "right": True, "answer": "yes",
    }  # fmt: skip
    return Sample(**(defaults | values))


def make_gain(**values: Any) -> GainRow:
    """A gain of 15 points, from 25 to 40 %, on two tasks of suite p."""
    defaults = {
        "suite": "p", "score": "exact_match", "k": 0, "base": 0.25, "student": 0.4, "gain": 0.15, "low": 0.05,
        "high": 0.3, "items_low": 0.1, "items_high": 0.2, "verdict": "gain", "ties": [], "trivial_tasks": [],
        "tasks": 2,
        "families": 2, "items": 8, "p": 0.03, "p_holm": 0.06, "mde": None, "seeds": 1,
        "worst_seed_gain": 0.15, "seed_sd": None, "base_worst": 0.25, "base_seed_sd": None, "student_worst": 0.4,
        "student_seed_sd": None, "below": [], "clean": None,
    }  # fmt: skip
    return GainRow(**(defaults | values))


def make_fewshot_row(**values: Any) -> FewshotRow:
    """What four demonstrations add to the student on suite p."""
    defaults = {
        "model": "student", "suite": "p", "score": "exact_match", "k": 4, "zero": 0.2, "few": 0.5, "gain": 0.3,
        "low": 0.1, "high": 0.4, "items_low": 0.2, "items_high": 0.35, "tasks": 2, "items": 8, "p": 0.0001,
        "mde": None, "seeds": 1, "worst_seed_gain": 0.3,
        "seed_sd": None, "p_holm": 0.0001,
    }  # fmt: skip
    return FewshotRow(**(defaults | values))


def make_baseline_task(task: str, base: float, majority: float | None, **baselines: float | None) -> BaselineTask:
    """The baselines of a task on suite p at 0 shots, all but the majority absent."""
    names = ("random", "copy_first", "copy_last", "copy_any", "random_labels")
    return BaselineTask(
        suite="p", task=task, score="exact_match", k=0, base=base, student=0.0,
        baselines=dict.fromkeys(names) | {"majority": majority} | baselines, base_random_labels=None, below=[],
    )  # fmt: skip


def make_compare_row(**values: Any) -> CompareRow:
    """A model that gains 20 points over the baseline on suite p."""
    defaults = {
        "model": "m", "suite": "p", "score": "exact_match", "k": 0, "baseline": 0.2, "student": 0.4, "gain": 0.2,
        "low": 0.1, "high": 0.3, "items_low": 0.15, "items_high": 0.25, "verdict": "gain", "p": 0.01, "mde": 0.1,
        "seeds": 1, "worst_seed_gain": 0.2, "tasks": 9, "items": 90,
        "p_holm": 0.02,
    }  # fmt: skip
    return CompareRow(**(defaults | values))


def make_trial_gain(**values: Any) -> TrialGain:
    """A setting that gains 10 points over its base on suite p."""
    defaults = {
        "suite": "p", "score": "exact_match", "k": 0, "setting": "shots=1", "values": {"generate.shots": [1]},
        "base": 0.2, "student": 0.3, "gain": 0.1, "low": 0.0, "high": 0.2, "items_low": 0.05, "items_high": 0.15,
        "p": 0.04, "mde": None, "tasks": 8,
        "items": 80, "seeds": [7], "seed_low": 0.1, "seed_high": 0.1, "p_holm": 0.04,
    }  # fmt: skip
    return TrialGain(**(defaults | values))


def make_manifest(**values: Any) -> EvaluateManifest:
    """The manifest of run r."""
    defaults: Mapping[str, Any] = {
        "run": "r", "base": "b", "seed": 1, "bootstrap_resamples": 100, "device": None, "versions": {}, "truncated": {},
        "fewshot_seeds": [0], "shots": [0], "backend": "own", "other_metrics": [], "by_task": [], "measurements": {},
    }  # fmt: skip
    return EvaluateManifest(**(dict(defaults) | values))


def make_contamination(**values: Any) -> ContaminationFile:
    """Nine training records that share nothing with eight items."""
    defaults = {
        "key": "key", "training": "train.jsonl", "records": 9, "tasks": 2, "items": 8, "nearest": [],
        "contaminated": [],
    }  # fmt: skip
    return ContaminationFile(**(defaults | values))


def generation_task(
    name: str, demos: list[tuple[str, str]], items: list[tuple[str, str]], instruction: str = "What?", family: str = ""
) -> SuiteTask:
    """A task with free answers, from (input, output) pairs."""
    spec = SuiteTaskSpec(task=name, instruction=instruction, kind="generation", demos=len(demos), family=family)
    rows = [[SuiteRow(input=shown, output=[output]) for shown, output in pairs] for pairs in (demos, items)]
    return SuiteTask(spec, tuple(rows[0]), tuple(rows[1]))


def choice_task(demos: str, items: str, fixed: bool = True) -> SuiteTask:
    """A multiple-choice task on four colours, whose answers are given by their first letters."""
    colours = {"r": "red", "b": "blue", "g": "green"}
    rows = [
        SuiteRow(input=f"thing {n}", output=[colours[letter]], options=COLOURS)
        for n, letter in enumerate(demos + items)
    ]
    kind = SuiteTaskSpec(
        task="colour", instruction="Which?", kind="multiple_choice", options_fixed=fixed, demos=len(demos)
    )
    return SuiteTask(kind, tuple(rows[: len(demos)]), tuple(rows[len(demos) :]))
