"""Families that compare two or three things by stated facts."""

from random import Random
from typing import Any

from kshot.generate.bank import labels, vocabulary, words
from kshot.tasks.family import Family, Params, Problem


def _amount(rng: Random, number: int) -> str:
    """A number in digits or, four times in ten, in words."""
    return words.spell_number(number) if rng.random() < 0.4 else str(number)


def _age_params(rng: Random) -> Params:
    return {"which": rng.choice(("oldest", "youngest"))}


def _ages(rng: Random, params: Params) -> Problem:
    count = rng.randint(2, 4)
    people = vocabulary.names(rng, count)
    ages = rng.sample(range(16, 90), count)
    facts = [f"{who} is {_amount(rng, age)}" for who, age in zip(people, ages, strict=True)]
    if rng.random() < 0.6:
        apart = rng.choice([gap for gap in range(-9, 10) if gap and ages[0] + gap not in ages])
        ages[-1] = ages[0] + apart
        more = "older" if apart > 0 else "younger"
        year = "year" if abs(apart) == 1 else "years"
        facts[-1] = f"{people[-1]} is {_amount(rng, abs(apart))} {year} {more} than {people[0]}"
    return Problem(". ".join(rng.sample(facts, count)) + ".", dict(zip(people, ages, strict=True)))


def _by_age(ages: dict[str, int], params: Params) -> str:
    return sorted(ages, key=ages.__getitem__)[-1 if params["which"] == "oldest" else 0]


def _facts_why(facts: dict[str, Any], params: Params) -> str:
    return f"The facts come to this: {', '.join(f'{key} {value}' for key, value in facts.items())}."


_OWN, _LOOK, _IN = "{0}'s {1}", "the {0} {1}", "the {1} in {0}"
_KINDS = (
    ("parcel", "weighs {} kg", 2, 60, (_OWN, _LOOK)), ("rope", "is {} m long", 2, 90, (_OWN, _LOOK)),
    ("bag", "holds {} litres", 2, 40, (_OWN, _LOOK)), ("book", "has {} pages", 40, 900, (_OWN, _LOOK)),
    ("bridge", "is {} m wide", 3, 40, (_IN, _LOOK)), ("hall", "has {} seats", 20, 900, (_IN,)),
    ("park", "has {} trees", 20, 900, (_IN,)), ("walk", "takes {} minutes", 10, 240, (_OWN,)),
    ("school", "has {} pupils", 90, 900, (_IN,)),
)  # fmt: skip
_GREATER = (("first", "second", "same"), ("1", "2", "0"), ("A", "B", "="), ("left", "right", "equal"), (">", "<", "="),
            ("former", "latter", "neither"))  # fmt: skip


def _three_way(rng: Random) -> Params:
    return labels.scheme("first second same", *_GREATER, words.draw_nonsense_words(rng, 3))(rng)


def _pair_of_numbers(rng: Random, low: int, high: int) -> tuple[int, int]:
    """Two numbers, of which each verdict is as likely as the others; sometimes with the same digits."""
    verdict = rng.choice(("first", "second", "same"))
    a = b = rng.randint(low, high)
    while a == b and verdict != "same":
        swapped = int(str(a)[::-1])
        b = swapped if low <= swapped <= high and swapped != a and rng.random() < 0.4 else rng.randint(low, high)
    return (a, b) if (a > b) == (verdict == "first") else (b, a)


def _two_measures(rng: Random, params: Params) -> Problem:
    noun, said, low, high, forms = rng.choice(_KINDS)
    a, b = _pair_of_numbers(rng, low, high)
    form = rng.choice(forms)
    pools = {_OWN: vocabulary.names(rng, 2), _LOOK: rng.sample(words.COLOURS, 2), _IN: vocabulary.towns(rng, 2)}
    start, end = (form.format(name, noun) for name in pools[form])
    text = f"{words.capitalize(start)} {said.format(_amount(rng, a))} and {end} {said.format(_amount(rng, b))}."
    return Problem(text, (a, b))


def _verdict(facts: tuple[Any, Any], params: Params) -> str:
    a, b = facts
    return params["first" if a > b else "second" if a < b else "same"]


def _numbers_why(facts: tuple[int, int], params: Params) -> str:
    return f"The first number is {facts[0]} and the second is {facts[1]}."


