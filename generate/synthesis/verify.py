"""Is an output right? A ladder, strongest first: the solver, the label space, independent solves, a judge.

A label space alone proves nothing; it refuses what is no label before a solve is paid for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kshot.config import Verify
from kshot.core.answers import normalise, tidy
from kshot.core.prompting import MAIN_TEMPLATE, render
from kshot.core.types import Example
from kshot.generate.synthesis.context import Asks
from kshot.generate.synthesis.prompt_templates import Prompts
from kshot.generate.teacher.messages import Reply, Request

ANSWER = "answer:"


@dataclass(frozen=True)
class Case:
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
    """`by` names the rung that bore the claim out; otherwise `fault` says what was against it."""

    by: str = ""
    fault: str = ""


def solve_prompt(case: Case) -> str:
    """What a solver is asked: the prompt that a student would get for the input."""
    return render(MAIN_TEMPLATE, case.instruction, case.shown, case.input, case.reason).text


def answered(reply: str, claim: str, reasoned: bool) -> bool:
    """Whether the reply gives the claimed answer: after its last `Answer:`, or at its beginning."""
    return tidy(final_answer(reply, reasoned, len(_lines(claim)))) == tidy(claim)


def final_answer(reply: str, reasoned: bool, length: int = 1) -> str:
    """The answer in a reply: so many lines from the last `Answer:` on, or from the first line."""
    lines = parted(reply)[1] if reasoned else _lines(reply)
    if lines and lines[0].lower().startswith(("output:", ANSWER)):
        lines[0] = lines[0].split(":", 1)[1].strip()
    return "\n".join([line for line in lines if line][:length])


def parted(reply: str) -> tuple[list[str], list[str]]:
    """The lines before the last one that begins with `Answer:`, and from it on; all and none where there is none."""
    lines = _lines(reply)
    marked = [place for place, line in enumerate(lines) if line.lower().startswith(ANSWER)]
    at = marked[-1] if marked else len(lines)
    return lines[:at], lines[at:]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


def verify(cases: Sequence[Case], asker: Asks, settings: Verify, prompts: Prompts, label: str) -> list[Verdict]:
    """A verdict for each case; all solves of all cases are asked at once, and then the judge about what is left.

    Raises:
        TeacherError: see `Asker.ask`.
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
            said = normalise(reply.text.strip().split("\n")[0])[:3]
            against = f"not judged: {reply.fault}" if reply.fault else "judged wrong"
            verdicts[i] = Verdict(by="judge") if said == "yes" else Verdict(fault=against)
    return [verdict or Verdict(fault="not verified: neither samples nor judge are switched on") for verdict in verdicts]


def _bears(verdict: Verdict | None) -> bool:
    return bool(verdict and verdict.by)


def _without_asking(case: Case) -> Verdict | None:
    if case.solver is not None:
        right = case.solver()
        same = tidy(right) == tidy(case.output)
        return Verdict(by="solver") if same else Verdict(fault="wrong answer: the solver says otherwise")
    if case.labels and case.output not in case.labels:
        return Verdict(fault="not a label")
    return None


def _agreement(case: Case, replies: Sequence[Reply], settings: Verify) -> Verdict:
    share = sum(answered(reply.text, case.output, case.reason) for reply in replies) / len(replies)
    if share >= settings.agree:
        return Verdict(by="self-consistency")
    if fault := next((reply.fault for reply in replies if reply.fault), ""):
        return Verdict(fault=f"not solved again as often as it must be: {fault}")
    return Verdict(fault=f"solved again, it came out otherwise: {share:.2f} agree")
