"""Families whose rule only the demonstrations show, and some whose instruction states a made-up rule."""

from random import Random

from kshot.generate.bank import words
from kshot.tasks.family import Family, Params, Problem, text_problem

_SHOWN = (
    "Work out the rule from the examples and apply it.",
    "The examples follow a hidden rule. Find the rule and give the output for the new input.",
    "Look at how each example turns its input into its output. Which rule is at work? Use it on the last input.",
    "Given some examples of an unknown rule, please infer the rule and answer accordingly.",
)
_SHOWN_LABELS = (
    "Work out from the examples what the labels '{a}' and '{b}' mean, and label the input by the same rule.",
    "Every input gets '{a}' or '{b}' by a hidden rule. Find the rule in the examples and apply it.",
    "The examples are sorted into two groups, '{a}' and '{b}'. Which rule decides? Answer with the group of the new"
    " input.",
    "Given examples labelled '{a}' or '{b}', please infer the rule behind the labels and label the next input.",
)
_RULE = (("rule",),)


def _common_words(rng: Random, low: int = 4) -> str:
    while True:
        word = words.word(rng)
        if len(word) >= low:
            return word


def _two_labels(rng: Random) -> dict[str, str]:
    natural = (
        ("yes", "no"),
        ("A", "B"),
        ("+", "-"),
        ("left", "right"),
        ("blue", "red"),
        ("group_1", "group_2"),
        ("1", "0"),
    )
    pair = words.draw_nonsense_pair(rng) if rng.random() < 0.5 else rng.choice(natural)
    return {"a": pair[0], "b": pair[1]} if rng.random() < 0.5 else {"a": pair[1], "b": pair[0]}


def _ab(params: Params) -> tuple[str, ...]:
    return (params["a"], params["b"])


def _letter_at(text: str, params: Params) -> str:
    return text[int(params["index"])]


def _hidden_kinds(rng: Random) -> Params:
    kinds = rng.sample(list(words.KINDS), 2)
    return {**_two_labels(rng), "kind_a": kinds[0], "kind_b": kinds[1]}


def _hidden_member(rng: Random, params: Params) -> Problem:
    kind = params[rng.choice(("kind_a", "kind_b"))]
    return Problem(rng.choice(words.KINDS[kind]), kind)


def _affine(rng: Random) -> Params:
    times = rng.choice((1, 1, 1, 2, 3, 10))
    plus = rng.choice((-3, -2, -1, 1, 2, 3, 4, 5, 10)) if times == 1 else rng.choice((0, 0, 1, 2, -1))
    return {"times": str(times), "plus": str(plus)}


_PAIR_RULES = ("first", "second", "longer", "shorter")


def _pair_params(rng: Random) -> Params:
    return {"rule": rng.choice(_PAIR_RULES)}


def _pair(rng: Random, params: Params) -> Problem:
    while True:
        left, right = words.word_list(rng, 2)
        if len(left) != len(right):
            return Problem(f"{left} / {right}", (left, right))


def _chosen(facts: tuple[str, str], params: Params) -> str:
    left, right = facts
    first = {
        "first": True,
        "second": False,
        "longer": len(left) > len(right),
        "shorter": len(left) < len(right),
    }[params["rule"]]
    return left if first else right


_FRAMES = ("<<{}>>", "say {} please", "{}!", "[{}]", "the {} club", "*{}*", "{}?!", "{} ok", "my {}", "--{}--",
           "{}.txt", "@{}",
           "{}-{}", "{} {} {}", "no {} here", "#{}")  # fmt: skip


def _framed(text: str, params: Params) -> str:
    return params["frame"].replace("{}", text)


def _list_item(rng: Random, params: Params) -> Problem:
    items = words.word_list(rng, rng.randint(3, 5))
    return Problem(", ".join(items), items)


_PROPERTIES = ("digit", "capital", "ends_mark", "long", "comma")


def _property_params(rng: Random) -> Params:
    return {**_two_labels(rng), "rule": rng.choice(_PROPERTIES)}


def _property_holds(text: str, rule: str) -> bool:
    return {
        "digit": any(letter.isdigit() for letter in text),
        "capital": text[0].isupper(),
        "ends_mark": text.endswith("!"),
        "long": len(text.split()) > 4,
        "comma": "," in text,
    }[rule]


