"""The mode `augment`: paraphrases of the inputs of gold examples. The answer stays, and solves verify it."""

from collections.abc import Sequence

from kshot.config import AugmentConfig
from kshot.core.prompting import list_unnamed_labels
from kshot.core.seeding import stream
from kshot.core.types import Reject, Task
from kshot.generate.synthesis.diversity import INPUT_STYLES
from kshot.generate.synthesis.examples.collect import collect_examples
from kshot.generate.synthesis.shared.context import SynthesisContext, SynthesisRequest
from kshot.generate.teacher import InputOnly

VERSION = 2
"""Raise when the same tasks give other requests."""

MODE = "augment"
MIN_INPUT_WORDS = 4
"""A shorter input, such as "umbrella" or "le chat noir", has no paraphrase but itself."""


def paraphrase_inputs(
    tasks: Sequence[Task], settings: AugmentConfig, context: SynthesisContext
) -> tuple[list[Task], list[Reject]]:
    """Return the tasks with accepted paraphrases of their gold examples added, and the rejects with reasons.

    Raises:
        TeacherError: see `Teacher.ask`.
        ConfigError: see `PromptTemplates.render`.
    """
    requests: list[SynthesisRequest] = []
    for task in tasks:
        gold = [e for e in task.examples if e.mode == "gold" and len(e.input.split()) >= MIN_INPUT_WORDS]
        for number in range(settings.per_example * len(gold)):
            example = gold[number % len(gold)]
            style = stream(context.seed, MODE, task.id, number).choice(INPUT_STYLES)
            instruction = list_unnamed_labels(task.descriptions[0], task.labels)
            prompt = context.prompts.render(MODE, instruction=instruction, example=example, style=style)
            request = context.build_request(prompt, number, InputOnly)
            requests.append(SynthesisRequest(MODE, task, number, request, example.input, example.output))
    return collect_examples(tasks, requests, "paraphrasing inputs", context)
