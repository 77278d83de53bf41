"""What to ship, in a sentence with its reason."""

from collections.abc import Iterator, Sequence

from kshot.evaluate.alternatives.answered import Answered, compare_paired, is_binary
from kshot.evaluate.run_files import AlternativeRow
from kshot.evaluate.scoring.text import CALIBRATED, LOGLIKELIHOOD, SCORE_NAMES

SIGNIFICANT_P = 0.05
NAMES = {
    "majority": "the most frequent label",
    "tf-idf": "TF-IDF with logistic regression",
    "encoder": "the sentence encoder with logistic regression",
    "base": "the base",
    "student": "the student",
    "teacher": "the teacher",
}
WAYS = {LOGLIKELIHOOD: "choosing among the labels", CALIBRATED: "choosing among the labels, calibrated"}
MODELS = ("base", "student", "teacher")


def advise(task: str, answered: Sequence[Answered]) -> Iterator[str]:
    """Say what to ship: the best student, unless another way is as good; then what the teacher would add.

    Nothing without a student and another way. A teacher is bought with each answer, so it stands in a sentence of its
    own.
    """
    students = [way for way in answered if way.row.method == "student"]
    others = [way for way in answered if way.row.method not in ("student", "teacher")]
    teachers = [way for way in answered if way.row.method == "teacher"]
    if students and others:
        yield _compare_with_rival(task, _best(students), _best(others))
    if students and teachers:
        yield _compare_with_teacher(_best(students), _best(teachers))


def describe_way(row: AlternativeRow) -> str:
    """A way to answer, in words."""
    if row.method not in MODELS:
        return NAMES[row.method] + (f" on the {row.trained_on} rows" if row.method != "majority" else "")
    name = f"the teacher {row.model}" if row.model else NAMES[row.method]
    return f"{name} ({', '.join([f'k={row.k}', *([WAYS[row.score]] if row.score in WAYS else [])])})"


def _best(ways: Sequence[Answered]) -> Answered:
    """The highest score; of several the first, which writes rather than chooses and has fewer demonstrations."""
    return max(ways, key=lambda way: way.row.mean)


def _compare_with_rival(task: str, best: Answered, rival: Answered) -> str:
    p, test = compare_paired(best.scores, rival.scores)
    verb = "is right on" if is_binary(best.scores) else f"has a mean {SCORE_NAMES[best.row.score]} of"
    beside = f"{describe_way(best.row)} {verb} {best.row.mean:.0%} of {best.row.items} held-out rows of {task}, "
    beside += f"{describe_way(rival.row)} {verb.split()[-1]} {rival.row.mean:.0%} ({test} {p:.2g})"
    if best.row.mean > rival.row.mean and p < SIGNIFICANT_P:
        return f"Ship the student: {beside}."
    if best.row.mean < rival.row.mean and p < SIGNIFICANT_P:
        return f"Do not ship the student yet: {beside}."
    is_open = f"It is open: {beside}. The difference may be chance; more held-out rows would tell"
    if rival.row.method == "majority":
        return f"{is_open}."
    simpler = "the base, which needs no training" if rival.row.method == "base" else "the classifier"
    return f"{is_open}, until then take {simpler}{_say_cheaper(best.row, rival.row)}."


def _say_cheaper(student: AlternativeRow, rival: AlternativeRow) -> str:
    """How much quicker and smaller the rival is, where both are measured and it is."""
    parts = []
    if student.seconds and rival.seconds is not None and rival.seconds < student.seconds:
        parts.append(f"{rival.seconds:.2g} instead of {student.seconds:.2g} s for a thousand answers")
    if student.size and rival.size is not None and rival.size < student.size:
        parts.append(f"{format_bytes(rival.size)} instead of {format_bytes(student.size)}")
    return f" ({', '.join(parts)})" if parts else ""


def _compare_with_teacher(best: Answered, teacher: Answered) -> str:
    p, test = compare_paired(best.scores, teacher.scores)
    price = f"; a thousand of its answers cost {teacher.row.cost:.3g}" if teacher.row.cost else ""
    verb = "is right on" if is_binary(teacher.scores) else f"has a mean {SCORE_NAMES[teacher.row.score]} of"
    known = f"{describe_way(teacher.row)} {verb} {teacher.row.mean:.0%} ({test} {p:.2g}{price})"
    if p >= SIGNIFICANT_P:
        return f"The teacher adds nothing that these rows show: {known}."
    if teacher.row.mean > best.row.mean:
        return f"The teacher is better: {known}."
    return f"The student is better than its teacher: {known}."


def format_bytes(size: int) -> str:
    """A size in the unit that suits it.

    >>> format_bytes(269_000_000), format_bytes(41_000), format_bytes(0)
    ('269 MB', '41 kB', '0 kB')
    """
    if size >= 10**9:
        return f"{size / 10**9:.1f} GB"
    return f"{size / 10**6:.0f} MB" if size >= 10**6 else f"{size / 10**3:.0f} kB"
