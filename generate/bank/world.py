"""Families of plain knowledge of the world: uses, parts, materials, sizes, tools, containers, clothes and times."""

from collections.abc import Callable
from random import Random

from kshot.generate.bank import labels, vocabulary, words
from kshot.tasks.family import Family, Params, Problem

Rows = tuple[dict[str, tuple[str, ...]], ...]


def _table(text: str) -> dict[str, tuple[str, ...]]:
    """`key: one, two; other: three` as a mapping."""
    rows = (row.split(":") for row in " ".join(text.split()).split(";"))
    return {key.strip(): tuple(item.strip() for item in items.split(",")) for key, items in rows}


def _rows(*texts: str) -> Rows:
    return tuple(_table(text) for text in texts)


_PLACES = _table("""
    kitchen: frying pan, rolling pin, toaster, saucepan, whisk, ladle, baking tray, cheese grater, oven, bread knife;
    bathroom: toothbrush, bathtub, shower cap, bath mat, toilet brush, shampoo bottle, bar of soap, shower curtain;
    garden: lawnmower, watering can, flower bed, garden hose, garden gnome, hedge trimmer, compost heap;
    hospital: stethoscope, operating table, surgeon's mask, sickbed, emergency ward;
    office: stapler, filing cabinet, photocopier, office chair, hole punch, stack of invoices;
    beach: sandcastle, beach ball, surfboard, beach towel, lifeguard's tower, lifeguard's whistle;
    church: altar, pulpit, church bell, hymn book, wooden pew, stained glass window, choir bench;
    airport: runway, boarding pass, check-in desk, control tower, departure gate, baggage belt, passenger jet;
    bedroom: duvet, mattress, bedside lamp, pillow, alarm clock, double bed, nightgown;
    theatre: stage curtain, spotlight, actor's costume, stage door, prompter's box, row of velvet seats""")
# Keys of one row are too much alike, so that only one of them stands in a problem.
_WHOLES = _rows(
    "bicycle: handlebar, bicycle bell, spoke; car: steering wheel, windscreen, gearbox, bonnet;"
    "train: locomotive, dining car, sleeping car",
    "tree: bark, twig, branch, treetop; rose: petal, thorn", "book: page, chapter, title page, book cover",
    "house: chimney, attic, staircase; castle: drawbridge, moat, dungeon", "shirt: sleeve, collar, cuff",
    "face: nose, chin, cheek, eyebrow; bird: beak, feather; fish: gill, fin; elephant: tusk; hand: thumb, palm,"
    " knuckle",
    "ship: mast, anchor, rudder", "clock: dial, hour hand, minute hand", "camera: lens, flash",
    "shoe: sole, shoelace", "guitar: fretboard, guitar string", "bed: headboard, mattress", "teapot: spout",
    "football pitch: penalty spot, goalpost, corner flag", "sword: hilt", "spider's web: sticky thread",
    "tent: guy rope, tent peg", "chess set: pawn, rook", "ladder: rung",
)  # fmt: skip
_MATERIALS = _table("""
    paper: newspaper, envelope, poster, postcard, page of a diary, paper bag, origami crane;
    glass: window pane, mirror, jam jar, wine bottle, fish tank, light bulb, magnifying lens;
    metal: nail, key, coin, paper clip, chain, anchor, horseshoe, screw, church bell, drawing pin;
    wood: log, matchstick, toothpick, broomstick, plank, tree trunk, picket fence, bookcase;
    cloth: shirt, curtain, bed sheet, towel, flag, handkerchief, skirt, pillowcase, sail;
    stone: pyramid, cobblestone, gravestone, millstone, castle wall, marble statue, pebble;
    rubber: car tyre, elastic band, wellington boot, bicycle tube, balloon, rubber duck""")
