"""Families about a small table: look up, filter, add up, compare, or turn into a sentence."""

import re
from random import Random

from kshot.generate.bank import labels, words
from kshot.generate.bank.table_drawing import KEYS, TOPICS, Asked, cell, drawn, grid, shown, style
from kshot.tasks.family import Family, Params, Problem


def _lookup(rng: Random, params: Params) -> Problem:
    asked = drawn(rng)
    question = TOPICS[asked.header[0]][asked.column].question.format(asked.keys[0])
    return Problem(shown(asked.header, asked.rows, question, params), asked)


def _lookup_why(facts: Asked, params: Params) -> str:
    place = words.ORDINALS[facts.header.index(facts.column)]
    row = next(row for row in facts.rows if row[0] == facts.keys[0])
    return f"The row is: {', '.join(row)}. The column {facts.column} is the {place} one."


def _by_condition(rng: Random, params: Params) -> Problem:
    asked = drawn(rng, rows=rng.randint(3, 4))
    header, rows, column, keys = asked
    conditions = [f"{column} {cell(asked, keys[0])}"]
    if len(header) > 2 and rng.random() < 0.6:
        second = next(name for name in header[1:] if name != column)
        conditions.append(f"{second} {cell(asked, keys[0], second)}")
        # One row shares the first value and another the second, so that both conditions are needed.
        for key, name in zip(keys[1:3], (column, second), strict=True):
            next(row for row in rows if row[0] == key)[header.index(name)] = cell(asked, keys[0], name)
    query = f"Wanted: the {header[0]} with {' and '.join(rng.sample(conditions, len(conditions)))}"
    return Problem(shown(header, rows, query, params), asked)


def _column_params(rng: Random) -> Params:
    return {**style(rng), "sep": rng.choice((", ", " - ", " / ", " + ", "; ", " > ", " | "))}


def _whole_column(rng: Random, params: Params) -> Problem:
    asked = drawn(rng)
    return Problem(shown(asked.header, asked.rows, f"Column: {asked.column}", params), asked)


def _extreme_params(rng: Random) -> Params:
    return {**grid(rng), "which": rng.choice(("largest", "smallest", "second largest", "second smallest"))}


def _amounts(rng: Random, params: Params) -> Problem:
    asked = drawn(rng, amount=True)
    return Problem(shown(asked.header, asked.rows, f"Column: {asked.column}", params), asked)


def _extreme_row(facts: Asked, params: Params) -> str:
    ranked = sorted((int(cell(facts, key)), key) for key in facts.keys)
    place = 1 if params["which"].startswith("second") else 0
    return ranked[-1 - place if params["which"].endswith("largest") else place][1]


def _addition(rng: Random, params: Params) -> Problem:
    asked = drawn(rng, amount=True)
    a, b = asked.keys[:2]
    return Problem(shown(asked.header, asked.rows, f"Add the {asked.column} of {a} and of {b}", params), asked)


def _gap_params(rng: Random) -> Params:
    missing = rng.choice(("unknown", "not given", "no value", "missing", "nobody knows", words.draw_nonsense_word(rng)))
    return {**style(rng), "gap": rng.choice(("-", "?", "...", "x", "__", "*")), "missing": missing}


def _with_gaps(rng: Random, params: Params) -> Problem:
    asked = drawn(rng)
    header, rows, column, keys = asked
    at = header.index(column)
    blank = keys[0] if rng.random() < 0.5 else keys[1]
    next(row for row in rows if row[0] == blank)[at] = params["gap"]
    if len(header) > 2:
        other = next(i for i in range(1, len(header)) if i != at)
        next(row for row in rows if row[0] == keys[2])[other] = params["gap"]
    question = TOPICS[header[0]][column].question.format(keys[0])
    return Problem(shown(header, rows, question, params), asked)


def _cell_or_missing(facts: Asked, params: Params) -> str:
    value = cell(facts, facts.keys[0])
    return params["missing"] if value == params["gap"] else value


_FORMS = (
    "NAME is AGE years old and lives in TOWN.", "NAME comes from COUNTRY and works as: JOB.", "Ask NAME (AGE) in TOWN!",
    "The ITEM on shelf SHELF is COLOUR.", "Of the COLOUR ITEM we have STOCK pieces.",
    "Train TRAIN leaves at DEPARTURE from platform PLATFORM.", "Train TRAIN to DESTINATION makes STOPS stops.",
    "The TEAM of coach COACH have POINTS points.", "With GOALS goals, the TEAM from COUNTRY have POINTS points.",
    "TEACHER teaches COURSE in room ROOM.", "Every DAY, STUDENTS students take COURSE with TEACHER.",
)  # fmt: skip


def _form_params(rng: Random) -> Params:
    return {**style(rng), "form": rng.choice(_FORMS)}


