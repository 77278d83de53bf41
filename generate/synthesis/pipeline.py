"""What the teacher gives before records are composed: tasks and examples by the modes, and wordings of descriptions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kshot.config import Config, SynthesisConfig
from kshot.core.console import say
from kshot.core.errors import ConfigError
from kshot.core.types import Description, Reject, Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.filters import build_filters
from kshot.generate.curation.paraphrases import reject_paraphrases
from kshot.generate.run_files import ContaminationRow
from kshot.generate.sources import load_sources
from kshot.generate.synthesis.context import SynthesisContext
from kshot.generate.synthesis.modes import modes_need_teacher, run_modes
from kshot.generate.synthesis.paraphrase import paraphrase_descriptions
from kshot.generate.synthesis.prompt_templates import PromptTemplates
from kshot.generate.teacher.budget import BudgetExceededError, Cost
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import TeacherClient, make_client
from kshot.generate.teacher.messages import NOT_ASKED, Reply, Request
from kshot.tasks.source import TaskSource, check_unique_ids, source_from_task

REPLIES = "replies.sqlite"


@dataclass
class SynthesisResult:
    """The units to compose from, with what the teacher added."""

    sources: list[TaskSource]
    tasks: list[Task]
    paraphrases: Mapping[str, list[Description]] = field(default_factory=dict)
    rejects: list[Reject | ContaminationRow] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    """By mode: what came out of it."""
    teacher: str | None = None
    spent: BudgetExceededError | None = None


class EstimatingTeacher:
    """Stands in for an asker: adds up what would be asked, and answers nothing."""

    def __init__(self, asker: TeacherClient) -> None:
        self.name = asker.name
        self.spent: BudgetExceededError | None = None
        self._asker = asker
        self.lines: list[str] = []
        self.total = Cost()

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        if requests:
            estimate = self._asker.plan(requests)
            self.total += estimate.missing
            self.lines.append(f"{label}: {estimate}")
        return [NOT_ASKED] * len(requests)


def needs_teacher(config: Config) -> bool:
    """Whether the settings ask a teacher for anything.

    Raises:
        ConfigError: they do, and name none.
    """
    asked = modes_need_teacher(config.generate.synthesis)
    if config.generate.teacher is None:
        if asked:
            raise ConfigError(["generate.synthesis asks for a teacher, and generate.teacher is null; name one"])
        return False
    return asked or bool(config.generate.paraphrase.modes and config.generate.paraphrase.per_mode)


def inherit_replies(config: Config, folder: Path, others: Sequence[Path]) -> None:
    """Begin the store of `folder` with the replies of other sets, where a teacher will be asked for this one."""
    found = [path for other in others if (path := other / REPLIES).is_file()]
    if not found or not needs_teacher(config):
        return
    folder.mkdir(parents=True, exist_ok=True)
    store = ReplyCache(folder / REPLIES)
    try:
        if taken := sum(store.take(path) for path in found):
            say(f"generate: begins with {taken} replies that other sets have bought")
    finally:
        store.close()


def synthesize(
    config: Config, modes: SynthesisConfig, screen: Decontaminator, folder: Path, batch: bool = False
) -> SynthesisResult:
    """Everything that is to be had from the files, the families and the teacher.

    Raises:
        KshotError: faults of tasks, prompts or teacher; replies that came are kept.
    """
    if not needs_teacher(config) or config.generate.teacher is None:
        return _taught(config, modes, None, None)
    store = ReplyCache(folder / REPLIES)
    try:
        asker = make_client(config.generate.teacher, config.student, store, folder)
        asker.batched = batch
        return _taught(config, modes, _shop(config, modes, screen, asker), asker)
    finally:
        store.close()


def estimate(config: Config, screen: Decontaminator, folder: Path) -> list[str]:
    """What `synthesize` would ask, mode by mode, with an estimate; nothing is asked and nothing but the store is opened."""
    if not needs_teacher(config) or config.generate.teacher is None:
        return ["no teacher is asked"]
    modes = config.generate.synthesis
    store = ReplyCache(folder / REPLIES)
    try:
        stand_in = EstimatingTeacher(make_client(config.generate.teacher, config.student, store, folder))
        _taught(config, modes, _shop(config, modes, screen, stand_in), stand_in)
    finally:
        store.close()
    checks = modes.verify.samples + modes.verify.judge
    more = (
        f"; and up to {checks} solves for each candidate that has to be verified"
        if modes_need_teacher(modes) and checks
        else ""
    )
    return [*stand_in.lines, f"in all: {stand_in.total}{more}"]


def _shop(
    config: Config, modes: SynthesisConfig, screen: Decontaminator, asker: TeacherClient | EstimatingTeacher
) -> SynthesisContext:
    prompts = PromptTemplates(config.generate.prompts)
    filters = build_filters(config.generate.filters)
    return SynthesisContext(
        asker, prompts, modes.verify, screen, config.seed, modes.temperature, modes.max_tokens, filters
    )


def _taught(
    config: Config,
    modes: SynthesisConfig,
    shop: SynthesisContext | None,
    asker: TeacherClient | EstimatingTeacher | None,
) -> SynthesisResult:
    programmatic, tasks = load_sources(config.generate, config.seed)
    made = run_modes(tasks, modes, shop)
    units = check_unique_ids([*programmatic, *map(source_from_task, made.tasks)])
    taught = SynthesisResult(units, made.tasks, rejects=list(made.rejects), kept=made.kept)
    settings = config.generate.paraphrase
    if asker is None or shop is None:
        return taught
    taught.teacher = Path(asker.name).name
    if settings.modes and settings.per_mode:
        variants, rejects = paraphrase_descriptions(units, settings, asker, shop.prompts, config.seed)
        dropped = reject_paraphrases(variants, build_filters(config.generate.filters), shop.decontaminator)
        taught.paraphrases = variants
        taught.rejects += [*rejects, *dropped]
        taught.kept += Counter(variant.mode for found in variants.values() for variant in found)
    if asker.spent:
        taught.spent = asker.spent
        say(f"generate: goes on with what came before the budget was spent ({asker.spent})")
    return taught
