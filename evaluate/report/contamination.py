"""What contamination.json says, in words and tables: on the terminal, in report.md and in report.html."""

from collections.abc import Mapping, Sequence
from typing import Any

from kshot.config import Config
from kshot.core.console import say
from kshot.evaluate.contamination.overlap import CONTAMINATION, MEASURES, NGRAM, LeftOut
from kshot.evaluate.measure.measurement import Groups
from kshot.evaluate.report.markdown import between, markdown_table, points, rich_table, short, signed
from kshot.evaluate.scoring.text import SCORE_NAMES
from kshot.evaluate.stats.paired import Families, paired_gains

Row = dict[str, Any]
TITLE = "Novelty"
LISTED = 100
"""Contaminated items and held-out tasks that the reports list; contamination.json has all."""
WAYS = {"name": "by name", "words": "by three-word runs", "wording": "by wording"}
CLEAN = ("panel", "score", "k", "items left out", "base", "student", "gain", "95 % interval", "tasks", "items")
ITEMS = ("panel", "task", "item", "how", "shared text", "training record", "its task")
NEAREST = ("panel", "task", *WAYS.values())
WORDS = {"panel", "score", "95 % interval", "task", "how", "shared text", "training record", "its task", *WAYS.values()}
ABOUT = (
    "The training task that is nearest to each held-out task: by the names of tasks and families, by the share of the "
    "held-out task's three-word runs that stand in the training task's records, and by the wording of the instructions "
    "(cosine of weighted parts of words); 1 is the same, 0 has nothing in common. An item is contaminated when "
    f"{NGRAM} words in a row of its input and answer, its whole input, or nearly its whole input, stand in the "
    "training data."
)
ABOUT_CLEAN = "Gains without the contaminated items, as in the table of gains otherwise."


def clean_gains(
    measured: Mapping[str, Groups], items: LeftOut, siblings: Mapping[str, Families], config: Config
) -> dict[tuple[str, str, int], Row]:
    """By panel, score and k: base, student, gain, low, high, tasks and items without the contaminated ones.

    Panels without such items are left out, as is a score of which nothing would be left.

    Args:
        measured: model -> (panel, shots) -> scores.
        siblings: panel -> task -> family.
    """
    before, after = (_without(measured[model], items) for model in ("base", "student"))
    kept = ("base", "student", "gain", "low", "high", "tasks", "items")
    found = {}
    for row in paired_gains(before, after, config.evaluate.bootstrap_resamples, config.seed, families=siblings):
        names = row["panel"], row["score"], row["k"]
        tasks = measured["base"][row["panel"], row["k"]][row["score"]]
        lost = sum(len(items.get((row["panel"], task), ())) for task in tasks)
        found[names] = {name: row[name] for name in kept} | {"left_out": lost}
    return found


def _without(groups: Groups, items: LeftOut) -> Groups:
    touched = {panel for panel, _ in items}
    return {
        (panel, k): {
            score: kept
            for score, tasks in found.items()
            if (
                kept := {
                    task: own
                    for task, rows in tasks.items()
                    if (own := [_others(row, items.get((panel, task), set())) for row in rows])[0]
                }
            )
        }
        for (panel, k), found in groups.items()
        if panel in touched
    }


def _others(scores: Sequence[float], items: set[int]) -> list[float]:
    return [score for item, score in enumerate(scores) if item not in items]


def summary(found: Row) -> str:
    """In one line."""
    if found["records"] is None:
        return f"novelty: no training data at {found['training']}, so the panels were not looked for in it"
    if not found["contaminated"]:
        return f"novelty: none of {found['items']} items shares text with the {found['records']} training records"
    count = len(found["contaminated"])
    return f"novelty: {count} of {found['items']} items share text with the training data (contaminated); see {CONTAMINATION}"


def tell(found: Row, gains: Sequence[Row]) -> None:
    """The summary on the terminal, and the gains without contaminated items where there are some."""
    say(summary(found))
    if lines := clean_lines(gains):
        rich_table("The same without the contaminated items", CLEAN, lines, WORDS)


def clean_lines(gains: Sequence[Row]) -> list[list[str]]:
    """Rows of the columns `CLEAN`; none where no item is contaminated."""
    return [
        [row["panel"], str(SCORE_NAMES.get(row["score"], row["score"])), str(row["k"]), str(clean["left_out"]),
         points(clean["base"]), points(clean["student"]), signed(clean["gain"]),
         between(clean["low"], clean["high"]), str(clean["tasks"]), str(clean["items"])]
        for row in gains if (clean := row.get("clean"))
    ]  # fmt: skip


def item_lines(found: Row) -> list[list[str]]:
    """Rows of the columns `ITEMS`, the first ones."""
    names = ("panel", "task", "item", "how", "span", "record", "training_task")
    return [[short(row[name]) for name in names] for row in found["contaminated"][:LISTED]]


def nearest_lines(found: Row) -> list[list[str]]:
    """Rows of the columns `NEAREST`, the first ones."""
    return [[row["panel"], row["task"], *(_near(row[way]) for way in MEASURES)] for row in found["near"][:LISTED]]


def _near(row: Row) -> str:
    return f"{row['task']} ({row['similarity']:.2f})" if row["similarity"] else "none"


def pairs(found: Row) -> list[Row]:
    """Held-out tasks beside the training tasks that are nearest: a summary, and titled texts."""
    made = []
    for row in found["near"][:LISTED]:
        sides = [{"title": f"held out: {row['task']}", "text": _text(row)}]
        for way in MEASURES:
            if row[way]["similarity"]:
                title = f"{WAYS[way]}: {row[way]['task']} ({row[way]['similarity']:.2f})"
                sides.append({"title": title, "text": _text(row[way])})
        made.append({"summary": f"{row['panel']}: {row['task']}", "sides": sides})
    return made


def _text(row: Row) -> str:
    return "\n\n".join(part for part in (row["instruction"], f"Input: {row['input']}") if part)


def markdown(found: Row, gains: Sequence[Row]) -> str:
    """The section of report.md."""
    parts = [f"## {TITLE}", _said(found)]
    if lines := clean_lines(gains):
        parts += [ABOUT_CLEAN, markdown_table(CLEAN, lines, WORDS)]
    if lines := item_lines(found):
        parts.append(markdown_table(ITEMS, lines, WORDS))
    if lines := nearest_lines(found):
        parts += [f"{ABOUT} The texts of both stand in `{CONTAMINATION}`.", markdown_table(NEAREST, lines, WORDS)]
    return "\n\n".join(parts)


def _said(found: Row) -> str:
    text = summary(found).removeprefix("novelty: ")
    return f"{text[0].upper()}{text[1:]}."


def section(found: Row, gains: Sequence[Row]) -> Row:
    """The section of report.html, see `html_extras.extras`."""
    tables = [
        _table("Without the contaminated items", CLEAN, clean_lines(gains)),
        _table("Contaminated items", ITEMS, item_lines(found)),
        _table("Nearest training tasks", NEAREST, nearest_lines(found)),
    ]
    about = f"{_said(found)} {ABOUT if found['near'] else ''}".strip()
    kept = [table for table in tables if table["rows"]]
    return {"id": "novelty", "title": TITLE, "about": about, "tables": kept, "pairs": pairs(found)}


def _table(title: str, columns: Sequence[str], rows: list[list[str]]) -> Row:
    text = {place for place, name in enumerate(columns) if name in WORDS and name != "95 % interval"}
    return {"title": title, "columns": columns, "words": text, "rows": rows}
