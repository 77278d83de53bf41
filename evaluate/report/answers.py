"""The answers that the HTML report shows: base beside student, few enough for a file that a phone opens."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from markupsafe import Markup

from kshot.core.pages.safe import dump_for_script, make_visible
from kshot.core.seeding import stream
from kshot.evaluate.run_files import Sample

MAX_BYTES = 6_000_000
"""Bytes of all answers together, so that the page stays under 8 MB."""
MAX_TEXT_CHARS = 4_000
"""Characters of one text; of a longer one the middle is left out."""


@dataclass(frozen=True)
class PairedAnswer:
    """The answers of both models to one item."""

    suite: str
    task: str
    score: str
    k: int
    seed: int
    item: int
    input: str
    accepted: list[str]
    prompt: str
    base: str = ""
    base_right: float | None = None
    student: str = ""
    student_right: float | None = None


def pair_answers(samples: Iterable[Sample]) -> list[PairedAnswer]:
    """A row for each item and score, with the answers of both models; items that only one answered are left out."""
    pairs: dict[tuple[str, str, str, int, int, int], PairedAnswer] = {}
    for sample in samples:
        names = (sample.suite, sample.task, sample.score, sample.k, sample.seed, sample.item)
        texts = (show_text(sample.input), [show_text(text) for text in sample.accepted], show_text(sample.prompt))
        pair = pairs.get(names) or PairedAnswer(*names, *texts)
        answer, right = show_text(sample.answer), float(sample.right or 0)
        if sample.model == "base":
            pairs[names] = replace(pair, base=answer, base_right=right)
        else:
            pairs[names] = replace(pair, student=answer, student_right=right)
    return [pair for pair in pairs.values() if pair.base_right is not None and pair.student_right is not None]


def show_text(text: str) -> str:
    """The text as every browser can show it, and not too long."""
    if len(text) > MAX_TEXT_CHARS:
        half = MAX_TEXT_CHARS // 2
        text = f"{text[:half]} [... {len(text) - 2 * half} characters left out ...] {text[-half:]}"
    return make_visible(text)


def choose_answers(
    pairs: Sequence[PairedAnswer], seed: int, max_bytes: int = MAX_BYTES
) -> tuple[list[PairedAnswer], int | None]:
    """As many of the pairs as fit.

    Returns:
        The pairs, and the number that each suite, task, score and k was cut to; None if all fit. The seed draws which,
        the same items for both scores.
    """
    groups: dict[tuple[str, str, int, str], list[PairedAnswer]] = {}
    for pair in pairs:
        groups.setdefault((pair.suite, pair.task, pair.k, pair.score), []).append(pair)
    for (suite, task, k, _), rows in groups.items():
        rows.sort(key=lambda row: (row.seed, row.item))
        stream(seed, "html", suite, task, k).shuffle(rows)
    sizes = [[len(dump_for_script(asdict(row))) for row in rows] for rows in groups.values()]
    cap = most = max(map(len, sizes), default=0)
    while cap > 1 and sum(sum(size[:cap]) for size in sizes) > max_bytes:
        cap -= max(1, cap // 20)
    chosen = [row for rows in groups.values() for row in rows[:cap]]
    chosen.sort(key=lambda row: (row.suite, row.task, row.k, row.score, row.seed, row.item))
    return chosen, cap if cap < most else None


def embed_answers(pairs: Sequence[PairedAnswer]) -> Markup:
    """The pairs as JSON that is safe inside a `script` element: no `<`, `>` or `&` is left in it.

    Prompts stand in a list of their own, since both scores of an item share one.
    """
    prompts = {text: number for number, text in enumerate(dict.fromkeys(pair.prompt for pair in pairs))}
    rows = [{**asdict(pair), "prompt": prompts[pair.prompt]} for pair in pairs]
    return Markup(dump_for_script({"prompts": list(prompts), "rows": rows}).decode())  # noqa: S704 - escaped by dump_for_script
