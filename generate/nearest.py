"""How near is the nearest held-out task? By descriptions: the cosine of their TF-IDF weighted character n-grams.

Character n-grams see inflected and compounded forms of a word. PyPI holds no embedding model with its weights that is
vouched for, so wordings that share no stem count as far apart.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kshot.panel import Panel

SIZES = (3, 4, 5)
_SLOT = re.compile(r"\{+\w*\}+")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Near:
    """The held-out task that is nearest to a training family, and the two wordings that are."""

    family: str
    panel: str
    task: str
    similarity: float
    """From 0, no n-gram in common, to 1."""
    description: str
    instruction: str


def nearest(descriptions: Mapping[str, Sequence[str]], panels: Sequence[Panel]) -> list[Near]:
    """For each family, in its order, the panels' nearest task; nothing where there is no panel.

    Args:
        descriptions: the wordings of each family; `{slots}` do not count.
    """
    targets = [(panel.name, task.name, task.entry.instruction) for panel in panels for task in panel.tasks]
    if not targets:
        return []
    bags = {text: _grams(text) for texts in descriptions.values() for text in texts}
    theirs = [_grams(instruction) for *_, instruction in targets]
    spread = Counter(gram for bag in (*bags.values(), *theirs) for gram in bag)
    total = len(bags) + len(theirs)
    postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, bag in enumerate(theirs):
        for gram, weight in _weights(bag, spread, total).items():
            postings[gram].append((number, weight))
    found = []
    for family, texts in descriptions.items():
        best = (-1.0, 0, "")
        for text in texts:
            cosines = [0.0] * len(targets)
            for gram, weight in _weights(bags[text], spread, total).items():
                for number, other in postings.get(gram, ()):
                    cosines[number] += weight * other
            number = max(range(len(targets)), key=cosines.__getitem__)
            if cosines[number] > best[0]:
                best = (cosines[number], number, text)
        panel, task, instruction = targets[best[1]]
        found.append(Near(family, panel, task, round(best[0], 4), best[2], instruction))
    return found


def _grams(text: str) -> Counter[str]:
    """N-grams within words, whose ends are marked by a space."""
    words = [f" {word} " for word in _WORD.findall(_SLOT.sub(" ", text).lower())]
    return Counter(word[i : i + size] for word in words for size in SIZES for i in range(len(word) - size + 1))


def _weights(bag: Counter[str], spread: Counter[str], total: int) -> dict[str, float]:
    """TF-IDF of length 1."""
    raw = {gram: (1 + math.log(n)) * (1 + math.log(total / spread[gram])) for gram, n in bag.items()}
    size = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
    return {gram: weight / size for gram, weight in raw.items()}