def _property_text(rng: Random, params: Params) -> Problem:
    wanted = rng.random() < 0.5
    while True:
        size = rng.choice((2, 3, 6, 7))
        parts = words.word_list(rng, size)
        if rng.random() < 0.5:
            parts[rng.randrange(1, size)] = str(rng.randint(2, 99))
        text = (", " if rng.random() < 0.5 else " ").join(parts) + rng.choice(("", "!"))
        text = words.capitalize(text) if rng.random() < 0.5 else text
        if _property_holds(text, params["rule"]) == wanted:
            return text_problem(text)


_SHUFFLES = ("reverse", "swap_ends", "drop_first", "drop_last", "double_last", "first_last_only")


def _reshaped(items: list[str], params: Params) -> str:
    changed = {
        "reverse": items[::-1],
        "swap_ends": [items[-1], *items[1:-1], items[0]],
        "drop_first": items[1:],
        "drop_last": items[:-1],
        "double_last": [*items, items[-1]],
        "first_last_only": [items[0], items[-1]],
    }[params["rule"]]
    return " ".join(changed)


def _words_in_row(rng: Random, params: Params) -> Problem:
    items = words.word_list(rng, rng.randint(3, 5))
    return Problem(" ".join(items), items)


def _threshold_params(rng: Random) -> Params:
    return {**_two_labels(rng), "rule": rng.choice((*2 * (str(rng.randint(15, 50)),), "even", "zero"))}


def _threshold_number(rng: Random, params: Params) -> Problem:
    if params["rule"] == "zero":
        return text_problem(str(10 * rng.randint(1, 60) + (0 if rng.random() < 0.5 else rng.randint(1, 9))))
    return text_problem(str(rng.randint(1, 100 if params["rule"] == "even" else 2 * int(params["rule"]))))


def _threshold(text: str, params: Params) -> str:
    number, rule = int(text), params["rule"]
    holds = number % 2 == 0 if rule == "even" else number % 10 == 0 if rule == "zero" else number > int(rule)
    return params["a" if holds else "b"]


_CIPHER_SIGNS = ("#", "@", "%", "&", "+", "*", "?", "!")


def _cipher(rng: Random) -> Params:
    signs, meanings = rng.sample(_CIPHER_SIGNS, 4), rng.sample(words.NOUNS, 4)
    table = {f"sign_{i}": sign for i, sign in enumerate(signs)} | {f"word_{i}": word for i, word in enumerate(meanings)}
    key = ", ".join(f"{sign} = {word}" for sign, word in zip(signs, meanings, strict=True))
    return {**table, "key": key}


def _cipher_text(rng: Random, params: Params) -> Problem:
    picks = [rng.randrange(4) for _ in range(rng.randint(2, 5))]
    return Problem(" ".join(params[f"sign_{i}"] for i in picks), picks)


def _cipher_why(picks: list[int], params: Params) -> str:
    distinct = list(dict.fromkeys(picks))
    return "The key says: " + ", ".join(f"{params[f'sign_{i}']} is {params[f'word_{i}']}" for i in distinct) + "."


def _greeting_rule(rng: Random) -> Params:
    a, b = words.draw_nonsense_pair(rng)
    return {"a": a, "b": b, "size": rng.choice(("4", "5", "6"))}


def _sized_word(rng: Random, params: Params) -> Problem:
    size, long = int(params["size"]), rng.random() < 0.5
    while True:
        word = words.word(rng)
        if (len(word) > size) == long:
            return text_problem(word)