def _blanks(form: str) -> list[str]:
    return [name.lower() for name in re.findall("[A-Z]{3,}", form)]


def _row_for_form(rng: Random, params: Params) -> Problem:
    fields = _blanks(params["form"])
    topic = next(name for name in fields if name in TOPICS)
    columns = rng.sample([name for name in fields if name != topic], len(fields) - 1)
    keys = KEYS[topic](rng, 3)
    rows = [[key, *(TOPICS[topic][name].draw(rng) for name in columns)] for key in keys]
    asked = Asked([topic, *columns], rows, columns[0], rng.sample(keys, 3))
    return Problem(shown(asked.header, rows, f"Row: {asked.keys[0]}", params), asked)


def _filled_form(facts: Asked, params: Params) -> str:
    return re.sub(
        "[A-Z]{3,}",
        lambda match: (
            facts.keys[0] if match[0].lower() == facts.header[0] else cell(facts, facts.keys[0], match[0].lower())
        ),
        params["form"],
    )


def _filter_params(rng: Random) -> Params:
    return {
        **grid(rng),
        "none": rng.choice(("none", "nothing", "-", "no row", "0 rows", words.draw_nonsense_word(rng))),
    }


def _rows_over(rng: Random, params: Params) -> Problem:
    asked = drawn(rng, amount=True, rows=4)
    hits, over = rng.choice((0, 1, 1, 2, 2, 3)), rng.random() < 0.5
    values = sorted((int(cell(asked, key)) for key in asked.keys), reverse=over)
    # The limit lies at the first value that is out, or beyond all of them.
    limit = values[hits]
    query = f"{asked.column} {'over' if over else 'under'} {limit}"
    return Problem(shown(asked.header, asked.rows, query, params), (asked, over, limit))


def _kept(facts: tuple[Asked, bool, int], params: Params) -> str:
    asked, over, limit = facts
    at = asked[0].index(asked[2])
    kept = [row[0] for row in asked[1] if (int(row[at]) > limit if over else int(row[at]) < limit)]
    return ", ".join(kept) or params["none"]


def _kept_why(facts: tuple[Asked, bool, int], params: Params) -> str:
    asked, over, limit = facts
    cells = ", ".join(f"{row[0]} {row[asked.header.index(asked.column)]}" for row in asked.rows)
    return f"The column {asked.column} says: {cells}. It must be {'over' if over else 'under'} {limit}."


_MORE = (("more", "less", "same"), ("higher", "lower", "equal"), ("A", "B", "C"), ("+", "-", "="), ("1", "2", "0"))


def _compare_params(rng: Random) -> Params:
    return {**style(rng), **labels.scheme("more less same", *_MORE, words.draw_nonsense_words(rng, 3))(rng)}


def _two_rows(rng: Random, params: Params) -> Problem:
    asked, verdict = drawn(rng, amount=True), rng.choice(("more", "less", "same"))
    first, second = (next(row for row in asked.rows if row[0] == key) for key in asked.keys[:2])
    at = asked.header.index(asked.column)
    if verdict == "same":
        second[at] = first[at]
    elif (int(first[at]) > int(second[at])) != (verdict == "more"):
        first[at], second[at] = second[at], first[at]
    query = f"Compare {asked.keys[0]} with {asked.keys[1]}: {asked.column}"
    return Problem(shown(asked.header, asked.rows, query, params), asked)


def _two_rows_compared(facts: Asked, params: Params) -> str:
    a, b = (int(cell(facts, key)) for key in facts[3][:2])
    return params["more" if a > b else "less" if a < b else "same"]


def _pair_why(facts: Asked, params: Params) -> str:
    a, b = facts.keys[:2]
    return f"The column {facts.column} says {cell(facts, a)} for {a} and {cell(facts, b)} for {b}."


