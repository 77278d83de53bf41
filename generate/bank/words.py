"""Shared vocabulary of the programmatic families, and small builders of words and sentences.

Every builder takes the random generator that it draws from; nothing depends on the device, the time or a set's order.
"""

import re
from random import Random


def vocabulary(text: str) -> tuple[str, ...]:
    """Split a text into words; a long list stays readable, several words to a line."""
    return tuple(text.split())


FEMALE_NAMES = vocabulary("""
    Anna Maria Lena Sofia Emma Clara Nina Rosa Julia Ella Olivia Grace Hannah Laura Alice Amira Priya Yuki Fatima Ingrid
    Elena Carla Marta Ruth Helen Diana Irene Leila Mei Nora Paula Sarah Tina Vera Zoe""")
MALE_NAMES = vocabulary("""
    Tom Peter Omar David Lucas Marco Ivan Noah Paul Simon Felix Adam Ben Carlos Daniel Eric Henry Igor James Kenji
    Leon Martin Oscar Pablo Ravi Samir Theo Victor Walter Yusuf Hugo Jonas Liam Max Oliver""")
FIRST_NAMES = FEMALE_NAMES + MALE_NAMES
LAST_NAMES = vocabulary("""
    Miller Garcia Smith Tanaka Novak Brown Rossi Silva Meyer Khan Cohen Larsen Dubois Patel Kowalski Jones Costa Weber
    Martinez Lee Nguyen Svensson Okafor Murphy Haddad Petrov Fischer Moreno Clark Evans Walsh Bauer Romero Sato Wood
    Turner Hughes Vargas Olsen Keller""")
CITIES = vocabulary("""
    London Paris Berlin Madrid Rome Vienna Lisbon Dublin Oslo Prague Athens Cairo Lagos Nairobi Tokyo Seoul Delhi Mumbai
    Sydney Toronto Chicago Boston Denver Seattle Lima Bogota Quito Santiago Havana Geneva Munich Hamburg Milan Naples
    Porto Valencia Lyon Krakow Glasgow Leeds Bristol Montreal Dallas Manila Hanoi""")
ANIMALS = vocabulary("""
    cat dog horse cow pig sheep goat rabbit mouse lion tiger bear wolf fox deer elephant monkey camel zebra giraffe
    squirrel otter beaver badger hedgehog donkey duck hen owl eagle penguin parrot frog snake turtle crocodile whale
    dolphin shark spider bee butterfly ant kangaroo panda seal""")
FRUITS = vocabulary("""
    apple banana pear cherry grape mango lemon melon strawberry raspberry blueberry pineapple apricot papaya fig
    coconut grapefruit blackberry cranberry pomegranate watermelon tangerine nectarine lychee guava""")
VEGETABLES = vocabulary("""
    carrot onion potato cabbage spinach broccoli cauliflower cucumber lettuce celery leek radish turnip pumpkin zucchini
    asparagus parsnip garlic beetroot kale""")
TOOLS = vocabulary("""
    hammer screwdriver saw wrench drill shovel rake axe chisel spanner spade ladder crowbar wheelbarrow hacksaw mallet
    sandpaper trowel clamp anvil""")
COLOURS = vocabulary("red blue green yellow purple black white brown grey pink orange turquoise crimson beige maroon")
PLAIN_COLOURS = COLOURS[:11]
"""No colour is a shade of another one, so a thing has only one of them."""
VEHICLES = vocabulary(
    "car bus train bicycle truck tram ferry airplane helicopter motorbike van taxi canoe submarine tractor"
)
INSTRUMENTS = vocabulary(
    "piano guitar violin flute trumpet drum cello clarinet harp saxophone trombone banjo accordion oboe"
)
CLOTHES = vocabulary(
    "shirt coat dress skirt sweater jacket scarf hat sock glove shoe boot belt apron blouse vest cardigan"
)
FURNITURE = vocabulary(
    "table chair sofa desk bed shelf wardrobe bench stool cupboard armchair bookcase dresser cabinet"
)
DRINKS = vocabulary("water coffee tea milk juice lemonade cocoa cider beer wine soda espresso")
SPORTS = vocabulary(
    "football tennis basketball hockey golf swimming boxing rugby volleyball badminton archery fencing judo"
)
BODY_PARTS = vocabulary("arm leg knee elbow shoulder finger toe nose ear chin ankle wrist neck forehead thumb stomach")
FLOWERS = vocabulary("rose tulip daisy lily orchid sunflower daffodil poppy carnation lavender jasmine marigold")
PROFESSIONS = vocabulary("""
    baker teacher doctor nurse farmer driver plumber lawyer painter singer waiter carpenter pilot dentist gardener
    writer tailor librarian mechanic engineer electrician firefighter journalist butcher fisherman barber chef architect
    photographer actor cashier judge scientist sailor soldier miner clerk guard builder dancer""")
