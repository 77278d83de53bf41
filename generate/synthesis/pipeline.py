"""The synthesis pipeline: which mode feeds which, and what comes of it before records are composed.

Tasks: `invent` and `vary` make tasks, `demonstrate` and `augment` their examples, `reason` rationales, and `invert` the
reverse tasks. Then the teacher paraphrases the descriptions of all tasks, programmatic ones included.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kshot.config import Config, DemonstrateConfig, GenerateConfig, SynthesisConfig
from kshot.core.console import say
from kshot.core.seeding import digest
from kshot.core.types import Description, Reject, Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.filters import build_filters
from kshot.generate.curation.paraphrase_filter import reject_paraphrases
from kshot.generate.run_files import ContaminationRow
from kshot.generate.sources import load_sources
from kshot.generate.synthesis.evolve import vary_tasks
from kshot.generate.synthesis.examples.attributes import TaskAttributes, default_attributes, propose_attributes
from kshot.generate.synthesis.examples.write import write_examples
from kshot.generate.synthesis.inversion import invert_tasks
from kshot.generate.synthesis.paraphrase import find_task_id, paraphrase_descriptions
from kshot.generate.synthesis.paraphrase_inputs import paraphrase_inputs
from kshot.generate.synthesis.rationales import write_rationales
from kshot.generate.synthesis.self_instruct import invent_tasks
from kshot.generate.synthesis.shared.context import SynthesisContext
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher import REPLIES_FILE, BudgetExceededError, Teacher, copy_replies, open_teacher
from kshot.generate.teacher.servers.recorded_server import NOT_RECORDED
from kshot.tasks.source import TaskSource, check_unique_ids, source_from_task

if TYPE_CHECKING:
    from kshot.generate.teacher.client import TeacherClient

MAX_REASON_CHARS = 200


@dataclass
class SynthesizedTasks:
    """The example-based tasks after all modes, the rejects, and the accepted candidates by mode."""

    tasks: list[Task]
    rejects: list[Reject] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    given: int = 0
    """Accepted ones that are no data of the teacher's: reverse tasks worded in the task file, and attributes."""
    attributes: dict[str, TaskAttributes] = field(default_factory=dict)
    """By task id, what `demonstrate` spread the new examples over."""


@dataclass
class SynthesisResult:
    """The task sources to compose from, with what the teacher added."""

    sources: list[TaskSource]
    tasks: list[Task]
    changed: set[str] = field(default_factory=set)
    """Ids of the tasks that a mode made or added to."""
    paraphrases: Mapping[str, list[Description]] = field(default_factory=dict)
    """By task id."""
    rejects: list[Reject | ContaminationRow] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    """Accepted candidates by mode."""
    attributes: Mapping[str, TaskAttributes] = field(default_factory=dict)
    """By task id, what `demonstrate` spread the new examples over."""
    teacher: str | None = None
    budget_error: BudgetExceededError | None = None
    failure: str = ""
    """Why nothing that the teacher wrote could be used, in one line; "" where something could."""


def modes_need_teacher(modes: SynthesisConfig) -> bool:
    """True if any of the modes needs a teacher."""
    return bool(
        modes.vary
        or modes.invent.rounds
        or modes.demonstrate.per_task
        or modes.augment.per_example
        or modes.reason.per_task
        or modes.invert.ask
    )


def needs_teacher(settings: GenerateConfig) -> bool:
    """True if the settings send any request to a teacher; none is sent where `generate.teacher` is null."""
    wanted = modes_need_teacher(settings.synthesis) or bool(settings.paraphrase.modes and settings.paraphrase.per_mode)
    return wanted and settings.teacher is not None


def scale_modes(modes: SynthesisConfig, factor: int) -> SynthesisConfig:
    """Multiply the number of requests. A later round sends the requests of an earlier one, and more."""
    if factor == 1:
        return modes
    return modes.model_copy(
        update={
            "vary": modes.vary * factor,
            "invent": modes.invent.model_copy(update={"rounds": modes.invent.rounds * factor}),
            "demonstrate": modes.demonstrate.model_copy(
                update={
                    "per_task": modes.demonstrate.per_task * factor,
                    "waves": modes.demonstrate.waves * factor,
                }
            ),
            "augment": modes.augment.model_copy(update={"per_example": modes.augment.per_example * factor}),
        }
    )