_SIZES = (
    ("flea", "grain of sand", "pinhead"), ("ladybird", "button", "pea", "coin"), ("mouse", "egg", "matchbox", "plum"),
    ("cat", "football", "teapot", "shoebox"), ("sheep", "armchair", "barrel", "washing machine"),
    ("horse", "grand piano", "family car"), ("elephant", "bus", "fire engine"), ("church", "supermarket", "school"),
    ("airport", "village", "golf course"), ("city", "mountain range"), ("continent", "ocean"),
    ("planet", "star"),
)  # fmt: skip
_WORKERS = _rows(
    "baker: flour sieve, dough bowl; chef: soup ladle, frying pan; waiter: serving tray, order pad",
    "gardener: watering can, rake, hedge trimmer; farmer: tractor, plough; lumberjack: chainsaw, felling axe",
    "carpenter: wood plane, chisel; plumber: pipe wrench; blacksmith: anvil, bellows; miner: pickaxe, mine cart",
    "doctor: stethoscope, medical chart; dentist: dental drill, tooth mirror", "judge: gavel",
    "police officer: handcuffs, police badge", "painter: easel, palette", "photographer: camera, darkroom",
    "tailor: sewing machine, thimble", "hairdresser: curling iron, hair clippers", "drummer: drumsticks, cymbals",
    "firefighter: fire hose, fire engine", "fisherman: fishing net, fishing rod", "astronomer: telescope, star map",
    "teacher: blackboard, piece of chalk", "cleaner: mop, vacuum cleaner, feather duster", "postman: mailbag",
    "referee: yellow card, red card", "beekeeper: beehive smoker, honeycomb frame", "pilot: cockpit, landing gear",
    "diver: flippers, diving mask", "goalkeeper: goalkeeper's gloves", "jockey: saddle, riding whip",
)  # fmt: skip
_CONTAINERS = _rows(
    "vase: tulips, cut roses, daffodils; flowerpot: potting soil", "aquarium: goldfish, guppies", "quiver: arrows",
    "wallet: banknotes, a credit card; piggy bank: small change, saved coins; photo album: family photos",
    "envelope: a letter, a birthday card", "wardrobe: dresses, coats, a suit", "bookcase: novels, a dictionary",
    "garage: a car, a motorbike; hangar: an airplane, a helicopter", "pencil case: crayons, an eraser, felt pens",
    "stable: a pony, a mare; kennel: a guard dog, a puppy; barn: hay, straw; beehive: bees", "matchbox: matches",
    "freezer: ice cubes, ice cream, frozen peas; lunch box: sandwiches; teapot: tea; kettle: boiling water",
    "toolbox: a hammer, pliers, a screwdriver", "dustbin: rubbish, potato peelings; ashtray: cigarette ends",
    "jewellery box: pearls, earrings, a necklace", "cutlery drawer: forks, spoons", "petrol tank: petrol, diesel",
    "cradle: a newborn baby", "violin case: a violin", "laundry basket: dirty socks, dirty shirts",
)  # fmt: skip
_ABILITIES = {
    "can fly": _table("""yes: sparrow, eagle, butterfly, bee, helicopter, airplane, owl, seagull, mosquito, swallow;
        no: stone, snail, dog, horse, bicycle, table, tractor, worm, elephant, cow, spoon, frog, piano"""),
    "float on water": _table("""yes: cork, wooden plank, rubber duck, life jacket, beach ball, dry leaf, feather, log,
        canoe, lifebelt; no: brick, coin, anvil, iron nail, key, hammer, gold ring, pebble, steel spoon, marble"""),
    "need electricity": _table("""yes: fridge, television, computer, hair dryer, toaster, washing machine,
        dishwasher, freezer, light bulb; no: spoon, book, pencil, candle, broom, blanket, shovel, comb, basket"""),
    "have wheels": _table("""yes: bicycle, car, bus, tractor, skateboard, wheelbarrow, pram, lorry, taxi;
        no: canoe, sledge, ladder, kite, horse, rowing boat, fork, tent, pillow, bucket, spade"""),
    "melt in the hot sun": _table("""yes: ice cream, snowman, butter, ice cube, chocolate bar, icicle, snowball;
        no: stone, spoon, brick, key, plate, wooden chair, pencil, coin, shoe, brush, ladder, bell"""),
    "break easily when dropped": _table("""yes: wine glass, china vase, egg, mirror, light bulb, teacup, window pane;
        no: pillow, sponge, blanket, coin, sock, rope, feather, towel, rubber ball, cork, leaf"""),
    "can be worn": _table("""yes: hat, scarf, coat, sock, glove, skirt, shirt, boot, jacket, dress, belt;
        no: lamp, bottle, ladder, table, brick, kettle, cupboard, carpet, bucket, window, piano"""),
}  # fmt: skip
_BODY = _table("""
    head: hat, cap, helmet, crown, beret, sun hat; hands: gloves, mittens, boxing gloves, oven gloves;
    feet: socks, shoes, boots, sandals, slippers, trainers; neck: scarf, necklace, tie, bow tie;
    wrist: wristwatch, bracelet, bangle; legs: trousers, jeans, shorts, leggings, tights;
    eyes: sunglasses, spectacles, swimming goggles; ears: earrings, earmuffs""")
