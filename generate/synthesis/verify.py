"""Is an output right? A ladder, strongest first: the solver, the label space, independent solves, a judge.

A label space alone proves nothing; it refuses what is no label before a solve is paid for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kshot.config import VerifyConfig
from kshot.core.answers import normalize_answer, tidy_answer
from kshot.core.prompting import EVAL_TEMPLATE, render_prompt
from kshot.core.types import Example
from kshot.generate.synthesis.context import Teacher
from kshot.generate.synthesis.prompt_templates import PromptTemplates
from kshot.generate.teacher.messages import Reply, Request

ANSWER = "answer:"


@dataclass(frozen=True)
class Claim:
    """A claim: under this instruction, with these examples shown, `input` has the answer `output`."""

    instruction: str
    input: str
    output: str
    shown: tuple[Example, ...] = ()
    labels: tuple[str, ...] = ()
    solver: Callable[[], str] | None = None
    reason: bool = False
    """Ask for steps before the answer."""


@dataclass(frozen=True)
class Verdict:
    """`verified_by` names the rung that bore the claim out; otherwise `fault` says what was against it."""

    verified_by: str = ""
    reason: str = ""


def solve_prompt(case: Claim) -> str:
    """What a solver is asked: the prompt that a student would get for the input."""
    return render_prompt(EVAL_TEMPLATE, case.instruction, case.shown, case.input, case.reason).text


def gives_answer(reply: str, claim: str, reasoned: bool) -> bool:
    """Whether the reply gives the claimed answer: after its last `Answer:`, or at its beginning."""
    return tidy_answer(final_answer(reply, reasoned, len(_lines(claim)))) == tidy_answer(claim)


def final_answer(reply: str, reasoned: bool, length: int = 1) -> str:
    """The answer in a reply: so many lines from the last `Answer:` on, or from the first line."""
    lines = split_at_answer(reply)[1] if reasoned else _lines(reply)
    if lines and lines[0].lower().startswith(("output:", ANSWER)):
        lines[0] = lines[0].split(":", 1)[1].strip()
    return "\n".join([line for line in lines if line][:length])


def split_at_answer(reply: str) -> tuple[list[str], list[str]]:
    """The lines before the last one that begins with `Answer:`, and from it on; all and none where there is none."""
    lines = _lines(reply)
    marked = [place for place, line in enumerate(lines) if line.lower().startswith(ANSWER)]
    at = marked[-1] if marked else len(lines)
    return lines[:at], lines[at:]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


def verify_claims(
    cases: Sequence[Claim], asker: Teacher, settings: VerifyConfig, prompts: PromptTemplates, label: str
) -> list[Verdict]:
    """A verdict for each case; all solves of all cases are asked at once, and then the judge about what is left.

    Raises:
        TeacherError: see `TeacherClient.ask`.
    """
    verdicts = [_without_asking(case) for case in cases]
    open_cases = [i for i, verdict in enumerate(verdicts) if verdict is None]
    if settings.samples:
        requests = [
            Request(solve_prompt(cases[i]), sample, temperature=settings.temperature)
            for i in open_cases
            for sample in range(settings.samples)
        ]
        replies = asker.ask(requests, f"{label}: solving again")
        for place, i in enumerate(open_cases):
            own = replies[place * settings.samples : (place + 1) * settings.samples]
            verdicts[i] = _agreement(cases[i], own, settings)
    if settings.judge:
        doubted = [i for i in open_cases if verdicts[i] is None or not _bears(verdicts[i])]
        asked = [Request(prompts.render("judge", case=cases[i]), temperature=0.0) for i in doubted]
        for i, reply in zip(doubted, asker.ask(asked, f"{label}: judging") if asked else [], strict=True):
            said = normalize_answer(reply.text.strip().split("\n")[0])[:3]
            against = f"not judged: {reply.error}" if reply.error else "judged wrong"
            verdicts[i] = Verdict(verified_by="judge") if said == "yes" else Verdict(reason=against)
    return [
        verdict or Verdict(reason="not verified: neither samples nor judge are switched on") for verdict in verdicts
    ]


def _bears(verdict: Verdict | None) -> bool:
    return bool(verdict and verdict.verified_by)


def _without_asking(case: Claim) -> Verdict | None:
    if case.solver is not None:
        right = case.solver()
        same = tidy_answer(right) == tidy_answer(case.output)
        return Verdict(verified_by="solver") if same else Verdict(reason="wrong answer: the solver says otherwise")
    if case.labels and case.output not in case.labels:
        return Verdict(reason="not a label")
    return None


def _agreement(case: Claim, replies: Sequence[Reply], settings: VerifyConfig) -> Verdict:
    share = sum(gives_answer(reply.text, case.output, case.reason) for reply in replies) / len(replies)
    if share >= settings.agree:
        return Verdict(verified_by="self-consistency")
    if fault := next((reply.error for reply in replies if reply.error), ""):
        return Verdict(reason=f"not solved again as often as it must be: {fault}")
    return Verdict(reason=f"solved again, it came out otherwise: {share:.2f} agree")
