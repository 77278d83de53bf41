"""The report as one HTML file that asks the network for nothing: evaluate/report.html, and scores.svg beside it.

What models wrote is hostile text. Every value is escaped by the template, answers are embedded as JSON and set with
`textContent` only, and a Content-Security-Policy lets no script run but ours, which it knows by its hash.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from kshot.core.errors import DataError
from kshot.core.files import read_json, write_text
from kshot.core.runs import hash_file
from kshot.evaluate.metrics.baselines import BASELINE_NAMES
from kshot.evaluate.report.html_answers import choose, embedded, pair, read_samples
from kshot.evaluate.report.html_sections import extras
from kshot.evaluate.report.markdown import least, probability
from kshot.evaluate.report.svg import Row, between, clean, environment, figure, plots, points, signed, write_svg
from kshot.evaluate.scoring.text import SCORE_NAMES

HERE = Path(__file__).parent
ASSETS = {"style": "report.css", "script": "report.js"}
MORE = {"p_holm": "p, Holm", "mde": "mde", "seeds": "demo seeds", "worst_seed_gain": "worst seed"}
"""Columns of the table of gains that not every version of gains.json has; the last two only where seeds differ."""
EXPLAINED = {
    "exact_match": "the whole answer equals an accepted one but for case, outer quotes and a final stop.",
    "loglikelihood": "the likeliest of the options is right.",
    "contains": "an accepted answer stands somewhere in the answer, as whole words.",
    "numeric": "the last number of the answer is that of an accepted one.",
    "acc": "lm-eval's accuracy: the likeliest of the options is right.",
    "acc_norm": "lm-eval's accuracy by likelihood for each character of an option.",
    "rouge_l": "the longest common subsequence of words with an accepted answer, as an F1.",
}
NOT_FACTS = {"by_task", "measurements", "seconds", "counts", "truncated", "flow", "reported"}
TINTS = (0.02, 0.10, 0.25)
"""Gains from which a cell of the table by task is coloured, and more strongly so."""


def write_html(folder: Path) -> None:
    """Write report.html and scores.svg from gains.json, samples.jsonl and manifest.json of a finished evaluate folder.

    The same folder gives the same bytes.

    Raises:
        DataError: one of the files is missing or broken.
    """
    gains: list[Row] = read_json(folder / "gains.json")
    manifest: Row = read_json(folder / "manifest.json")
    drawn = plots(gains)
    write_svg(drawn, folder / "scores.svg")
    pairs = pair(read_samples(folder / "samples.jsonl"))
    kept, cap = choose(pairs, int(manifest.get("seed", 0)))
    found = environment()
    found.filters |= {"value": value, "more": more}
    assets = {name: (HERE / file).read_text(encoding="utf-8") for name, file in ASSETS.items()}
    text = found.get_template("report.html.j2").render(
        run=manifest.get("run", folder.resolve().parent.name),
        base=manifest.get("base", "unknown"),
        version=manifest.get("versions", {}).get("kshot", "of unknown version"),
        names=SCORE_NAMES | {name: name for name in ("acc", "acc_norm")},
        explained=EXPLAINED,
        scores={row["score"] for row in gains},
        gains=gains,
        more=_columns(gains),
        headlines=headlines(gains),
        cards=cards(gains),
        plots=[{"title": plot.title, "svg": figure(plot, f"plot-{n}")} for n, plot in enumerate(drawn)],
        task_tables=task_tables(manifest.get("by_task", [])),
        dagger=any(row.get("below") for row in manifest.get("by_task", [])),
        extras=extras(folder),
        made=made(folder, manifest),
        samples=embedded(kept),
        shown=len(kept),
        paired=len(pairs),
        cap=cap,
        **{name: Markup(text) for name, text in assets.items()},  # noqa: S704 - our own files
        **{f"{name}_hash": _csp_hash(text) for name, text in assets.items()},
    )
    write_text(folder / "report.html", clean(text))


def _columns(gains: Sequence[Row]) -> dict[str, str]:
    several = any(row.get("seeds", 1) > 1 for row in gains)
    shown = [name for name in MORE if gains and name in gains[0] and (several or "seed" not in name)]
    return {name: MORE[name] for name in shown}


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def verdict(row: Row) -> tuple[str, str]:
    """(up, down or open, words) for a gain: whether its interval leaves out zero."""
    if row["low"] > 0:
        return "up", "a gain"
    if row["high"] < 0:
        return "down", "a loss"
    return "open", "may be chance"


def headlines(gains: Sequence[Row]) -> list[str]:
    """One sentence a panel: exact match, or the first score where that is none, with the fewest and the most shots."""
    sentences = []
    for panel in dict.fromkeys(row["panel"] for row in gains):
        rows = [row for row in gains if row["panel"] == panel]
        score = "exact_match" if any(row["score"] == "exact_match" for row in rows) else rows[0]["score"]
        rows = [row for row in rows if row["score"] == score]
        rows.sort(key=lambda row: int(row["k"]))
        ends = rows[:1] if len(rows) == 1 else [rows[0], rows[-1]]
        said = [_part(row) for row in ends]
        if len(said) == 2 and said[0][0] == said[1][0]:
            said[1] = ("", said[1][1])
        words = " and ".join(f"{verb} {rest}".strip() for verb, rest in said)
        what = "mean" if ends[0]["score"] == "rouge_l" else "share of right answers"
        name = SCORE_NAMES.get(ends[0]["score"], ends[0]["score"])
        sentences.append(f"On the {ends[0]['tasks']} held-out tasks of {panel}, the {what} ({name}) {words}.")
    return sentences


def _part(row: Row) -> tuple[str, str]:
    """The verb, and the rest, of what is said of one number of demonstrations."""
    kind, _ = verdict(row)
    verb = {"up": "rose", "down": "fell", "open": "went"}[kind]
    shots = "without demonstrations" if row["k"] == 0 else f"with {row['k']} demonstration{'s' * (row['k'] > 1)}"
    interval = f"{signed(row['gain'])} points, 95 % interval {between(row['low'], row['high'])}"
    if points(row["base"]) == points(row["student"]):
        return "stayed", f"at {points(row['base'])} % {shots} ({interval})"
    doubt = ", which may be chance" if kind == "open" else ""
    return verb, f"from {points(row['base'])} to {points(row['student'])} % {shots} ({interval}{doubt})"


def cards(gains: Sequence[Row]) -> list[Row]:
    """Every gain, by panel and score."""
    groups: dict[str, Row] = {}
    for row in gains:
        title = f"{row['panel']}: {SCORE_NAMES.get(row['score'], row['score'])}"
        kind, words = verdict(row)
        missed = [BASELINE_NAMES.get(name, name) for name in row.get("below", [])]
        card = {**row, "kind": kind, "verdict": words, "below": missed}
        groups.setdefault(title, {"title": title, "rows": []})["rows"].append(card)
    return list(groups.values())


def task_tables(by_task: Sequence[Row]) -> list[Row]:
    """A table for each panel and score, a row a task, a cell a number of shots; None where there is no score."""
    tables = []
    for panel, score in sorted({(row["panel"], row["score"]) for row in by_task}):
        rows = [row for row in by_task if (row["panel"], row["score"]) == (panel, score)]
        shots = sorted({int(row["k"]) for row in rows})
        cells = {
            (row["task"], row["k"]): {**_cell(row["base"], row["student"]), "below": row.get("below")} for row in rows
        }
        tasks = sorted({str(row["task"]) for row in rows})
        columns = [[cells[task, k] for task in tasks if (task, k) in cells] for k in shots]
        means = [[sum(cell[name] for cell in c) / len(c) for name in ("base", "student")] for c in columns]
        tables.append(
            {
                "title": f"{panel}: {SCORE_NAMES.get(score, score)}",
                "shots": shots,
                "rows": [{"task": task, "measurements": [cells.get((task, k)) for k in shots]} for task in tasks],
                "mean": [_cell(base, student) for base, student in means],
            }
        )
    return tables


def _cell(base: float, student: float) -> Row:
    gain = student - base
    strength = sum(abs(gain) >= least for least in TINTS)
    tint = f"{'up' if gain > 0 else 'down'}-{strength}" if strength else "same"
    return {"base": base, "student": student, "gain": round(gain, 6), "tint": tint}


def value(content: Any) -> str:
    """A value of a JSON file as a person reads it."""
    if content is None:
        return "none"
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, float):
        return f"{content:.4g}".replace("-", "\N{MINUS SIGN}", 1)
    if isinstance(content, Mapping):
        return ", ".join(f"{name}: {value(inner)}" for name, inner in content.items()) or "none"
    if isinstance(content, list):
        return ", ".join(value(inner) for inner in content) or "none"
    return str(content)


def more(content: float | None, name: str) -> str:
    """A value of one of the columns of `MORE`."""
    if content is None:
        return "–"
    if name == "p_holm":
        return probability(content)
    if name == "seeds":
        return str(content)
    return least(content) if name == "mde" else signed(content)


def made(folder: Path, manifest: Row) -> list[Row]:
    """What the report rests on: settings, seeds, versions and hashes of this stage and of those before it."""
    hashes = {f"{name} (sha256)": hash_file(folder / name) for name in ("gains.json", "samples.jsonl")}
    cut = manifest.get("truncated") or {}
    own = [*facts(manifest), *hashes.items(), ("prompts cut to the model's context", value(cut))]
    groups = [{"title": "Evaluation", "facts": own}]
    for stage, title in (("train", "Training"), ("generate", "Data")):
        try:
            inner = facts(read_json(folder.parent / stage / "manifest.json"))
        except DataError:
            continue
        groups.append({"title": title, "facts": inner})
    cells = [(name, value(key)) for name, key in sorted(manifest.get("measurements", {}).items())]
    return [*groups, {"title": "Keys of the cells", "facts": cells}] if cells else groups


def facts(tree: Mapping[str, Any], at: str = "") -> list[tuple[str, str]]:
    """The leaves of a manifest with their dotted names, without what is shown elsewhere or measures time."""
    found: list[tuple[str, str]] = []
    for name, inner in tree.items():
        if name in NOT_FACTS:
            continue
        if isinstance(inner, Mapping) and inner:
            found += facts(inner, f"{at}{name}.")
        else:
            found.append((f"{at}{name}", value(inner)))
    return found
