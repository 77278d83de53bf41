"""Families about the forms of words: plurals, degrees, suffixes and compounds."""

from random import Random

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem, text_problem

_COUNTABLE = tuple(
    dict.fromkeys(
        words.ANIMALS + words.OBJECTS + words.FRUITS[:8] + words.PROFESSIONS + words.VEHICLES + words.INSTRUMENTS
    )
) + words.vocabulary("""
    child man woman tooth foot leaf loaf thief wife goose tomato hero baby lady party country city family""")

_DEGREES = """
    small smaller smallest|large larger largest|old older oldest|new newer newest|heavy heavier heaviest|
    clean cleaner cleanest|dirty dirtier dirtiest|warm warmer warmest|cold colder coldest|bright brighter brightest|
    dark darker darkest|quiet quieter quietest|loud louder loudest|soft softer softest|hard harder hardest|
    sweet sweeter sweetest|slow slower slowest|fast faster fastest|tall taller tallest|short shorter shortest|
    wide wider widest|narrow narrower narrowest|deep deeper deepest|smooth smoother smoothest|rough rougher roughest|
    wet wetter wettest|dry drier driest|empty emptier emptiest|weak weaker weakest|strong stronger strongest|
    young younger youngest|rich richer richest|poor poorer poorest|cheap cheaper cheapest|shiny shinier shiniest|
    tiny tinier tiniest|lazy lazier laziest|brave braver bravest|big bigger biggest|hot hotter hottest|
    thin thinner thinnest|happy happier happiest|busy busier busiest|easy easier easiest|safe safer safest|
    nice nicer nicest|sad sadder saddest|fat fatter fattest|kind kinder kindest|late later latest|good better best|
    bad worse worst|funny funnier funniest|noisy noisier noisiest|hungry hungrier hungriest|calm calmer calmest|
    sharp sharper sharpest|thick thicker thickest|fresh fresher freshest|angry angrier angriest"""
DEGREES: tuple[tuple[str, str, str], ...] = tuple(
    (plain_form, more, most) for plain_form, more, most in (entry.split() for entry in _DEGREES.split("|"))
)

_ADVERBS = """
    quick quickly|slow slowly|careful carefully|quiet quietly|loud loudly|happy happily|easy easily|angry angrily|
    brave bravely|calm calmly|clear clearly|sad sadly|nervous nervously|polite politely|rapid rapidly|sudden suddenly|
    gentle gently|simple simply|possible possibly|lazy lazily|heavy heavily|busy busily|noisy noisily|warm warmly|
    proud proudly|wise wisely|safe safely|honest honestly|patient patiently|perfect perfectly|hungry hungrily|
    greedy greedily|terrible terribly|comfortable comfortably|usual usually|final finally|serious seriously|
    generous generously|bright brightly|firm firmly|secret secretly|eager eagerly|clumsy clumsily|lucky luckily|
    humble humbly|real really|complete completely|silent silently|strange strangely|deep deeply|recent recently|
    cruel cruelly|beautiful beautifully|fierce fiercely|cheerful cheerfully|basic basically|tragic tragically"""
_AGENTS = """
    teach teacher|bake baker|write writer|drive driver|sing singer|run runner|swim swimmer|farm farmer|paint painter|
    build builder|act actor|sail sailor|visit visitor|invent inventor|edit editor|direct director|read reader|
    speak speaker|win winner|lead leader|manage manager|own owner|clean cleaner|hunt hunter|dance dancer|
    explore explorer|travel traveller|instruct instructor|report reporter|photograph photographer|design designer|
    play player|work worker|listen listener|jump jumper|rob robber|begin beginner|help helper|collect collector|
    translate translator|illustrate illustrator|garden gardener|print printer|publish publisher|climb climber|
    inspect inspector|conduct conductor|skate skater|juggle juggler|weave weaver|narrate narrator|demonstrate
    demonstrator|spectate spectator|buy buyer|sell seller"""
_COMPOUNDS = """
    sun flower|rain coat|foot ball|book shelf|tooth brush|snow man|water fall|bed room|class room|fire fighter|
    butter fly|news paper|hand bag|sand castle|star fish|moon light|black board|key board|pan cake|cup cake|
    blue berry|tea pot|note book|door bell|air port|rail way|earth quake|lady bird|sea shell|wheel chair|
    play ground|court yard|straw berry|hair cut|finger nail|eye brow|basket ball|sail boat|mail box|lip stick|
    week end|birth day|grass hopper|jelly fish|wind mill|pop corn|bath tub|arm chair|table cloth|down stairs|
    out side|up hill|over coat|under ground|home work|house hold|life boat|light house|match box|post card"""
