"""Families that compare and that know the world: answers by hand, and from the text alone."""

import itertools
import re
from typing import Any

import pytest

from kshot.generate.bank import FAMILIES, by_id, words
from kshot.tasks.family import Params
from tests.unit.reading_back import FromText, misread

CATEGORIES = ("comparison", "world_knowledge")
VERDICTS = {"first": "L", "second": "R", "same": "S"}
# Answers worked out by hand: family, facts, params, answer.
BY_HAND: tuple[tuple[str, Any, Params, str], ...] = (
    ("by_age", {"Al": 30, "Bo": 31, "Cy": 9}, {"which": "oldest"}, "Bo"),
    ("by_age", {"Al": 30, "Bo": 31, "Cy": 9}, {"which": "youngest"}, "Cy"),
    ("compare_two_measures", (7, 12), VERDICTS, "R"),
    ("words_against_digits", (42, 42), VERDICTS, "S"),
    ("which_list_is_longer", (4, 3), VERDICTS, "L"),
    ("same_members", (["a", "b"], ["b", "a"]), {"yes": "Y", "no": "N"}, "Y"),
    ("same_members", (["a", "b"], ["b", "c"]), {"yes": "Y", "no": "N"}, "N"),
    ("which_code_is_longer", ("a7x", "kk2b"), VERDICTS, "R"),
    ("which_starts_when", {"the quiz": 540, "the race": 600, "the film": 480}, {"which": "second"}, "the quiz"),
    ("winner_under_the_rule", {"Al": 3, "Bo": 9, "Cy": 3}, {"wins": "fewest", "draw": "tie"}, "tie"),
    ("winner_under_the_rule", {"Al": 3, "Bo": 9, "Cy": 3}, {"wins": "most", "draw": "tie"}, "Bo"),
    ("town_by_rank", {"Oakton": 5, "Elmton": 90, "Ashton": 31}, {"rank": "middle"}, "Ashton"),
    ("place_of_the_thing", "toaster", {}, "kitchen"),
    ("whole_of_the_part", ("tree", ["clock", "shoe"], "twig"), {}, "tree"),
    ("main_material", "newspaper", {}, "paper"),
    ("size_of_three_things", ["mouse", "horse", "city"], {"which": "middle"}, "horse"),
    ("who_works_with_it", ("judge", ["pilot"], "gavel"), {}, "judge"),
    ("where_it_is_kept", ("quiver", ["vase"], "arrows"), {}, "quiver"),
    ("things_with_a_property", ["stone", "bee", "owl"], {"ability": "can fly", "none": "-"}, "bee, owl"),
    ("things_with_a_property", ["brick", "key"], {"ability": "float on water", "none": "-"}, "-"),
    ("where_it_is_worn", "mittens", {}, "hands"),
    ("time_of_the_scene", "winter", {"first": "winter", "a": "P", "b": "Q"}, "P"),
)  # fmt: skip


@pytest.mark.parametrize(("family_id", "facts", "params", "answer"), BY_HAND)
def test_solver_agrees_with_hand_worked_examples(family_id: str, facts: Any, params: Params, answer: str) -> None:
    assert by_id(family_id).solve(facts, params) == answer


SMALL = {word: number for number, word in enumerate(words.NUMBER_WORDS)}
TENS = {word: 10 * number for number, word in enumerate(words.TENS_WORDS, 2)}


def value(said: str) -> int:
    """A number in digits or in words, added up part by part."""
    if said.isdigit():
        return int(said)
    total = 0
    for part in re.split("[ -]", said.replace(" and ", " ")):
        total = total * 100 if part == "hundred" else total + (SMALL[part] if part in SMALL else TENS[part])
    return total


def verdict(a: int, b: int, p: Params) -> str:
    return p[["same", "first", "second"][(a > b) - (a < b)]]


def aged(text: str, p: Params) -> str:
    ages: dict[str, int] = {}
    relative = []
    for sentence in text.rstrip(".").split(". "):
        if match := re.fullmatch(r"(\w+) is (\S+) years? (older|younger) than (\w+)", sentence):
            relative.append(match.groups())
        else:
            name, age = sentence.split(" is ")
            ages[name] = value(age)
    for name, gap, side, other in relative:
        ages[name] = ages[other] + (value(gap) if side == "older" else -value(gap))
    extreme = max(ages.values()) if p["which"] == "oldest" else min(ages.values())
    (name,) = [name for name, age in ages.items() if age == extreme]
    return name


