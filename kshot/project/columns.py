"""Guesses which column of a table is the input and which the output, by names first and by contents second."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from kshot.core.errors import DataError
from kshot.project.tables import ExampleTable

INPUT_NAMES = (
    "input", "text", "message", "question", "query", "sentence", "utterance", "review", "comment", "document", "prompt",
    "request", "email", "ticket", "content", "body", "title", "description", "eingabe", "frage", "nachricht", "texte",
    "texto", "pregunta", "mensaje", "testo", "文本", "输入", "问题", "内容", "テキスト", "текст", "вопрос",
)  # fmt: skip
OUTPUT_NAMES = (
    "output", "label", "answer", "target", "category", "class", "intent", "sentiment", "emotion",
    "topic", "tag", "completion", "response", "reply", "summary", "translation", "result", "expected",
    "gold", "ausgabe", "antwort", "kategorie", "étiquette", "réponse", "etiqueta", "respuesta",
    "categoría", "etichetta", "标签", "输出", "答案", "类别", "ラベル", "метка", "ответ", "категория",
)  # fmt: skip
INDEX_NAMES = {"", "id", "idx", "index", "no", "nr", "row", "#"}


@dataclass(frozen=True)
class ColumnGuess:
    """The columns of a task. `is_sure` is false where a person should say."""

    input: str
    outputs: tuple[str, ...]
    """Several where each holds a right output."""
    is_sure: bool

    @property
    def spelled(self) -> str:
        """The columns in a line for people."""
        return f"input {self.input!r}, output {', '.join(map(repr, self.outputs))}"


def choose_columns(table: ExampleTable, input: str | None, outputs: Sequence[str] | None) -> ColumnGuess:
    """Return the named columns, and guess those that are not named. A column that numbers the rows is neither.

    Raises:
        DataError: a named column is missing or stands twice, or there are fewer than two columns.
    """
    named = [*((("--input", input),) if input is not None else ()), *(("--output", name) for name in outputs or ())]
    for option, name in named:
        if name not in table.columns:
            raise DataError(f"{table.source}: no column {name!r} ({option}); it has {_list(table.columns)}")
    if twice := next((name for _, name in named if [other for _, other in named].count(name) > 1), None):
        options = " and ".join(dict.fromkeys(option for option, name in named if name == twice))
        raise DataError(f"{table.source}: {options} name {twice!r} twice; name each column once")
    filled = [name for name in table.columns if any(row.cells.get(name) for row in table.rows)]
    if len(filled) < 2:
        raise DataError(
            f"{table.source}: {len(filled)} column with content ({_list(filled)}); a task needs an input and an output"
        )
    if input and outputs:
        return ColumnGuess(input, tuple(outputs), True)
    usable = [name for name in filled if name in (input, *(outputs or ())) or not _numbers_rows(table, name)]
    usable = usable if len(usable) > 1 else filled
    return _guess(table, usable, input, tuple(outputs or ()))


def _guess(table: ExampleTable, usable: Sequence[str], input: str | None, outputs: tuple[str, ...]) -> ColumnGuess:
    others = [name for name in usable if name != input]
    guessed = _by_name(others, OUTPUT_NAMES) or min(others, key=lambda name: _mean_length(table, name))
    best_outputs = outputs or (guessed,)
    inputs = [name for name in usable if name not in best_outputs]
    if not inputs:
        raise DataError(f"{table.source}: no column is left for the input; --output names {_list(best_outputs)}")
    best_input = input or _by_name(inputs, INPUT_NAMES) or max(inputs, key=lambda name: _mean_length(table, name))
    named = [name for name in usable if _rank(name, OUTPUT_NAMES) is not None]
    texts = [name for name in usable if _rank(name, INPUT_NAMES) is not None]
    is_sure = (
        len(usable) == 2
        or (bool(outputs) and len(inputs) == 1)
        or (bool(input or len(texts) == 1) and bool(outputs or len(named) == 1))
    )
    return ColumnGuess(best_input, best_outputs, is_sure and best_input not in best_outputs)


def _numbers_rows(table: ExampleTable, column: str) -> bool:
    """Whether the column counts the rows: an index that a program wrote, or an id."""
    name = column.casefold().strip()
    if not (name in INDEX_NAMES or name.startswith(("unnamed:", "column "))):
        return False
    values = [row.cells.get(column, "") for row in table.rows]
    return all(value.isdigit() for value in values) and len(set(values)) == len(values)


def _list(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"


def _rank(name: str, names: Sequence[str]) -> int | None:
    folded = name.casefold().strip().replace("-", "_")
    words = folded.replace("_", " ").split()
    return next((rank for rank, known in enumerate(names) if known == folded or known in words), None)


def _by_name(columns: Sequence[str], names: Sequence[str]) -> str | None:
    ranked = [(rank, column) for column in columns if (rank := _rank(column, names)) is not None]
    return min(ranked)[1] if ranked else None


def _mean_length(table: ExampleTable, column: str) -> float:
    return fmean(len(row.cells.get(column, "")) for row in table.rows)
