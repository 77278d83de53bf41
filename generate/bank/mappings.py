"""Families about made-up languages, codes and rewriting rules, stated or shown by demonstrations."""

from random import Random

from kshot.generate.bank import words
from kshot.tasks.family import Family, Params, Problem

_SHOWN = (
    "The examples change every phrase by one hidden rule. Find the rule and change the new phrase.",
    "Work out the rule from the examples and apply it to the last phrase.",
    "By which rule does each example turn its phrase into the output? Use the same rule here.",
    "Given examples in a made-up manner of writing, please infer the rule and write the last phrase by it.",
)
_PICKED = (
    "Each example takes one part out of its line by the same hidden rule. Find the rule and apply it to the new line.",
    "Which part of the line would the rule behind the examples pick? Write it just as the examples do.",
    "Work out from the examples by what rule a piece of the line is chosen, and give the piece for the last line.",
    "Given lines and what was picked from them, please infer the rule and pick from the next line.",
)


def _language(rng: Random) -> str:
    return words.draw_nonsense_word(rng).capitalize() + rng.choice(("ish", "ian", "ese"))


def _glossary_params(rng: Random) -> Params:
    size = rng.randint(6, 7)
    foreign, known = words.draw_nonsense_words(rng, size), words.word_list(rng, size)
    key = ", ".join(f"{word} = {meaning}" for word, meaning in zip(foreign, known, strict=True))
    names = [_language(rng), "English"]
    rng.shuffle(names)
    return {"key": key, "source": names[0], "target": names[1]}


def _pairs(key: str) -> list[tuple[str, str]]:
    return [(word, meaning) for word, _, meaning in (entry.partition(" = ") for entry in key.split(", "))]


def _glossary_phrase(rng: Random, params: Params) -> Problem:
    pairs = _pairs(params["key"])
    phrase = [rng.choice(pairs)[params["source"] == "English"] for _ in range(rng.randint(4, 6))]
    return Problem(" ".join(phrase), phrase)


def _translated(phrase: list[str], params: Params) -> str:
    pairs = _pairs(params["key"])
    table = {known: word for word, known in pairs} if params["source"] == "English" else dict(pairs)
    return " ".join(table[word] for word in phrase)


def _given_glossary(rng: Random, params: Params) -> Problem:
    foreign, size = words.draw_nonsense_words(rng, 5), rng.randint(2, 3)
    table = dict(zip(foreign[:4], words.word_list(rng, 4), strict=True))
    phrase = rng.sample(foreign[:4], size)
    if rng.random() < 0.35:
        phrase[rng.randrange(size)] = foreign[4]
    key = ", ".join(f"{word}: {meaning}" for word, meaning in table.items())
    return Problem(f"{key} | {' '.join(phrase)}", (table, phrase))


def _read(facts: tuple[dict[str, str], list[str]], params: Params) -> str:
    table, phrase = facts
    return " ".join(table.get(word, params["unknown"]) for word in phrase)


def _read_why(facts: tuple[dict[str, str], list[str]], params: Params) -> str:
    table, phrase = facts
    found = [f"{word} means {table[word]}" if word in table else f"{word} is not there" for word in phrase]
    return f"In the dictionary, {words.join_items(found)}."


_SYLLABLES = words.vocabulary("ka po ti ru lo mi na vu ze shi bo du ga ri su to")


def _noun_params(rng: Random) -> Params:
    many, small = rng.sample(_SYLLABLES, 2)
    return {"language": _language(rng), "many": many, "small": small}


def _noun_phrase(rng: Random, params: Params) -> Problem:
    count, small, noun = rng.choice((1, rng.randint(2, 9))), rng.random() < 0.5, words.draw_nonsense_word(rng)
    text = " ".join([words.NUMBER_WORDS[count], *(["small"] if small else []), noun])
    return Problem(text, (count, small, noun))


def _inflected(facts: tuple[int, bool, str], params: Params) -> str:
    count, small, noun = facts
    return (params["small"] if small else "") + noun + (params["many"] if count > 1 else "")


def _noun_why(facts: tuple[int, bool, str], params: Params) -> str:
    count, small, _ = facts
    end = f"There are {words.NUMBER_WORDS[count]}, so the end is '{params['many']}'." if count > 1 else "There is one."
    start = f"The word small asks for '{params['small']}' in front." if small else "Nothing is said to be small."
    return f"{end} {start}"


