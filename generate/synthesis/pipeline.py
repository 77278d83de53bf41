"""What the teacher gives before records are composed: tasks and examples by the modes, and wordings of descriptions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kshot.config import Config, Modes
from kshot.core.console import say
from kshot.core.errors import ConfigError
from kshot.core.types import Description, Reject, Task
from kshot.generate.compose.acceptance import drop_wordings
from kshot.generate.curation.decontaminate import Overlap, Screen
from kshot.generate.curation.filters import chosen
from kshot.generate.sources import sources
from kshot.generate.synthesis.context import Shop
from kshot.generate.synthesis.modes import asks, make
from kshot.generate.synthesis.paraphrase import describe
from kshot.generate.synthesis.prompt_templates import Prompts
from kshot.generate.teacher.budget import BudgetSpent, Cost
from kshot.generate.teacher.cache import ReplyStore
from kshot.generate.teacher.client import Asker, make_asker
from kshot.generate.teacher.messages import UNASKED, Reply, Request
from kshot.tasks.source import Unit, distinct, from_task

REPLIES = "replies.sqlite"


@dataclass
class Taught:
    """The units to compose from, with what the teacher added."""

    units: list[Unit]
    tasks: list[Task]
    variants: Mapping[str, list[Description]] = field(default_factory=dict)
    rejects: list[Reject | Overlap] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    """By mode: what came out of it."""
    teacher: str | None = None
    spent: BudgetSpent | None = None


class Rehearsal:
    """Stands in for an asker: adds up what would be asked, and answers nothing."""

    def __init__(self, asker: Asker) -> None:
        self.name = asker.name
        self.spent: BudgetSpent | None = None
        self._asker = asker
        self.lines: list[str] = []
        self.total = Cost()

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        if requests:
            estimate = self._asker.plan(requests)
            self.total += estimate.missing
            self.lines.append(f"{label}: {estimate}")
        return [UNASKED] * len(requests)


def wanted(config: Config) -> bool:
    """Whether the settings ask a teacher for anything.

    Raises:
        ConfigError: they do, and name none.
    """
    asked = asks(config.generate.modes)
    if config.generate.teacher is None:
        if asked:
            raise ConfigError(["generate.modes asks for a teacher, and generate.teacher is null; name one"])
        return False
    return asked or bool(config.generate.describe.modes and config.generate.describe.per_mode)


def inherit(config: Config, folder: Path, others: Sequence[Path]) -> None:
    """Begin the store of `folder` with the replies of other sets, where a teacher will be asked for this one."""
    found = [path for other in others if (path := other / REPLIES).is_file()]
    if not found or not wanted(config):
        return
    folder.mkdir(parents=True, exist_ok=True)
    store = ReplyStore(folder / REPLIES)
    try:
        if taken := sum(store.take(path) for path in found):
            say(f"generate: begins with {taken} replies that other sets have bought")
    finally:
        store.close()


def teach(config: Config, modes: Modes, screen: Screen, folder: Path, batch: bool = False) -> Taught:
    """Everything that is to be had from the files, the families and the teacher.

    Raises:
        KshotError: faults of tasks, prompts or teacher; replies that came are kept.
    """
    if not wanted(config) or config.generate.teacher is None:
        return _taught(config, modes, None, None)
    store = ReplyStore(folder / REPLIES)
    try:
        asker = make_asker(config.generate.teacher, config.student, store, folder)
        asker.batched = batch
        return _taught(config, modes, _shop(config, modes, screen, asker), asker)
    finally:
        store.close()


def rehearse(config: Config, screen: Screen, folder: Path) -> list[str]:
    """What `teach` would ask, mode by mode, with an estimate; nothing is asked and nothing but the store is opened."""
    if not wanted(config) or config.generate.teacher is None:
        return ["no teacher is asked"]
    modes = config.generate.modes
    store = ReplyStore(folder / REPLIES)
    try:
        stand_in = Rehearsal(make_asker(config.generate.teacher, config.student, store, folder))
        _taught(config, modes, _shop(config, modes, screen, stand_in), stand_in)
    finally:
        store.close()
    checks = modes.verify.samples + modes.verify.judge
    more = f"; and up to {checks} solves for each candidate that has to be verified" if asks(modes) and checks else ""
    return [*stand_in.lines, f"in all: {stand_in.total}{more}"]


def _shop(config: Config, modes: Modes, screen: Screen, asker: Asker | Rehearsal) -> Shop:
    prompts = Prompts(config.generate.prompts)
    filters = chosen(config.generate.filters)
    return Shop(asker, prompts, modes.verify, screen, config.seed, modes.temperature, modes.max_tokens, filters)


def _taught(config: Config, modes: Modes, shop: Shop | None, asker: Asker | Rehearsal | None) -> Taught:
    programmatic, tasks = sources(config)
    made = make(tasks, modes, shop)
    units = distinct([*programmatic, *map(from_task, made.tasks)])
    taught = Taught(units, made.tasks, rejects=list(made.rejects), kept=made.kept)
    settings = config.generate.describe
    if asker is None or shop is None:
        return taught
    taught.teacher = Path(asker.name).name
    if settings.modes and settings.per_mode:
        variants, rejects = describe(units, settings, asker, shop.prompts, config.seed)
        dropped = drop_wordings(variants, chosen(config.generate.filters), shop.screen)
        taught.variants = variants
        taught.rejects += [*rejects, *dropped]
        taught.kept += Counter(variant.mode for found in variants.values() for variant in found)
    if asker.spent:
        taught.spent = asker.spent
        say(f"generate: goes on with what came before the budget was spent ({asker.spent})")
    return taught