def measured(text: str, p: Params) -> str:
    pattern = r"(?:weighs|is|holds|has|takes) (.*?) (?:kg|m|litres|pages|seats|trees|minutes|pupils)\b"
    a, b = map(value, re.findall(pattern, text))
    return verdict(a, b, p)


def minutes(said: str) -> int:
    if match := re.fullmatch(r"(\d+):(\d\d)", said):
        return 60 * int(match[1]) + int(match[2])
    hour = int(re.search(r"\d+", said)[0])
    hour += 12 if "afternoon" in said and hour != 12 else 0
    return 60 * hour + (30 if "half" in said else 15 if "quarter" in said else 0)


def starting(text: str, p: Params) -> str:
    times = {f"the {what}": minutes(when) for what, when in re.findall(r"The (\w+) starts at (.*?)\.", text)}
    return sorted(times, key=times.__getitem__)[0 if p["which"] == "first" else 1]


def won(text: str, p: Params) -> str:
    scores = [(value(number), name) for name, number in re.findall(r"(\w+) has ([\w-]+)", text)]
    scores.sort(reverse=p["wins"] == "most")
    return p["draw"] if scores[0][0] == scores[1][0] else scores[0][1]


def ranked_town(text: str, p: Params) -> str:
    found = sorted((int(re.search(r"\d+", part)[0]), part.split()[0]) for part in text.split(". "))
    return found[{"smallest": 0, "middle": 1, "largest": 2}[p["rank"]]][1]


def halves(text: str) -> tuple[str, str]:
    first, second = text.split(" || ")
    return first, second


# What a person says of the things of the tables, written down apart from the tables.
PLACE_OF = {
    "kitchen": "pan|pin|toaster|whisk|ladle|tray|grater|oven|bread",
    "bathroom": "tooth|bath|shower|toilet|shampoo|soap",
    "garden": "lawn|watering|flower|garden|hedge|compost", "hospital": "stethoscope|operating|X-ray|surgeon|sick|ward",
    "office": "stapler|filing|copier|office|punch|invoices", "beach": "sand|beach|surf|lifeguard",
    "church": "altar|pulpit|church|hymn|pew|stained|choir",
    "airport": "runway|boarding|check-in|control|gate|baggage|jet",
    "bedroom": "duvet|mattress|bedside|pillow|alarm|double bed|nightgown",
    "theatre": "stage |spotlight|actor|prompter|velvet",
}  # fmt: skip
MADE_OF = {
    "paper": "newspaper|envelope|poster|postcard|diary|paper bag|origami",
    "glass": "pane|mirror|jar|bottle|tank|bulb|lens",
    "metal": "nail|key|coin|clip|chain|anchor|horseshoe|screw|bell|drawing pin",
    "wood": "log|match|pick\\b|broom|plank|trunk|fence|bookcase",
    "cloth": "skirt|shirt|curtain|sheet|towel|flag|handkerchief|pillowcase|sail",
    "rubber": "tyre|elastic|boot|tube|balloon|duck",
    "stone": "pyramid|cobble|grave|mill|castle|statue|pebble",
}  # fmt: skip
WORN_ON = {
    "head": "hat|cap|helmet|crown|beret", "hands": "gloves|mittens",
    "feet": "socks|shoes|boots|sandals|slippers|trainers",
    "neck": "scarf|necklace|tie", "wrist": "watch|bracelet|bangle", "legs": "trousers|jeans|shorts|leggings|tights",
    "eyes": "glasses|spectacles|goggles", "ears": "earrings|earmuffs|headphones",
}  # fmt: skip
SCENE_WORDS = {
    "winter": "snow|frozen|ice off|sledge|frost|icicle",
    "summer": "warm|heat|sun cream|shade|strawb|sweating|hot|paddling",
    "morning": "got up|breakfast|rise|cock|alarm|first lesson|wakes|early",
    "evening": "go down|to bed|after|stars|supper|good night|lamps",
}  # fmt: skip


def known(text: str, table: dict[str, str], keys: list[str]) -> str:
    """The only key of the table whose words are in the text, names apart."""
    text = re.sub(r"\b[A-Z][a-z]+", "", text)
    (key,) = [key for key in keys if re.search(rf"(?<![a-z])(?:{table[key]})|(?:{table[key]})(?![a-z])", text)]
    return key


def offered(params: Params) -> list[str]:
    return re.findall("'(.*?)'", params["listed"])


