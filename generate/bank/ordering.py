"""Families about sequences: sorting by size or by a stated ranking, moving and choosing items."""

from itertools import pairwise
from random import Random

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem

_TOP = {"largest": (1, True), "smallest": (1, False), "second largest": (2, True), "second smallest": (2, False)}
_RANKINGS = (
    ("gold", "silver", "bronze"),
    ("red", "blue", "green", "white"),
    ("king", "knight", "farmer", "thief"),
    ("captain", "pilot", "sailor", "cook"),
    ("professor", "teacher", "student", "guest"),
    ("platinum", "gold", "silver", "basic"),
)
_MOVES = ("the first item to the end", "the last item to the front", "the second item to the front")


def _numbers(rng: Random, low: int = 3, high: int = 6) -> list[int]:
    return rng.sample(range(1, rng.choice((20, 100, 1000))), rng.randint(low, high))


def _number_list(rng: Random, params: Params) -> Problem:
    numbers = _numbers(rng)
    return Problem(", ".join(map(str, numbers)), numbers)


def _direction(rng: Random) -> Params:
    order, ends = rng.choice((("ascending", ("smallest", "largest")), ("descending", ("largest", "smallest"))))
    return {"order": order, "from": ends[0], "to": ends[1]}


def _sorted_numbers(numbers: list[int], params: Params) -> str:
    return ", ".join(map(str, sorted(numbers, reverse=params["order"] == "descending")))


def _sorted_why(numbers: list[int], params: Params) -> str:
    rest, steps = list(numbers), []
    pick = max if params["order"] == "descending" else min
    for _ in range(len(numbers) - 1):
        steps.append(pick(rest))
        rest.remove(steps[-1])
    return f"Pick the {params['from']} number each time: {', '.join(map(str, steps))}. What is left is {rest[0]}."


def _chosen(numbers: list[int], params: Params) -> str:
    rank, reverse = _TOP[params["which"]]
    return str(sorted(numbers, reverse=reverse)[rank - 1])


def _chosen_why(numbers: list[int], params: Params) -> str:
    rank, reverse = _TOP[params["which"]]
    order = "largest" if reverse else "smallest"
    top = max(numbers) if reverse else min(numbers)
    if rank == 1:
        return f"We look for the {order} number among {words.join_items([str(number) for number in numbers])}."
    rest = [str(number) for number in numbers if number != top]
    return f"The {order} is {top}. Without it, {words.join_items(rest)} are left."


def _maybe_sorted(rng: Random, params: Params) -> Problem:
    numbers = sorted(_numbers(rng))
    if rng.random() < 0.5:
        i = rng.randrange(len(numbers) - 1)
        numbers[i], numbers[i + 1] = numbers[i + 1], numbers[i]
        if rng.random() < 0.4:
            while numbers == sorted(numbers):
                rng.shuffle(numbers)
    return Problem(", ".join(map(str, numbers)), numbers)


def _maybe_sorted_why(numbers: list[int], params: Params) -> str:
    for left, right in pairwise(numbers):
        if right < left:
            return f"After {left} comes {right}, which is smaller."
    return "Every number is larger than the one before it."


def _calendar(rng: Random) -> Params:
    return {"kind": rng.choice(("days of the week", "months of the year"))}


def _calendar_items(params: Params) -> tuple[str, ...]:
    return words.WEEKDAYS if params["kind"] == "days of the week" else words.MONTHS


def _calendar_list(rng: Random, params: Params) -> Problem:
    items = rng.sample(_calendar_items(params), rng.randint(3, 5))
    return Problem(", ".join(items), items)


def _item_list(rng: Random, params: Params) -> Problem:
    items = words.word_list(rng, rng.randint(3, 6))
    return Problem(", ".join(items), items)


def _moved(items: list[str], params: Params) -> str:
    moved = list(items)
    if params["move"] == _MOVES[0]:
        moved.append(moved.pop(0))
    else:
        moved.insert(0, moved.pop(-1 if params["move"] == _MOVES[1] else 1))
    return ", ".join(moved)


