"""Datasets of reasoning-gym (arXiv:2505.24760) as units: `generate.reasoning_gym`, with `pip install 'kshot[gym]'`.

Only what stands in `gym_table.py` is taken, so a later release brings nothing into training that nobody has read.
reasoning_gym is imported when a unit of it is asked for, and not otherwise.
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

ALL = "all"
PACKAGE = "reasoning_gym"
PREFIX = "reasoning_gym_"
LONGEST = 900
"""Characters of a question and its answer together."""

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
"""Datasets that are near a matter of the held-out tasks: no student may be trained on them."""

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
    "its answers need a machine or long working": (
        "bf", "binary_alternation", "binary_matrix", "bitwise_arithmetic", "coin_flip", "dice", "power_function",
        "rotten_oranges",
    ),
    "it brings demonstrations of its own": ("arc_1d", "list_functions"),
    "its questions cannot all be answered": ("aiw",),
    "its inputs repeat, or come out as they went in": ("caesar_cipher", "string_insertion"),
    "it is made from the test items of a benchmark": ("gsm_symbolic",),
    "the same seed gives other questions in another process": ("isomorphic_strings", "ransom_note"),
}  # fmt: skip
"""Why the other datasets of reasoning-gym 0.1.25 are left out."""


def reasoning_gym_sources(names: Sequence[str]) -> list[TaskSource]:
    """The units of datasets of reasoning-gym, in a fixed order.

    Args:
        names: as reasoning-gym has them; `all` for all that kshot takes, empty for none.

    Raises:
        ConfigError: a name that is not taken, or reasoning-gym cannot be imported.
    """
    if faults := [fault for name in names if (fault := _fault(name))]:
        raise ConfigError(faults)
    if not names:
        return []
    package = _package()
    return [_unit(taken, package) for taken in TABLE if taken.name in names or ALL in names]


def is_installed() -> bool:
    """Whether reasoning-gym can be found; it is not imported."""
    return importlib.util.find_spec(PACKAGE) is not None


def _fault(name: str) -> str | None:
    """What is against the name, or None."""
    known = [taken.name for taken in TABLE]
    if name == ALL or name in known:
        return None
    if name in HELD_OUT:
        return (
            f"generate.reasoning_gym: {name!r} is left out, since held-out tasks are about the same: {HELD_OUT[name]}"
        )
    if why := next((why for why, others in UNFIT.items() if name in others), None):
        return f"generate.reasoning_gym: {name!r} is left out: {why}"
    near = suggest(name.removeprefix(PREFIX), [*known, ALL], f"known here: {', '.join([ALL, *known])}")
    return f"generate.reasoning_gym: {name!r} is no dataset that kshot takes from reasoning-gym; {near}"


def _package() -> Any:
    try:
        return importlib.import_module(PACKAGE)
    except ImportError as error:
        raise ConfigError(
            [f"generate.reasoning_gym: reasoning-gym cannot be loaded ({error}); pip install 'kshot[gym]'"]
        ) from None


def _unit(taken: ReasoningGymDataset, package: Any) -> TaskSource:
    def problems(rng: Random, params: Params, n: int, wanted: Sequence[str] = ()) -> list[Example]:
        return choose_examples(_drawn(taken, package, rng.randrange(2**31), count_draws(n)), n)

    return TaskSource(
        id=f"{PREFIX}{taken.name}",
        family=taken.family or taken.name,
        category=taken.category,
        origin="reasoning_gym",
        descriptions=taken.descriptions,
        anchors=taken.anchors,
        params=no_params,
        sample_examples=problems,
    )


def _drawn(taken: ReasoningGymDataset, package: Any, seed: int, size: int) -> Iterator[Example]:
    """Up to `size` examples that are short and whose answer passes the dataset's own check."""
    dataset = package.create_dataset(taken.name, seed=seed, size=size, **taken.settings)
    for number in range(size):
        entry = dataset[number]
        question, answer = entry["question"].strip(), str(entry["answer"]).strip()
        found = re.search(taken.problem, question, re.DOTALL)
        if found is None:
            raise DataError(f"reasoning-gym words {taken.name!r} in a way unknown to kshot; pip install 'kshot[gym]'")
        short = len(question) + len(answer) <= LONGEST
        if short and answer and dataset.score_answer(answer, entry) == 1:
            text = "\n".join(part.strip() for part in found.groups())
            yield Example(text, answer, None, "reasoning_gym", "score_answer")
