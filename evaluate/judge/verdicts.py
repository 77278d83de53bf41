"""Asks for the verdicts, and makes scores of them.

Each pair of answers is shown in both orders, since judges prefer a place (Zheng et al., arXiv:2306.05685). An answer
that is preferred in both orders, or in one with a tie in the other, wins; else the two tie. A win scores 1, a tie 0.5.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from kshot.core.answers import tidy_answer
from kshot.core.console import say
from kshot.core.replies.asking import AskTeacher
from kshot.evaluate.judge.prompt import build_question, read_verdict
from kshot.evaluate.measure.results import ScoresBySuite
from kshot.evaluate.run_files import JudgeFile, Judgement, JudgeRow, Sample
from kshot.evaluate.run_files.judge import Preferred
from kshot.evaluate.scoring.text import JUDGE
from kshot.suites.format import Suite, SuiteTask
from kshot.suites.prompts import render_instruction, render_query

SCORES = {"student": 1.0, "tie": 0.5, "base": 0.0}
"""Of the student; the base's is the rest to 1."""


@dataclass(frozen=True)
class Judged:
    """Verdicts on all pairs, and what they make of the models."""

    file: JudgeFile
    judgements: list[Judgement]
    samples: list[Sample]
    """For each pair a row of the base and one of the student."""


@dataclass(frozen=True)
class Pair:
    """The answers of both models to one item."""

    task: SuiteTask
    base: Sample
    student: Sample
    exact: str | None
    """The model that alone is right by exact match; None where both or neither are, or the task has no such score."""

    @property
    def is_same_text(self) -> bool:
        return tidy_answer(self.base.answer) == tidy_answer(self.student.answer)


def has_judged_tasks(suites: Iterable[Suite]) -> bool:
    """Whether a task of the suites is scored by the judge."""
    return any(JUDGE in task.spec.scores for suite in suites for task in suite.tasks)


def judge_answers(suites: Sequence[Suite], samples: Sequence[Sample], ask: AskTeacher) -> Judged | None:
    """Let the teacher judge each pair of answers of the judged tasks; None, and a line, where a verdict is missing.

    Args:
        samples: the answers of both models.

    Raises:
        TeacherError: the teacher cannot be reached. Verdicts that came stay in its cache.
    """
    pairs = list(_find_pairs(suites, samples))
    asked = [pair for pair in pairs if not pair.is_same_text]
    questions = [
        build_question(pair.task.spec.rubric, _show_request(pair), pair.base.accepted, *answers)
        for pair in asked
        for answers in ((pair.base.answer, pair.student.answer), (pair.student.answer, pair.base.answer))
    ]
    replies = ask(questions, "judge")
    if missing := sum(text is None for text in replies.texts):
        say(
            f"judge: {missing} of {len(questions)} verdicts are missing, so there is no score of the judge; raise the "
            "teacher's budget or max_tokens and rerun"
        )
        return None
    verdicts = [read_verdict(text) for text in replies.texts]
    orders = {id(pair): (verdicts[2 * n], verdicts[2 * n + 1]) for n, pair in enumerate(asked)}
    judgements = [_judge(pair, *orders.get(id(pair), ("tie", "tie"))) for pair in pairs]
    return Judged(
        JudgeFile(model=replies.model, rows=_summarize(pairs, judgements)),
        judgements,
        [sample for pair, judgement in zip(pairs, judgements, strict=True) for sample in _score(pair, judgement)],
    )


def add_scores(scores: Mapping[str, ScoresBySuite], samples: Sequence[Sample]) -> None:
    """Add the judge's scores to those of the models: model -> (suite, shots) -> scores."""
    rows = sorted(samples, key=lambda s: (s.model, s.suite, s.k, s.task, s.seed, s.item))
    for (model, suite, k, task, _), group in groupby(rows, key=lambda s: (s.model, s.suite, s.k, s.task, s.seed)):
        seeds = scores[model][suite, k].setdefault(JUDGE, {}).setdefault(task, [])
        seeds.append([float(sample.right or 0) for sample in group])


