"""The dry run: counts the requests of a synthesis and their maximum cost, without sending any."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kshot.config import Config
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.synthesis.pipeline import build_context, modes_need_teacher, needs_teacher, run_synthesis
from kshot.generate.teacher import (
    NOT_SENT,
    BudgetExceededError,
    Cost,
    Estimate,
    Reply,
    Request,
    Teacher,
    open_teacher,
)


class EstimatingTeacher:
    """A `Teacher` that sends nothing: it adds up what the requests would cost."""

    def __init__(self, teacher: Teacher) -> None:
        self.name = teacher.name
        self.budget_error: BudgetExceededError | None = None
        self.lines: list[str] = []
        """A line for each label, with its estimate."""
        self.total = Cost()
        self._teacher = teacher

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        if requests:
            estimate = self.estimate(requests)
            self.total += estimate.missing
            self.lines.append(f"{label}: {estimate}")
        return [NOT_SENT] * len(requests)

    def stream(
        self, requests: Iterable[Request], label: str, total: int | None = None, accepted: object = None
    ) -> Iterator[tuple[Request, Reply]]:
        """Like `ask`; the requests must be finite."""
        requests = list(requests)
        yield from zip(requests, self.ask(requests, label), strict=True)

    def estimate(self, requests: Iterable[Request]) -> Estimate:
        return self._teacher.estimate(requests)


def estimate_synthesis(config: Config, decontaminator: Decontaminator, folder: Path) -> list[str]:
    """Return a line with an estimate for each kind of request that `synthesize` would send, and one for all of them.

    Raises:
        KshotError: of tasks, prompts or teacher, as `synthesize` raises before its first request.
    """
    settings, modes = config.generate, config.generate.synthesis
    if not needs_teacher(settings) or settings.teacher is None:
        return ["no request to a teacher"]
    with open_teacher(settings.teacher, config.student, folder) as teacher:
        estimating = EstimatingTeacher(teacher)
        run_synthesis(config, modes, build_context(settings, modes, decontaminator, estimating, config.seed))
    solves = modes.verify.samples + modes.verify.judge
    further = f"; and up to {solves} solves per candidate to verify" if modes_need_teacher(modes) and solves else ""
    return [*estimating.lines, f"in all: {estimating.total}{further}"]
