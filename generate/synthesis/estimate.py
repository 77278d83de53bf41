"""What a synthesis would ask, before it does: the dry run counts the requests and their maximum cost, and the preview
sends a few of each mode.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kshot.config import Config
from kshot.core.types import Reject
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.synthesis.paraphrase import VALIDATING
from kshot.generate.synthesis.pipeline import build_context, modes_need_teacher, needs_teacher, run_synthesis
from kshot.generate.synthesis.shared.verify import JUDGING, SOLVING
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
        self.by_label: dict[str, Estimate] = {}
        self.total = Cost()
        self._teacher = teacher

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        if requests:
            estimate = self.estimate(requests)
            self.total += estimate.missing
            earlier = self.by_label.get(label, Estimate(0, Cost()))
            self.by_label[label] = Estimate(earlier.cached + estimate.cached, earlier.missing + estimate.missing)
        return [NOT_SENT] * len(requests)

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
    lines = [f"{label}: {estimate}" for label, estimate in estimating.by_label.items()]
    return [*lines, f"in all: {estimating.total}{further}"]


@dataclass(frozen=True)
class PreviewedReply:
    """A request of a mode, its reply and what became of it."""

    label: str
    prompt: str
    reply: str
    verdict: str


class PreviewTeacher:
    """A `Teacher` that sends a few requests of each mode, evenly spaced, and all that check their replies."""

    def __init__(self, teacher: Teacher, per_mode: int) -> None:
        self.name = teacher.name
        self.sent: list[tuple[str, Request, Reply]] = []
        """By label, the requests of the modes and their replies."""
        self._teacher = teacher
        self._per_mode = per_mode
        self.budget_error: BudgetExceededError | None = None

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        if label.endswith((VALIDATING, SOLVING, JUDGING)):
            replies = self._teacher.ask(requests, label)
            self.budget_error = self._teacher.budget_error
            return replies
        left = max(0, self._per_mode - sum(name == label for name, *_ in self.sent))
        indices = sorted({number * len(requests) // left for number in range(left)}) if left and requests else []
        replies = [NOT_SENT] * len(requests)
        for index, reply in zip(indices, self._teacher.ask([requests[i] for i in indices], label), strict=True):
            replies[index] = reply
            self.sent.append((label, requests[index], reply))
        self.budget_error = self._teacher.budget_error
        return replies

    def estimate(self, requests: Iterable[Request]) -> Estimate:
        return self._teacher.estimate(requests)


def preview_synthesis(
    config: Config, decontaminator: Decontaminator, folder: Path, per_mode: int
) -> list[PreviewedReply]:
    """Send a few requests of each mode and return their replies with verdicts. The replies stay cached for the run.

    Raises:
        KshotError: of tasks, prompts or teacher.
    """
    settings, modes = config.generate, config.generate.synthesis
    if not needs_teacher(settings) or settings.teacher is None:
        return []
    with open_teacher(settings.teacher, config.student, folder) as teacher:
        previewing = PreviewTeacher(teacher, per_mode)
        result = run_synthesis(config, modes, build_context(settings, modes, decontaminator, previewing, config.seed))
    rejects = [reject for reject in result.rejects if isinstance(reject, Reject)]
    return [
        PreviewedReply(label, request.prompt, reply.text, _describe_verdict(request, reply, rejects))
        for label, request, reply in previewing.sent
    ]


def _describe_verdict(request: Request, reply: Reply, rejects: Sequence[Reject]) -> str:
    """Say what became of a reply, or of the examples in it."""
    mine = [reject for reject in rejects if request.id == reject.request or reply.text == reject.candidate]
    parts = [reject.reason for reject in mine if reject.candidate != reply.text]
    if parts:
        return f"rejected {len(parts)} of its examples: {'; '.join(parts)}"
    return mine[0].reason if mine else reply.error or "accepted"