PARTNERS = {
    "handlebar": "bicycle", "bicycle bell": "bicycle", "spoke": "bicycle", "steering wheel": "car", "windscreen": "car",
    "gearbox": "car", "bonnet": "car", "locomotive": "train", "dining car": "train", "sleeping car": "train",
    "bark": "tree", "twig": "tree", "branch": "tree", "treetop": "tree", "petal": "rose", "thorn": "rose",
    "page": "book", "chapter": "book", "title page": "book", "book cover": "book", "chimney": "house", "attic": "house",
    "staircase": "house", "drawbridge": "castle", "moat": "castle", "dungeon": "castle", "sleeve": "shirt",
    "collar": "shirt", "cuff": "shirt", "nose": "face", "chin": "face", "cheek": "face", "eyebrow": "face",
    "beak": "bird", "feather": "bird", "gill": "fish", "fin": "fish", "tusk": "elephant", "thumb": "hand",
    "palm": "hand", "knuckle": "hand", "mast": "ship", "anchor": "ship", "rudder": "ship", "dial": "clock",
    "hour hand": "clock", "minute hand": "clock", "lens": "camera", "shutter": "camera", "flash": "camera",
    "sole": "shoe", "shoelace": "shoe", "fretboard": "guitar", "guitar string": "guitar", "headboard": "bed",
    "mattress": "bed", "spout": "teapot", "penalty spot": "football pitch", "goalpost": "football pitch",
    "corner flag": "football pitch", "hilt": "sword", "sticky thread": "spider's web", "guy rope": "tent",
    "tent peg": "tent", "pawn": "chess set", "rook": "chess set", "rung": "ladder",
    "flour sieve": "baker", "dough bowl": "baker", "soup ladle": "chef", "frying pan": "chef",
    "serving tray": "waiter", "order pad": "waiter", "watering can": "gardener", "rake": "gardener",
    "hedge trimmer": "gardener", "tractor": "farmer", "plough": "farmer", "chainsaw": "lumberjack",
    "felling axe": "lumberjack", "wood plane": "carpenter", "chisel": "carpenter", "pipe wrench": "plumber",
    "anvil": "blacksmith", "bellows": "blacksmith", "pickaxe": "miner", "mine cart": "miner", "stethoscope": "doctor",
    "medical chart": "doctor", "dental drill": "dentist", "tooth mirror": "dentist", "gavel": "judge",
    "handcuffs": "police officer", "police badge": "police officer", "easel": "painter", "palette": "painter",
    "camera": "photographer", "darkroom": "photographer", "sewing machine": "tailor", "thimble": "tailor",
    "curling iron": "hairdresser", "hair clippers": "hairdresser", "drumsticks": "drummer", "cymbals": "drummer",
    "fire hose": "firefighter", "fire engine": "firefighter", "fishing net": "fisherman", "fishing rod": "fisherman",
    "telescope": "astronomer", "star map": "astronomer", "blackboard": "teacher", "piece of chalk": "teacher",
    "mop": "cleaner", "vacuum cleaner": "cleaner", "feather duster": "cleaner", "mailbag": "postman",
    "yellow card": "referee", "red card": "referee", "beehive smoker": "beekeeper", "honeycomb frame": "beekeeper",
    "cockpit": "pilot", "landing gear": "pilot", "flippers": "diver", "diving mask": "diver",
    "goalkeeper's gloves": "goalkeeper", "saddle": "jockey", "riding whip": "jockey",
    "tulips": "vase", "cut roses": "vase", "daffodils": "vase", "potting soil": "flowerpot", "goldfish": "aquarium",
    "guppies": "aquarium", "arrows": "quiver", "banknotes": "wallet", "a credit card": "wallet",
    "small change": "piggy bank", "saved coins": "piggy bank", "family photos": "photo album", "a letter": "envelope",
    "a birthday card": "envelope", "dresses": "wardrobe", "coats": "wardrobe", "a suit": "wardrobe",
    "novels": "bookcase", "a dictionary": "bookcase", "a car": "garage", "a motorbike": "garage",
    "an airplane": "hangar", "a helicopter": "hangar", "crayons": "pencil case", "an eraser": "pencil case",
    "felt pens": "pencil case", "a pony": "stable", "a mare": "stable", "a guard dog": "kennel", "a puppy": "kennel",
    "hay": "barn", "straw": "barn", "bees": "beehive", "matches": "matchbox", "ice cubes": "freezer",
    "ice cream": "freezer", "frozen peas": "freezer", "sandwiches": "lunch box", "tea": "teapot",
    "boiling water": "kettle", "a hammer": "toolbox", "pliers": "toolbox", "a screwdriver": "toolbox",
    "rubbish": "dustbin", "potato peelings": "dustbin", "cigarette ends": "ashtray", "pearls": "jewellery box",
    "earrings": "jewellery box", "a necklace": "jewellery box", "forks": "cutlery drawer", "spoons": "cutlery drawer",
    "petrol": "petrol tank", "diesel": "petrol tank", "a newborn baby": "cradle", "a violin": "violin case",
    "dirty socks": "laundry basket", "dirty shirts": "laundry basket",
}  # fmt: skip


