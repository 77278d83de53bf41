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


@dataclass(frozen=True)
class ColumnGuess:
    """The columns of a task. `is_sure` is false where a person should say."""

    input: str
    output: str
    is_sure: bool


def choose_columns(table: ExampleTable, input: str | None, output: str | None) -> ColumnGuess:
    """Return the named columns, and guess those that are not named.

    Raises:
        DataError: a named column is missing, or there are fewer than two columns.
    """
    for option, name in (("--input", input), ("--output", output)):
        if name is not None and name not in table.columns:
            raise DataError(f"{table.source}: no column {name!r} ({option}); it has {_list(table.columns)}")
    if input is not None and input == output:
        raise DataError(f"{table.source}: --input and --output both name {input!r}; name two columns")
    filled = [name for name in table.columns if any(row.cells.get(name) for row in table.rows)]
    if len(filled) < 2:
        raise DataError(
            f"{table.source}: {len(filled)} column with content ({_list(filled)}); a task needs an input and an output"
        )
    if input and output:
        return ColumnGuess(input, output, True)
    outputs = [name for name in filled if name != input]
    best_output = output or _by_name(outputs, OUTPUT_NAMES) or min(outputs, key=lambda name: _mean_length(table, name))
    inputs = [name for name in filled if name != best_output]
    best_input = input or _by_name(inputs, INPUT_NAMES) or max(inputs, key=lambda name: _mean_length(table, name))
    named = [name for name in filled if _rank(name, OUTPUT_NAMES) is not None]
    texts = [name for name in filled if _rank(name, INPUT_NAMES) is not None]
    is_sure = len(filled) == 2 or (
        bool(input or len(texts) == 1) and bool(output or len(named) == 1) and best_input != best_output
    )
    return ColumnGuess(best_input, best_output, is_sure)


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
