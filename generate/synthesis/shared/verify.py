"""Verification of a claimed output, strongest first: the solver, the label space, independent solves, a judge.

A label space proves nothing. It rejects an output that is no label before a solve is paid for.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from kshot.config import VerifyConfig
from kshot.core.answers import normalize_answer
from kshot.core.prompting import EVAL_TEMPLATE, list_unnamed_labels, render_prompt
from kshot.core.types import Example
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher import Reply, Request, Teacher, is_same_answer, split_at_final_answer, unwrap_answer

VERSION = 4
"""Raise when the same claims get other verdicts, or lead to other requests."""

ANSWER_PREFIX = "answer:"
SOLVING, JUDGING = ": solving", ": judging"
"""How the words beside the progress bars end."""
SPARE_TOKENS = 16
"""Tokens beyond one for each character of the expected answer, as rare scripts need."""


@dataclass(frozen=True)
class Claim:
    """The claim that under `instruction`, with the `shown` examples, `input` has the answer `output`."""

    instruction: str
    input: str
    output: str
    shown: tuple[Example, ...] = ()
    labels: tuple[str, ...] = ()
    solver: Callable[[], str] | None = None
    with_rationale: bool = False
    """Ask for steps before the answer."""

    @property
    def task_text(self) -> str:
        """The instruction as a student would read it, with the labels that it does not name."""
        return list_unnamed_labels(self.instruction, self.labels)


@dataclass(frozen=True)
class Verdict:
    """`verified_by` names what confirmed the claim; otherwise `reason` says why the claim is rejected."""

    verified_by: str = ""
    reason: str = ""


def build_solve_prompt(claim: Claim) -> str:
    """Return the prompt that a student would get for the input."""
    return render_prompt(EVAL_TEMPLATE, claim.task_text, claim.shown, claim.input, claim.with_rationale).text


def solve_tokens(output: str) -> int:
    """Tokens that a reply needs to give this output; the teacher's own maximum may be higher."""
    return len(output) + SPARE_TOKENS


def gives_answer(reply: str, output: str, with_rationale: bool) -> bool:
    """True if the reply gives the claimed output: as its final answer, or at its beginning where no steps were due."""
    line_count = len(_list_lines(output))
    _, answer = split_at_answer(reply)
    candidates = [] if with_rationale else [reply]
    if answer:
        candidates.append("\n".join(answer))
    for candidate in candidates:
        first_lines = extract_answer(candidate, with_rationale=False, line_count=line_count)
        readings = (first_lines, unwrap_answer(first_lines), candidate, unwrap_answer(candidate))
        if any(is_same_answer(reading, output) for reading in readings):
            return True
    return False


def extract_answer(reply: str, with_rationale: bool, line_count: int = 1) -> str:
    """Return the answer in a reply: so many lines from the last `Answer:` on, or from the first line."""
    lines = split_at_answer(reply)[1] if with_rationale else _list_lines(reply)
    if lines and lines[0].lower().startswith(("output:", ANSWER_PREFIX)):
        lines[0] = lines[0].split(":", 1)[1].strip()
    return "\n".join([line for line in lines if line][:line_count])


def split_at_answer(reply: str) -> tuple[list[str], list[str]]:
    """Split the lines before the final answer, see `split_at_final_answer`. The second list may be empty."""
    split = split_at_final_answer(reply)
    return (_list_lines(split[0]), _list_lines(split[1])) if split else (_list_lines(reply), [])


def _list_lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


def verify_claims(
    claims: Sequence[Claim], teacher: Teacher, settings: VerifyConfig, prompts: PromptTemplates, label: str
) -> list[Verdict]:
    """Return a verdict for each claim: by solves, then the judge gets what they did not confirm.

    Args:
        label: begins the words beside the progress bars.

    Raises:
        TeacherError: see `Teacher.ask`.
    """
    verdicts = [_verify_without_teacher(claim) for claim in claims]
    undecided = [i for i, verdict in enumerate(verdicts) if verdict is None]
    if settings.samples:
        solved = _solve([claims[i] for i in undecided], teacher, settings, label)
        for i, solves in zip(undecided, solved, strict=True):
            verdicts[i] = _judge_agreement(solves, settings)
    if settings.judge:
        unconfirmed = [i for i in undecided if not _is_verified(verdicts[i])]
        requests = [Request(prompts.render("judge", claim=claims[i]), temperature=0.0) for i in unconfirmed]
        judgements = teacher.ask(requests, f"{label}{JUDGING}") if requests else []
        for i, reply in zip(unconfirmed, judgements, strict=True):
            verdicts[i] = _read_judgement(reply)
    return [verdict or Verdict(reason="not verified: verify.samples and verify.judge are off") for verdict in verdicts]


@dataclass
class _Solves:
    """The replies of a claim's solves so far, and how many of them give its output."""

    replies: list[Reply] = field(default_factory=list)
    agreeing: int = 0

    def count_missing(self, settings: VerifyConfig) -> int:
        """Solves to ask for: 0 where enough agree, or where the rest could not make it enough."""
        more = math.ceil(settings.agree * settings.samples) - self.agreeing
        return more if 0 < more <= settings.samples - len(self.replies) else 0

    def add(self, claim: Claim, replies: Iterable[Reply]) -> None:
        for reply in replies:
            self.replies.append(reply)
            self.agreeing += gives_answer(reply.text, claim.output, claim.with_rationale)


def _solve(claims: Sequence[Claim], teacher: Teacher, settings: VerifyConfig, label: str) -> list[_Solves]:
    """Return the solves of each claim. Each round asks only as many more as could settle the agreement."""
    solves = [_Solves() for _ in claims]
    while missing := {i: count for i, row in enumerate(solves) if (count := row.count_missing(settings))}:
        requests = [
            Request(
                build_solve_prompt(claims[i]),
                len(solves[i].replies) + number,
                temperature=settings.temperature,
                min_tokens=solve_tokens(claims[i].output),
            )
            for i, count in missing.items()
            for number in range(count)
        ]
        replies = iter(teacher.ask(requests, f"{label}{SOLVING}"))
        for i, count in missing.items():
            solves[i].add(claims[i], islice(replies, count))
    return solves


def _is_verified(verdict: Verdict | None) -> bool:
    return bool(verdict and verdict.verified_by)


def _verify_without_teacher(claim: Claim) -> Verdict | None:
    """Return the verdict of the solver or the label space; None where neither decides."""
    if claim.solver is not None:
        is_right = is_same_answer(claim.solver(), claim.output)
        return Verdict(verified_by="solver") if is_right else Verdict(reason="wrong answer: the solver differs")
    if claim.labels and claim.output not in claim.labels:
        return Verdict(reason="not a label")
    return None


def _judge_agreement(solves: _Solves, settings: VerifyConfig) -> Verdict:
    """Return the verdict of independent solves: self-consistency (arXiv:2203.11171)."""
    if solves.agreeing >= settings.agree * settings.samples:
        return Verdict(verified_by="self-consistency")
    if problem := next((reply.error or reply.problem for reply in solves.replies if not reply.text.strip()), ""):
        return Verdict(reason=f"too few solves: {problem}")
    return Verdict(reason=f"solves disagree: {solves.agreeing} of {len(solves.replies)} agree")


def _read_judgement(reply: Reply) -> Verdict:
    if not reply.text.strip():
        return Verdict(reason=f"not judged: {reply.error or reply.problem or 'the reply is empty'}")
    says_yes = normalize_answer(unwrap_answer(reply.text.strip().split("\n")[0]))[:3] == "yes"
    return Verdict(verified_by="judge") if says_yes else Verdict(reason="judged wrong")
