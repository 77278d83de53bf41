"""Families about small data structures: JSON objects, nested lists, brackets, expressions in a stated notation."""

import json
from random import Random
from typing import Any

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem

_KEYS = words.vocabulary("""
    size colour owner page shelf code price weight title room level score unit stock brand label rank zone""")
_PARTS = words.vocabulary("box user order book team car item file note shop game tool trip farm band")


def _value(rng: Random) -> str | int:
    return rng.randint(1, 99) if rng.random() < 0.5 else rng.choice(words.OBJECTS + words.COLOURS)


def _nothing(rng: Random) -> dict[str, str]:
    return {"none": rng.choice(("none", "nothing", "null", "-", "missing", words.draw_nonsense_word(rng)))}


def _path_params(rng: Random) -> Params:
    return {**_nothing(rng), "sep": rng.choice((".", "/", " > ", "::", " -> "))}


def _tree(rng: Random, params: Params) -> Problem:
    inner, row, flat = rng.sample(_PARTS, 3)
    keys = rng.sample(_KEYS, 3)
    tree: dict[str, Any] = {inner: {key: _value(rng) for key in keys[:2]}}
    tree[row] = rng.sample(words.OBJECTS, rng.randint(2, 3))
    if rng.random() < 0.4:
        tree[flat] = _value(rng)
    tree = dict(rng.sample(list(tree.items()), len(tree)))
    if rng.random() < 0.15:
        path = rng.choice(([inner, keys[2]], [flat if flat not in tree else keys[2], keys[0]], [row, "5"]))
    elif rng.random() < 0.6:
        path = [inner, rng.choice(keys[:2])]
    else:
        path = [row, str(rng.randrange(len(tree[row])))]
    return Problem(f"{json.dumps(tree)} | {params['sep'].join(path)}", (tree, path))


def _at_path(facts: tuple[dict[str, Any], list[str]], params: Params) -> str:
    value: Any = facts[0]
    for step in facts[1]:
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return params["none"] if value is None else str(value)


def _path_why(facts: tuple[dict[str, Any], list[str]], params: Params) -> str:
    tree, (first, second) = facts
    if first not in tree:
        return f"There is no '{first}' at the top."
    return f"The value of '{first}' is {json.dumps(tree[first])}. The next step is '{second}'."


def _notation(rng: Random) -> Params:
    names = rng.choice(
        (("add", "sub", "mul"), ("plus", "minus", "times"), ("+", "-", "*"), words.draw_nonsense_words(rng, 3))
    )
    shape = rng.choice(("{op}({a}, {b})", "({op} {a} {b})", "[{a} {b} {op}]", "({a} {op} {b})"))
    sample = shape.format(op=names[1], a=7, b=2)
    return {"plus": names[0], "minus": names[1], "times": names[2], "shape": shape, "sample": sample}


def _computed(tree: Any) -> int:
    if isinstance(tree, int):
        return tree
    op, left, right = tree[0], _computed(tree[1]), _computed(tree[2])
    return left + right if op == "plus" else left - right if op == "minus" else left * right


def _written(tree: Any, params: Params) -> str:
    if isinstance(tree, int):
        return str(tree)
    return params["shape"].format(op=params[tree[0]], a=_written(tree[1], params), b=_written(tree[2], params))


def _expression(rng: Random, params: Params) -> Problem:
    while True:
        inner = [(rng.choice(("plus", "minus", "times")), rng.randint(1, 9), rng.randint(1, 9)) for _ in range(2)]
        other: Any = inner[1] if rng.random() < 0.4 else rng.randint(1, 9)
        tree = (rng.choice(("plus", "minus", "times")), *rng.sample([inner[0], other], 2))
        if min(_computed(inner[0]), _computed(inner[1]), _computed(tree)) >= 0 and _computed(tree) < 150:
            return Problem(_written(tree, params), tree)


def _expression_why(tree: Any, params: Params) -> str:
    inner = [side for side in tree[1:] if not isinstance(side, int)]
    steps = [f"{_written(side, params)} is {_computed(side)}" for side in inner]
    return f"First, {words.join_items(steps)}."


_SETS = {
    "both": "that stand in both lists (as the first list orders them)",
    "first": "that stand in the first list but not in the second",
    "second": "that stand in the second list but not in the first",
    "one": "that stand in only one of the two lists (those of the first list first)",
}