def _word_and_digits(rng: Random, params: Params) -> Problem:
    a, b = _pair_of_numbers(rng, 2, rng.choice((99, 999, 999, 999)))
    shown = (words.spell_number(a), str(b)) if rng.random() < 0.6 else (str(a), words.spell_number(b))
    return Problem(" | ".join(shown), (a, b))


_OWNERS = (("left", "right", "equal"), ("A", "B", "C"), ("first", "second", "tie"), ("1", "2", "0"), ("X", "Y", "Z"))


def _longer_params(rng: Random) -> Params:
    return labels.scheme("first second same", *_OWNERS, words.draw_nonsense_words(rng, 3))(rng)


def _two_lists(rng: Random, params: Params) -> Problem:
    verdict, size = rng.choice(("first", "second", "same")), rng.randint(2, 5)
    more = size + rng.choice((1, 1, 2))
    sizes = {"first": (more, size), "second": (size, more), "same": (size, size)}[verdict]
    row = vocabulary.word_list(rng, sum(sizes))
    shown = [", ".join(part) for part in (row[: sizes[0]], row[sizes[0] :])]
    return Problem(" || ".join(shown), sizes)


def _same_members_params(rng: Random) -> Params:
    schemes = (("same", "different"), ("equal", "unequal"), ("yes", "no"), ("=", "/="), ("match", "no_match"))
    return labels.scheme_or_made_up("yes no", *schemes)(rng)


def _two_sets(rng: Random, params: Params) -> Problem:
    size, alike = rng.randint(3, 5), rng.random() < 0.5
    first = rng.choice((vocabulary.word_list, vocabulary.names))(rng, size + 1)
    extra = first.pop()
    second = rng.sample(first, size)
    if not alike:
        second[rng.randrange(size)] = extra
    return Problem(f"{', '.join(first)} || {', '.join(second)}", (first, second))


def _sets_why(facts: tuple[list[str], list[str]], params: Params) -> str:
    only = [item for item in facts[0] if item not in facts[1]]
    return f"In the second list {only[0]} is missing." if only else "Each item of the first list is in the second too."


def _code(rng: Random, size: int) -> str:
    return "".join(rng.choice("abcdefghkmnprstuvwxyz23456789") for _ in range(size))


def _two_strings(rng: Random, params: Params) -> Problem:
    verdict, size = rng.choice(("first", "second", "same")), rng.randint(3, 7)
    more = size + rng.randint(1, 3)
    sizes = {"first": (more, size), "second": (size, more), "same": (size, size)}[verdict]
    a, b = (_code(rng, length) for length in sizes)
    return Problem(f"{a} || {b}", (a, b))


def _strings_why(facts: tuple[str, str], params: Params) -> str:
    a, b = facts
    return f"{'-'.join(a)} has {len(a)} characters and {'-'.join(b)} has {len(b)}."


def _time_params(rng: Random) -> Params:
    return {"which": rng.choice(("first", "second"))}


def _clock(rng: Random, minutes: int) -> str:
    hour, rest = divmod(minutes, 60)
    if rng.random() < 0.5:
        return f"{hour}:{rest:02}"
    half, twelve = ("in the morning" if hour < 12 else "in the afternoon"), (hour - 1) % 12 + 1
    spoken = {0: f"{twelve} o'clock", 15: f"a quarter past {twelve}", 30: f"half past {twelve}"}[rest]
    return f"{spoken} {half}"


def _appointments(rng: Random, params: Params) -> Problem:
    deeds = rng.sample(("the lecture", "the meeting", "the lesson", "the concert", "the race", "the film", "the quiz",
                        "the tour", "the workshop", "the parade", "the training", "the auction"), 3)  # fmt: skip
    times = [15 * quarter for quarter in rng.sample([q for q in range(28, 72) if q % 4 != 3], 3)]
    said = [f"{words.capitalize(deed)} starts at {_clock(rng, time)}." for deed, time in zip(deeds, times, strict=True)]
    who, town = vocabulary.names(rng, 1)[0], vocabulary.towns(rng, 1)[0]
    return Problem(f"{who}'s day in {town}: {' '.join(said)}", dict(zip(deeds, times, strict=True)))


def _by_time(times: dict[str, int], params: Params) -> str:
    return sorted(times, key=times.__getitem__)[1 if params["which"] == "second" else 0]