_SCENES = {
    "winter": ("{} builds a snowman.", "{} clears the snow from the path.", "{} goes skating on the frozen lake.",
               "{} scrapes the ice off the car.", "{} pulls a sledge up the white hill.", "{} shivers in the frost.",
               "There are icicles at {}'s window.", "{} throws a snowball at a friend."),
    "summer": ("{} swims in the warm lake.", "{} eats ice cream in the heat.", "{} puts on sun cream at the beach.",
               "{} looks for shade from the hot sun.", "{} picks ripe strawberries.", "{} lies sweating on the beach.",
               "It is too hot for {} to sleep.", "{} fills the paddling pool for the children."),
    "morning": ("{} has just got up.", "{} eats breakfast.", "{} watches the sun rise.", "{} hears the cock crow.",
                "{} switches off the alarm clock and yawns.", "{} says goodbye and leaves for the first lesson of the"
                " day.",
                "{} wakes the children for school.", "{} opens the curtains and lets the early sun in."),
    "evening": ("{} watches the sun go down.", "{} puts the children to bed.", "{} comes home after a long day's work.",
                "{} looks at the first stars.", "{} eats supper.", "{} says good night and turns off the lamp.",
                "{} lights the street lamps because it is getting dark.", "{} brushes teeth and goes to bed."),
}  # fmt: skip
_ADJECTIVES = words.vocabulary("old new small large red blue green black white brown grey beautiful")


_SEEN = ("{name} is drawing the {thing}.", "{name} looks at the {phrase}.", "{name} sees the {phrase}.",
         "The {phrase} is in {name}'s picture.", "{name} dreams of the {phrase}.")  # fmt: skip
_WORN = ("{name} puts on the {phrase}.", "{name} buys the {phrase}.", "{name} wears the {phrase} today.",
         "{name} takes off the {phrase}.")  # fmt: skip


def _owned(rng: Random, thing: str, forms: tuple[str, ...]) -> str:
    """A short sentence about somebody and the thing."""
    name, adjective = rng.choice(vocabulary.FIRST_NAMES), rng.choice(_ADJECTIVES)
    return rng.choice(forms).format(name=name, thing=thing, phrase=f"{adjective} {thing}")


def _classes(table: dict[str, tuple[str, ...]], count: int) -> Callable[[Random], Params]:
    """Params: some keys of a table in a drawn order, as labels."""

    def params(rng: Random) -> Params:
        keys = rng.sample(list(table), count)
        return {**dict(zip("abcd", keys, strict=False)), "listed": words.join_items([f"'{key}'" for key in keys], "or")}

    return params


def _class_of(table: dict[str, tuple[str, ...]], thing: str) -> str:
    return next(key for key, items in table.items() if thing in items)


def _find_place(rng: Random, params: Params) -> Problem:
    thing = rng.choice(_PLACES[params[rng.choice("abc")]])
    return Problem(_owned(rng, thing, _SEEN), thing)


def _find_material(rng: Random, params: Params) -> Problem:
    thing = rng.choice(_MATERIALS[params[rng.choice("abcd")]])
    return Problem(_owned(rng, thing, _SEEN), thing)


def _find_body_part(rng: Random, params: Params) -> Problem:
    thing = rng.choice(_BODY[params[rng.choice("abc")]])
    return Problem(_owned(rng, thing, _WORN), thing)


def _chosen(rng: Random, lead: str, right: str, wrong: list[str]) -> Problem:
    """One of the options after the lead is right; the facts are the right one, the others and the lead."""
    options = rng.sample([right, *wrong], 1 + len(wrong))
    return Problem(f"{lead}: {' / '.join(options)}", (right, [option for option in options if option != right], lead))


