"""A section of a report, written once and shown in Markdown, in HTML and on the terminal."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table as RichTable

from kshot.core.console import out


@dataclass(frozen=True)
class Table:
    """A table of texts; the columns in `text_columns` are aligned to the left."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: frozenset[str] = frozenset()

    @property
    def text_positions(self) -> set[int]:
        """The positions of the text columns."""
        return {position for position, name in enumerate(self.columns) if name in self.text_columns}


@dataclass(frozen=True)
class Side:
    """A titled text."""

    title: str
    text: str


@dataclass(frozen=True)
class SideBySide:
    """Texts to be read beside one another."""

    summary: str
    sides: tuple[Side, ...]


@dataclass(frozen=True)
class ReportSection:
    """A section: an `id` for links, a title, paragraphs about it, tables, and texts to compare."""

    id: str
    title: str
    about: tuple[str, ...]
    tables: tuple[Table, ...]
    comparisons: tuple[SideBySide, ...] = ()


def make_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], text: Collection[str]) -> Table:
    """A table from sequences."""
    return Table(title, tuple(columns), tuple(tuple(row) for row in rows), frozenset(text))


def drop_columns(table: Table, names: Collection[str]) -> Table:
    """The table without these columns, for a terminal, which is narrow."""
    kept = [place for place, name in enumerate(table.columns) if name not in names]
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return Table(table.title, tuple(table.columns[place] for place in kept), rows, table.text_columns)


def table_markdown(table: Table) -> str:
    """The table in Markdown, without its title."""
    rules = ["---" if name in table.text_columns else "--:" for name in table.columns]
    rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in (table.columns, rules, *rows))


def section_markdown(section: ReportSection) -> str:
    """The section in Markdown, without the texts to compare."""
    several = len(section.tables) > 1
    parts = [f"## {section.title}", *section.about]
    for table in section.tables:
        parts += [f"**{table.title}**"] if several else []
        parts.append(table_markdown(table))
    return "\n\n".join(parts)


def print_table(table: Table, caption: str | None = None) -> None:
    """The table on the terminal; a cell that is too wide continues on the next line."""
    rich_table = RichTable(title=escape(table.title), caption=caption)
    for name in table.columns:
        rich_table.add_column(name, justify="left" if name in table.text_columns else "right", overflow="fold")
    for row in table.rows:
        rich_table.add_row(*map(escape, row))
    out.print(rich_table, soft_wrap=False)