PLACES = vocabulary("""
    school library station market kitchen garden office museum hospital park bank hotel bakery church theatre airport
    harbour factory stadium castle farm bridge river beach forest village cafe cellar garage attic classroom workshop
    playground courtyard balcony hallway tower tunnel lake cinema""")
OBJECTS = vocabulary("""
    book box lamp bottle basket kettle mirror clock camera letter map pencil bag blanket bucket candle coin cup plate
    spoon fork knife key lock phone radio suitcase ticket umbrella wallet watch brush button carpet comb envelope
    jar magazine needle notebook painting parcel picture pillow pot ribbon ring rope stamp toy towel tray vase wheel""")
NOUNS = vocabulary("""
    house tree cloud road window door stone field wall mountain island storm song story dream game question answer
    morning evening summer winter family friend neighbour crowd city country ocean valley desert engine planet star
    moon machine paper metal wood glass sand snow rain wind fire smoke shadow light sound voice music colour number
    letter picture corner street floor roof gate fence path hill shore wave""")
ADJECTIVES = vocabulary("""
    small large old new heavy light clean dirty warm cold bright dark quiet loud soft hard sweet bitter slow fast tall
    short wide narrow deep shallow round square flat smooth rough wet dry empty full strong weak young rich poor
    expensive cheap plain fancy broken wooden golden silver rusty shiny dusty tiny huge curious lazy gentle brave""")
THING_ADJECTIVES = vocabulary("""
    small large old new heavy clean dirty bright light dusty tiny huge plain fancy expensive cheap beautiful strange
    ugly lovely""")
