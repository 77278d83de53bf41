"""Label names: a family draws one naming scheme for each task, so that no answer word identifies a family."""

from collections.abc import Callable
from random import Random

from kshot.generate.bank.words import draw_nonsense_pair
from kshot.tasks.family import Params

YES_NO = (("yes", "no"), ("Yes", "No"), ("true", "false"), ("True", "False"), ("T", "F"), ("Y", "N"))
TRUE_FALSE = (("true", "false"), ("True", "False"), ("T", "F"), ("correct", "incorrect"), ("right", "wrong"))
CORRECT = (("correct", "incorrect"), ("yes", "no"), ("right", "wrong"), ("ok", "error"), ("T", "F"))
VALID = (("valid", "invalid"), ("yes", "no"), ("accepted", "rejected"), ("pass", "fail"), ("True", "False"))


def scheme(keys: str, *choices: tuple[str, ...]) -> Callable[[Random], Params]:
    """Build params that draw one of `choices` and bind its labels to the space-separated `keys`."""
    names = keys.split()

    def params(rng: Random) -> Params:
        return dict(zip(names, rng.choice(choices), strict=True))

    return params


def scheme_or_made_up(keys: str, *choices: tuple[str, ...]) -> Callable[[Random], Params]:
    """Build params as `scheme` does, for two labels; one draw in five gives a pair of made-up words."""
    usual, names = scheme(keys, *choices), keys.split()

    def params(rng: Random) -> Params:
        return dict(zip(names, draw_nonsense_pair(rng), strict=True)) if rng.random() < 0.2 else usual(rng)

    return params


def space(keys: str) -> Callable[[Params], tuple[str, ...]]:
    """Build the label space from the params that `keys` name."""
    names = keys.split()
    return lambda params: tuple(params[name] for name in names)
