"""Held-out families that ask for common knowledge: animal diets, word relations, capitals and rhymes."""

from collections.abc import Mapping
from random import Random
from typing import Any

from kshot.evaluate.heldout.sorting import sorting
from kshot.tasks.family import Family, Params, Problem

# Animals whose usual label is disputed (giant panda, gorilla, fox, badger, hedgehog) are left out.
DIETS = {
    diet: tuple(animals.split(", "))
    for diet, animals in {
        "herbivore": (
            "cow, sheep, horse, zebra, giraffe, African elephant, koala, kangaroo, rabbit, moose, white rhinoceros, "
            "manatee, bison, camel, llama, beaver, goat, wombat, yak, okapi, guinea pig, green iguana, donkey, capybara"
        ),
        "carnivore": (
            "lion, tiger, leopard, cheetah, jaguar, polar bear, crocodile, great white shark, killer whale, sea lion, "
            "walrus, golden eagle, barn owl, peregrine falcon, rattlesnake, king cobra, Komodo dragon, sea otter, "
            "lynx, emperor penguin, octopus, praying mantis, dolphin, stoat"
        ),
        "omnivore": (
            "brown bear, American black bear, pig, wild boar, chimpanzee, baboon, mandrill, capuchin monkey, raccoon, "
            "striped skunk, Virginia opossum, brown rat, house mouse, chicken, wild turkey, crow, raven, magpie, "
            "blue jay, herring gull, emu, cockroach, mallard duck, coati"
        ),
    }.items()
}

# No word occurs twice in the two tables, so that no test item can be answered by recalling a demonstration.
PAIRS = {
    relation: tuple(pairs.split(", "))
    for relation, pairs in {
        "synonym": (
            "big large, begin start, quick fast, happy glad, clever smart, ill sick, shut close, wealthy rich, "
            "weary tired, error mistake, gift present, purchase buy, finish end, select choose, help assist, "
            "silent quiet, afraid scared, strange odd, brave courageous, correct right, answer reply, repair mend, "
            "yell shout, trip journey, wish desire, leap jump, stone rock, street road, sofa couch, infant baby, "
            "physician doctor, automobile car, humorous funny, permit allow, vanish disappear, gather collect, "
            "polite courteous, annual yearly, grab seize, sad unhappy, construct build, danger peril, enemy foe, "
            "famous renowned"
        ),
        "antonym": (
            "hot cold, up down, early late, full empty, heavy light, thick thin, wide narrow, tall short, deep "
            "shallow, wet dry, accept refuse, arrive depart, attack defend, borrow lend, cheap expensive, clean "
            "dirty, dark bright, dead alive, day night, failure success, forget remember, generous stingy, guilty "
            "innocent, increase decrease, inside outside, laugh cry, lead follow, lose win, love hate, major minor, "
            "maximum minimum, north south, push pull, rough smooth, sharp blunt, strong weak, tight loose, true "
            "false, victory defeat, above below, before after, summer winter, entrance exit, freeze melt"
        ),
    }.items()
}

# Countries with one undisputed seat of government; spellings in use beside the first one follow after "/".
CAPITALS = {
    "Afghanistan": "Kabul", "Albania": "Tirana", "Algeria": "Algiers", "Argentina": "Buenos Aires",
    "Armenia": "Yerevan", "Australia": "Canberra", "Austria": "Vienna/Wien", "Belarus": "Minsk",
    "Belgium": "Brussels", "Brazil": "Brasília/Brasilia", "Bulgaria": "Sofia", "Cambodia": "Phnom Penh",
    "Canada": "Ottawa", "China": "Beijing/Peking", "Colombia": "Bogotá/Bogota", "Croatia": "Zagreb",
    "Cuba": "Havana", "Denmark": "Copenhagen", "Ecuador": "Quito", "Egypt": "Cairo", "Estonia": "Tallinn",
    "Ethiopia": "Addis Ababa", "Finland": "Helsinki", "France": "Paris", "Germany": "Berlin", "Ghana": "Accra",
    "Greece": "Athens", "Hungary": "Budapest", "Iceland": "Reykjavik/Reykjavík", "India": "New Delhi",
    "Iran": "Tehran/Teheran", "Iraq": "Baghdad", "Ireland": "Dublin", "Italy": "Rome/Roma", "Jamaica": "Kingston",
    "Japan": "Tokyo", "Jordan": "Amman", "Kenya": "Nairobi", "Latvia": "Riga", "Lebanon": "Beirut",
    "Lithuania": "Vilnius", "Mexico": "Mexico City", "Mongolia": "Ulaanbaatar/Ulan Bator", "Morocco": "Rabat",
    "Nepal": "Kathmandu", "New Zealand": "Wellington", "Nigeria": "Abuja", "Norway": "Oslo",
    "Pakistan": "Islamabad", "Peru": "Lima", "Philippines": "Manila", "Poland": "Warsaw/Warszawa",
    "Portugal": "Lisbon/Lisboa", "Romania": "Bucharest", "Russia": "Moscow", "Saudi Arabia": "Riyadh",
    "Senegal": "Dakar", "Serbia": "Belgrade", "Slovakia": "Bratislava", "Slovenia": "Ljubljana",
    "South Korea": "Seoul", "Spain": "Madrid", "Sweden": "Stockholm", "Thailand": "Bangkok", "Tunisia": "Tunis",
    "Turkey": "Ankara", "Uganda": "Kampala", "Ukraine": "Kyiv/Kiev", "United Kingdom": "London",
    "Uruguay": "Montevideo", "Venezuela": "Caracas", "Vietnam": "Hanoi", "Zambia": "Lusaka", "Zimbabwe": "Harare",
}  # fmt: skip