ANIMAL_ADJECTIVES = vocabulary(
    "small large old young lazy hungry tired brave noisy quiet curious gentle sleepy playful thin"
)
WEEKDAYS = vocabulary("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = vocabulary("January February March April May June July August September October November December")
ORDINALS = vocabulary("first second third fourth fifth sixth seventh eighth ninth tenth")
NUMBER_WORDS = vocabulary("""
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen""")
TENS_WORDS = vocabulary("twenty thirty forty fifty sixty seventy eighty ninety")

KINDS: dict[str, tuple[str, ...]] = {
    "animal": ANIMALS,
    "fruit": FRUITS,
    "vegetable": VEGETABLES,
    "tool": TOOLS,
    "vehicle": VEHICLES,
    "instrument": INSTRUMENTS,
    "clothing": CLOTHES,
    "furniture": FURNITURE,
    "drink": DRINKS,
    "sport": SPORTS,
    "body part": BODY_PARTS,
    "flower": FLOWERS,
    "profession": PROFESSIONS,
}
"""Kinds of thing whose members are not members of another kind here."""

_VERB_FORMS = """
    carry carries carried carried | find finds found found | buy buys bought bought | sell sells sold sold |
    clean cleans cleaned cleaned | lose loses lost lost | hide hides hid hidden | paint paints painted painted |
    repair repairs repaired repaired | borrow borrows borrowed borrowed | drop drops dropped dropped |
    wash washes washed washed | move moves moved moved | lift lifts lifted lifted | draw draws drew drawn |
    check checks checked checked | pack packs packed packed | steal steals stole stolen | keep keeps kept kept |
    take takes took taken | wrap wraps wrapped wrapped | choose chooses chose chosen | notice notices noticed noticed |
    polish polishes polished polished | push pushes pushed pushed | examine examines examined examined |
    weigh weighs weighed weighed | deliver delivers delivered delivered | break breaks broke broken |
    bring brings brought brought | throw throws threw thrown | want wants wanted wanted | collect collects collected
    collected | return returns returned returned | measure measures measured measured"""
TRANSITIVE: tuple[tuple[str, str, str, str], ...] = tuple(
    (base, third, past, participle)
    for base, third, past, participle in (entry.split() for entry in _VERB_FORMS.split("|"))
)
"""Verbs that take a thing one can carry: base, third person, past, participle."""

INTRANSITIVE: tuple[tuple[str, str, str], ...] = (
    ("sleep", "sleeps", "slept"),
    ("wait", "waits", "waited"),
    ("run", "runs", "ran"),
    ("rest", "rests", "rested"),
    ("walk", "walks", "walked"),
    ("sit", "sits", "sat"),
    ("play", "plays", "played"),
    ("stand", "stands", "stood"),
    ("hide", "hides", "hid"),
    ("eat", "eats", "ate"),
    ("jump", "jumps", "jumped"),
)
"""Verbs without an object, for people and animals: base, third person, past."""

PUBLIC_PLACES = vocabulary(
    "station market park museum library harbour theatre cafe beach airport hotel castle bakery cinema"
)
"""Places people meet at: `at the` fits all of them."""

PAST_TIMES = ("yesterday", "last week", "this morning", "on Monday", "last night", "two days ago", "on Friday")

_IRREGULAR_PLURALS = {
    "mouse": "mice",
    "sheep": "sheep",
    "deer": "deer",
    "wolf": "wolves",
    "knife": "knives",
    "shelf": "shelves",
    "fisherman": "fishermen",
    "potato": "potatoes",
    "child": "children",
    "man": "men",
    "woman": "women",
    "tooth": "teeth",
    "foot": "feet",
    "leaf": "leaves",
    "loaf": "loaves",
    "half": "halves",
    "thief": "thieves",
    "wife": "wives",
    "goose": "geese",
    "tomato": "tomatoes",
    "hero": "heroes",
    "ox": "oxen",
    "person": "people",
    "life": "lives",
    "calf": "calves",
    "echo": "echoes",
}


def plural(noun: str) -> str:
    if noun in _IRREGULAR_PLURALS:
        return _IRREGULAR_PLURALS[noun]
    if noun.endswith(("s", "x", "ch", "sh", "z")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def article(word: str) -> str:
    """The indefinite article of a word of this vocabulary, which has no silent h and no "u" said as "you"."""
    return "an" if word[0].lower() in "aeiou" else "a"


def with_article(phrase: str) -> str:
    return f"{article(phrase)} {phrase}"


def join_items(items: list[str] | tuple[str, ...], last: str = "and") -> str:
    """Join items as running text: `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def spell_number(number: int) -> str:
    """Spell a number below 1000, hyphenated and with "and", e.g. three hundred and forty-two."""
    if number < 20:
        return NUMBER_WORDS[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS_WORDS[tens - 2] + (f"-{NUMBER_WORDS[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{NUMBER_WORDS[hundreds]} hundred" + (f" and {spell_number(rest)}" if rest else "")


_ONSETS = vocabulary("b d f g k l m n p r t v w z bl br dr fl gl gr kr pl pr sn sp st tr")
_VOWELS = vocabulary("a e i o u")
_CODAS = vocabulary("b d k l m n p r s t x nd lt mp")


# Real words that the syllables can form, and beginnings of words that nobody wants to read.
_REAL = vocabulary("""
    baron begot besot bigot bogus bonus brutal debit demon denis digit divan donor dragon fatal favor fetus
    final flavor floral frugal gamut global habit labor legal lemon limit lotus lupus manor medal melon merit
    metal minor minus modal moral motor natal naval pagan pedal pelvis petal pilot pivot plural profit rapid
    razor regal rival robin robot rotor rumor rural salon solid spinal spiral talon tapas tennis tenor tidal
    titan tonal total travis tremor tribal tulip tumor tutor vagus valid vapor virus visit vital vivid vomit
    wagon zonal""")
_UNWANTED = (
    "fag",
    "fig",
    "snob",
    "nig",
    "neg",
    "naz",
    "pen",
    "ped",
    "pub",
    "rap",
    "tit",
    "pus",
    "bob",
    "bub",
    "dum",
    "fat",
    "stup",
)


def draw_nonsense_word(rng: Random) -> str:
    """Draw a pronounceable made-up word of two syllables, such as `bralom`."""
    while True:
        start = rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice("bdfgklmnprtvz")
        # No "e" here: it would often make real words (tales, tuned, label).
        candidate = start + rng.choice("aiou") + rng.choice(_CODAS)
        if candidate not in _REAL and not candidate.startswith(_UNWANTED):
            return candidate


_NONSENSE = re.compile(rf"(?:{'|'.join(_ONSETS)})(?:{'|'.join(_VOWELS)})[bdfgklmnprtvz][aiou](?:{'|'.join(_CODAS)})")


def is_nonsense_word(text: str) -> bool:
    """Whether `draw_nonsense_word` could have drawn the text; a real word of that shape counts as one."""
    return _NONSENSE.fullmatch(text) is not None


def draw_nonsense_words(rng: Random, count: int) -> tuple[str, ...]:
    """Draw distinct made-up words."""
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        drawn[draw_nonsense_word(rng)] = None
    return tuple(drawn)


def draw_nonsense_pair(rng: Random) -> tuple[str, str]:
    """Draw two made-up words with different first letters, so that nobody mistakes one for the other."""
    first = second = draw_nonsense_word(rng)
    while second[0] == first[0]:
        second = draw_nonsense_word(rng)
    return first, second


_COMMON = tuple(dict.fromkeys(NOUNS + OBJECTS + ADJECTIVES + PLACES + ANIMALS + FRUITS + COLOURS))


def word(rng: Random) -> str:
    return rng.choice(_COMMON)


def word_list(rng: Random, n: int) -> list[str]:
    """`n` different common words."""
    return rng.sample(_COMMON, n)


def names(rng: Random, n: int) -> list[str]:
    return rng.sample(FIRST_NAMES, n)


def thing(rng: Random) -> str:
    """A carried object, with an adjective half of the time: `rusty key`."""
    noun = rng.choice(OBJECTS)
    return f"{rng.choice(THING_ADJECTIVES)} {noun}" if rng.random() < 0.5 else noun


_SURFACES = ("table", "chair", "desk", "shelf", "floor", "bench")


def _action(rng: Random) -> str:
    return f"{rng.choice(TRANSITIVE)[2]} the {thing(rng)}"


def sentence(rng: Random) -> str:
    """A simple true-to-grammar English sentence with a full stop, of one of ten shapes."""
    shape = rng.randrange(10)
    name, friend = names(rng, 2)
    place, animal = rng.choice(PLACES), f"{rng.choice(ANIMAL_ADJECTIVES)} {rng.choice(ANIMALS)}"
    shapes = (
        f"{name} {_action(rng)}",
        f"The {rng.choice(PROFESSIONS)} {_action(rng)} {rng.choice(PAST_TIMES)}",
        f"The {animal} {rng.choice(INTRANSITIVE)[2]} near the {place}",
        f"{name} and {friend} {_action(rng)} together",
        f"There was {with_article(thing(rng))} on the {rng.choice(_SURFACES)}",
        f"{capitalize(rng.choice(PAST_TIMES))} {name} {_action(rng)}",
        f"The {rng.choice(OBJECTS)} behind the {rng.choice(FURNITURE)} is {rng.choice(COLOURS)}",
        f"{name} likes {plural(rng.choice(FRUITS))} but {friend} prefers {plural(rng.choice(VEGETABLES[:3]))}",
        f"Every {rng.choice(WEEKDAYS)} {name} visits the {place}",
        f"{name} gave {friend} {with_article(thing(rng))} near the {place}",
    )
    return shapes[shape] + "."


def bare_phrase(rng: Random, low: int = 3, high: int = 8) -> str:
    """Lowercase words without punctuation: half of the time a sentence, else a list of words."""
    if rng.random() < 0.5:
        return sentence(rng).rstrip(".").lower()
    return " ".join(word_list(rng, rng.randint(low, high)))