def _times_why(times: dict[str, int], params: Params) -> str:
    said = ", ".join(f"{deed} at {time // 60}:{time % 60:02}" for deed, time in times.items())
    return f"By a clock with 24 hours: {said}."


def _game_params(rng: Random) -> Params:
    return {
        "wins": rng.choice(("most", "fewest")), "points": rng.choice(("points", "tokens", "stars", "cards", "marbles")),
        "draw": rng.choice(("draw", "nobody", "tie", "no winner", words.draw_nonsense_word(rng))),
    }  # fmt: skip


def _game(rng: Random, params: Params) -> Problem:
    count = rng.randint(2, 3)
    players = vocabulary.names(rng, count)
    scores = rng.sample(range(2, 30), count)
    if rng.random() < 0.25:
        best = max(scores) if params["wins"] == "most" else min(scores)
        other = next(i for i, score in enumerate(scores) if score != best)
        scores[other] = best
    said = [f"{who} has {_amount(rng, score)}" for who, score in zip(players, scores, strict=True)]
    return Problem(words.join_items(said) + ".", dict(zip(players, scores, strict=True)))


def _winner(scores: dict[str, int], params: Params) -> str:
    best = max(scores.values()) if params["wins"] == "most" else min(scores.values())
    winners = [who for who, score in scores.items() if score == best]
    return winners[0] if len(winners) == 1 else params["draw"]


def _middle_params(rng: Random) -> Params:
    said = rng.choice(("is {} km from here", "is {} minutes away by bus", "has {} inhabitants", "has {} shops",
                       "lies {} m above the sea", "has {} streets"))  # fmt: skip
    return {"said": said, "rank": rng.choice(("largest", "smallest", "middle"))}


def _three_towns(rng: Random, params: Params) -> Problem:
    towns, numbers = vocabulary.towns(rng, 3), rng.sample(range(12, 400), 3)
    said = [f"{town} {params['said'].format(number)}." for town, number in zip(towns, numbers, strict=True)]
    return Problem(" ".join(said), dict(zip(towns, numbers, strict=True)))


def _ranked_town(numbers: dict[str, int], params: Params) -> str:
    return sorted(numbers, key=numbers.__getitem__)[("smallest", "middle", "largest").index(params["rank"])]


def _towns_why(numbers: dict[str, int], params: Params) -> str:
    ordered = words.join_items([str(n) for n in sorted(numbers.values())])
    return f"From the smallest to the largest the numbers are {ordered}."


