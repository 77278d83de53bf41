"""Families about the grammar of plain statements: agreement, articles, parts of the sentence, voice, word order."""

from random import Random

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem

_TAILS = ("every day", "every week", "in the morning", "in the evening", "at the market", "very often", "on Sundays")
_MANNERS = ("slowly", "carefully", "quietly", "quickly", "happily", "gently", "proudly", "calmly")


def _agreement(rng: Random, params: Params) -> Problem:
    base, third = rng.choice(words.TRANSITIVE)[:2]
    plural = rng.random() < 0.5
    noun = rng.choice(words.PROFESSIONS + words.ANIMALS[:12])
    subject = f"The {words.plural(noun)}" if plural else rng.choice((f"The {noun}", rng.choice(words.FIRST_NAMES)))
    if noun in ("sheep", "deer"):
        subject = "The " + ("workers" if plural else "worker")
    right = rng.random() < 0.5
    verb = base if plural == right else third
    return Problem(
        f"{subject} {verb} the {words.thing(rng)} {rng.choice(_TAILS)}.", (subject, verb, plural, verb == base)
    )


def _agreement_why(facts: tuple[str, str, bool, bool], params: Params) -> str:
    subject, verb, plural, bare = facts
    return (
        f"The subject {subject} is {'plural' if plural else 'singular'}, and the verb {verb} has the"
        f" {'plural' if bare else 'singular'} form."
    )


def _noun_phrase(rng: Random) -> str:
    nouns, adjectives = rng.choice((
        (words.OBJECTS, words.THING_ADJECTIVES + words.COLOURS),
        (words.FRUITS, ("ripe", "sweet", "small", "large", "old", "expensive", "unripe", "yellow", "orange")),
        (words.ANIMALS, (*words.ANIMAL_ADJECTIVES, "angry", "elegant", "injured", "unhappy")),
        (words.PROFESSIONS, ("young", "old", "friendly", "famous", "busy", "angry", "excellent", "impatient", "tall")),
    ))  # fmt: skip
    noun = rng.choice(nouns)
    return f"{rng.choice(adjectives)} {noun}" if rng.random() < 0.5 else noun


def _either_article(rng: Random) -> str:
    """Nearly as many noun phrases with "an" as with "a"."""
    vowel = rng.random() < 0.5
    while True:
        phrase = _noun_phrase(rng)
        if (words.article(phrase) == "an") == vowel:
            return phrase


def _article_gap(rng: Random, params: Params) -> Problem:
    phrase, name = _either_article(rng), rng.choice(words.FIRST_NAMES)
    frames = ("{n} saw ___ {p}.", "___ {p}", "There is ___ {p} in the {q}.", "{n} drew ___ {p} on the wall.")
    return Problem(rng.choice(frames).format(n=name, p=phrase, q=rng.choice(words.PLACES)), phrase)


def _article_why(phrase: str, params: Params) -> str:
    first = phrase.split()[0]
    return f"The next word is {first}, which begins with a {'vowel' if first[0] in 'aeiou' else 'consonant'} sound."


def _article_check(rng: Random, params: Params) -> Problem:
    phrase, name = _either_article(rng), rng.choice(words.FIRST_NAMES)
    right = words.article(phrase)
    used = right if rng.random() < 0.5 else ("a" if right == "an" else "an")
    frames = (
        "{n} saw {a} {p} near the {q}.",
        "There was {a} {p} in the {q}.",
        "{n} painted {a} {p}.",
        "It is {a} {p}.",
    )
    return Problem(rng.choice(frames).format(n=name, a=used, p=phrase, q=rng.choice(words.PLACES)), (phrase, used))


def _clause(rng: Random) -> dict[str, str]:
    base, _, past, participle = rng.choice(words.TRANSITIVE)
    subject = rng.choice((rng.choice(words.FIRST_NAMES), f"the {rng.choice(words.PROFESSIONS)}"))
    end = rng.choice(("", "", f" {rng.choice(words.PAST_TIMES)}"))
    return {"s": subject, "b": base, "v": past, "pp": participle, "o": f"the {words.thing(rng)}", "end": end}


def _clause_problem(rng: Random, params: Params) -> Problem:
    clause = _clause(rng)
    return Problem(words.capitalize(f"{clause['s']} {clause['v']} {clause['o']}{clause['end']}."), clause)