def _set_params(rng: Random) -> Params:
    which = rng.choice(list(_SETS))
    return {**_nothing(rng), "which": which, "what": _SETS[which]}


def _two_lists(rng: Random, params: Params) -> Problem:
    pool = words.word_list(rng, 8)
    shared = 0 if rng.random() < 0.15 else rng.randint(1, 3)
    lefts, rights = (0 if shared and rng.random() < 0.15 else rng.randint(1, 2) for _ in range(2))
    first, second = [*pool[:shared], *pool[3 : 3 + lefts]], [*pool[:shared], *pool[5 : 5 + rights]]
    for row in (first, second):
        rng.shuffle(row)
    return Problem(f"{', '.join(first)} | {', '.join(second)}", (first, second))


def _combined(facts: tuple[list[str], list[str]], params: Params) -> str:
    first, second = facts
    found = {
        "both": [item for item in first if item in second],
        "first": [item for item in first if item not in second],
        "second": [item for item in second if item not in first],
        "one": [item for item in first + second if (item in first) != (item in second)],
    }[params["which"]]
    return ", ".join(found) or params["none"]


_EXTREMES = {"largest": -1, "smallest": 0, "second largest": -2, "second smallest": 1}


def _scores(rng: Random, params: Params) -> Problem:
    keys = rng.sample(_KEYS, rng.randint(3, 5)) if rng.random() < 0.5 else words.names(rng, rng.randint(3, 5))
    table = dict(zip(keys, rng.sample(range(1, rng.choice((20, 100, 1000))), len(keys)), strict=True))
    return Problem(json.dumps(table), table)


def _extreme_key(table: dict[str, int], params: Params) -> str:
    return sorted(table, key=table.__getitem__)[_EXTREMES[params["which"]]]


def _extreme_why(table: dict[str, int], params: Params) -> str:
    wanted = table[_extreme_key(table, params)]
    return f"The {params['which']} of the values {words.join_items([str(n) for n in table.values()])} is {wanted}."


_PAIRS = ("()", "[]", "<>", "{}")


def _bracket_params(rng: Random) -> Params:
    one, other = rng.sample(_PAIRS, 2)
    yes, no = words.draw_nonsense_pair(rng) if rng.random() < 0.2 else rng.choice(labels.VALID)
    return {"yes": yes, "no": no, "pairs": one + other, "one": " ".join(one), "other": " ".join(other)}


def _fault(row: str, pairs: str) -> str:
    """Why the brackets do not close one another, or nothing."""
    opened: list[str] = []
    closing = {pairs[1]: pairs[0], pairs[3]: pairs[2]}
    for place, sign in enumerate(row, 1):
        if sign not in closing:
            opened.append(sign)
        elif not opened:
            return f"At sign {place}, {sign} closes although no bracket is open."
        elif opened.pop() != closing[sign]:
            return f"At sign {place}, {sign} closes a bracket of the other kind."
    return f"At the end, {opened[-1]} is still open." if opened else ""


def _closed_row(rng: Random, pairs: str, depth: int) -> str:
    row = ""
    for _ in range(rng.randint(1, 2)):
        pair = rng.choice((pairs[:2], pairs[2:]))
        row += pair[0] + (_closed_row(rng, pairs, depth - 1) if depth and rng.random() < 0.8 else "") + pair[1]
    return row


def _brackets(rng: Random, params: Params) -> Problem:
    pairs, valid = params["pairs"], rng.random() < 0.5
    while True:
        row = _closed_row(rng, pairs, 4)
        if not valid:
            i, j = sorted(rng.sample(range(len(row)), 2))
            row = rng.choice((row[:i] + row[i + 1 :], row[:i] + row[j] + row[i + 1 : j] + row[i] + row[j + 1 :],
                              row[:i] + rng.choice(pairs) + row[i + 1 :]))  # fmt: skip
        if 7 <= len(row) <= 16 and bool(_fault(row, pairs)) != valid:
            return Problem(row, row)


def _brackets_why(row: str, params: Params) -> str:
    return _fault(row, params["pairs"]) or "Each bracket that closes is of the kind opened last, and none stays open."