def _match(rows: Rows) -> Callable[[Random, Params], Problem]:
    """A sampler: to which of three or four keys of different rows does the thing belong?"""

    def sample(rng: Random, params: Params) -> Problem:
        table, *others = rng.sample(rows, rng.choice((3, 4)))
        key = rng.choice(list(table))
        return _chosen(rng, rng.choice(table[key]), key, [rng.choice(list(other)) for other in others])

    return sample


def _none_of(options: list[str]) -> str:
    return words.join_items([words.with_article(option) for option in options], "or")


def _size_params(rng: Random) -> Params:
    return {"which": rng.choice(("largest", "smallest", "middle"))}


def _three_sizes(rng: Random, params: Params) -> Problem:
    while True:
        tiers = sorted(rng.sample(range(len(_SIZES)), 3))
        if tiers[1] - tiers[0] > 1 and tiers[2] - tiers[1] > 1:
            break
    ranked = [rng.choice(_SIZES[tier]) for tier in tiers]
    return Problem(" / ".join(rng.sample(ranked, 3)), ranked)


def _ability_params(rng: Random) -> Params:
    none = rng.choice(("none", "nothing", "-", "no thing", words.draw_nonsense_word(rng)))
    return {"ability": rng.choice(list(_ABILITIES)), "none": none}


def _things(rng: Random, params: Params) -> Problem:
    pool, hits, count = _ABILITIES[params["ability"]], rng.choice((0, 1, 1, 2, 2, 3)), rng.randint(4, 5)
    mixed = rng.sample(pool["yes"], hits) + rng.sample(pool["no"], count - hits)
    rng.shuffle(mixed)
    return Problem(", ".join(mixed), mixed)


def _able(things: list[str], params: Params) -> str:
    return ", ".join(thing for thing in things if thing in _ABILITIES[params["ability"]]["yes"]) or params["none"]


def _unable_why(things: list[str], params: Params) -> str:
    out = [thing for thing in things if thing in _ABILITIES[params["ability"]]["no"]]
    return f"This is not so of the following: {', '.join(out)}."


def _scene_params(rng: Random) -> Params:
    first, second = rng.choice((("winter", "summer"), ("morning", "evening")))
    natural = ((first, second), ("A", "B"), ("1", "2"), (first.upper(), second.upper()), ("left", "right"))
    a, b = words.draw_nonsense_pair(rng) if rng.random() < 0.3 else rng.choice(natural)
    return {"a": a, "b": b, "first": first, "second": second}


def _scene(rng: Random, params: Params) -> Problem:
    time = params[rng.choice(("first", "second"))]
    return Problem(rng.choice(_SCENES[time]).format(rng.choice(vocabulary.FIRST_NAMES)), time)