def _find_position(rng: Random, params: Params) -> Problem:
    items = words.word_list(rng, rng.randint(3, 7))
    wanted = rng.choice(items)
    return Problem(f"{', '.join(items)} | {wanted}", (items, wanted))


def _position_why(facts: tuple[list[str], str], params: Params) -> str:
    items, wanted = facts
    upto = items[: items.index(wanted) + 1]
    return "Counting from the left: " + ", ".join(f"{i} {item}" for i, item in enumerate(upto, 1)) + "."


def _nth(rng: Random) -> Params:
    return {"nth": rng.choice(("first", "second", "third", "last", "next to last"))}


def _picked(items: list[str], params: Params) -> str:
    index = {"last": -1, "next to last": -2}.get(params["nth"])
    return items[words.ORDINALS.index(params["nth"]) if index is None else index]


def _ranking(rng: Random) -> Params:
    ranks = list(rng.choice(_RANKINGS)) if rng.random() < 0.7 else rng.sample(words.OBJECTS, 4)
    rng.shuffle(ranks)
    return {"ranks": ", ".join(ranks)}


def _ranked_list(rng: Random, params: Params) -> Problem:
    ranks = params["ranks"].split(", ")
    names = words.names(rng, rng.randint(2, len(ranks)))
    entries = list(zip(names, rng.sample(ranks, len(names)), strict=True))
    return Problem(", ".join(f"{name}: {rank}" for name, rank in entries), entries)


def _ranked(entries: list[tuple[str, str]], params: Params) -> str:
    ranks = params["ranks"].split(", ")
    return ", ".join(name for name, _ in sorted(entries, key=lambda entry: ranks.index(entry[1])))


def _ranked_why(entries: list[tuple[str, str]], params: Params) -> str:
    owner = {rank: name for name, rank in entries}
    steps = [f"{rank} is {owner[rank]}" for rank in params["ranks"].split(", ") if rank in owner]
    return f"Going through the ranking: {', '.join(steps)}."


def _neighbours(rng: Random) -> Params:
    return {"side": rng.choice(("after", "before"))}


def _neighbour_list(rng: Random, params: Params) -> Problem:
    items = words.word_list(rng, rng.randint(4, 7))
    index = rng.randrange(len(items) - 1) + (params["side"] == "before")
    return Problem(f"{', '.join(items)} | {items[index]}", (items, index))