FAMILIES: tuple[Family, ...] = (
    Family(
        id="by_age",
        category="comparison",
        descriptions=(
            "Who is the {which}? Answer with the name.",
            "Work out the ages from the text and write the name of the {which} person.",
            "Given the ages of some people, some of them in relation to another's, name the one who is {which}.",
            "Compare the ages. The answer is one name: that of the {which} of the people.",
        ),
        sample=_ages,
        solve=_by_age,
        anchors=(("name",),),
        params=_age_params,
        rationale=_facts_why,
    ),
    Family(
        id="compare_two_measures",
        category="comparison",
        descriptions=(
            "Compare the numbers given for two things. Answer '{first}' if the thing named first has the larger number,"
            " '{second}' if the other has, and '{same}' if they are equal.",
            "Two things are measured in the sentence. Write '{same}' for equal numbers, '{first}' when the number of"
            " the first thing is greater, '{second}' when the number of the second is.",
            "Given a sentence about two things of a kind, compare their numbers: '{first}' if the number of the thing"
            " named first is greater, '{second}' if it is smaller, '{same}' if there is no difference.",
        ),
        no_label_instructions=("Compare the numbers given for the two things.",),
        sample=_two_measures,
        solve=_verdict,
        anchors=(("thing",), ("number",)),
        params=_three_way,
        labels=labels.space("first second same"),
        rationale=_numbers_why,
    ),
    Family(
        id="words_against_digits",
        category="comparison",
        descriptions=(
            "One number is in words and one in digits. Answer '{first}' if the number before the bar is larger,"
            " '{second}' if the number after it is, and '{same}' if they are the same number.",
            "Which number is greater? '{first}' stands for the left one, '{second}' for the right one, '{same}' for"
            " neither.",
            "Given two numbers, compare their values, however they are written: reply '{same}' for equal values,"
            " '{first}' if the first value is higher and '{second}' if the second is.",
        ),
        sample=_word_and_digits,
        solve=_verdict,
        anchors=(("number",),),
        params=_three_way,
        labels=labels.space("first second same"),
        rationale=_numbers_why,
    ),
    Family(
        id="which_list_is_longer",
        category="comparison",
        descriptions=(
            "Which list has more items? Answer '{first}' for the list before the sign ||, '{second}' for the list after"
            " it, and '{same}' if both have equally many.",
            "Two lists are separated by ||. Write '{same}' if they are of equal size, else '{first}' or '{second}', as"
            " the first or the second list is longer.",
            "Given two lists with || between them, say which is the longer one: '{first}' (the left list), '{second}'"
            " (the right list) or '{same}' (neither).",
        ),
        no_label_instructions=("Which list has more items?",),
        sample=_two_lists,
        solve=_verdict,
        anchors=(("list",),),
        params=_longer_params,
        labels=labels.space("first second same"),
        rationale=lambda sizes, params: f"There are {sizes[0]} items before the sign and {sizes[1]} after it.",
    ),
    Family(
        id="same_members",
        category="comparison",
        descriptions=(
            "Do the two lists, separated by ||, have the same members? The order does not matter. Answer '{yes}' if"
            " they have and '{no}' if not.",
            "Write '{yes}' if every item of the first list is also in the second list and the other way round,"
            " otherwise '{no}'.",
            "Given two lists, reply '{no}' when one of them has an item that the other has not, and '{yes}' when they"
            " differ at most in their order.",
        ),
        no_label_instructions=("Compare the members of the two lists.",),
        sample=_two_sets,
        solve=lambda facts, params: params["yes" if sorted(facts[0]) == sorted(facts[1]) else "no"],
        anchors=(("list",), ("order", "item")),
        params=_same_members_params,
        labels=labels.space("yes no"),
        rationale=_sets_why,
    ),
    Family(
        id="which_code_is_longer",
        category="comparison",
        descriptions=(
            "Which code has more characters, the one before || or the one after it? Answer '{first}' for the one"
            " before, '{second}' for the one after, '{same}' if they have equally many.",
            "Compare the length of the two codes: '{first}' if the left one is longer, '{second}' if the right one is,"
            " '{same}' if their lengths are equal.",
            "Given two codes, count the letters and digits of each. Write '{same}' when the counts agree, '{first}'"
            " when the first code is the longer and '{second}' when the second is.",
        ),
        no_label_instructions=("Which code has more characters?",),
        sample=_two_strings,
        solve=lambda facts, params: _verdict((len(facts[0]), len(facts[1])), params),
        anchors=(("code",),),
        params=_longer_params,
        labels=labels.space("first second same"),
        rationale=_strings_why,
    ),
    Family(
        id="which_starts_when",
        category="comparison",
        descriptions=(
            "Which of the things starts {which}? Copy its name with the word 'the', in small letters.",
            "Compare the starting times and write what comes {which} in the day, like this: the lesson.",
            "Given a plan of a day that is in no special order, say what is {which} by the clock (two words, 'the' and"
            " the name, without a capital letter).",
        ),
        sample=_appointments,
        solve=_by_time,
        anchors=(("first", "second"),),
        params=_time_params,
        rationale=_times_why,
    ),
    Family(
        id="winner_under_the_rule",
        category="comparison",
        descriptions=(
            "In this game the player with the {wins} {points} wins. Who wins? Write the name, or '{draw}' if two"
            " players are equally good.",
            "Name the winner. You win by having the {wins} {points}; when two players share that number, the answer is"
            " '{draw}'.",
            "Given how many {points} the players have, find the one with the {wins}, who is the winner. Answer with"
            " that name, or with '{draw}' if there is more than one.",
        ),
        sample=_game,
        solve=_winner,
        anchors=(("win",), ("name",)),
        params=_game_params,
        rationale=_facts_why,
    ),
    Family(
        id="town_by_rank",
        category="comparison",
        descriptions=(
            "Which town has the {rank} of the three numbers? Write its name.",
            "Three towns are compared by a number each. Answer with the town whose number is the {rank} one.",
            "Given a fact about each of three towns, order the towns by the number in it and name the one with the"
            " {rank} number.",
        ),
        sample=_three_towns,
        solve=_ranked_town,
        anchors=(("town",), ("number",)),
        params=_middle_params,
        rationale=_towns_why,
    ),
)
