"""Fixed outputs of the synthesis modes, made with a scripted teacher that gives good and bad replies."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any

from kshot.config import (
    AugmentConfig,
    DemonstrateConfig,
    InventConfig,
    InvertConfig,
    ParaphraseConfig,
    ReasonConfig,
    VerifyConfig,
)
from kshot.core.answers import exact_match, normalize_answer, tidy_answer
from kshot.core.types import Example, Reject, Task
from kshot.generate.curation.copies.known_inputs import KnownInputs
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.input_checks import find_input_fault
from kshot.generate.curation.rationale_checks import find_rationale_fault
from kshot.generate.synthesis import diversity
from kshot.generate.synthesis.evolve import vary_tasks
from kshot.generate.synthesis.examples.attributes import TaskAttributes, propose_attributes
from kshot.generate.synthesis.examples.write import write_examples
from kshot.generate.synthesis.inversion import invert_tasks
from kshot.generate.synthesis.novelty import TaskNovelty
from kshot.generate.synthesis.paraphrase import paraphrase_descriptions
from kshot.generate.synthesis.paraphrase_inputs import paraphrase_inputs
from kshot.generate.synthesis.rationales import write_rationales
from kshot.generate.synthesis.self_instruct import invent_tasks
from kshot.generate.synthesis.shared.context import SynthesisContext
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.synthesis.shared.verify import Claim, verify_claims
from kshot.generate.teacher import BudgetExceededError, Cost, Estimate, Reply, Request
from kshot.tasks.source import source_from_task
from tests.unit.test_teacher_text_checks import (
    BAD_INPUTS,
    BAD_RATIONALES,
    GOOD_INPUTS,
    GOOD_RATIONALES,
    INSTRUCTION,
    TEAMS,
    TICKETS,
)

TASKS = (
    Task(
        "upper", "upper", "letters", ("Write the word in capitals.", "Turn the word into capital letters."),
        tuple(Example(word, word.upper()) for word in ("river", "stone", "lamp", "a green garden gate")),
    ),
    Task(
        "mood", "mood", "classification", ("Is the mood of the message 'glad' or 'sad'?",),
        (Example("We won the match today!", "glad"), Example("The old dog died last night.", "sad"),
         Example("What a lovely morning it is.", "glad")), labels=("glad", "sad"),
    ),
)  # fmt: skip
INPUTS = [(text, label, TICKETS, TEAMS, INSTRUCTION) for text, label, *_ in (*GOOD_INPUTS, *BAD_INPUTS)]
RATIONALES = [row[:4] for row in (*GOOD_RATIONALES, *BAD_RATIONALES)]
REPLIES = (
    '{"input": "a small blue boat on the lake", "output": "A SMALL BLUE BOAT ON THE LAKE"}',
    '{"name": "Last word", "family": "words", "instruction": "Write the last word of the sentence.", '
    '"input": "The cat sleeps.", "output": "sleeps", "labels": []}',
    '{"input": "I lost my keys and missed the bus", "output": "sad"}',
    "Sure, here it is: nothing",
    '{"examples": [{"input": "grey fog", "output": "GREY FOG"}, {"input": "stone", "output": "STONE"}, {"input": 4}]}',
    '{"topics": ["tea", "ships"], "lengths": ["short"], "writers": ["a pilot", "a cook", "a cook"]}',
    '{"instruction": "Write the word in small letters.", "input": "STONE", "output": "stone"}',
    "The word has five letters and each of them gets its capital form.\nAnswer: RIVER",
    "Put the word into capital letters.",
    "glad",
    "sleeps",
    "yes",
)


class ScriptedTeacher:
    """Chooses a reply by the hash of the prompt and the sample, and notes the requests."""

    name = "scripted"
    budget_error: BudgetExceededError | None = None

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        self.requests += requests
        return [Reply(self._reply(request), "stop") for request in requests]

    def estimate(self, requests: Iterable[Request]) -> Estimate:
        return Estimate(0, Cost(len(list(requests))))

    @staticmethod
    def _reply(request: Request) -> str:
        text = f"{request.prompt}\n{request.sample}"
        return REPLIES[int(sha256(text.encode()).hexdigest(), 16) % len(REPLIES)]


def _task_content(task: Task) -> dict[str, Any]:
    """The task's fields; one that was added later counts where it is set."""
    content = asdict(task)
    if not content["allow_empty_outputs"]:
        del content["allow_empty_outputs"]
    for example in content["examples"]:
        if not example["attributes"]:
            del example["attributes"]
    return content


def _reject_content(reject: Reject) -> dict[str, Any]:
    """The reject's fields without the link to its request, whose prompt is an output of its own."""
    return {name: value for name, value in asdict(reject).items() if name != "request"}


