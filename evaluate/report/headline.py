"""The first sentences of a report: every score beside the others, what did not move, and what is no gain."""

from collections.abc import Mapping, Sequence

from kshot.evaluate.report.numbers import VERDICTS, interval, points, score_name, signed
from kshot.evaluate.run_files import AnswerCount, GainRow
from kshot.evaluate.scoring.text import CALIBRATED, CHOICE_SCORES, JUDGE, LOGLIKELIHOOD

MAX_TASKS = 6
"""Names of tasks in a sentence."""


def headlines(gains: Sequence[GainRow], unfinished: Mapping[str, AnswerCount]) -> list[str]:
    """For each suite a sentence with all of its scores, at the fewest and the most shots, and what qualifies them.

    Args:
        unfinished: by model, the answers that filled their budget of tokens.
    """
    sentences = []
    for suite in dict.fromkeys(row.suite for row in gains):
        own = [row for row in gains if row.suite == suite]
        written = dict.fromkeys(row.score for row in own if row.score not in (*CHOICE_SCORES, JUDGE))
        # Exact match first, whatever the alphabet says.
        scores = sorted(written, key=lambda score: score != "exact_match") or [LOGLIKELIHOOD]
        parts = [_score_part(own, score) for score in scores]
        if LOGLIKELIHOOD not in scores and any(row.score == LOGLIKELIHOOD for row in own):
            parts.append(_choice_part(own))
        if any(row.score == CALIBRATED for row in own):
            parts.append(_score_part(own, CALIBRATED))
        if any(row.score == JUDGE for row in own):
            parts.append(_judge_part(own))
        tasks = max(row.tasks for row in own)
        held_out = f"{tasks} held-out tasks" if tasks > 1 else "held-out task"
        sentences.append(f"On the {held_out} of {suite}, {'; '.join(parts)}.")
        sentences += _trivial_sentences(own)
    return [*sentences, *budget_sentences(unfinished)]


def budget_sentences(unfinished: Mapping[str, AnswerCount]) -> list[str]:
    """How many answers of each model were cut at their budget of tokens; nothing where none was."""
    if not any(count.unfinished for count in unfinished.values()):
        return []
    counts = ", ".join(f"{count.unfinished} of {count.answers} of {name}" for name, count in unfinished.items())
    return [f"Answers that filled their budget of tokens and were cut there: {counts}."]


def _ends(rows: Sequence[GainRow], score: str) -> list[GainRow]:
    chosen = sorted((row for row in rows if row.score == score), key=lambda row: row.k)
    return chosen[:1] if len(chosen) == 1 else [chosen[0], chosen[-1]]


def _score_part(rows: Sequence[GainRow], score: str) -> str:
    parts = [_change(row) for row in _ends(rows, score)]
    if len(parts) == 2 and parts[0][0] == parts[1][0]:
        parts[1] = ("", parts[1][1])
    what = "mean " if score == "rouge_l" else ""
    return f"{what}{score_name(score)} " + " and ".join(f"{verb} {rest}".strip() for verb, rest in parts)


def _choice_part(rows: Sequence[GainRow]) -> str:
    """The choice by log-likelihood, which rewards no form; said shortly where it did not move."""
    ends = _ends(rows, LOGLIKELIHOOD)
    if all(row.verdict == "inconclusive" for row in ends):
        changes = " and ".join(f"{signed(row.gain)} points {_shots(row)}" for row in ends)
        return f"the choice among options (log-likelihood) did not move ({changes})"
    return "the choice among options: " + _score_part(rows, LOGLIKELIHOOD)


def _judge_part(rows: Sequence[GainRow]) -> str:
    """How often the judge prefers the student's answer; a tie counts half."""
    shares = " and ".join(f"{points(row.student)} % {_shots(row)}" for row in _ends(rows, JUDGE))
    return f"the judge prefers the student's answer to the base's in {shares} (a tie counts half)"


def _shots(row: GainRow) -> str:
    return "without demonstrations" if row.k == 0 else f"with {row.k} demonstration{'s' * (row.k > 1)}"


def _change(row: GainRow) -> tuple[str, str]:
    """The verb, and the rest, for one number of demonstrations."""
    verb = {"gain": "rose", "loss": "fell"}.get(row.verdict, "went")
    # The wider claim where there is one: other tasks, else other items of this one.
    place, ends = ("tasks like these", (row.low, row.high))
    if row.low is None:
        place, ends = "these tasks" if row.tasks > 1 else "this task", (row.items_low, row.items_high)
    change = f"{signed(row.gain)} points"
    change += "" if ends[0] is None else f", 95 % on {place} {interval(*ends)}"
    change += "" if row.verdict in ("gain", "loss") else f", {VERDICTS[row.verdict]}"
    if points(row.base) == points(row.student):
        return "stayed", f"at {points(row.base)} % {_shots(row)} ({change})"
    return verb, f"from {points(row.base)} to {points(row.student)} % {_shots(row)} ({change})"


def _trivial_sentences(rows: Sequence[GainRow]) -> list[str]:
    """Tasks whose gain a trivial baseline has too, by score."""
    sentences = []
    for score in dict.fromkeys(row.score for row in rows):
        tasks = list(dict.fromkeys(task for row in _ends(rows, score) for task in row.trivial_tasks))
        if tasks:
            more = f" and {len(tasks) - MAX_TASKS} more" if len(tasks) > MAX_TASKS else ""
            sentences.append(
                f"No gain ({score_name(score)}), since the student gives one answer always or is no better than a "
                f"trivial baseline: {', '.join(tasks[:MAX_TASKS])}{more}."
            )
    return sentences