_DEEDS = {
    "drop": "leave out every '{}'",
    "double": "write every '{}' twice",
    "wrap": "put round brackets around every '{}'",
}


def _swap_params(rng: Random) -> Params:
    pools = ("red green blue white", "x y z w", "ba do ki mu", "sun moon star cloud", "< > + #", "cat dog hen pig",
             "north south east west", "7 4 9 2")  # fmt: skip
    tokens = list(words.draw_nonsense_words(rng, 4)) if rng.random() < 0.4 else words.vocabulary(rng.choice(pools))
    one, other, third, rest = rng.sample(tokens, 4)
    deed = rng.choice(list(_DEEDS))
    return {"one": one, "other": other, "third": third, "rest": rest, "deed": deed, "what": _DEEDS[deed].format(third)}


def _tokens(rng: Random, params: Params) -> Problem:
    row = [params[key] for key in ("one", "other", "third", "rest")]
    row += rng.choices(row, k=rng.randint(2, 5))
    rng.shuffle(row)
    return Problem(" ".join(row), row)


def _swapped(row: list[str], params: Params) -> str:
    one, other, third = params["one"], params["other"], params["third"]
    third_as = {"drop": [], "double": [third, third], "wrap": [f"({third})"]}
    table = {one: [other], other: [one], third: third_as[params["deed"]]}
    return " ".join(token for old in row for token in table.get(old, [old]))


_LETTERS = ("aeklst", "abdino", "eilmnr", "acehpt", "dgimou", "eforsw")


def _code_params(rng: Random) -> Params:
    letters = rng.choice(_LETTERS)
    signs = rng.sample(rng.choice(("123456789", "#%&+*@=!", "ABCDEFGH", "bcdfghjk")), len(letters))
    key = ", ".join(f"{letter} is {sign}" for letter, sign in zip(letters, signs, strict=True))
    return {"letters": letters, "signs": "".join(signs), "key": key, "sep": rng.choice((" ", "-", ".", "/"))}


def _coded_word(rng: Random, params: Params) -> Problem:
    word = "".join(rng.choice(params["letters"]) for _ in range(rng.randint(4, 6)))
    return Problem(word, word)


def _encoded(word: str, params: Params) -> str:
    return params["sep"].join(params["signs"][params["letters"].index(letter)] for letter in word)


def _disguise_params(rng: Random) -> Params:
    syllable, place = rng.choice(_SYLLABLES), rng.choice(("beginning", "end"))
    turned = rng.choice(("reverse", "usual"))
    return {"syllable": syllable, "place": place, "order": turned}


def _disguised(rng: Random, params: Params) -> Problem:
    row = words.word_list(rng, rng.randint(2, 4))
    shown = row[::-1] if params["order"] == "reverse" else row
    syllable = params["syllable"]
    text = " ".join(syllable + word if params["place"] == "beginning" else word + syllable for word in shown)
    return Problem(text, text)


def _bare(text: str, params: Params) -> list[str]:
    size = len(params["syllable"])
    return [word[size:] if params["place"] == "beginning" else word[:-size] for word in text.split()]


def _undone(text: str, params: Params) -> str:
    row = _bare(text, params)
    return " ".join(row[::-1] if params["order"] == "reverse" else row)


def _disguise_why(text: str, params: Params) -> str:
    turn = "They have to be put in reverse order." if params["order"] == "reverse" else "Their order is right."
    return f"Without '{params['syllable']}' the words are {words.join_items(_bare(text, params))}. {turn}"


def _grammar_params(rng: Random) -> Params:
    adjective, verb = rng.choice((("after", "first"), ("after", "last"), ("after", "middle"), ("before", "first"),
                                  ("before", "last")))  # fmt: skip
    how = {
        "first": "the verb comes first of all",
        "last": "the verb comes last of all",
        "middle": "the verb stands between the two nouns, as in English",
    }[verb]
    side = "directly after" if adjective == "after" else "directly before"
    return {"language": _language(rng), "adjective": adjective, "verb": verb, "side": side, "how": how}


def _clause(rng: Random, params: Params) -> Problem:
    animals, traits = rng.sample(words.ANIMALS, 2), rng.sample(words.ANIMAL_ADJECTIVES, 2)
    verb = rng.choice(words.vocabulary("saw followed met helped chased heard found carried"))
    facts = (traits[0] if rng.random() < 0.8 else "", animals[0], verb, traits[1], animals[1])
    return Problem(" ".join(filter(None, facts)), facts)