def inherit_replies(config: Config, folder: Path, others: Sequence[Path]) -> None:
    """Copy the cached replies of other data folders into `folder`, if its data needs a teacher."""
    caches = [other for other in others if (other / REPLIES_FILE).is_file()]
    if caches and needs_teacher(config.generate) and (count := copy_replies(caches, folder)):
        say(f"generate: starts with {count} cached replies of other data sets")


def synthesize(
    config: Config,
    modes: SynthesisConfig,
    decontaminator: Decontaminator,
    folder: Path,
    use_batches: bool = False,
    share: "Callable[[TeacherClient], Teacher] | None" = None,
) -> SynthesisResult:
    """Return everything that task files, families and the teacher give.

    Args:
        modes: in place of `config.generate.synthesis`.
        folder: holds the reply cache.
        share: see `open_teacher`.

    Raises:
        KshotError: of tasks, prompts or teacher. Replies that came stay cached.
    """
    settings = config.generate
    if not needs_teacher(settings) or settings.teacher is None:
        if modes_need_teacher(modes):
            say("generate: generate.teacher is null, so nothing of generate.synthesis is asked for")
        return run_synthesis(config, modes, None)
    with open_teacher(settings.teacher, config.student, folder, use_batches, share) as teacher:
        return run_synthesis(config, modes, build_context(settings, modes, decontaminator, teacher, config.seed))


def build_context(
    settings: GenerateConfig, modes: SynthesisConfig, decontaminator: Decontaminator, teacher: Teacher, seed: int
) -> SynthesisContext:
    return SynthesisContext(
        teacher=teacher,
        prompts=PromptTemplates(settings.prompts),
        verify=modes.verify,
        decontaminator=decontaminator,
        seed=seed,
        temperature=modes.temperature,
        max_tokens=modes.max_tokens,
        filters=build_filters(settings.filters),
    )


def run_synthesis(config: Config, modes: SynthesisConfig, context: SynthesisContext | None) -> SynthesisResult:
    """Run the modes, then the paraphrasing.

    Args:
        context: None where nothing needs a teacher.
    """
    programmatic, example_based = load_sources(config.generate, config.seed)
    synthesized = synthesize_tasks(example_based, modes, context)
    sources = check_unique_ids([*programmatic, *map(source_from_task, synthesized.tasks)])
    given = set(example_based)
    result = SynthesisResult(
        sources,
        synthesized.tasks,
        changed={task.id for task in synthesized.tasks if task not in given},
        rejects=list(synthesized.rejects),
        accepted=synthesized.accepted,
        attributes=synthesized.attributes,
    )
    if context is None:
        return result
    result.teacher = context.teacher_name
    settings = config.generate.paraphrase
    if settings.modes and settings.per_mode:
        paraphrases, rejects = paraphrase_descriptions(sources, settings, context.teacher, context.prompts, config.seed)
        removed = reject_paraphrases(paraphrases, context.filters, context.decontaminator)
        result.paraphrases = paraphrases
        result.rejects += [*rejects, *removed]
        result.accepted += Counter(text.mode for texts in paraphrases.values() for text in texts)
    if unrecorded := sum(map(_is_unrecorded, result.rejects)):
        say(f"generate: {unrecorded} requests have no recorded reply; another seed or other tasks ask for others")
    if context.teacher.budget_error:
        result.budget_error = context.teacher.budget_error
        say(f"generate: continues with the replies before the budget was spent ({result.budget_error})")
    else:
        result.failure = find_failure(result, synthesized.given, modes_need_teacher(modes))
    return result


def find_failure(result: SynthesisResult, given: int, has_modes: bool) -> str:
    """Return why nothing that the teacher wrote could be used, or "".

    Paraphrases alone may all fail their checks, as a small teacher's do; without any text they are an error too.

    Args:
        given: accepted ones that are no data of the teacher's.
        has_modes: whether a mode needed the teacher, and not the paraphrasing alone.
    """
    rejects = [reject for reject in result.rejects if isinstance(reject, Reject) and not _is_unrecorded(reject)]
    if not rejects or result.accepted.total() > given:
        return ""
    if not has_modes and any(reject.candidate.strip() for reject in rejects):
        return ""
    kind, count = Counter(reject.reason.split(":")[0] for reject in rejects).most_common(1)[0]
    example = next(reject.reason for reject in rejects if reject.reason.split(":")[0] == kind)
    return (
        f"teacher {result.teacher}: none of {len(rejects)} replies could be used; "
        f"most frequent reason, {count} times: {' '.join(example.split())[:MAX_REASON_CHARS]}"
    )