FAMILIES = (
    Family(
        id="sort_numbers",
        category="ordering",
        descriptions=(
            "Sort the numbers in {order} order, from the {from} to the {to}, separated by commas.",
            "Put these numbers in {order} order: the {from} first, the {to} last, with commas between them.",
            "What are the numbers when they are listed from the {from} to the {to}? Use commas.",
            "Given a list of numbers, please write it again in order, from the {from} to the {to}.",
        ),
        sample=_number_list,
        solve=_sorted_numbers,
        anchors=(("number",), ("smallest",), ("largest",)),
        params=_direction,
        rationale=_sorted_why,
    ),
    Family(
        id="pick_by_size",
        category="ordering",
        descriptions=(
            "Write the {which} number of the list.",
            "Which of these numbers is the {which}?",
            "Find the {which} number and answer with it alone.",
            "Given a list of numbers, please answer with the {which} one.",
        ),
        sample=_number_list,
        solve=_chosen,
        anchors=(("number",), ("largest", "smallest", "second")),
        params=lambda rng: {"which": rng.choice(list(_TOP))},
        rationale=_chosen_why,
    ),
    Family(
        id="is_list_increasing",
        category="ordering",
        descriptions=(
            "Does the list go up all the way, each number larger than the one before? Answer '{yes}' or '{no}'.",
            "Write '{yes}' if the numbers are sorted from smallest to largest and '{no}' if any number is out of"
            " order.",
            "Given a list of numbers, check that every number is larger than the one before it. Reply '{yes}' if this"
            " holds, '{no}' if not.",
            "Are these numbers in increasing order? Please say '{yes}' when they are, or '{no}' when at least one of"
            " them is smaller than the number before it.",
        ),
        no_label_instructions=("Does the list go up all the way?",),
        sample=_maybe_sorted,
        solve=lambda numbers, params: params["yes" if numbers == sorted(numbers) else "no"],
        anchors=(("number",), ("order", "larger", "sort", "increas")),
        params=labels.scheme_or_made_up("yes no", *labels.YES_NO, ("sorted", "unsorted"), ("in_order", "out_of_order")),
        labels=labels.space("yes no"),
        rationale=_maybe_sorted_why,
    ),
    Family(
        id="calendar_order",
        category="ordering",
        descriptions=(
            "Put the {kind} in the order of the calendar, separated by commas (Monday is the first day, January the"
            " first month).",
            "Arrange these {kind} in calendar order: from Monday to Sunday, or from January to December.",
            "Given some {kind}, please list them in their calendar order with commas between them. The week starts on"
            " Monday and the year in January.",
        ),
        sample=_calendar_list,
        solve=lambda items, params: ", ".join(item for item in _calendar_items(params) if item in items),
        anchors=(("order",), ("day", "month", "calendar")),
        params=_calendar,
    ),
    Family(
        id="move_an_item",
        category="ordering",
        descriptions=(
            "Move {move} of the list and leave the order of the others unchanged.",
            "Write the list again after moving {move}.",
            "What does the list look like when you move {move}?",
            "Given items separated by commas, please move {move}.",
        ),
        sample=_item_list,
        solve=_moved,
        anchors=(("mov", "shift", "bring", "put", "tak"), ("first", "last", "second")),
        params=lambda rng: {"move": rng.choice(_MOVES)},
    ),
    Family(
        id="position_in_list",
        category="ordering",
        descriptions=(
            "At which position in the list is the word after the bar? Count from 1.",
            "Find the word behind the '|' in the list before it and give its position as a number, starting at 1.",
            "Given a list and, after a bar, one of its words, write the position of that word (1 for the first).",
            "Please count from the left, beginning with 1, and tell me the position in the list of the word that"
            " follows the bar '|'.",
        ),
        sample=_find_position,
        solve=lambda facts, params: str(facts[0].index(facts[1]) + 1),
        anchors=(("position", "place"), ("list",)),
        rationale=_position_why,
    ),
    Family(
        id="nth_item",
        category="ordering",
        descriptions=(
            "Write the {nth} item of the list.",
            "Which item is the {nth} in this list?",
            "Given a list separated by commas, please answer with its {nth} item only.",
            "Copy only the {nth} item.",
        ),
        sample=_item_list,
        solve=_picked,
        anchors=(("item", "element", "entry"), ("first", "second", "third", "last")),
        params=_nth,
    ),
    Family(
        id="order_by_stated_ranking",
        category="ordering",
        descriptions=(
            "The ranking from top to bottom is: {ranks}. List the names by the rank of what follows them, highest"
            " first, with commas.",
            "Each name has a rank. Write only the names, ordered by this ranking: {ranks}.",
            "Given names with ranks, please put the names in the order of the ranking ({ranks}; the first is the"
            " highest) and separate them by commas.",
        ),
        sample=_ranked_list,
        solve=_ranked,
        anchors=(("rank", "order"), ("name",)),
        params=_ranking,
        rationale=_ranked_why,
    ),
    Family(
        id="neighbour_in_list",
        category="ordering",
        descriptions=(
            "Which word comes directly {side} the word after the bar in the list?",
            "In the list to the left of '|', find the word to the right of '|' and write the word directly {side} it.",
            "Given a list and one of its words behind a bar, answer with the word that stands directly {side} that"
            " word in the list.",
        ),
        sample=_neighbour_list,
        solve=lambda facts, params: facts[0][facts[1] + (1 if params["side"] == "after" else -1)],
        anchors=(("word",), ("after", "before", "follow", "preced")),
        params=_neighbours,
    ),
)
