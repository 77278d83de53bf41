"""Label names: a family draws one naming scheme a task, so that no answer word stands for a task."""

from collections.abc import Callable
from random import Random

from kshot.generate.bank.words import nonsense_pair
from kshot.tasks.family import Params

YES_NO = (("yes", "no"), ("Yes", "No"), ("true", "false"), ("True", "False"), ("T", "F"), ("Y", "N"))
TRUE_FALSE = (("true", "false"), ("True", "False"), ("T", "F"), ("correct", "incorrect"), ("right", "wrong"))
CORRECT = (("correct", "incorrect"), ("yes", "no"), ("right", "wrong"), ("ok", "error"), ("T", "F"))
VALID = (("valid", "invalid"), ("yes", "no"), ("accepted", "rejected"), ("pass", "fail"), ("True", "False"))


def scheme(keys: str, *choices: tuple[str, ...]) -> Callable[[Random], Params]:
    """Params that draw one of `choices` and bind its labels to the space-separated `keys`."""
    names = keys.split()

    def params(rng: Random) -> Params:
        return dict(zip(names, rng.choice(choices), strict=True))

    return params


def scheme_or_made_up(keys: str, *choices: tuple[str, ...]) -> Callable[[Random], Params]:
    """As `scheme` for two labels, with a pair of made-up words one time in five."""
    usual, names = scheme(keys, *choices), keys.split()

    def params(rng: Random) -> Params:
        return dict(zip(names, nonsense_pair(rng), strict=True)) if rng.random() < 0.2 else usual(rng)

    return params


def space(keys: str) -> Callable[[Params], tuple[str, ...]]:
    """The label space made of the params named by `keys`."""
    names = keys.split()
    return lambda params: tuple(params[name] for name in names)
