"""A teacher that asks each wave of requests in shards, whatever mode the wave is of.

A mode hands over all requests that it can know at once: that is a wave. The missing ones are divided by their keys;
each shard asks into a cache of its own, and the main cache takes the replies over. Then the wave is asked as ever and
finds its replies cached. So what a mode makes of them does not depend on the shards, and a reply is bought once.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from filelock import Timeout

from kshot.config import BudgetConfig, Config, TeacherConfig
from kshot.core.console import say
from kshot.core.errors import RunError
from kshot.generate.scale.ask_shards import REQUESTS, AskJob, shard_lock, write_wave
from kshot.generate.teacher import BudgetExceededError, Estimate, Reply, Request, Teacher
from kshot.generate.teacher.cache import REPLIES_FILE
from kshot.runtime.shards.executors import Executor, run_parts

if TYPE_CHECKING:
    from kshot.generate.teacher.client import TeacherClient

SHARDS = ".shards"
ASK = "kshot.generate.scale.ask_shards:WORK"
MIN_SHARD_REQUESTS = 32
"""A shard with fewer requests costs more time to start than it saves."""


class ShardedTeacher:
    """A `Teacher` whose requests are asked in shards.

    Args:
        folder: of the stage.

    Raises:
        RunError: shards of an earlier run still ask.
    """

    def __init__(
        self, client: "TeacherClient", settings: TeacherConfig, student: str, folder: Path, executor: Executor
    ) -> None:
        self._client = client
        self._settings = settings
        self._student = student
        self._folder = folder.resolve() / SHARDS
        self._executor = executor
        self._take_replies()

    @property
    def name(self) -> str:
        return self._client.name

    @property
    def budget_error(self) -> BudgetExceededError | None:
        return self._client.budget_error

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        """See `Teacher.ask`. This process asks what the shards' parts of a budget leave unasked."""
        missing = self._client.find_missing(requests)
        shards = min(self._executor.shards, len(missing) // MIN_SHARD_REQUESTS)
        shards = min([shards, *concurrency_limits(self._settings)])
        if shards > 1 and not self._client.budget_error:
            self._ask_in_shards(missing, shards, label)
        return self._client.ask(requests, label)

    def estimate(self, requests: Iterable[Request]) -> Estimate:
        """See `Teacher.estimate`."""
        return self._client.estimate(requests)

    def _ask_in_shards(self, missing: dict[str, Request], shards: int, label: str) -> None:
        parts: list[list[Request]] = [[] for _ in range(shards)]
        for identity, request in missing.items():
            parts[int(identity[:8], 16) % shards].append(request)
        remaining = self._client.remaining_budget
        teachers = [divide_teacher(self._settings, remaining, len(part) / len(missing), shards) for part in parts]
        say(f"{label}: {len(missing)} requests in {shards} shards ({self._executor.name})")
        # A name of its own: a job of an earlier wave that starts late finds its folder gone, and asks nothing.
        wave = self._folder / f"{time.time_ns():x}"
        write_wave(wave, AskJob(label=label, student=self._student, teachers=teachers), parts)
        try:
            run_parts(self._executor, ASK, wave, range(shards), lambda: None)
        finally:
            self._take_replies()

    def _take_replies(self) -> None:
        """Take the shards' replies over into the main cache, and remove the shards; also those of a killed run."""
        for requests in sorted(self._folder.glob(f"*/*/{REQUESTS}")):
            shard = requests.parent
            try:
                with shard_lock(shard, timeout=0):
                    if (cache := shard / REPLIES_FILE).exists():
                        self._client.take_replies(cache)
            except Timeout:
                raise RunError(
                    f"{shard}: a shard of an earlier run still asks; wait for it, or cancel its job"
                ) from None
        rmtree(self._folder, ignore_errors=True)


def concurrency_limits(settings: TeacherConfig) -> list[int]:
    """The maxima of requests in flight that the settings name."""
    named = (settings.concurrency, *(endpoint.concurrency for endpoint in settings.endpoints))
    return [limit for limit in named if limit is not None]


def divide_teacher(settings: TeacherConfig, budget: BudgetConfig, fraction: float, shards: int) -> TeacherConfig:
    """The settings of one shard: a fraction of the budget, and of each concurrency that is named an equal part."""

    def divide(limit: int | None) -> int | None:
        return None if limit is None else limit // shards

    endpoints = [
        endpoint.model_copy(update={"concurrency": divide(endpoint.concurrency)}) for endpoint in settings.endpoints
    ]
    shared = {"endpoints": endpoints, "concurrency": divide(settings.concurrency)}
    return settings.model_copy(update={**shared, "budget": divide_budget(budget, fraction)})


def divide_budget(budget: BudgetConfig, fraction: float) -> BudgetConfig:
    """A fraction of a budget, rounded down: the parts never add up to more."""
    return BudgetConfig(
        requests=None if budget.requests is None else int(budget.requests * fraction),
        tokens=None if budget.tokens is None else int(budget.tokens * fraction),
        money=None if budget.money is None else budget.money * fraction,
    )


def share_with(executor: Executor, config: Config, folder: Path) -> "Callable[[TeacherClient], Teacher] | None":
    """Return what makes a sharded teacher of a client; None where the config has no teacher."""
    settings = config.generate.teacher
    if settings is None:
        return None

    def share(client: "TeacherClient") -> Teacher:
        if client.asks_by_url:
            return ShardedTeacher(client, settings, config.student, folder, executor)
        say("generate: a local or recorded teacher is this process's own, and asked without shards")
        return client

    return share
