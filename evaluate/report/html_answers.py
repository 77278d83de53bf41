"""The answers that the HTML report shows: base beside student, few enough for a file that a phone opens."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from kshot.core.errors import DataError
from kshot.core.seeding import stream
from kshot.evaluate.report.svg import clean

Row = dict[str, Any]
MOST_BYTES = 6_000_000
"""Of all examples together, so that the page stays under 8 MB."""
MOST_CHARACTERS = 4_000
"""Of one text; of a longer one the middle is left out."""


def read_samples(path: Path) -> list[Row]:
    """The rows of samples.jsonl. Reads with `json`, which takes the lone surrogates that orjson refuses.

    Raises:
        DataError: the file is missing or a line is broken.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `kshot evaluate` for this run first") from None
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                rows.append(json.loads(line.decode("utf-8", "replace")))
            except ValueError as error:
                raise DataError(f"{path}:{number}: broken JSON: {error}; mend or delete this line") from None
    return rows


def pair(samples: Iterable[Row]) -> list[Row]:
    """One row for each item and score, with the answers of both models; items that only one answered are left out."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in samples:
        names = ("panel", "task", "score", "k", "seed", "item")
        own = {"seed": 0, **row}
        entry = found.setdefault(tuple(own[name] for name in names), {name: own[name] for name in names})
        entry |= {"input": shown(row["input"]), "accepted": [shown(text) for text in row["accepted"]]}
        entry |= {"prompt": shown(row.get("prompt") or ""), row["model"]: shown(row["answer"])}
        entry[f"{row['model']}_right"] = float(row["right"])
    return [entry for entry in found.values() if "base" in entry and "student" in entry]


def shown(text: Any) -> str:
    """The text as every browser can show it, and not too long."""
    text = str(text)
    if len(text) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        text = f"{text[:half]} [... {len(text) - 2 * half} characters left out ...] {text[-half:]}"
    return clean(text)


def choose(pairs: Sequence[Row], seed: int, most_bytes: int = MOST_BYTES) -> tuple[list[Row], int | None]:
    """As many of the pairs as fit.

    Returns:
        The pairs, and the number that each panel, task, score and k was cut to; None if all fit. Which ones is drawn
        by the seed, the same items for both scores.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in pairs:
        groups.setdefault((row["panel"], row["task"], row["k"], row["score"]), []).append(row)
    for (panel, task, k, _), rows in groups.items():
        rows.sort(key=lambda row: (row["seed"], row["item"]))
        stream(seed, "html", panel, task, k).shuffle(rows)
    sizes = [[len(_dumped(row)) for row in rows] for rows in groups.values()]
    cap = most = max(map(len, sizes), default=0)
    while cap > 1 and sum(sum(size[:cap]) for size in sizes) > most_bytes:
        cap -= max(1, cap // 20)
    kept = [row for rows in groups.values() for row in rows[:cap]]
    kept.sort(key=lambda row: (row["panel"], row["task"], row["k"], row["score"], row["seed"], row["item"]))
    return kept, cap if cap < most else None


def embedded(pairs: Sequence[Row]) -> Markup:
    """The pairs as JSON that is safe inside a `script` element: no `<`, `>` or `&` is left in it.

    Prompts stand in a list of their own, since both scores of an item share one.
    """
    prompts = {text: number for number, text in enumerate(dict.fromkeys(row["prompt"] for row in pairs))}
    rows = [{**row, "prompt": prompts[row["prompt"]]} for row in pairs]
    return Markup(_dumped({"prompts": list(prompts), "rows": rows}).decode())  # noqa: S704 - escaped by _dumped


def _dumped(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_UNSAFE).encode("utf-8", "replace")


_UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
