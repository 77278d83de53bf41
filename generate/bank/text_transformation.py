"""Families that rewrite their input word by word or letter by letter."""

from random import Random
from typing import Any

from kshot.generate.bank import words
from kshot.tasks.family import Family, Params, Problem, text_problem

_SEPARATORS = (" - ", "_", " / ", "+", " | ", ";", " & ", "...", "=", ", ", "-", " > ")
_WRAPPERS = (("[", "]"), ("(", ")"), ("<", ">"), ("*", "*"), ("~", "~"), ("#", "#"), ("_", "_"), ("/", "/"))
_POSITIONS = ("first", "second", "third", "last")


def _separator(rng: Random) -> Params:
    return {"sep": rng.choice(_SEPARATORS)}


def _phrase(rng: Random, params: Params) -> Problem:
    return text_problem(words.bare_phrase(rng))


def _position(rng: Random) -> Params:
    return {"position": rng.choice(_POSITIONS)}


def _capital_at(text: str, params: Params) -> str:
    parts = text.split()
    index = -1 if params["position"] == "last" else _POSITIONS.index(params["position"])
    parts[index] = parts[index].upper()
    return " ".join(parts)


def _replacement(rng: Random) -> Params:
    old, new = rng.sample(words.NOUNS, 2)
    return {"old": old, "new": new}


def _with_old(rng: Random, params: Params) -> Problem:
    rest = [word for word in words.word_list(rng, rng.randint(3, 7)) if word not in (params["old"], params["new"])]
    for _ in range(rng.choice((1, 1, 2))):
        rest.insert(rng.randint(0, len(rest)), params["old"])
    return text_problem(" ".join(rest))


def _swap_ends(text: str, params: Params) -> str:
    parts = text.split()
    return " ".join([parts[-1], *parts[1:-1], parts[0]])


def _wrapper(rng: Random) -> Params:
    left, right = rng.choice(_WRAPPERS)
    return {"left": left, "right": right}


def _initial(rng: Random) -> Params:
    return {"letter": rng.choice("bcfghlmprstw")}


def _some_initial(rng: Random, params: Params) -> Problem:
    pool = words.word_list(rng, 120)
    out = [word for word in pool if word[0] == params["letter"]][: rng.randint(1, 3)]
    mixed = out + [word for word in pool if word[0] != params["letter"]][: rng.randint(2, 5)]
    rng.shuffle(mixed)
    return text_problem(" ".join(mixed))


def _dropped(text: str, params: Params) -> str:
    return " ".join(word for word in text.split() if word[0] != params["letter"])


def _dropped_why(text: str, params: Params) -> str:
    out = [word for word in text.split() if word[0] == params["letter"]]
    if not out:
        return f"No word begins with {params['letter']}, so all of them stay."
    moved = words.join_items(out)
    return f"The words that begin with {params['letter']} are {moved}. The other words stay in their order."


def _echo(rng: Random) -> Params:
    times = rng.randint(2, 4)
    return {"times": words.NUMBER_WORDS[times], "count": str(times), "sep": rng.choice((" ", "-", ", ", "/"))}


def _short_word(rng: Random, params: Params) -> Problem:
    word = words.word(rng) if rng.random() < 0.5 else words.draw_nonsense_word(rng)
    return text_problem(word)


def _three_to_five(rng: Random, params: Params) -> Problem:
    word = words.draw_nonsense_word(rng)
    return text_problem(word[: rng.randint(3, 5)])


def _backwards_why(text: str, params: Params) -> str:
    return f"The letters are {', '.join(text)}. From the last to the first: {', '.join(reversed(text))}."


def _spoken(rng: Random) -> Params:
    return {"verb": rng.choice(("said", "whispered", "shouted", "wrote", "replied"))}


def _quote(rng: Random, params: Params) -> Problem:
    name, saying = rng.choice(words.FIRST_NAMES), words.sentence(rng)
    return Problem(f"{name}: {saying}", (name, saying))


def _case(rng: Random) -> Params:
    return {"case": rng.choice(("upper case", "lower case", "title case"))}


def _any_case(rng: Random, params: Params) -> Problem:
    text = " ".join(words.word_list(rng, rng.randint(2, 6)))
    other = {
        "upper case": (str.lower, str.title),
        "lower case": (str.upper, str.title),
        "title case": (str.lower, str.upper),
    }
    return text_problem(rng.choice(other[params["case"]])(text))


def _recased(text: str, params: Params) -> str:
    change: Any = {"upper case": str.upper, "lower case": str.lower, "title case": str.title}[params["case"]]
    return str(change(text))