_PREFIXES = words.vocabulary("un re dis mis pre over under non out inter")
_PREFIXED = words.vocabulary("""
    unhappy untie rewrite replay dislike disagree misread misplace preheat preview overcook overpay underline
    underground nonsense nonstop outrun outside interview international unlock unfair reopen rebuild disconnect
    dishonest misspell misunderstand prepay prehistoric overflow overload undercook underwater nonfiction outgrow
    outdoors interact unkind unpack refill recount disobey disappear mislead mistreat predict prewash overtake
    overheat underpay outnumber internet nonverbal""")
_SUFFIXES = ("ing", "er", "ly", "ness", "ful", "less", "able", "ment")
_SUFFIXED = words.vocabulary("""
    running singing walking baker teacher runner quickly slowly sadly kindness darkness weakness helpful careful
    painful careless endless homeless readable washable drinkable payment movement treatment cooking reading farmer
    driver gently rarely happiness sickness joyful useful hopeless useless breakable lovable agreement shipment
    sleeping jumping leader warmly calmly sadness playful fearless reliable statement""")


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((left, right) for left, right in (entry.split() for entry in text.split("|")))


ADVERBS, AGENTS, COMPOUNDS = _pairs(_ADVERBS), _pairs(_AGENTS), _pairs(_COMPOUNDS)


def _noun_phrase(rng: Random, singular: bool) -> Problem:
    noun = rng.choice(_COUNTABLE)
    lead = rng.choice(("", "", *words.THING_ADJECTIVES))
    form = noun if singular else words.plural(noun)
    return Problem(f"{lead} {form}".strip(), (lead, noun))


def _plural(facts: tuple[str, str], params: Params) -> str:
    return f"{facts[0]} {words.plural(facts[1])}".strip()


def _degree(rng: Random) -> Params:
    example = dict(zip("abc", rng.choice(DEGREES[:8]), strict=True))
    return {"degree": rng.choice(("comparative", "superlative")), **example}


def _degree_form(facts: tuple[str, str, str], params: Params) -> str:
    return facts[1] if params["degree"] == "comparative" else facts[2]


def _possession(rng: Random, params: Params) -> Problem:
    owner = rng.choice(words.FIRST_NAMES) if rng.random() < 0.5 else f"the {rng.choice(words.PROFESSIONS)}"
    possession = (
        f"{rng.choice(words.COLOURS)} {rng.choice(words.OBJECTS)}" if rng.random() < 0.4 else rng.choice(words.OBJECTS)
    )
    return Problem(f"the {possession} of {owner}", (owner, possession))