def partner(text: str, p: Params) -> str:
    lead, options = text.split(": ")
    assert options.split(" / ").count(PARTNERS[lead]) == 1
    return PARTNERS[lead]


# Centimetres across, roughly: things of a problem differ at least threefold.
CENTIMETRES = {
    "flea": 0.2, "grain of sand": 0.1, "pinhead": 0.2, "ladybird": 0.7, "button": 1.5, "pea": 0.8, "coin": 2,
    "mouse": 8,
    "egg": 6, "matchbox": 5, "plum": 5, "cat": 40, "football": 22, "teapot": 20, "shoebox": 30, "sheep": 110,
    "armchair": 95, "barrel": 90, "washing machine": 85, "horse": 220, "grand piano": 200, "family car": 400,
    "elephant": 500, "bus": 1100, "fire engine": 900, "church": 4e3, "supermarket": 5e3, "school": 6e3, "airport": 3e5,
    "village": 1e5, "golf course": 2e5, "city": 2e6, "mountain range": 2e7, "continent": 5e8, "ocean": 8e8,
    "planet": 1e10, "star": 1e11,
}  # fmt: skip


def by_size(text: str, p: Params) -> str:
    ranked = sorted(text.split(" / "), key=CENTIMETRES.__getitem__)
    assert all(2 * CENTIMETRES[a] <= CENTIMETRES[b] for a, b in itertools.pairwise(ranked))
    return ranked[{"smallest": 0, "middle": 1, "largest": 2}[p["which"]]]


CANNOT = {
    "can fly": "stone snail dog horse bicycle table tractor worm elephant cow spoon frog piano",
    "float on water": "brick coin anvil nail key hammer ring pebble spoon marble",
    "need electricity": "spoon book pencil candle broom blanket shovel comb scissors basket",
    "have wheels": "canoe sledge ladder kite horse boat fork tent pillow bucket spade",
    "melt in the hot sun": "stone spoon brick key plate chair pencil coin shoe brush ladder bell",
    "break easily when dropped": "pillow sponge blanket coin sock rope feather towel ball cork leaf",
    "can be worn": "lamp bottle ladder table brick kettle cupboard carpet bucket window piano",
}  # fmt: skip


def with_property(text: str, p: Params) -> str:
    no = CANNOT[p["ability"]].split()
    return ", ".join(thing for thing in text.split(", ") if thing.split()[-1] not in no) or p["none"]


FROM_TEXT: FromText = {
    "by_age": aged,
    "compare_two_measures": measured,
    "words_against_digits": lambda text, p: verdict(*map(value, text.split(" | ")), p),
    "which_list_is_longer": lambda text, p: verdict(*(half.count(",") for half in halves(text)), p),
    "same_members": lambda text, p: p["yes" if len(set(re.findall(r"\w+", text))) == text.count(",") / 2 + 1 else "no"],
    "which_code_is_longer": lambda text, p: verdict(text.index(" "), len(text) - text.rindex(" ") - 1, p),
    "which_starts_when": starting,
    "winner_under_the_rule": won,
    "town_by_rank": ranked_town,
    "place_of_the_thing": lambda text, p: known(text, PLACE_OF, offered(p)),
    "whole_of_the_part": partner,
    "main_material": lambda text, p: known(text, MADE_OF, offered(p)),
    "size_of_three_things": by_size,
    "who_works_with_it": partner,
    "where_it_is_kept": partner,
    "things_with_a_property": with_property,
    "where_it_is_worn": lambda text, p: known(text, WORN_ON, offered(p)),
    "time_of_the_scene": lambda text, p: p[
        "a" if known(text, SCENE_WORDS, [p["first"], p["second"]]) == p["first"] else "b"
    ],
}  # fmt: skip


@pytest.mark.parametrize("family_id", FROM_TEXT)
def test_answer_follows_from_the_text_alone(family_id: str) -> None:
    assert misread(family_id, FROM_TEXT, "test", tasks=60, problems=2) == []


def test_every_family_of_these_modules_is_worked_by_hand_and_read_back() -> None:
    ids = {family.id for family in FAMILIES if family.category in CATEGORIES}
    assert ids == set(FROM_TEXT) == {family_id for family_id, *_ in BY_HAND}