def _is_unrecorded(reject: Reject | ContaminationRow) -> bool:
    """True if a recorded teacher has no reply to the request, as with another seed or other tasks."""
    return isinstance(reject, Reject) and NOT_RECORDED in reject.candidate


def synthesize_tasks(
    tasks: Sequence[Task], modes: SynthesisConfig, context: SynthesisContext | None
) -> SynthesizedTasks:
    """Run the modes that are on. Tasks that `modes.tasks` does not name only get the reverse that their file words.

    Args:
        tasks: the example-based tasks.
        context: None where no mode needs a teacher.

    Raises:
        TeacherError: see `Teacher.ask`.
        ConfigError: see `PromptTemplates.render`; or there is no task of a name.
    """
    ids = [task.id for task in tasks]
    # Without a teacher the names choose nothing, and their tasks may be left out.
    names = modes.tasks if context else []
    chosen = {find_task_id(name, ids, "generate.synthesis.tasks") for name in names} or set(ids)
    result = SynthesizedTasks([task for task in tasks if task.id in chosen])
    if context:
        _run_modes(result, modes, context)
    synthesized, others = result.tasks, [task for task in tasks if task.id not in chosen]
    result.tasks = _in_order([*synthesized, *others], ids)
    if modes.invert.given or modes.invert.ask:
        with_inverse = {f"{task.id}_inverse" for task in result.tasks if task.inverse}
        for group, group_context in ((synthesized, context), (others, None)):
            inverted, rejects = invert_tasks(group, modes.invert, group_context)
            result.given += sum(task.id in with_inverse for task in inverted)
            _add_tasks(result, "invert", inverted, rejects)
    return result


def _in_order(tasks: Sequence[Task], ids: Sequence[str]) -> list[Task]:
    """The tasks in the order of the ids, and behind them those that have none of them."""
    places = {name: place for place, name in enumerate(ids)}
    return sorted(tasks, key=lambda task: places.get(task.id, len(places)))


def _run_modes(result: SynthesizedTasks, modes: SynthesisConfig, context: SynthesisContext) -> None:
    """Run the modes that ask the teacher, on the result's tasks."""
    tasks = list(result.tasks)
    if modes.vary:
        _add_tasks(result, "vary", *vary_tasks(tasks, modes.vary, context))
    if modes.invent.rounds and tasks:
        _add_tasks(result, "invent", *invent_tasks(tasks, modes.invent, context))
    if modes.demonstrate.per_task:
        _add_attributes(result, modes.demonstrate, context)
        written = write_examples(result.tasks, modes.demonstrate, context, result.attributes)
        _replace_tasks(result, "demonstrate", *written)
    if modes.augment.per_example:
        _replace_tasks(result, "augment", *paraphrase_inputs(result.tasks, modes.augment, context))
    if modes.reason.per_task:
        _replace_tasks(result, "reason", *write_rationales(result.tasks, modes.reason, context))


def _add_tasks(result: SynthesizedTasks, mode: str, tasks: list[Task], rejects: list[Reject]) -> None:
    result.rejects += rejects
    for index, task in enumerate(tasks):
        if any(task.id == other.id for other in result.tasks):
            key = digest(mode, task.id, index)
            result.rejects.append(Reject(key, mode, task.id, "not new: same id as another task", task.descriptions[0]))
        else:
            result.tasks.append(task)
            result.accepted[mode] += 1


def _add_attributes(result: SynthesizedTasks, settings: DemonstrateConfig, context: SynthesisContext) -> None:
    result.attributes = {task.id: default_attributes(task) for task in result.tasks}
    if settings.attributes:
        proposed, rejects = propose_attributes(result.tasks, context)
        result.attributes |= proposed
        result.accepted["attributes"] += len(proposed)
        result.given += len(proposed)
        result.rejects += rejects


def _replace_tasks(result: SynthesizedTasks, mode: str, tasks: list[Task], rejects: list[Reject]) -> None:
    result.accepted[mode] += _count_made(tasks, mode) - _count_made(result.tasks, mode)
    result.tasks = tasks
    result.rejects += rejects


def _count_made(tasks: Sequence[Task], mode: str) -> int:
    """Count what a mode made: examples, or rationales."""
    if mode == "reason":
        return sum(example.rationale is not None for task in tasks for example in task.examples)
    return sum(example.mode == mode for task in tasks for example in task.examples)