def _ordinal_figure(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _affix_params(rng: Random) -> Params:
    yes, no = rng.choice(labels.YES_NO)
    kind = rng.choice(("prefix", "suffix"))
    affix = rng.choice(_PREFIXES[:6] if kind == "prefix" else _SUFFIXES)
    where = "begin" if kind == "prefix" else "end"
    return {"yes": yes, "no": no, "affix": affix, "where": where, "wheres": f"{where}s"}


def _has_affix(word: str, params: Params) -> bool:
    return word.startswith(params["affix"]) if params["where"] == "begin" else word.endswith(params["affix"])


def _affix_word(rng: Random, params: Params) -> Problem:
    wanted = rng.random() < 0.5
    pool = [
        word for word in (_PREFIXED if params["where"] == "begin" else _SUFFIXED) if _has_affix(word, params) == wanted
    ]
    return text_problem(rng.choice(pool))


def _compound_why(facts: tuple[str, str], params: Params) -> str:
    left, right = facts
    return f"The word has {len(left + right)} letters. It starts with the word {left} and what is left over is {right}."


def _third_person(rng: Random, params: Params) -> Problem:
    name = rng.choice(words.FIRST_NAMES)
    verb = rng.choice(words.TRANSITIVE)
    subject = rng.choice(("I", "We", "They", "You"))
    rest = f"the {words.thing(rng)} every {rng.choice(('day', 'week', 'morning', 'evening', 'year', 'summer'))}"
    return Problem(f"{subject} {verb[0]} {rest}. ({name})", (name, verb[1], rest))


FAMILIES = (
    Family(
        id="plural_form",
        category="morphology",
        descriptions=(
            "Give the plural.",
            "Write the plural form of the noun. If there is an adjective in front of it, keep it.",
            "What would you say if there were several of them instead of one? Answer with the plural only.",
            "Given the name of one thing, animal or person, please answer with the plural form.",
        ),
        sample=lambda rng, params: _noun_phrase(rng, singular=True),
        solve=_plural,
        anchors=(("plural",),),
    ),
    Family(
        id="singular_form",
        category="morphology",
        descriptions=(
            "Give the singular.",
            "Write the singular form of the plural noun, without an article.",
            "The input names several things. What is just one of them called? Answer with the singular form.",
            "Given a plural, please return the singular and keep the adjective, if there is one.",
        ),
        sample=lambda rng, params: _noun_phrase(rng, singular=False),
        solve=lambda facts, params: f"{facts[0]} {facts[1]}".strip(),
        anchors=(("singular",),),
    ),
    Family(
        id="degree_of_adjective",
        category="morphology",
        descriptions=(
            "Write the {degree} of the adjective.",
            "What is the {degree} form of this adjective? Answer with one word.",
            "An adjective has a comparative and a superlative, as in {a}, {b}, {c}. Give the {degree} of the one"
            " below.",
            "Please turn the adjective into its {degree} form.",
        ),
        sample=lambda rng, params: (lambda forms: Problem(forms[0], forms))(rng.choice(DEGREES[8:])),
        solve=_degree_form,
        anchors=(("comparative", "superlative"), ("adjective",)),
        params=_degree,
    ),
    Family(
        id="adverb_from_adjective",
        category="morphology",
        descriptions=(
            "Turn the adjective into an adverb.",
            "Which adverb is made from this adjective with the ending -ly?",
            "Given an adjective, write the adverb that belongs to it (one word).",
            "Please give the -ly adverb formed from the adjective.",
        ),
        sample=lambda rng, params: (lambda pair: Problem(pair[0], pair))(rng.choice(ADVERBS)),
        solve=lambda pair, params: pair[1],
        anchors=(("adverb",), ("adjective",)),
    ),
    Family(
        id="person_who_does_it",
        category="morphology",
        descriptions=(
            "Write the noun, ending in -er or -or, for a person who does what the verb says.",
            "Given a verb, name the person who does it with a noun formed from that verb.",
            "What do you call a person who does this? Form one noun from the verb.",
            "Please turn the verb into a noun for the person that performs the action.",
        ),
        sample=lambda rng, params: (lambda pair: Problem(pair[0], pair))(rng.choice(AGENTS)),
        solve=lambda pair, params: pair[1],
        anchors=(("noun",), ("person",), ("verb",)),
    ),
    Family(
        id="split_compound",
        category="morphology",
        descriptions=(
            "Split the compound word into the two words it is made of, separated by a space.",
            "Which two words make up this compound? Write both with a space between them.",
            "Given a compound such as 'goldfish', write its two parts apart, as in 'gold fish'.",
            "Please separate the compound into its two words.",
        ),
        sample=lambda rng, params: (lambda pair: Problem(pair[0] + pair[1], pair))(rng.choice(COMPOUNDS)),
        solve=lambda pair, params: f"{pair[0]} {pair[1]}",
        anchors=(("compound",), ("two",)),
        rationale=_compound_why,
    ),
    Family(
        id="possessive_form",
        category="morphology",
        descriptions=(
            "Rewrite the phrase as a possessive with 's.",
            "Use the possessive 's instead of 'of', and keep 'the' in front of a profession.",
            "How do you say this with a possessive 's? The owner comes first.",
            "Given a phrase of the form 'the thing of the owner', please put the owner first and add a possessive 's.",
        ),
        sample=_possession,
        solve=lambda facts, params: f"{facts[0]}'s {facts[1]}",
        anchors=(("possessive",),),
    ),
    Family(
        id="ordinal_number",
        category="morphology",
        descriptions=(
            "Write the ordinal of the number in figures, for example 4th for 4.",
            "Which ordinal belongs to this number? Use digits followed by the two-letter ending, such as 'th'.",
            "Turn the number into an ordinal written with digits and st, nd, rd or th.",
            "Given a whole number, please answer with its ordinal form in digits.",
        ),
        sample=lambda rng, params: text_problem(str(rng.randint(1, 999))),
        solve=lambda text, params: _ordinal_figure(int(text)),
        anchors=(("ordinal",),),
    ),
    Family(
        id="word_has_affix",
        category="morphology",
        descriptions=(
            "Does the word {where} with '{affix}'? Answer '{yes}' or '{no}'.",
            "Answer '{yes}' when the word {wheres} with the letters '{affix}', and '{no}' when it does not.",
            "Check whether the given word {wheres} with '{affix}' and reply '{yes}' if so, otherwise '{no}'.",
            "Given a word, please say '{yes}' if it {wheres} with '{affix}' or '{no}' if not.",
        ),
        no_label_instructions=("Does the word {where} with '{affix}'?",),
        sample=_affix_word,
        solve=lambda word, params: params["yes"] if _has_affix(word, params) else params["no"],
        anchors=(("begin", "start", "end"), ("word",)),
        params=_affix_params,
        labels=labels.space("yes no"),
    ),
    Family(
        id="verb_to_third_person",
        category="morphology",
        descriptions=(
            "Rewrite the sentence with the name in brackets as its subject and adapt the verb. End with a full stop.",
            "Replace the subject by the name given in brackets, and let the verb agree with it. Write the full"
            " sentence.",
            "What is the sentence when the person named in brackets is the subject? Leave out the brackets.",
            "Given a sentence and a name in brackets, please make that name the subject, with the right verb form.",
        ),
        sample=_third_person,
        solve=lambda facts, params: f"{facts[0]} {facts[1]} {facts[2]}.",
        anchors=(("subject",), ("bracket", "parenthes")),
    ),
)