def _ordered(facts: tuple[str, str, str, str, str], params: Params) -> str:
    first, subject, verb, second, other = facts
    after = params["adjective"] == "after"
    nouns = [
        f"{subject} {first}" if after else f"{first} {subject}",
        f"{other} {second}" if after else f"{second} {other}",
    ]
    place = {"first": 0, "middle": 1, "last": 2}[params["verb"]]
    return " ".join(" ".join([*nouns[:place], verb, *nouns[place:]]).split())


def _grammar_why(facts: tuple[str, str, str, str, str], params: Params) -> str:
    first, subject, verb, second, other = facts
    traits = f"{first} belongs to {subject} and {second} to {other}" if first else f"{second} belongs to {other}"
    return f"The verb is {verb}; {traits}."


def _affix_params(rng: Random) -> Params:
    affix = rng.choice(_SYLLABLES) if rng.random() < 0.7 else rng.choice(("-", "'s", "!", "_x", "7", "*"))
    return {"affix": affix, "side": rng.choice(("start", "end")), "on": rng.choice(("every", "first", "last")),
            "order": rng.choice(("kept", "swapped"))}  # fmt: skip


def _affixed(row: list[str], params: Params) -> str:
    shown = row[::-1] if params["order"] == "swapped" else list(row)
    chosen = {"every": range(len(shown)), "first": (0,), "last": (len(shown) - 1,)}[params["on"]]
    for i in chosen:
        shown[i] = params["affix"] + shown[i] if params["side"] == "start" else shown[i] + params["affix"]
    return " ".join(shown)


def _small_phrase(rng: Random, params: Params) -> Problem:
    row = words.word_list(rng, rng.choice((2, 3)))
    return Problem(" ".join(row), row)


_FRAMES = {"brackets": "[{}]", "stars": "*{}*", "mark": "{}!", "sign": "#{}"}
_PICKS = (*_FRAMES, "capitals", "number", "before_number", "after_number")


def _line(rng: Random, params: Params) -> Problem:
    plain = words.word_list(rng, 8)
    number = str(rng.randint(2, 99))
    special = rng.sample([*_FRAMES, "capitals"], 3)
    if params["rule"] in (*_FRAMES, "capitals") and params["rule"] not in special:
        special[0] = params["rule"]
    picks = {kind: plain.pop() for kind in special}
    parts = [_FRAMES[kind].format(word) if kind in _FRAMES else word.upper() for kind, word in picks.items()]
    rng.shuffle(parts)
    at = rng.randrange(len(parts) + 1)
    parts[at:at] = [plain[0], number, plain[1]]
    answers = {**picks, "number": number, "before_number": plain[0], "after_number": plain[1]}
    return Problem(" ".join(parts), answers)


