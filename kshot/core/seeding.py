"""Named random streams: every draw in kshot comes from one seed and a name.

A stream depends on its name alone, never on what was drawn elsewhere, so adding a task or a record does not move the
draws of another, and a rerun that skips finished work still gives the same bytes.
"""

import hashlib
import random


def digest(*parts: object, size: int = 16) -> str:
    """Hex digest of `size` characters of the parts, each kept apart from its neighbours."""
    joined = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:size]


def stream(seed: int, *names: object) -> random.Random:
    """A generator for one named purpose, e.g. `stream(7, "compose", task_id, index)`."""
    return random.Random(int(digest(seed, *names), 16))
