"""The teacher as a way to answer, where `evaluate.teacher` asks for it: its answers to the same prompts, its price.

It reads the held-out inputs, without their right answers. Nothing that it answers here becomes training data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kshot.core.console import say
from kshot.core.errors import DataError
from kshot.core.files import read_json
from kshot.core.replies.asking import AskTeacher, Question
from kshot.evaluate.alternatives.answered import Answered, make_answered
from kshot.evaluate.alternatives.models import choose_written_score
from kshot.evaluate.measure.suite_tasks import make_scorer
from kshot.evaluate.run_files import AlternativesFile
from kshot.suites.format import Suite, SuiteTask
from kshot.suites.prompts import render_item

SPARE_TOKENS = 64
"""Beyond the longest accepted answer, at a token for two characters."""


@dataclass(frozen=True)
class TeacherWay:
    """The teacher, and the shots to show it."""

    ask: AskTeacher
    shots: Sequence[int]
    earlier: Path
    """alternatives.json of an earlier evaluation of the run, where there is one: it knows how long answers took."""


def answer_with_teacher(
    way: TeacherWay, suite: Suite, task: SuiteTask, limit: int | None, seed: int = 0
) -> Iterator[Answered]:
    """The teacher with each number of demonstrations; a number with a missing answer is left out, with a line.

    Demonstrations stand in its one message, also where the suite shows them as turns.

    Raises:
        TeacherError: the teacher cannot be reached.
    """
    items = task.items[:limit]
    score, score_written = choose_written_score(task), make_scorer(task)
    longest = max(len(output) for item in items for output in item.output)
    system = "\n\n".join(text for text in (suite.system, task.spec.system) if text)
    for k in way.shots:
        questions = [
            Question(render_item(task, item, k, seed if k else 0), longest // 2 + SPARE_TOKENS, system=system)
            for item in items
        ]
        answers = way.ask(questions, f"teacher {task.name} k={k}")
        texts = [text.strip() for text in answers.texts if text is not None]
        if len(texts) < len(items):
            say(
                f"teacher: {len(texts)} of {len(items)} answers to {task.name} at k={k}, so it is not compared there; "
                "raise generate.teacher.budget or max_tokens and rerun"
            )
            continue
        scores = [
            score_written(text, item.output, item.options)[score] for text, item in zip(texts, items, strict=True)
        ]
        seconds = 1000 * answers.seconds / answers.new_answers if answers.new_answers else None
        yield make_answered(
            scores, suite=suite.name, task=task.name, method="teacher", score=score, trained_on="", train_rows=0, k=k,
            seconds=seconds or _find_earlier_seconds(way.earlier, task.name, k),
            cost=1000 * answers.money / len(items), size=None, model=Path(answers.model).name,
        )  # fmt: skip


def _find_earlier_seconds(path: Path, task: str, k: int) -> float | None:
    """What an earlier evaluation measured, where all answers now come from the cache."""
    try:
        rows = AlternativesFile.model_validate(read_json(path)).rows
    except (DataError, ValueError):
        return None
    return next((row.seconds for row in rows if (row.method, row.task, row.k) == ("teacher", task, k)), None)