def _run(mode: Callable[[SynthesisContext], Any]) -> Any:
    teacher = ScriptedTeacher()
    verify = VerifyConfig(samples=2, agree=0.5, judge=True)
    context = SynthesisContext(teacher, PromptTemplates(None), verify, Decontaminator([]), 11, 0.8, 64)
    tasks, rejects = mode(context)
    prompts = [[request.prompt, request.sample, request.temperature] for request in teacher.requests]
    return [prompts, [_task_content(task) for task in tasks], [_reject_content(reject) for reject in rejects]]


def _paraphrases() -> Any:
    teacher = ScriptedTeacher()
    settings = ParaphraseConfig(per_mode=3, validate_inputs=1)
    sources = [source_from_task(task) for task in TASKS]
    accepted, rejects = paraphrase_descriptions(sources, settings, teacher, PromptTemplates(None), 11)
    texts = {name: [asdict(text) for text in group] for name, group in accepted.items()}
    return [texts, [_reject_content(reject) for reject in rejects], [request.prompt for request in teacher.requests]]


def _verdicts() -> Any:
    teacher = ScriptedTeacher()
    claims = [Claim("Write the last word.", f"sentence {n}", output) for n, output in enumerate(("sleeps", "glad") * 6)]
    claims.append(Claim("Glad or sad?", "x", "angry", labels=("glad", "sad")))
    settings = VerifyConfig(samples=3, agree=0.3, judge=True)
    return [asdict(verdict) for verdict in verify_claims(claims, teacher, settings, PromptTemplates(None), "verify")]


def _novelties() -> Any:
    novelty = TaskNovelty([text for task in TASKS for text in task.descriptions])
    texts = ("Turn the word into capitals.", "Count the vowels.", "Is the mood of this message 'glad' or 'sad'?")
    return [novelty.find_known(text) for text in texts]


def _answers() -> Any:
    texts = (' "Yes." ', "no", "“Paris”", "a  b.", "", "3.50", "''x''")
    return [[tidy_answer(text), normalize_answer(text), exact_match(text, ["yes", "a b", "x"])] for text in texts]


def _copies() -> Any:
    known = KnownInputs([text for text, *_ in INPUTS[::2]], "en")
    return [known.add(f"Hi, {text} please") for text, *_ in INPUTS]


def _propose(context: SynthesisContext) -> Any:
    attributes, rejects = propose_attributes(TASKS, context)
    attributes["drawn"] = TaskAttributes(topic=("tea", "ships", "sums"), style=("loud",))
    tasks = [
        replace(TASKS[0], examples=(Example(f"{number}", name, attributes=tuple(mine.draw(11, name, number).items())),))
        for name, mine in attributes.items()
        for number in range(4)
    ]
    return tasks, rejects


def _drawn() -> Any:
    return {name: value for name, value in sorted(vars(diversity).items()) if name.isupper()}


SYNTHESIS_OUTPUTS: dict[str, Callable[[], Any]] = {
    "core.answers": _answers,
    "generate.curation.copies.known_inputs": _copies,
    "generate.curation.input_checks": lambda: [find_input_fault(*row) for row in INPUTS],
    "generate.curation.rationale_checks": lambda: [find_rationale_fault(*row) for row in RATIONALES],
    "generate.synthesis.diversity": _drawn,
    "generate.synthesis.evolve": lambda: _run(lambda c: vary_tasks(TASKS, 4, c)),
    "generate.synthesis.examples.attributes": lambda: _run(_propose),
    "generate.synthesis.examples.collect": lambda: _run(
        lambda c: write_examples(TASKS, DemonstrateConfig(per_task=8), c)
    ),
    "generate.synthesis.examples.requests": lambda: _run(
        lambda c: write_examples(TASKS, DemonstrateConfig(per_task=9, per_request=2, known_shown=2, hard_fraction=1), c)
    ),
    "generate.synthesis.inversion": lambda: _run(lambda c: invert_tasks(TASKS, InvertConfig(ask=True), c)),
    "generate.synthesis.new_tasks": lambda: _run(lambda c: vary_tasks(TASKS, 3, c)),
    "generate.synthesis.novelty": _novelties,
    "generate.synthesis.paraphrase": _paraphrases,
    "generate.synthesis.paraphrase_inputs": lambda: _run(
        lambda c: paraphrase_inputs(TASKS, AugmentConfig(per_example=4), c)
    ),
    "generate.synthesis.rationales": lambda: _run(
        lambda c: write_rationales(TASKS, ReasonConfig(per_task=4, samples=3), c)
    ),
    "generate.synthesis.self_instruct": lambda: _run(
        lambda c: invent_tasks(TASKS, InventConfig(rounds=2, per_round=6, shown=2), c)
    ),
    "generate.synthesis.shared.verify": _verdicts,
}
"""By component, its fixed output."""