FAMILIES: tuple[Family, ...] = (
    Family(
        id="place_of_the_thing",
        category="world_knowledge",
        descriptions=(
            "In which place do you usually find the thing in the sentence? Answer {listed}.",
            "Name the place where the thing that is mentioned belongs: {listed}.",
            "Given a sentence that mentions a thing, choose from {listed} the place where such a thing is found most"
            " often.",
            "Where would one look for such a thing first? Say the place: {listed}.",
        ),
        no_label_instructions=("In which place do you usually find the thing in the sentence?",),
        sample=_find_place,
        solve=lambda thing, params: _class_of(_PLACES, thing),
        anchors=(("thing",), ("place",)),
        params=_classes(_PLACES, 3),
        labels=labels.space("a b c"),
    ),
    Family(
        id="whole_of_the_part",
        category="world_knowledge",
        descriptions=(
            "Which of the things after the colon has the part named before it? Copy that thing.",
            "The first words name a part. Write the one thing of the list that it is a part of.",
            "Given a part and some things, tell to which thing the part belongs.",
        ),
        sample=_match(_WHOLES),
        solve=lambda facts, params: str(facts[0]),
        anchors=(("part",), ("thing",)),
        rationale=lambda facts, params: f"No {facts[2]} is part of {_none_of(facts[1])}.",
    ),
    Family(
        id="main_material",
        category="world_knowledge",
        descriptions=(
            "What is the thing in the sentence usually made of? Answer {listed}.",
            "Name the material that such a thing mostly consists of: {listed}.",
            "Given a sentence about a thing, choose the material of the thing from {listed}.",
            "If you touched the thing that is mentioned, which material would you feel most? Write {listed}.",
        ),
        no_label_instructions=("What is the thing in the sentence usually made of?",),
        sample=_find_material,
        solve=lambda thing, params: _class_of(_MATERIALS, thing),
        anchors=(("thing",),),
        params=_classes(_MATERIALS, 4),
        labels=labels.space("a b c d"),
    ),
    Family(
        id="size_of_three_things",
        category="world_knowledge",
        descriptions=(
            "Think of the usual size of the three things. Which is the {which} one? Copy it.",
            "Order the things from small to big and write the {which} of them.",
            "Given three things, name the one that is normally the {which} in size.",
        ),
        sample=_three_sizes,
        solve=lambda ranked, params: str(ranked[("smallest", "middle", "largest").index(params["which"])]),
        anchors=(("thing",),),
        params=_size_params,
        rationale=lambda ranked, params: f"From small to big they are: {', '.join(ranked)}.",
    ),
    Family(
        id="who_works_with_it",
        category="world_knowledge",
        descriptions=(
            "Who uses the thing before the colon at work? Copy one of the people after the colon.",
            "A thing and some occupations are given. Write the occupation that needs the thing.",
            "Given a thing and a list of people, tell which of the people works with it most.",
        ),
        sample=_match(_WORKERS),
        solve=lambda facts, params: str(facts[0]),
        anchors=(("thing",), ("people", "occupation")),
        rationale=lambda facts, params: f"Such a thing ({facts[2]}) is not used at work by {_none_of(facts[1])}.",
    ),
    Family(
        id="where_it_is_kept",
        category="world_knowledge",
        descriptions=(
            "Where does one normally keep what is named before the colon? Copy one of the places after it.",
            "What is named first has its usual place in one of the others. Write which one.",
            "Given something and a list of containers and other places, choose the one in which it is usually kept.",
        ),
        sample=_match(_CONTAINERS),
        solve=lambda facts, params: str(facts[0]),
        anchors=(("place",),),
        rationale=lambda facts, params: f"One would not look for {facts[2]} in {_none_of(facts[1])}.",
    ),
    Family(
        id="things_with_a_property",
        category="world_knowledge",
        descriptions=(
            "Which of the things {ability}? Copy them in the order given, separated by commas. If there are none, write"
            " '{none}'.",
            "Keep only the things of the list that {ability} and drop the others; write '{none}' if nothing is left.",
            "Given a list of things, write those that normally {ability}, with commas between them, or '{none}'.",
        ),
        sample=_things,
        solve=_able,
        anchors=(("thing",),),
        params=_ability_params,
        rationale=_unable_why,
    ),
    Family(
        id="where_it_is_worn",
        category="world_knowledge",
        descriptions=(
            "On which part of the body is the thing in the sentence worn? Answer {listed}.",
            "Name the part of the body that it is made for: {listed}.",
            "Given a sentence about something to wear, choose the part of the body where it goes, {listed}.",
        ),
        no_label_instructions=("Where on the body is the thing in the sentence worn?",),
        sample=_find_body_part,
        solve=lambda thing, params: _class_of(_BODY, thing),
        anchors=(("body",), ("part",)),
        params=_classes(_BODY, 3),
        labels=labels.space("a b c"),
    ),
    Family(
        id="time_of_the_scene",
        category="world_knowledge",
        descriptions=(
            "Does the scene take place in the {first} or in the {second}? Answer '{a}' for {first} and '{b}' for"
            " {second}.",
            "Guess the time from what happens: write '{a}' if it is {first}, '{b}' if it is {second}.",
            "Given a short scene, label it '{b}' when it fits the {second} better than the {first}, and '{a}' when it"
            " is the other way round.",
        ),
        sample=_scene,
        solve=lambda time, params: params["a" if time == params["first"] else "b"],
        anchors=(("winter", "morning"), ("summer", "evening")),
        params=_scene_params,
        labels=labels.space("a b"),
        rationale=lambda time, params: f"This is what people usually do or see in the {time}.",
    ),
)
