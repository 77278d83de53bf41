"""Datasets of reasoning-gym (arXiv:2505.24760) as task sources: `generate.reasoning_gym`, `pip install 'kshot[gym]'`.

kshot uses only the datasets of `reasoning_gym_table.py`: a later release brings nothing into training that nobody has
read. reasoning_gym is imported when a source of it is needed, and not otherwise.
"""

import importlib
import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from kshot.config.loader import suggest
from kshot.core.errors import ConfigError, DataError
from kshot.core.types import Example
from kshot.generate.bank.reasoning_gym_table import TABLE, ReasoningGymDataset
from kshot.tasks.family import Params, no_params
from kshot.tasks.source import TaskSource, choose_examples, count_draws

VERSION = 1
"""Raise it with every change of an output; the data's cache key contains it."""
ALL = "all"
PACKAGE = "reasoning_gym"
PREFIX = "reasoning_gym_"
MAX_CHARS = 900
"""Of a question and its answer together."""

HELD_OUT: Mapping[str, str] = {
    "word_sorting": "alphabetical sorting",
    "number_sequence": "number sequences",
    "letter_counting": "counting",
    "leg_counting": "counting",
    "count_bits": "counting",
    "count_primes": "counting",
    "rectangle_count": "counting",
    "largest_island": "counting",
    "calendar_arithmetic": "dates",
    "time_intervals": "dates",
    "emoji_mystery": "emojis",
    "base_conversion": "other notations of a number, as Roman numerals are",
    "color_cube_rotation": "turning",
    "rubiks_cube": "turning",
}
"""Datasets close to a held-out task, which no student may train on, with that task's subject."""

UNFIT: Mapping[str, tuple[str, ...]] = {
    "its questions or answers are long": (
        "acre", "advanced_geometry", "arc_agi", "boxnet", "circuit_logic", "codeio", "composite", "figlet_font",
        "futoshiki", "game_of_life", "game_of_life_halting", "mahjong_puzzle", "maze", "mini_sudoku", "modulo_grid",
        "n_queens", "rearc", "self_reference", "sokoban", "string_manipulation", "string_splitting", "string_synthesis",
        "sudoku", "tsumego", "zebra_puzzles",
    ),
    "it has more than one right answer, or one in several forms": (
        "complex_arithmetic", "countdown", "cryptarithm", "decimal_arithmetic", "graph_color", "group_anagrams",
        "intermediate_integration", "jugs", "kakurasu", "knight_swap", "letter_jumble", "number_format",
        "palindrome_generation", "palindrome_partitioning", "polynomial_equations", "polynomial_multiplication",
        "pool_matrix", "propositional_logic", "puzzle24", "quantum_lock", "rush_hour", "sentence_reordering",
        "shortest_path", "simple_integration", "survo", "tower_of_hanoi", "word_ladder",
    ),
    "its answers need a computer or many steps": (
        "bf", "binary_alternation", "binary_matrix", "bitwise_arithmetic", "coin_flip", "dice", "power_function",
        "rotten_oranges",
    ),
    "it brings demonstrations of its own": ("arc_1d", "list_functions"),
    "its questions cannot all be answered": ("aiw",),
    "its inputs repeat, or come out as they went in": ("caesar_cipher", "string_insertion"),
    "it is made from the test items of a benchmark": ("gsm_symbolic",),
    "the same seed gives other questions in another process": ("isomorphic_strings", "ransom_note"),
}  # fmt: skip
"""Why kshot leaves out the other datasets of reasoning-gym 0.1.25."""


def reasoning_gym_sources(names: Sequence[str]) -> list[TaskSource]:
    """The task sources of datasets of reasoning-gym, in a fixed order.

    Args:
        names: reasoning-gym's names; `all` for all that kshot uses, empty for none.

    Raises:
        ConfigError: a name that kshot does not use, or reasoning-gym cannot be imported.
    """
    if errors := [error for name in names if (error := _name_error(name))]:
        raise ConfigError(errors)
    if not names:
        return []
    package = _import_package()
    return [_source(dataset, package) for dataset in TABLE if dataset.name in names or ALL in names]


def is_installed() -> bool:
    """Whether reasoning-gym is installed; it is not imported."""
    return importlib.util.find_spec(PACKAGE) is not None


def _name_error(name: str) -> str | None:
    """Why kshot does not use a dataset of this name, or None."""
    known = [dataset.name for dataset in TABLE]
    if name == ALL or name in known:
        return None
    if name in HELD_OUT:
        subject = HELD_OUT[name]
        return f"generate.reasoning_gym: {name!r} is left out, since held-out tasks have the same subject: {subject}"
    if why := next((why for why, others in UNFIT.items() if name in others), None):
        return f"generate.reasoning_gym: {name!r} is left out: {why}"
    near = suggest(name.removeprefix(PREFIX), [*known, ALL], f"known here: {', '.join([ALL, *known])}")
    return f"generate.reasoning_gym: {name!r} is no dataset that kshot uses from reasoning-gym; {near}"


def _import_package() -> Any:
    try:
        return importlib.import_module(PACKAGE)
    except ImportError as error:
        raise ConfigError(
            [f"generate.reasoning_gym: reasoning-gym cannot be loaded ({error}); pip install 'kshot[gym]'"]
        ) from None


def _source(dataset: ReasoningGymDataset, package: Any) -> TaskSource:
    def sample_examples(rng: Random, params: Params, n: int, outputs: Sequence[str] = ()) -> list[Example]:
        return choose_examples(_draw(dataset, package, rng.randrange(2**31), count_draws(n)), n)

    return TaskSource(
        id=f"{PREFIX}{dataset.name}",
        family=dataset.family or dataset.name,
        category=dataset.category,
        origin="reasoning_gym",
        descriptions=dataset.descriptions,
        anchors=dataset.anchors,
        params=no_params,
        sample_examples=sample_examples,
    )


def _draw(dataset: ReasoningGymDataset, package: Any, seed: int, size: int) -> Iterator[Example]:
    """Draw up to `size` short examples whose answer passes the dataset's own check."""
    problems = package.create_dataset(dataset.name, seed=seed, size=size, **dataset.settings)
    for number in range(size):
        entry = problems[number]
        question, answer = entry["question"].strip(), str(entry["answer"]).strip()
        match = re.search(dataset.problem, question, re.DOTALL)
        if match is None:
            raise DataError(
                f"reasoning-gym phrases {dataset.name!r} in a way unknown to kshot; pip install 'kshot[gym]'"
            )
        is_short = len(question) + len(answer) <= MAX_CHARS
        if is_short and answer and problems.score_answer(answer, entry) == 1:
            text = "\n".join(part.strip() for part in match.groups())
            yield Example(text, answer, None, "reasoning_gym", "score_answer")
