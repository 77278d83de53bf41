"""`generate.synthesis` and `generate.paraphrase`: what the teacher writes, and how it is checked."""

from typing import Annotated, Literal

from pydantic import Field

from kshot.config.section import Section

ParaphraseMode = Literal["rephrase", "abstract", "restyle"]


class ParaphraseConfig(Section):
    """Paraphrases of task descriptions, written by the teacher and checked."""

    modes: list[ParaphraseMode] = ["rephrase", "abstract", "restyle"]
    """rephrase: other words; abstract: more general; restyle: another style."""
    validate_inputs: Annotated[int, Field(ge=0)] = 4
    """Held-back inputs to solve with the original and with each paraphrase: the proof of its meaning, in any language.
    The teacher must solve as many as with the original, and all of them where a check of the words failed softly.
    0 saves the solves: then a soft failure rejects, and only English wording is checked."""
    per_mode: Annotated[int, Field(ge=0)] = 1
    """Requests for each mode and task."""
    tasks: Annotated[int, Field(ge=1)] | Annotated[list[str], Field(min_length=1)] | None = None
    """Number of tasks to paraphrase in each mode, drawn by the seed, or a list of their ids; null for all."""


class VerifyConfig(Section):
    """How a claimed output is verified where no solver exists."""

    samples: Annotated[int, Field(ge=0, le=64)] = 3
    """Independent solves of the same input, at most; 0 for none. No more are asked for once `agree` is settled."""
    agree: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Fraction of the `samples` that must give the claimed output."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    """Sampling temperature of the solves."""
    judge: bool = False
    """Let the teacher judge outputs that the solves did not confirm."""


class InventConfig(Section):
    """Invent new tasks from a pool of example-based tasks and earlier inventions (Self-Instruct)."""

    rounds: Annotated[int, Field(ge=0)] = 0
    """Rounds; later ones see what earlier ones made."""
    per_round: Annotated[int, Field(ge=1)] = 16
    """Requests in a round."""
    shown: Annotated[int, Field(ge=1)] = 4
    """Tasks of the pool shown in a request."""
    attributes: dict[str, Annotated[list[str], Field(min_length=1)]] = {}
    """What a new task shall be like, e.g. {domain: [mail, law], answer: [one of 3 labels, a number]}: each request
    names one entry of each list, each entry as often as the others. The domain becomes the task's category."""


class DemonstrateConfig(Section):
    """Write more examples of each example-based task, invented ones included."""

    per_task: Annotated[int, Field(ge=0)] = 0
    """Examples to ask for, for each task; rounded up to whole requests, the same number in each wave."""
    per_request: Annotated[int, Field(ge=1, le=16)] = 5
    """Examples in a request, at most. For a task with labels all of them are for one label."""
    waves: Annotated[int, Field(ge=1)] = 3
    """Waves of requests. A later one knows what earlier ones made: it shows it as "not like these", and asks for the
    labels that have fewest."""
    known_shown: Annotated[int, Field(ge=0)] = 12
    """Existing inputs shown as "not like these": half of them the nearest to the topics asked for, half drawn."""
    attributes: bool = True
    """Let the teacher propose, once for each task, the topics, lengths, levels, styles and writers to spread the
    examples over; false takes lists that fit any task."""
    hard_fraction: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Fraction of the requests for a label that ask for inputs which a careless reader gives another, similar label."""


class AugmentConfig(Section):
    """Paraphrase the inputs of gold examples; the answer stays."""

    per_example: Annotated[int, Field(ge=0)] = 0
    """Requests for each gold example."""


class ReasonConfig(Section):
    """Write rationales for examples that have none; keep those that lead to the right answer."""

    per_task: Annotated[int, Field(ge=0)] = 0
    """Examples of each task to write rationales for."""
    samples: Annotated[int, Field(ge=1)] = 1
    """Attempts for each example."""


class InvertConfig(Section):
    """Make the reverse task, output to input, where a task can be reversed."""

    given: bool = True
    """Reverse the tasks whose file words the reverse (`inverse`); asks nobody."""
    ask: bool = False
    """Ask the teacher to word the reverse of the others."""


class SynthesisConfig(Section):
    """What the teacher makes beside paraphrases: all of it verified, and off until asked for."""

    tasks: list[str] = []
    """Ids of the example-based tasks that these modes work on, beside those that they make; empty: all."""
    vary: Annotated[int, Field(ge=0)] = 0
    """Neighbouring tasks for each example-based task."""
    invent: InventConfig = InventConfig()
    demonstrate: DemonstrateConfig = DemonstrateConfig()
    augment: AugmentConfig = AugmentConfig()
    reason: ReasonConfig = ReasonConfig()
    invert: InvertConfig = InvertConfig()
    verify: VerifyConfig = VerifyConfig()
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.8
    """Sampling temperature of these modes."""
    max_tokens: Annotated[int, Field(ge=1)] = 256
    """Maximum tokens of a reply in these modes, for each example in it."""
