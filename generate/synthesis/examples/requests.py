"""The requests for new examples: how many, for which labels, with which attributes, and what they show.

For a task with labels kshot chooses the label, and the teacher writes inputs for it (output first, as in Self-Instruct,
arXiv:2212.10560, section 2.2). For other tasks the teacher writes inputs with their outputs.
"""

import math
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import chain, islice
from random import Random

from kshot.config import DemonstrateConfig
from kshot.core.prompting import has_literal
from kshot.core.seeding import stream
from kshot.core.similarity import SimilarityIndex, TfIdfSimilarity
from kshot.core.types import Example, Task
from kshot.generate.synthesis.examples.attributes import TaskAttributes
from kshot.generate.synthesis.shared.context import SynthesisContext, SynthesisRequest
from kshot.generate.teacher import InputOnly, InputOutput

VERSION = 4
"""Raise when the same tasks give other requests."""

MODE = "demonstrate"
SHOWN_EXAMPLES = 5
MAX_LABEL_EXAMPLES = 3
"""Examples of the label shown in a request for it; others are of other labels."""
RIVALS = 3
"""A label's most similar ones, of which a hard input has one as its wrong answer."""
MAX_KNOWN_CHARS = 200
"""So much of a known input is shown."""


def count_waves(settings: DemonstrateConfig) -> int:
    """Waves in which the examples are asked for."""
    return math.ceil(settings.per_task / _examples_per_wave(settings))


def build_wave(
    task: Task, wave: int, settings: DemonstrateConfig, attributes: TaskAttributes, context: SynthesisContext
) -> list[SynthesisRequest]:
    """Return a wave's requests for a task as it is then. A label with fewer examples comes first.

    Args:
        task: with the examples that earlier waves added.
        wave: 0 is the first.
    """
    per_wave = _examples_per_wave(settings)
    size = min(settings.per_request, math.ceil(per_wave / max(1, len(task.labels))))
    count = math.ceil(per_wave / size)
    planner = _Planner(task, settings, attributes, context)
    return [planner.build(number, size) for number in range(wave * count, (wave + 1) * count)]


def _examples_per_wave(settings: DemonstrateConfig) -> int:
    return max(1, math.ceil(settings.per_task / settings.waves))


class _Planner:
    """Builds the requests of one wave for one task."""

    def __init__(
        self, task: Task, settings: DemonstrateConfig, attributes: TaskAttributes, context: SynthesisContext
    ) -> None:
        self._task, self._settings, self._attributes, self._context = task, settings, attributes, context
        self._totals = Counter(example.output for example in task.examples)
        self._by_label = {
            label: [example for example in task.examples if example.output == label] for label in task.labels
        }
        self._similarity = TfIdfSimilarity(example.input for example in task.examples)

    def build(self, number: int, size: int) -> SynthesisRequest:
        task, context = self._task, self._context
        rng = stream(context.seed, MODE, task.id, number)
        label = min(task.labels, key=lambda name: self._totals[name]) if task.labels else ""
        self._totals[label] += size
        rival = self._draw_rival(label, rng)
        wanted = [self._attributes.draw(context.seed, task.id, number * size + item) for item in range(size)]
        gold = [example for example in task.examples if example.mode == "gold"] or task.examples
        examples = self._draw_label_examples(label, rival, rng) if label else draw_shown_examples(gold, "", rng)
        prompt = context.prompts.render(
            "demonstrate_label" if label else "demonstrate",
            instruction=rng.choice(task.descriptions),
            examples=examples,
            label=label,
            labels=task.labels,
            rival=rival,
            names_labels=self._names_labels,
            wanted=wanted,
            known=self._draw_known(label, examples, wanted, rng),
        )
        request = context.build_request(prompt, number, InputOnly if label else InputOutput, size, as_list=True)
        drawn = tuple(tuple(values.items()) for values in wanted)
        return SynthesisRequest(MODE, task, number, request, output=label, attributes=drawn)

    def _draw_rival(self, label: str, rng: Random) -> str:
        """Return a label that is similar to this one, or "" where the request shall ask for no hard input."""
        if len(self._task.labels) < 2 or not label or rng.random() >= self._settings.hard_fraction:
            return ""
        labels = self._task.labels
        cosines = self._label_index.cosines(self._describe_label(label))
        others = [position for position in range(len(labels)) if labels[position] != label]
        return labels[rng.choice(sorted(others, key=lambda position: -cosines[position])[:RIVALS])]

    @cached_property
    def _names_labels(self) -> bool:
        """True if an input of the task may hold its label, as gold ones do."""
        return any(
            has_literal(example.input.casefold(), example.output.casefold())
            for example in self._task.examples
            if example.mode == "gold"
        )

    @cached_property
    def _index(self) -> SimilarityIndex:
        return SimilarityIndex(self._similarity, [example.input for example in self._task.examples])

    @cached_property
    def _label_index(self) -> SimilarityIndex:
        return SimilarityIndex(self._similarity, [self._describe_label(label) for label in self._task.labels])

    def _describe_label(self, label: str) -> str:
        return "\n".join([label, *(example.input for example in self._by_label[label])])

    def _draw_label_examples(self, label: str, rival: str, rng: Random) -> tuple[Example, ...]:
        """Draw examples of the label, one of its rival and of other labels. Gold ones come first."""
        mine = _gold_first(self._by_label[label], rng)[:MAX_LABEL_EXAMPLES]
        rivals = _gold_first(self._by_label.get(rival, []), rng)[:1]
        shown = {label, rival}
        others = []
        for example in _gold_first(self._task.examples, rng):
            if example.output not in shown:
                shown.add(example.output)
                others.append(example)
        return (*mine, *rivals, *others)[:SHOWN_EXAMPLES]

    def _draw_known(
        self, label: str, shown: Sequence[Example], wanted: Sequence[dict[str, str]], rng: Random
    ) -> list[str]:
        """Draw inputs to show as "not like these": half of them the nearest to what is asked for, half at random."""
        hidden = {example.input for example in shown}
        pool = [
            position
            for position, example in enumerate(self._task.examples)
            if example.input not in hidden and (not label or example.output == label)
        ]
        limit = self._settings.known_shown
        if len(pool) > limit:
            cosines = self._index.cosines(" ".join(values.get("topic", "") for values in wanted))
            nearest = set(sorted(pool, key=lambda position: -cosines[position])[: limit // 2])
            others = [position for position in pool if position not in nearest]
            pool = sorted(nearest | set(rng.sample(others, limit - len(nearest))))
        texts = [self._task.examples[position].input for position in pool]
        return [text if len(text) <= MAX_KNOWN_CHARS else f"{text[:MAX_KNOWN_CHARS]}…" for text in texts]


def _gold_first(examples: Sequence[Example], rng: Random) -> list[Example]:
    return sorted(rng.sample(examples, len(examples)), key=lambda example: example.mode != "gold")


def draw_shown_examples(examples: Sequence[Example], label: str, rng: Random) -> tuple[Example, ...]:
    """Draw examples to show: one with the label first, where there is one, then others with as many outputs as fit.

    Args:
        label: "" for a task without labels.
    """
    shuffled = rng.sample(examples, len(examples))
    chosen = [example for example in shuffled if label and example.output == label][:1]
    shown = {example.output for example in chosen}
    for example in shuffled:
        if example.output not in shown:
            shown.add(example.output)
            chosen.append(example)
    # No more than are shown are looked for: a task may have thousands.
    others = (example for example in shuffled if example not in chosen)
    return tuple(islice(chain(chosen, others), SHOWN_EXAMPLES))
