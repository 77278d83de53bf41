"""What a stage may ask the teacher without knowing the client: questions out, answers with their cost back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """One message to the teacher; `max_tokens` bounds the answer."""

    prompt: str
    max_tokens: int
    system: str = ""


@dataclass(frozen=True)
class TeacherAnswers:
    """The teacher's answers, in the order of the questions.

    Args:
        texts: None where none came: refused, cut off, or a budget is spent.
        money: of all answers, those from the cache included, in the currency of the prices.
        new_answers: answers that were not in the cache.
        seconds: wall time of the new ones together.
    """

    model: str
    texts: tuple[str | None, ...]
    money: float
    tokens: int
    new_answers: int
    seconds: float


AskTeacher = Callable[[Sequence[Question], str], TeacherAnswers]
"""Ask these questions; the text names them beside the progress bar."""