# Rhyme groups by stressed vowel. The wrong options come from groups of other vowels than the word's own, so that no
# near rhyme (rain, game) stands among them; "rock" and "ball" share a key because many speakers merge their vowels.
RHYMES = {
    "a": ("cat hat bat mat", "sand hand band stand", "lamp camp stamp damp", "bag flag rag"),
    "ai": ("cake lake steak snake", "rain train lane plane", "day grey play weigh", "game name aim frame"),
    "air": ("hair bear chair square",),
    "aw": ("ball wall small crawl", "rock sock clock knock", "fox box socks"),
    "e": ("bell shell smell", "red bed said head", "nest west guest chest"),
    "ee": ("tree bee key sea", "cheese knees please freeze", "street meat feet wheat", "green bean queen machine"),
    "er": ("bird word heard third",),
    "eye": ("kite light white height", "pie sky high fly", "ice rice mice price", "nine sign vine shine"),
    "i": ("ring king sing wing", "ship trip lip chip", "dish fish wish", "hill pill still", "pink drink sink think"),
    "oh": ("boat note coat goat", "cold gold old rolled", "nose rose toes goes", "snow go toe though"),
    "oo": ("moon spoon tune June", "blue shoe two true", "tooth truth youth"),
    "or": ("horse course force", "door four more floor"),
    "ow": ("house mouse blouse", "town brown crown noun"),
    "u": ("duck truck luck stuck", "sun fun one done", "jump bump lump", "glove love above"),
    "uh": ("book cook hook look", "wood good could should"),
}
GROUPS = tuple((vowel, tuple(group.split())) for vowel, groups in RHYMES.items() for group in groups)


def sample_pair(rng: Random, params: Params) -> Problem:
    pair = rng.choice(PAIRS[rng.choice(tuple(PAIRS))])
    return Problem(pair.replace(" ", ", "), {"pair": pair})


def solve_pair(facts: Mapping[str, Any], params: Params) -> str:
    return next(relation for relation, pairs in PAIRS.items() if facts["pair"] in pairs)


def sample_country(rng: Random, params: Params) -> Problem:
    country = rng.choice(tuple(CAPITALS))
    return Problem(country, {"country": country, "also": CAPITALS[country].split("/")[1:]})


def solve_country(facts: Mapping[str, Any], params: Params) -> str:
    return CAPITALS[facts["country"]].split("/")[0]


def sample_rhyme(rng: Random, params: Params) -> Problem:
    vowel, group = rng.choice(GROUPS)
    word, right = rng.sample(group, 2)
    others = rng.sample([key for key in RHYMES if key != vowel], 3)
    options = [right, *(rng.choice(rng.choice(RHYMES[key]).split()) for key in others)]
    rng.shuffle(options)
    text = f"Which word rhymes with {word}: {', '.join(options[:-1])} or {options[-1]}?"
    return Problem(text, {"word": word, "options": options, "once": frozenset((word, right))})


def solve_rhyme(facts: Mapping[str, Any], params: Params) -> str:
    group = next(words for _, words in GROUPS if facts["word"] in words)
    right: str = next(option for option in facts["options"] if option in group)
    return right


FAMILIES = (
    sorting(
        "animal_diet",
        "knowledge",
        DIETS,
        (
            "What kind of eater is this animal? Answer with one word: herbivore, carnivore or omnivore.",
            "Say whether the animal eats plants (herbivore), other animals (carnivore) or both (omnivore).",
            "Name the diet of the animal. Choose from herbivore, carnivore and omnivore.",
        ),
        fact="animal",
    ),
    Family(
        id="word_relation",
        category="language",
        descriptions=(
            "Do the two words mean nearly the same (synonym) or the opposite (antonym)? Answer synonym or antonym.",
            "Tell how the two words are related. Write synonym if they share a meaning, antonym if they are opposites.",
            "Label this pair of words as synonym or antonym.",
        ),
        sample=sample_pair,
        solve=solve_pair,
        anchors=(("synonym",), ("antonym",)),
        labels=lambda params: tuple(PAIRS),
    ),
    Family(
        id="country_capital",
        category="knowledge",
        descriptions=(
            "What is the capital of this country? Answer with the name of the city only.",
            "You are given a country. Write its capital city and nothing else.",
            "Name the capital city of the country.",
        ),
        sample=sample_country,
        solve=solve_country,
        anchors=(("capital",),),
    ),
    Family(
        id="rhyme_choice",
        category="language",
        descriptions=(
            "Pick the one of the four words that rhymes with the given word. Answer with that word only.",
            "One of the four words ends in the same sound as the word asked about. Write that rhyming word.",
            "Find the rhyme among the four options and write it down.",
        ),
        sample=sample_rhyme,
        solve=solve_rhyme,
        anchors=(("rhym",),),
    ),
)