def _part_params(rng: Random) -> Params:
    return {"part": rng.choice(("verb", "subject", "object"))}


def _part(clause: dict[str, str], params: Params) -> str:
    return clause[{"verb": "v", "subject": "s", "object": "o"}[params["part"]]].removeprefix("the ")


def _voice(rng: Random, params: Params) -> Problem:
    clause, active = _clause(rng), rng.random() < 0.5
    shape = "{s} {v} {o}{end}." if active else "{o} was {pp} by {s}{end}."
    return Problem(words.capitalize(shape.format(**clause)), active)


def _negated(clause: dict[str, str], params: Params) -> str:
    return words.capitalize(f"{clause['s']} did not {clause['b']} {clause['o']}{clause['end']}.")


def _pronoun_sentence(rng: Random, params: Params) -> Problem:
    clause = _clause(rng)
    female, male = rng.choice(words.FEMALE_NAMES), rng.choice(words.MALE_NAMES)
    kind = rng.randrange(3)
    subject = (female, male, f"{female} and {male}")[kind]
    rest = f"{clause['v']} {clause['o']}{clause['end']}."
    return Problem(f"{subject} {rest}", (kind, rest))


_TAGGED = {
    "noun": words.OBJECTS[:40],
    "verb": tuple(forms[2] for forms in words.TRANSITIVE[:24]),
    "adjective": words.THING_ADJECTIVES,
    "adverb": _MANNERS,
}


def _tag_params(rng: Random) -> Params:
    schemes = (("noun", "verb", "adjective", "adverb"), ("NOUN", "VERB", "ADJ", "ADV"), ("n", "v", "adj", "adv"))
    return dict(zip(("noun", "verb", "adjective", "adverb"), rng.choice(schemes), strict=True))


def _tag_sentence(rng: Random, params: Params) -> Problem:
    chosen = {tag: rng.choice(pool) for tag, pool in _TAGGED.items()}
    tag = rng.choice(list(_TAGGED))
    marked = {key: f"*{word}*" if key == tag else word for key, word in chosen.items()}
    name = rng.choice(words.FIRST_NAMES)
    text = f"{name} {marked['adverb']} {marked['verb']} the {marked['adjective']} {marked['noun']}."
    if rng.random() < 0.5:
        worker = rng.choice(words.PROFESSIONS)
        text = f"The {worker} {marked['verb']} the {marked['adjective']} {marked['noun']} {marked['adverb']}."
    return Problem(text, tag)


def _mixed_up(parts: list[str], rng: Random) -> list[str]:
    """An order no reader would accept: all reversed, an article behind its noun, or a shuffle with an article last."""
    articles = [i for i, part in enumerate(parts[:-1]) if part in ("the", "a", "an")]
    way = rng.randrange(3) if articles else 0
    if way == 0:
        return parts[::-1]
    i = rng.choice(articles)
    if way == 1:
        return (
            [*parts[:i], *parts[i + 1 :], parts[i]]
            if i < len(parts) - 3
            else [*parts[:i], parts[i + 1], parts[i], *parts[i + 2 :]]
        )
    rest = parts[:i] + parts[i + 1 :]
    return [*rng.sample(rest, len(rest)), parts[i]]


def _scrambled(rng: Random, params: Params) -> Problem:
    right = rng.random() < 0.5
    parts = words.sentence(rng).rstrip(".").split()
    if not right:
        first = parts[0] if parts[0] in words.FIRST_NAMES else parts[0].lower()
        parts = _mixed_up([first, *parts[1:]], rng)
    return Problem(words.capitalize(" ".join(parts)) + ".", right)


def _number_params(rng: Random) -> Params:
    schemes = (("singular", "plural"), ("one", "several"), ("SG", "PL"), ("one", "more_than_one"))
    return dict(zip(("one", "many"), rng.choice(schemes), strict=True))


def _number_sentence(rng: Random, params: Params) -> Problem:
    many = rng.random() < 0.5
    first, second = words.names(rng, 2)
    noun = rng.choice(words.PROFESSIONS)
    several = f"{words.capitalize(rng.choice(words.NUMBER_WORDS[2:10]))} {words.plural(noun)}"
    plurals = (f"{first} and {second}", f"The {words.plural(noun)}", several)
    singulars = (first, f"The {noun}", words.capitalize(words.with_article(noun)))
    subject = rng.choice(plurals if many else singulars)
    return Problem(f"{subject} {rng.choice(words.TRANSITIVE)[2]} the {words.thing(rng)}.", many)


