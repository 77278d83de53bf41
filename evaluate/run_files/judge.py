"""judge.json and judgements.jsonl: which answer the teacher prefers, and how far its verdicts can be trusted."""

from typing import Literal

from kshot.core.run_files import FileModel

Preferred = Literal["base", "student", "tie", "unreadable"]


class Judgement(FileModel):
    """A row of judgements.jsonl: the verdict on one item."""

    suite: str
    task: str
    k: int
    seed: int
    """Few-shot seed."""
    item: int
    base_first: Preferred
    """The verdict with the base's answer shown first."""
    student_first: Preferred
    """The verdict with the student's answer shown first."""
    preferred: Literal["base", "student", "tie"]
    """The answer preferred in both orders, or in one with a tie in the other; else a tie."""
    is_same_text: bool
    """Both answers are the same text, so nobody was asked."""


class JudgeRow(FileModel):
    """The verdicts on a suite at one number of shots."""

    suite: str
    k: int
    items: int
    student: int
    """Items where the student's answer is preferred."""
    ties: int
    base: int
    asked: int
    """Items with two different answers."""
    consistent: int
    """Items asked with one verdict in both orders."""
    first_preferred: int
    """Items asked where the answer shown first is preferred in both orders."""
    unreadable: int
    """Verdicts that name neither answer nor a tie; they count as ties."""
    one_right: int
    """Items where exact match finds one answer right and the other wrong."""
    agreeing: int
    """Of these, the items where the judge prefers the right one."""


class JudgeFile(FileModel):
    """judge.json: a row for each suite and number of shots."""

    model: str
    rows: list[JudgeRow]