def _find_pairs(suites: Sequence[Suite], samples: Sequence[Sample]) -> Iterable[Pair]:
    tasks = {(suite.name, task.name): task for suite in suites for task in suite.tasks if JUDGE in task.spec.scores}
    answers: dict[tuple[str, str, int, int, int], dict[tuple[str, str], Sample]] = defaultdict(dict)
    for sample in samples:
        if (sample.suite, sample.task) in tasks:
            names = sample.suite, sample.task, sample.k, sample.seed, sample.item
            answers[names][sample.model, sample.score] = sample
    for (suite, name, *_), found in sorted(answers.items()):
        task = tasks[suite, name]
        score = task.spec.written_scores[0]
        exact = [model for model in ("base", "student") if (each := found.get((model, "exact_match"))) and each.right]
        yield Pair(task, found["base", score], found["student", score], exact[0] if len(exact) == 1 else None)


def _show_request(pair: Pair) -> str:
    """The instruction and the input, without the demonstrations: they are no part of what is asked."""
    return f"{render_instruction(pair.task)}\n\n{render_query(pair.task, pair.task.items[pair.base.item])}"


def _judge(pair: Pair, base_first: str | None, student_first: str | None) -> Judgement:
    one = _name({"first": "base", "second": "student"}, base_first)
    two = _name({"first": "student", "second": "base"}, student_first)
    votes = {one, two} - {"tie", "unreadable"}
    preferred: Literal["base", "student", "tie"] = "tie"
    if len(votes) == 1:
        preferred = "student" if "student" in votes else "base"
    sample = pair.base
    return Judgement(
        suite=sample.suite, task=sample.task, k=sample.k, seed=sample.seed, item=sample.item, base_first=one,
        student_first=two, preferred=preferred, is_same_text=pair.is_same_text,
    )  # fmt: skip


def _name(models: dict[str, Literal["base", "student"]], verdict: str | None) -> Preferred:
    if verdict is None:
        return "unreadable"
    return models.get(verdict, "tie")


def _score(pair: Pair, judgement: Judgement) -> Iterable[Sample]:
    student = SCORES[judgement.preferred]
    for sample, score in ((pair.base, 1 - student), (pair.student, student)):
        yield sample.model_copy(update={"score": JUDGE, "right": score})


def _summarize(pairs: Sequence[Pair], judgements: Sequence[Judgement]) -> list[JudgeRow]:
    groups: dict[tuple[str, int], list[tuple[Pair, Judgement]]] = defaultdict(list)
    for pair, judgement in zip(pairs, judgements, strict=True):
        groups[judgement.suite, judgement.k].append((pair, judgement))
    return [_summarize_group(suite, k, group) for (suite, k), group in sorted(groups.items())]


def _summarize_group(suite: str, k: int, group: Sequence[tuple[Pair, Judgement]]) -> JudgeRow:
    judgements = [judgement for _, judgement in group]
    asked = [judgement for judgement in judgements if not judgement.is_same_text]
    one_right = [(pair.exact, judgement.preferred) for pair, judgement in group if pair.exact]
    return JudgeRow(
        suite=suite, k=k, items=len(group),
        student=sum(judgement.preferred == "student" for judgement in judgements),
        ties=sum(judgement.preferred == "tie" for judgement in judgements),
        base=sum(judgement.preferred == "base" for judgement in judgements),
        asked=len(asked),
        consistent=sum(judgement.base_first == judgement.student_first for judgement in asked),
        first_preferred=sum((j.base_first, j.student_first) == ("base", "student") for j in asked),
        unreadable=sum((j.base_first, j.student_first).count("unreadable") for j in asked),
        one_right=len(one_right),
        agreeing=sum(exact == preferred for exact, preferred in one_right),
    )  # fmt: skip