FAMILIES = (
    Family(
        id="subject_verb_agreement",
        category="syntax",
        descriptions=(
            "Does the verb agree with its subject in number? Answer '{yes}' or '{no}'.",
            "Check the sentence for an agreement error: write '{yes}' if subject and verb agree and '{no}' if they do"
            " not.",
            "Given a sentence, reply '{yes}' when its verb has the right form for a singular or plural subject, and"
            " '{no}' when the verb does not agree.",
            "Please look at the subject and the verb. Answer '{yes}' if they agree ('the dog runs', 'the dogs run') and"
            " '{no}' if they do not agree ('the dog run', 'the dogs runs').",
        ),
        no_label_instructions=("Does the verb agree with its subject?",),
        sample=_agreement,
        solve=lambda facts, params: params["yes" if facts[2] == facts[3] else "no"],
        anchors=(("agree",), ("verb",)),
        params=labels.scheme_or_made_up("yes no", *labels.CORRECT),
        labels=labels.space("yes no"),
        rationale=_agreement_why,
    ),
    Family(
        id="choose_article",
        category="syntax",
        descriptions=(
            "Fill the gap with 'a' or 'an'.",
            "Which article belongs in the gap, 'a' or 'an'?",
            "Given a text with the gap '___', answer with the indefinite article that fits: 'a' before a consonant"
            " sound, 'an' before a vowel sound.",
            "Please choose the right article for the blank '___' and write only 'a' or 'an'.",
        ),
        no_label_instructions=("Fill the gap.",),
        sample=_article_gap,
        solve=lambda phrase, params: words.article(phrase),
        anchors=(("gap", "blank", "article"),),
        labels=lambda params: ("a", "an"),
        rationale=_article_why,
    ),
    Family(
        id="article_error",
        category="syntax",
        descriptions=(
            "Are the articles 'a' and 'an' used correctly? Answer '{yes}' or '{no}'.",
            "Write '{yes}' if the sentence has the right article ('a' or 'an') and '{no}' if the other article is"
            " needed.",
            "Given a sentence, check its indefinite article: '{yes}' for correct, '{no}' for an error such as 'a"
            " apple' or 'an dog'.",
            "Please look for a mistake in the use of the article 'a' or 'an'. If there is none reply '{yes}', otherwise"
            " '{no}'.",
        ),
        no_label_instructions=("Check the articles in the text.",),
        sample=_article_check,
        solve=lambda facts, params: params["yes" if words.article(facts[0]) == facts[1] else "no"],
        anchors=(("article",),),
        params=labels.scheme("yes no", *labels.CORRECT, ("True", "False")),
        labels=labels.space("yes no"),
    ),
    Family(
        id="find_sentence_part",
        category="syntax",
        descriptions=(
            "Find the {part} of the sentence. Leave out the word 'the'.",
            "Which part of this sentence is its {part}? Copy it, without an article if it has one.",
            "Given a simple sentence of the form subject, verb, object, answer with the {part} (drop a leading 'the').",
            "Please copy the {part} from the sentence, leaving any 'the' in front of it away.",
        ),
        sample=_clause_problem,
        solve=_part,
        anchors=(("subject", "verb", "object"), ("sentence",)),
        params=_part_params,
    ),
    Family(
        id="active_or_passive",
        category="syntax",
        descriptions=(
            "Is the sentence active or passive? Answer '{active}' for active and '{passive}' for passive.",
            "Label the voice of the sentence: '{active}' if the subject does something (active), '{passive}' if"
            " something is done to it (passive).",
            "Given a sentence, write '{active}' when its verb is in the active voice and '{passive}' when it is in the"
            " passive voice.",
        ),
        sample=_voice,
        solve=lambda active, params: params["active" if active else "passive"],
        anchors=(("active",), ("passive",)),
        params=labels.scheme_or_made_up(
            "active passive",
            ("active", "passive"),
            ("ACTIVE", "PASSIVE"),
            ("active_voice", "passive_voice"),
            ("A", "P"),
        ),
        labels=labels.space("active passive"),
    ),
    Family(
        id="passive_sentence",
        category="syntax",
        descriptions=(
            "Rewrite the sentence in the passive, with 'was' and 'by'. Keep the full stop.",
            "Turn this active sentence into a passive one: what was done, and by whom? End with a full stop.",
            "Given an active sentence, please write the passive sentence with the same meaning, using 'was ... by'. A"
            " time expression stays at the end, before the full stop.",
        ),
        sample=_clause_problem,
        solve=lambda clause, params: words.capitalize("{o} was {pp} by {s}{end}.".format(**clause)),
        anchors=(("passive",), ("sentence",)),
    ),
    Family(
        id="negate_sentence",
        category="syntax",
        descriptions=(
            "Make the sentence negative with 'did not'.",
            "Rewrite the sentence so that it says that this did not happen. Use 'did not' and end with a full stop.",
            "Given a statement about the past, please write its negation with 'did not', as a full sentence.",
            "How do you negate this sentence with the words 'did not'?",
        ),
        sample=_clause_problem,
        solve=_negated,
        anchors=(("negat", "not"), ("sentence", "statement")),
    ),
    Family(
        id="subject_to_pronoun",
        category="syntax",
        descriptions=(
            "Replace the subject with 'She', 'He' or 'They' and copy the rest of the sentence.",
            "Rewrite the sentence with a pronoun as its subject: 'She' for a woman, 'He' for a man, 'They' for two"
            " people.",
            "Given a sentence that begins with one or two first names, please put the right pronoun (She, He or They)"
            " in place of the names.",
        ),
        sample=_pronoun_sentence,
        solve=lambda facts, params: f"{('She', 'He', 'They')[facts[0]]} {facts[1]}",
        anchors=(("she",), ("they",), ("sentence",)),
    ),
    Family(
        id="part_of_speech",
        category="syntax",
        descriptions=(
            "Which part of speech is the word between the stars? Answer '{noun}' for a noun, '{verb}' for a verb,"
            " '{adjective}' for an adjective or '{adverb}' for an adverb.",
            "Label the marked word by its part of speech. '{noun}': noun, a thing. '{verb}': verb, an action."
            " '{adjective}': adjective, describing a thing. '{adverb}': adverb, describing how something is done.",
            "Given a sentence with one word between asterisks, write the part of speech of that word: '{noun}' (noun),"
            " '{verb}' (verb), '{adjective}' (adjective) or '{adverb}' (adverb).",
        ),
        no_label_instructions=("Which part of speech is the word between the stars?",),
        sample=_tag_sentence,
        solve=lambda tag, params: params[tag],
        anchors=(("speech",), ("noun",), ("verb",)),
        params=_tag_params,
        labels=labels.space("noun verb adjective adverb"),
    ),
    Family(
        id="word_order_check",
        category="syntax",
        descriptions=(
            "Are the words in a normal English order? Answer '{yes}' or '{no}'.",
            "Write '{yes}' if the words are in the right order for an English sentence and '{no}' if the order is"
            " scrambled.",
            "Given a line of words, decide whether their order makes a proper English sentence ('{yes}') or has been"
            " mixed up ('{no}').",
            "Please check the word order. If it is that of a normal statement reply '{yes}', and if the words have been"
            " shuffled reply '{no}'.",
        ),
        no_label_instructions=("Check the order of the words.",),
        sample=_scrambled,
        solve=lambda right, params: params["yes" if right else "no"],
        anchors=(("order",), ("word",)),
        params=labels.scheme(
            "yes no", *labels.YES_NO, ("normal", "scrambled"), ("ordered", "shuffled"), ("ok", "mixed_up")
        ),
        labels=labels.space("yes no"),
    ),
    Family(
        id="number_of_subject",
        category="syntax",
        descriptions=(
            "Is the subject of the sentence singular ('{one}') or plural ('{many}')?",
            "Write '{one}' if the subject is a single person (singular) and '{many}' if it is more than one (plural).",
            "Given a sentence, answer '{many}' when its subject is plural or joins two names, and '{one}' when the"
            " subject is singular.",
        ),
        no_label_instructions=("How many does the subject of the sentence stand for?",),
        sample=_number_sentence,
        solve=lambda many, params: params["many" if many else "one"],
        anchors=(("subject",), ("singular",), ("plural",)),
        params=_number_params,
        labels=labels.space("one many"),
    ),
)
