"""`ablate`: the grid of `kshot ablate`."""

from typing import Annotated, Any

from pydantic import Field

from kshot.config.section import Section, Seed


class AblateConfig(Section):
    """The grid: every combination of the values, or one at a time; each trial trained with every seed."""

    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    """Keys and the values to try, e.g. {generate.shots: [[1], [1, 2, 4]], train.sft.learning_rate: [3.0e-4, 8.0e-4]}.
    Any key but those of `ablate` and `evaluate`, `runs` and `train.seed`."""
    one_at_a_time: bool = False
    """true: the config, and each value alone. false: every combination."""
    seeds: list[Seed] = []
    """Training seeds; empty: the config's. With several, intervals cover the training as well."""
    resample_data: bool = False
    """true: each seed draws its own data too, and intervals cover the whole recipe."""
    keep_merged: bool = True
    """false: keep train/adapter only of each trial, which is all that the command reads."""