FAMILIES = (
    Family(
        id="hidden_letter_of_word",
        category="rule_learning",
        descriptions=_SHOWN,
        sample=lambda rng, params: text_problem(_common_words(rng)),
        solve=_letter_at,
        anchors=_RULE,
        params=lambda rng: {"index": str(rng.choice((0, 1, 2, -1, -2)))},
        min_k=2,
    ),
    Family(
        id="hidden_kind_labels",
        category="rule_learning",
        descriptions=_SHOWN_LABELS,
        sample=_hidden_member,
        solve=lambda kind, params: params["a" if kind == params["kind_a"] else "b"],
        anchors=_RULE,
        params=_hidden_kinds,
        labels=_ab,
        min_k=3,
    ),
    Family(
        id="hidden_number_function",
        category="rule_learning",
        descriptions=(
            *_SHOWN[:3],
            "Given examples of numbers and what a secret rule makes of them, please work out the number for the new"
            " input.",
        ),
        sample=lambda rng, params: text_problem(str(rng.randint(4, 60))),
        solve=lambda text, params: str(int(params["times"]) * int(text) + int(params["plus"])),
        anchors=_RULE,
        params=_affine,
        min_k=2,
    ),
    Family(
        id="hidden_choice_of_two",
        category="rule_learning",
        descriptions=(
            "Each example picks one of two words by the same rule. Find the rule and pick a word from the new pair.",
            "Work out the rule by which one of the two words is chosen, and apply it.",
            "Which of the two words would the rule behind the examples choose?",
            "Given pairs of words and the chosen one of each, please infer the rule and choose from the last pair.",
        ),
        sample=_pair,
        solve=_chosen,
        anchors=(*_RULE, ("word",)),
        params=_pair_params,
        min_k=3,
    ),
    Family(
        id="hidden_frame",
        category="rule_learning",
        descriptions=_SHOWN,
        sample=lambda rng, params: text_problem(words.word(rng) if rng.random() < 0.7 else words.thing(rng)),
        solve=_framed,
        anchors=_RULE,
        params=lambda rng: {"frame": rng.choice(_FRAMES)},
        min_k=2,
    ),
    Family(
        id="hidden_list_position",
        category="rule_learning",
        descriptions=_SHOWN,
        sample=_list_item,
        solve=lambda items, params: str(items[int(params["index"])]),
        anchors=_RULE,
        params=lambda rng: {"index": str(rng.choice((0, 1, 2, -1, -2)))},
        min_k=2,
    ),
    Family(
        id="hidden_text_property",
        category="rule_learning",
        descriptions=_SHOWN_LABELS,
        sample=_property_text,
        solve=lambda text, params: params["a" if _property_holds(text, params["rule"]) else "b"],
        anchors=_RULE,
        params=_property_params,
        labels=_ab,
        min_k=4,
    ),
    Family(
        id="hidden_word_shuffle",
        category="rule_learning",
        descriptions=_SHOWN,
        sample=_words_in_row,
        solve=_reshaped,
        anchors=_RULE,
        params=lambda rng: {"rule": rng.choice(_SHUFFLES)},
        min_k=2,
    ),
    Family(
        id="hidden_number_class",
        category="rule_learning",
        descriptions=_SHOWN_LABELS,
        sample=_threshold_number,
        solve=_threshold,
        anchors=_RULE,
        params=_threshold_params,
        labels=_ab,
        min_k=4,
    ),
    Family(
        id="decode_with_key",
        category="rule_learning",
        descriptions=(
            "Decode the signs with this key: {key}. Separate the words by spaces.",
            "In a secret code, {key}. Which words does the input stand for?",
            "Given signs separated by spaces, write for every sign the word that the key gives: {key}.",
            "Please translate the signs into words by the key ({key}).",
        ),
        sample=_cipher_text,
        solve=lambda picks, params: " ".join(params[f"word_{i}"] for i in picks),
        needs_instruction=True,
        anchors=(("word",), ("sign", "code", "key")),
        params=_cipher,
        rationale=_cipher_why,
    ),
    Family(
        id="made_up_word_by_length",
        category="rule_learning",
        descriptions=(
            "Answer '{a}' if the word has more than {size} letters, otherwise answer '{b}'.",
            "By the rule of this game, a word with more than {size} letters is a '{a}' and any other word is a '{b}'."
            " Which is it?",
            "Given a word, count its letters. Write '{a}' for more than {size} letters and '{b}' for {size} letters or"
            " fewer.",
        ),
        sample=_sized_word,
        solve=lambda text, params: params["a" if len(text) > int(params["size"]) else "b"],
        anchors=(("letter",), ("word",)),
        params=_greeting_rule,
        labels=_ab,
        rationale=lambda text, params: f"The word {text} is spelled {'-'.join(text)}, which is {len(text)} letters.",
    ),
)
