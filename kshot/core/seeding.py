"""Named random streams: every draw comes from one seed and a name.

A stream depends on its name alone, never on other draws. So adding a task does not move the draws of another, and a
rerun that skips finished work gives the same bytes.
"""

import hashlib
import random
from collections.abc import Sequence


def digest(*parts: object, size: int = 16) -> str:
    """Hex digest (`size` characters) of the parts, separated."""
    joined = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:size]


def stream(seed: int, *names: object) -> random.Random:
    """A generator for one purpose, e.g. `stream(7, "compose", task_id, index)`."""
    return random.Random(int(digest(seed, *names), 16))


def draw_in_turn(values: Sequence[str], number: int, seed: int, *names: object) -> str:
    """The value for the draw of this number: each value as often as the others, in an order of the seed's."""
    turn, position = divmod(number, len(values))
    return stream(seed, *names, turn).sample(values, len(values))[position]
