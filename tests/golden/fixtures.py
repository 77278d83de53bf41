"""Fixed inputs of the golden outputs: texts, tasks, families, a suite, sampled records."""

import random
from functools import cache
from pathlib import Path
from typing import Any

from kshot.config import GenerateConfig
from kshot.core.types import Description
from kshot.generate.compose.labels import LabelTurns
from kshot.generate.compose.sampler import SampledRecord, sample_record
from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec
from kshot.tasks.family import Family, Params, Problem
from kshot.tasks.reader import load_tasks
from kshot.tasks.source import TaskSource, source_from_family, source_from_task

GOLDEN = Path(__file__).parent
SEED = 11
TEXTS = (
    "On the third day the keeper of the light walked down to the harbour and counted every boat.",
    "on the third day the keeper of the LIGHT walked down to the harbour, and counted every boat",
    "On the third day the keeper of the light walked up to the tower and counted every ship there.",
    "Sort the words by their length.",
    "I'm sorry, but as an AI language model I cannot help with that.",
    "Schreibe das Gegenteil von jedem Wort auf, eines je Zeile.",
    "x",
    "",
)
HELD_OUT_TEXT = "the quick brown fox jumps over the lazy dog today"


@cache
def held_out_suite() -> Suite:
    colours = SuiteTaskSpec(task="colours", instruction="Name the colour of the thing.", kind="generation", demos=1)
    moods = SuiteTaskSpec(
        task="moods", instruction="Is the speaker glad or sad? Answer glad or sad.", kind="multiple_choice", demos=0
    )
    return Suite(
        "golden",
        (
            SuiteTask(colours, (SuiteRow(input="a ripe lemon", output=["yellow"]),), (
                SuiteRow(input="the sky at noon", output=[HELD_OUT_TEXT]),
            )),
            SuiteTask(moods, (), (SuiteRow(input="We missed the last ferry home.", output=["sad"],
                                           options=["glad", "sad"]),)),
        ),
    )  # fmt: skip


def _sample_parity(rng: random.Random, params: Params) -> Problem:
    number = 2 * rng.randint(1, 400) + rng.randint(0, 1)
    return Problem(f"{number}", number)


def _draw_names(rng: random.Random) -> Params:
    first, second = rng.choice((("even", "odd"), ("E", "O"), ("pair", "single")))
    return {"even": first, "odd": second}


_PARITY = (
    "Is the number even or odd? Write '{even}' for even, '{odd}' for odd.",
    "Write '{even}' if two divides the number, else '{odd}'.",
    "Even numbers are '{even}', odd ones '{odd}'. Which is it?",
)
_DOUBLE = ("Double the number.", "Write twice the number.", "Multiply by two, and write {word} if it is above 700.")
FAMILY_FIXTURES = (
    Family(
        "golden_parity", "golden", _PARITY, _sample_parity, lambda n, p: p["odd"] if n % 2 else p["even"],
        (("even", "two"),), params=_draw_names, labels=lambda params: (params["even"], params["odd"]),
        no_label_instructions=("Which of the two kinds is the number?",),
    ),
    Family(
        "golden_double", "golden", _DOUBLE, _sample_parity,
        lambda n, p: p["word"] if 2 * n > 700 else str(2 * n), (("doubl", "twice", "two"),),
        params=lambda rng: {"word": rng.choice(("large", "none"))},
        rationale=lambda n, p: f"{n} plus {n} is {2 * n}.",
    ),
    Family(
        "golden_hidden", "golden", ("Find the rule.", "Apply the rule.", "Do as shown."), _sample_parity,
        lambda n, p: f"{p['mark']}{n}", (("rule", "shown"),),
        params=lambda rng: {"mark": rng.choice("+-*/#")}, min_k=2,
    ),
)  # fmt: skip
SETTINGS = GenerateConfig(
    records=60, shots=[1, 2, 3, 4], cot_fraction=0.3, symbol_tuning_fraction=0.3, wrapped_fraction=0.4
)


@cache
def task_sources() -> tuple[TaskSource, ...]:
    tasks = load_tasks(GOLDEN / "tasks.yaml")
    return (*map(source_from_family, FAMILY_FIXTURES), *map(source_from_task, tasks))


@cache
def sampled_records() -> tuple[SampledRecord | str, ...]:
    turns = LabelTurns()
    return tuple(
        sample_record(source, [Description(text) for text in source.descriptions], SETTINGS, turns, SEED, index, 0)
        for source in task_sources()
        for index in range(24)
    )


def no_tick(done: int = 1, note: str = "") -> None:
    return None


class FakeReasoningGym:
    """Stands in for reasoning-gym and its chain_sum: some answers fail the check, some questions are long."""

    def create_dataset(self, name: str, seed: int, size: int, **settings: Any) -> "FakeReasoningGym":
        self.seed = seed
        return self

    def __getitem__(self, index: int) -> dict[str, Any]:
        a, b = (self.seed + 17 * index) % 97, index
        text = f"State the final answer to the following arithmetic problem: {a} + {b} ="
        return {"question": "so " * 300 * (index % 4 == 3) + text, "answer": str(a + b), "index": index}

    def score_answer(self, answer: str, entry: dict[str, Any]) -> float:
        return 0.5 if entry["index"] % 3 == 2 else 1.0