FAMILIES: tuple[Family, ...] = (
    Family(
        id="translate_with_glossary",
        category="mappings",
        descriptions=(
            "Translate the words from {source} into {target}, one by one, with this dictionary: {key}.",
            "A little dictionary says: {key}. What are these {source} words in {target}? Keep their order.",
            "Given words of {source}, please write the {target} word for each, separated by spaces. The words you need:"
            " {key}.",
            "Use the word list ({key}) to turn the {source} text into {target}, word for word.",
        ),
        sample=_glossary_phrase,
        solve=_translated,
        needs_instruction=True,
        anchors=(("word",),),
        params=_glossary_params,
    ),
    Family(
        id="read_with_glossary",
        category="mappings",
        descriptions=(
            "Translate the phrase after the bar with the dictionary before the bar. Write '{unknown}' for a word that"
            " the dictionary lacks.",
            "The input is a small dictionary of a made-up language, a bar, and a phrase. Put the phrase into English,"
            " word for word, with '{unknown}' for every unknown word.",
            "What does the made-up phrase behind the bar mean? Give the English words in the same order, and"
            " '{unknown}' where the dictionary in front does not help.",
            "Given entries such as 'word: meaning' and a phrase after the bar, please replace each word by its meaning,"
            " or by '{unknown}' if it has no entry.",
        ),
        sample=_given_glossary,
        solve=_read,
        anchors=(("phrase",), ("word",)),
        params=lambda rng: {
            "unknown": rng.choice(("?", "[unknown]", "???", "---", words.draw_nonsense_word(rng).upper()))
        },
        rationale=_read_why,
    ),
    Family(
        id="made_up_plural",
        category="mappings",
        descriptions=(
            "In {language}, '{many}' is added to the end of a noun for more than one thing, and '{small}' is put in"
            " front of the noun if the thing is small. Write the noun as {language} demands.",
            "Write the last word in its right form: with '{small}' joined on at the beginning if it is called small,"
            " and with '{many}' joined on at the end if there are two or more.",
            "How does {language} say this in one word? A plural noun ends in '{many}'; a small thing has '{small}'"
            " before its noun, without a space.",
            "Given a number and a noun, please form one {language} word from the noun: '{many}' at its end only for"
            " several things, '{small}' at its start only for small ones.",
        ),
        sample=_noun_phrase,
        solve=_inflected,
        anchors=(("noun", "word"), ("small",)),
        params=_noun_params,
        rationale=_noun_why,
    ),
    Family(
        id="token_swap_rule",
        category="mappings",
        descriptions=(
            "Exchange '{one}' and '{other}' wherever they stand, and {what}. Copy the rest.",
            "Rewrite the row: '{one}' becomes '{other}', '{other}' becomes '{one}'. Moreover, {what}. All else stays.",
            "Given a row of signs or words, please swap '{one}' with '{other}' and {what}, changing nothing else.",
        ),
        sample=_tokens,
        solve=_swapped,
        anchors=(("exchange", "becomes", "swap"),),
        params=_swap_params,
    ),
    Family(
        id="encode_with_key",
        category="mappings",
        descriptions=(
            "Encode the word letter by letter with the key ({key}). Put '{sep}' between the signs.",
            "In a secret code {key}. Write the code of each letter, joined by '{sep}'.",
            "What does the word look like in this code: {key}? Set '{sep}' between one letter's code and the next.",
            "Given a string of letters, please replace every letter by the key, {key}, with '{sep}' in between.",
        ),
        sample=_coded_word,
        solve=_encoded,
        needs_instruction=True,
        anchors=(("letter",), ("code", "key", "encode")),
        params=_code_params,
    ),
    Family(
        id="undo_the_code",
        category="mappings",
        descriptions=(
            "Undo a code that adds '{syllable}' to the {place} of every word and writes the words in {order} order."
            " Give the original words in their original order.",
            "Decode the line. When it was encoded, each word got '{syllable}' at its {place}, and the words were put in"
            " {order} order.",
            "What was the line before somebody put '{syllable}' at the {place} of each word and wrote the words in"
            " {order} order?",
            "Given a coded line, please restore the plain words: the code joins '{syllable}' to the {place} of a word"
            " and lists the words in {order} order.",
        ),
        sample=_disguised,
        solve=_undone,
        anchors=(("word",), ("order",)),
        params=_disguise_params,
        rationale=_disguise_why,
    ),
    Family(
        id="made_up_grammar",
        category="mappings",
        descriptions=(
            "Put the English words in the order of {language}: an adjective stands {side} its noun, and {how}."
            " The nouns keep their order.",
            "In {language} word order, every adjective is {side} the noun it describes and {how}. Rearrange the words,"
            " with the nouns in the order that they have.",
            "How would {language} order these words? Its rules: adjective {side} the noun; {how}; the subject before"
            " the object.",
            "Given a short clause (who did what to whom), please reorder its words so that each adjective is {side} its"
            " noun and {how}. Who did it still comes before the other noun.",
        ),
        sample=_clause,
        solve=_ordered,
        anchors=(("adjective",), ("noun",), ("verb",)),
        params=_grammar_params,
        rationale=_grammar_why,
    ),
    Family(
        id="hidden_affix_and_order",
        category="mappings",
        descriptions=_SHOWN,
        sample=_small_phrase,
        solve=_affixed,
        anchors=(("rule",),),
        params=_affix_params,
        min_k=2,
    ),
    Family(
        id="hidden_pick_from_line",
        category="mappings",
        descriptions=_PICKED,
        sample=_line,
        solve=lambda picks, params: str(picks[params["rule"]]),
        anchors=(("rule",),),
        params=lambda rng: {"rule": rng.choice(_PICKS)},
        min_k=2,
    ),
)