FAMILIES: tuple[Family, ...] = (
    Family(
        id="table_cell_lookup",
        category="tables",
        descriptions=(
            "Look up the answer to the question in the table and copy the cell.",
            "The end of the input asks about a row of the table. Write the value found there, and nothing else.",
            "Given a small table with a heading for each column and a question, answer with the right entry.",
            "Which cell of the table answers the question? Copy it unchanged.",
        ),
        sample=_lookup,
        solve=lambda facts, params: cell(facts, facts[3][0], facts[2]),
        anchors=(("table",), ("question", "ask")),
        params=style,
        rationale=_lookup_why,
    ),
    Family(
        id="table_row_by_condition",
        category="tables",
        descriptions=(
            "Find the row of the table that satisfies all that is wanted and write its first cell.",
            "Only one row fits what the input asks for at its end. Answer with the entry in the first column of the"
            " table in that row.",
            "Given a table and one or two conditions, name the row that meets them: copy what stands first in it.",
            "What is the first entry of the table row with the wanted values?",
        ),
        sample=_by_condition,
        solve=lambda facts, params: str(facts[3][0]),
        anchors=(("row",), ("table",)),
        params=style,
    ),
    Family(
        id="table_whole_column",
        category="tables",
        descriptions=(
            "Copy the cells of the column named after the table from top to bottom, with '{sep}' between them and"
            " without the heading.",
            "Turn one column of the table into a single line: its values in the order of the rows, joined by '{sep}'.",
            "Given a table and the name of a column, write what each row has in this column, separated by '{sep}'.",
        ),
        sample=_whole_column,
        solve=lambda facts, params: params["sep"].join(row[facts[0].index(facts[2])] for row in facts[1]),
        anchors=(("column",),),
        params=_column_params,
    ),
    Family(
        id="table_extreme_of_column",
        category="tables",
        descriptions=(
            "Find the {which} number in the column named at the end and write the first cell of its row.",
            "Which row has the {which} number in the column asked for? Answer with the first entry of the row.",
            "Compare the numbers of one column, named at the end. The answer is what stands first in the row that"
            " holds the {which} of them.",
        ),
        sample=_amounts,
        solve=_extreme_row,
        anchors=(("row",), ("column",)),
        params=_extreme_params,
        rationale=lambda facts, params: (
            f"The column {facts[2]} holds {', '.join(cell(facts, row[0]) for row in facts[1])}, and the"
            f" {params['which']} of them is wanted."
        ),
    ),
    Family(
        id="table_sum_of_two_cells",
        category="tables",
        descriptions=(
            "Add the two cells of the table that are named after it. Answer with the number only.",
            "Look up two numbers of the table and write their sum.",
            "Given a table and two of its rows, how much do the values of the named column come to together? Write the"
            " sum in digits.",
        ),
        sample=_addition,
        solve=lambda facts, params: str(sum(int(cell(facts, key)) for key in facts[3][:2])),
        anchors=(("table",), ("add", "sum")),
        params=style,
        rationale=_pair_why,
    ),
    Family(
        id="table_missing_value",
        category="tables",
        descriptions=(
            "Answer the question from the table. Where the cell holds only '{gap}', the answer is '{missing}'.",
            "The sign '{gap}' marks an empty cell of the table. Copy the cell that the question is about, or write"
            " '{missing}' if it is empty.",
            "Look up what is asked and reply with the entry, but reply '{missing}' when the table has nothing but"
            " '{gap}' there.",
            "Given a table with gaps (written '{gap}') and a question, give the value, or '{missing}' for a gap.",
        ),
        sample=_with_gaps,
        solve=_cell_or_missing,
        anchors=(("table",), ("question", "ask")),
        params=_gap_params,
    ),
    Family(
        id="table_row_to_sentence",
        category="tables",
        descriptions=(
            "Put the row named at the end into a sentence of this form, with its values for the words in capital"
            " letters: {form}",
            "Write the sentence '{form}', replacing the capitalised column names with the cells of the row asked for.",
            "A form letter says: {form} Fill it in with the data of the row named after the table; every word in"
            " capitals stands for a column.",
        ),
        sample=_row_for_form,
        solve=_filled_form,
        anchors=(("row",), ("capital",)),
        params=_form_params,
    ),
    Family(
        id="table_filter_rows",
        category="tables",
        descriptions=(
            "Which rows meet the condition at the end? List their first cells in the order of the table,"
            " separated by commas, or write '{none}' if no row does.",
            "Filter the table by the condition at the end and write the first entry of every row that is left, with"
            " commas; '{none}' means that all rows are out.",
            "Given a table and a limit for one column, name the rows beyond the limit by their first column, in order"
            " and with commas. If there are none, the answer is '{none}'. A value equal to the limit does not count.",
        ),
        sample=_rows_over,
        solve=_kept,
        anchors=(("row",), ("condition", "limit")),
        params=_filter_params,
        rationale=_kept_why,
    ),
    Family(
        id="table_compare_two_rows",
        category="tables",
        descriptions=(
            "Compare the two rows in the column named at the end. Answer '{more}' if the first of them has the larger"
            " number, '{less}' if it has the smaller one, and '{same}' if both are equal.",
            "Write '{same}' when the two rows named have the same number in the column asked for; otherwise '{more}' or"
            " '{less}', as the row named first has the greater or the smaller number.",
            "Given a table and two of its rows, reply '{more}', '{less}' or '{same}': is the number of the first row"
            " larger than, smaller than or equal to that of the second in the given column?",
        ),
        sample=_two_rows,
        solve=_two_rows_compared,
        anchors=(("row",), ("column",)),
        params=_compare_params,
        labels=labels.space("more less same"),
        rationale=_pair_why,
    ),
)
