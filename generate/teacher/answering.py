"""The teacher as one of the models that an evaluation compares: the same client, cache and budget as in generate."""

import time
from collections.abc import Sequence
from functools import partial

from kshot.config import Config
from kshot.core.errors import ConfigError
from kshot.core.replies.asking import AskTeacher, Question, TeacherAnswers
from kshot.core.runs import Run
from kshot.generate.teacher.interface import open_teacher
from kshot.generate.teacher.messages import Request


def make_answering(config: Config, run: Run) -> AskTeacher | None:
    """Return how to ask the run's teacher; None where the config names none."""
    if config.generate.teacher is None:
        return None
    return partial(answer_questions, config, run)


def answer_questions(config: Config, run: Run, questions: Sequence[Question], label: str) -> TeacherAnswers:
    """Ask the teacher of `generate.teacher`. Its replies stay in the run's cache, and the budget counts them.

    Raises:
        ConfigError: the config names no teacher.
        TeacherError: no endpoint can be reached, or all refuse.
    """
    settings = config.generate.teacher
    if settings is None:
        raise ConfigError(["generate.teacher: names no teacher to ask"])
    requests = [
        Request(each.prompt, system=each.system or None, max_tokens=max(each.max_tokens, settings.max_tokens))
        for each in questions
    ]
    with run.held("generate") as folder, open_teacher(settings, config.student, folder) as teacher:
        new_answers = teacher.estimate(requests).missing.requests
        begin = time.perf_counter()
        replies = teacher.ask(requests, label)
        seconds = time.perf_counter() - begin
    return TeacherAnswers(
        model=teacher.name,
        texts=tuple(None if reply.problem else reply.text for reply in replies),
        money=sum(reply.cost for reply in replies),
        tokens=sum(reply.prompt_tokens + reply.completion_tokens for reply in replies),
        new_answers=new_answers,
        seconds=seconds,
    )