def _nested(rng: Random, depth: int, numbers: bool) -> list[Any]:
    row: list[Any] = [rng.randint(1, 99) if numbers else rng.choice(words.OBJECTS) for _ in range(rng.randint(1, 2))]
    if depth:
        row.insert(rng.randint(0, len(row)), _nested(rng, depth - 1, numbers))
    if depth and rng.random() < 0.4:
        row.append(_nested(rng, 0, numbers))
    return row


def _shown(row: list[Any]) -> str:
    return "[" + ", ".join(_shown(one) if isinstance(one, list) else str(one) for one in row) + "]"


def _nested_list(rng: Random, params: Params) -> Problem:
    row = _nested(rng, rng.randint(1, 3), rng.random() < 0.5)
    return Problem(_shown(row), row)


def _flat(row: list[Any]) -> list[Any]:
    return [one for part in row for one in (_flat(part) if isinstance(part, list) else [part])]


def _command_params(rng: Random) -> Params:
    put, drop, name = rng.choice((("set", "remove", "rename"), ("put", "drop", "call"), ("=", "x", ">"),
                                  words.draw_nonsense_words(rng, 3)))  # fmt: skip
    return {"put": put, "drop": drop, "name": name}


def _changes(rng: Random, params: Params) -> Problem:
    keys = rng.sample(_KEYS, 5)
    start = {key: _value(rng) for key in keys[: rng.randint(2, 3)]}
    edits: list[tuple[str, ...]] = []
    old = list(start)
    for new in keys[3 : 3 + rng.randint(1, 2)]:
        kind = rng.choice(("put", "put", "drop", "name"))
        target = old.pop(rng.randrange(len(old)))
        added = rng.random() < 0.4
        edits.append({"put": ("put", new if added else target, str(_value(rng))), "drop": ("drop", target),
                      "name": ("name", target, new)}[kind])  # fmt: skip
    text = "; ".join(" ".join((params[edit[0]], *edit[1:])) for edit in edits)
    return Problem(f"{json.dumps(start)} | {text}", (start, edits))


def _changed(facts: tuple[dict[str, Any], list[tuple[str, ...]]], params: Params) -> str:
    table, edits = facts
    for kind, key, *rest in edits:
        if kind == "put":
            table = {**table, key: int(rest[0]) if rest[0].isdigit() else rest[0]}
        elif kind == "drop":
            table = {one: value for one, value in table.items() if one != key}
        else:
            table = {rest[0] if one == key else one: value for one, value in table.items()}
    return json.dumps(table)


def _required(rng: Random) -> Params:
    keys = rng.sample(_KEYS, rng.randint(3, 4))
    return {**_nothing(rng), "keys": " ".join(keys), "listed": words.join_items([f"'{key}'" for key in keys])}


def _incomplete(rng: Random, params: Params) -> Problem:
    keys = params["keys"].split()
    lacking = rng.choice([*keys, ""])
    shown = [key for key in keys if key != lacking] + rng.sample([key for key in _KEYS if key not in keys], 1)
    rng.shuffle(shown)
    return Problem(json.dumps({key: _value(rng) for key in shown}), shown)


def _missing(shown: list[str], params: Params) -> str:
    return next((key for key in params["keys"].split() if key not in shown), params["none"])