FAMILIES = (
    Family(
        id="reverse_word_order",
        category="text_transformation",
        descriptions=(
            "Write the words in reverse order.",
            "Repeat the input backwards, word by word: the last word comes first and the first word comes last. Do not"
            " change the words themselves.",
            "What do you get when the order of the words is reversed?",
            "Given some words, please reply with the same words in the reverse order, separated by spaces.",
        ),
        sample=_phrase,
        solve=lambda text, params: " ".join(reversed(text.split())),
        anchors=(("revers", "backward"), ("word",)),
    ),
    Family(
        id="join_with_separator",
        category="text_transformation",
        descriptions=(
            "Join the words with '{sep}'.",
            "Replace every space between the words by '{sep}'.",
            "Could you put '{sep}' between all the words, in place of the spaces?",
            "Given words separated by spaces, write them again in the same order with '{sep}' between each word and the"
            " next.",
        ),
        sample=_phrase,
        solve=lambda text, params: params["sep"].join(text.split()),
        anchors=(("word",),),
        params=_separator,
    ),
    Family(
        id="capitalise_one_word",
        category="text_transformation",
        descriptions=(
            "Write the {position} word in capital letters and leave the rest as it is.",
            "Copy the text, but put the {position} word in capitals (all of its letters).",
            "Please repeat the input with only the {position} word in capital letters.",
            "Given a phrase, turn every letter of its {position} word into a capital letter. All other words stay"
            " unchanged.",
        ),
        sample=_phrase,
        solve=_capital_at,
        anchors=(("capital", "uppercase", "upper"), ("word",)),
        params=_position,
    ),
    Family(
        id="replace_one_word",
        category="text_transformation",
        descriptions=(
            "Replace the word '{old}' with '{new}' wherever it occurs.",
            "Rewrite the input so that each '{old}' is replaced by '{new}'. Keep everything else.",
            "Copy the words, but write '{new}' instead of '{old}'.",
            "What does the text look like after every '{old}' has been changed to '{new}'?",
        ),
        sample=_with_old,
        solve=lambda text, params: " ".join(params["new"] if word == params["old"] else word for word in text.split()),
        anchors=(("replac", "instead", "chang", "swap", "substitut"),),
        params=_replacement,
    ),
    Family(
        id="swap_first_and_last",
        category="text_transformation",
        descriptions=(
            "Swap the first and the last word.",
            "Exchange the first word with the last word and keep the words in between where they are.",
            "Please write the text again with its first and last words swapped.",
            "Given a few words, what results if the first and the last word trade places?",
        ),
        sample=_phrase,
        solve=_swap_ends,
        anchors=(("first",), ("last", "final")),
    ),
    Family(
        id="wrap_each_word",
        category="text_transformation",
        descriptions=(
            "Put '{left}' before and '{right}' after every word.",
            "Enclose each word between '{left}' and '{right}'. Keep the spaces between the words.",
            "Please write '{left}' in front of each word and '{right}' behind it.",
            "Given a phrase, repeat it with every word wrapped in '{left}' and '{right}'.",
        ),
        sample=_phrase,
        solve=lambda text, params: " ".join(f"{params['left']}{word}{params['right']}" for word in text.split()),
        anchors=(("word",), ("each", "every", "all")),
        params=_wrapper,
    ),
    Family(
        id="drop_words_by_initial",
        category="text_transformation",
        descriptions=(
            "Delete every word that begins with '{letter}'.",
            "Which words remain, in order, once all words starting with '{letter}' are removed? Separate them by"
            " spaces.",
            "Copy the input without the words whose first letter is '{letter}'.",
            "Please leave out each word that starts with '{letter}' and write the other words in the same order.",
        ),
        sample=_some_initial,
        solve=_dropped,
        anchors=(("word",), ("delet", "remov", "without", "leave", "omit", "drop")),
        params=_initial,
        rationale=_dropped_why,
    ),
    Family(
        id="repeat_the_word",
        category="text_transformation",
        descriptions=(
            "Write the word {times} times, with '{sep}' between the copies.",
            "Repeat the input {times} times. Put '{sep}' between one copy and the next.",
            "Given a word, answer with {times} copies of it joined by '{sep}'.",
            "What is the word written {times} times, separated by '{sep}'?",
        ),
        sample=_short_word,
        solve=lambda text, params: params["sep"].join([text] * int(params["count"])),
        anchors=(("two", "three", "four"),),
        params=_echo,
    ),
    Family(
        id="spell_the_word",
        category="text_transformation",
        descriptions=(
            "Spell the word: write its letters separated by '{sep}'.",
            "Put '{sep}' between the letters of the word.",
            "How is this word spelled, letter by letter, with '{sep}' between the letters?",
            "Given a word, please write all of its letters in order, joined by '{sep}'.",
        ),
        sample=_short_word,
        solve=lambda text, params: params["sep"].join(text),
        anchors=(("letter",), ("word",)),
        params=lambda rng: {"sep": rng.choice(("-", " ", ", ", ".", "/"))},
    ),
    Family(
        id="reverse_letters",
        category="text_transformation",
        descriptions=(
            "Write the letters of the word in reverse order.",
            "Spell the word backwards, without spaces.",
            "What do you get if you read this word from its last letter to its first, that is, backwards?",
            "Given a short string of letters, please return it reversed.",
        ),
        sample=_three_to_five,
        solve=lambda text, params: text[::-1],
        anchors=(("revers", "backward"),),
        rationale=_backwards_why,
    ),
    Family(
        id="direct_speech",
        category="text_transformation",
        descriptions=(
            "Rewrite the line as direct speech: the name, the word '{verb}', a comma, then the sentence in double"
            " quotation marks.",
            "Turn 'Name: sentence' into the form 'Name {verb}, \"sentence\"', keeping the sentence in the quotation"
            " marks exactly as it is.",
            "Given a speaker and a sentence after a colon, please write the speaker, then '{verb},' and then the"
            " sentence in double quotes.",
            "How would this line read as a quotation with '{verb}'? Begin with the speaker, put a comma after the verb"
            " and set the sentence in double quotes.",
        ),
        sample=_quote,
        solve=lambda facts, params: f'{facts[0]} {params["verb"]}, "{facts[1]}"',
        anchors=(("quot", "speech"), ("sentence",)),
        params=_spoken,
    ),
    Family(
        id="change_letter_case",
        category="text_transformation",
        descriptions=(
            "Write the text in {case}.",
            "Convert the words to {case}, changing nothing but the case of the letters.",
            "What does the input look like in {case}?",
            "Please copy the words below in {case}.",
        ),
        sample=_any_case,
        solve=_recased,
        anchors=(("case", "upper", "lower", "title"),),
        params=_case,
    ),
)