FAMILIES: tuple[Family, ...] = (
    Family(
        id="value_at_path",
        category="structured_data",
        descriptions=(
            "Follow the path after the bar through the JSON and write the value there, without quotes. Places in a list"
            " count from 0. If the path leads nowhere, write '{none}'.",
            "Which value is found at the path? Its steps are joined by '{sep}': keys of objects, or places in a list,"
            " where 0 is the first. Strings without quotes; '{none}' if there is no such place.",
            "Given JSON, a bar and a path such as 'a{sep}b' or 'a{sep}0', please answer with the value at the end of"
            " the path (bare, not in quotes), or '{none}' when a step does not exist. The first place of a list is 0.",
        ),
        sample=_tree,
        solve=_at_path,
        anchors=(("path",), ("value",)),
        params=_path_params,
        rationale=_path_why,
    ),
    Family(
        id="nested_expression",
        category="structured_data",
        descriptions=(
            "Work out the value. '{plus}' adds, '{minus}' subtracts the second number from the first, '{times}'"
            " multiplies; for instance {sample} is 5.",
            "In this notation {sample} means 7 - 2. '{plus}' stands for addition, '{minus}' for subtraction, '{times}'"
            " for multiplication. Calculate the number.",
            "Given an expression, please compute its result as one number: '{plus}' = sum, '{minus}' = first number"
            " less the second, '{times}' = product. Example: {sample} gives 5.",
        ),
        sample=_expression,
        solve=lambda tree, params: str(_computed(tree)),
        anchors=(("number",),),
        params=_notation,
        rationale=_expression_why,
    ),
    Family(
        id="compare_two_lists",
        category="structured_data",
        descriptions=(
            "Two lists are separated by a bar. Write the words {what}, in the order given, with commas. If there are"
            " none, write '{none}'.",
            "Which words are there {what}? Answer with a comma-separated list in the given order, or '{none}' if it is"
            " empty.",
            "Given two lists, please list the words {what}. Keep their order and separate them by commas; an empty"
            " answer is written '{none}'.",
        ),
        sample=_two_lists,
        solve=_combined,
        anchors=(("list",), ("word",)),
        params=_set_params,
    ),
    Family(
        id="key_with_extreme_value",
        category="structured_data",
        descriptions=(
            "Which key of the object has the {which} value? Write the key without quotes.",
            "Compare the numbers and answer with the key that belongs to the {which} one.",
            "Given a JSON object with numbers, please write only the key (not in quotes) whose value is the {which}.",
        ),
        sample=_scores,
        solve=_extreme_key,
        anchors=(("key",),),
        params=lambda rng: {"which": rng.choice(list(_EXTREMES))},
        rationale=_extreme_why,
    ),
    Family(
        id="brackets_balanced",
        category="structured_data",
        descriptions=(
            "Two kinds of brackets are used, {one} and {other}. Answer '{yes}' if each one is closed by its own kind in"
            " the right order, and '{no}' if not.",
            "Is the row of brackets ({one} and {other}) well formed, the bracket opened last being closed first? Write"
            " '{yes}' for a well-formed row and '{no}' for a faulty one.",
            "Given a row of the brackets {one} and {other}, please check it: '{yes}' when every opening bracket has its"
            " closing one and pairs never cross, '{no}' otherwise.",
        ),
        sample=_brackets,
        solve=lambda row, params: params["no" if _fault(row, params["pairs"]) else "yes"],
        anchors=(("bracket",),),
        params=_bracket_params,
        labels=labels.space("yes no"),
        rationale=_brackets_why,
    ),
    Family(
        id="flatten_list",
        category="structured_data",
        descriptions=(
            "Flatten the list: keep all items in order, but remove the inner brackets. Write it in one pair of"
            " brackets.",
            "Write the nested list as a simple list such as [a, b, c], with every item in its old order.",
            "Given lists inside a list, please make one list of all the items, in square brackets and with commas.",
        ),
        sample=_nested_list,
        solve=lambda row, params: _shown(_flat(row)),
        anchors=(("list",), ("item",)),
    ),
    Family(
        id="apply_changes",
        category="structured_data",
        descriptions=(
            "Apply the changes after the bar to the JSON object and write the new object. '{put} K V' gives key K the"
            " value V (a new key goes last), '{drop} K' deletes key K, '{name} K L' changes the name of key K to L.",
            "Carry out the commands one after the other: '{put} key value' (replaces the value or adds the key at the"
            " end), '{drop} key' (takes the key out), '{name} old new' (new name for a key, same place). Answer in"
            " JSON.",
            "Given a JSON object, a bar and commands separated by semicolons, please write the changed object as JSON."
            " '{put}' sets a key to a value, adding it at the end if it is new; '{drop}' removes a key; '{name}'"
            " renames a key in its place.",
        ),
        sample=_changes,
        solve=_changed,
        anchors=(("json",), ("key",)),
        params=_command_params,
    ),
    Family(
        id="missing_key",
        category="structured_data",
        descriptions=(
            "An object must have the keys {listed}. Which of them is missing? Write the key, or '{none}' if all are"
            " there.",
            "Check the JSON object for the keys {listed} and name the one that it lacks. If it lacks none, answer"
            " '{none}'. Further keys do not matter.",
            "Given a JSON object, please find out which of the required keys ({listed}) is absent and write that key,"
            " or '{none}' for a complete object.",
        ),
        sample=_incomplete,
        solve=_missing,
        anchors=(("key",),),
        params=_required,
        rationale=lambda shown, params: f"The keys of this object are {words.join_items(shown)}.",
    ),
)
