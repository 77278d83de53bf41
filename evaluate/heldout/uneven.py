"""Held-out families with labels of which there are many inputs each, for the suite whose labels are imbalanced."""

from collections.abc import Mapping
from random import Random
from typing import Any

from kshot.evaluate.heldout.sorting import sorting
from kshot.tasks.family import Family, Params, Problem

# Countries on two continents (Russia, Turkey, Egypt, Kazakhstan, the South Caucasus) are left out.
CONTINENTS = {
    continent: tuple(countries.split(", "))
    for continent, countries in {
        "Africa": (
            "Algeria, Angola, Benin, Botswana, Burundi, Cameroon, Chad, Ethiopia, Gabon, Ghana, Guinea, Kenya, "
            "Lesotho, Liberia, Libya, Malawi, Mali, Morocco, Mozambique, Namibia, Niger, Nigeria, Rwanda, Senegal, "
            "Somalia, Sudan, Tanzania, Togo, Tunisia, Uganda, Zambia, Zimbabwe"
        ),
        "America": (
            "Argentina, Bolivia, Brazil, Canada, Chile, Colombia, Costa Rica, Cuba, Ecuador, El Salvador, Guatemala, "
            "Guyana, Haiti, Honduras, Jamaica, Mexico, Nicaragua, Panama, Paraguay, Peru, Suriname, Uruguay, "
            "Venezuela, the Dominican Republic, the United States"
        ),
        "Asia": (
            "Afghanistan, Bangladesh, Bhutan, Cambodia, China, India, Iran, Iraq, Israel, Japan, Jordan, Kuwait, "
            "Kyrgyzstan, Laos, Lebanon, Malaysia, Mongolia, Nepal, North Korea, Oman, Pakistan, Qatar, Saudi Arabia, "
            "Singapore, South Korea, Sri Lanka, Syria, Taiwan, Tajikistan, Thailand, Uzbekistan, Vietnam, Yemen"
        ),
        "Europe": (
            "Albania, Austria, Belarus, Belgium, Bulgaria, Croatia, Denmark, Estonia, Finland, France, Germany, "
            "Greece, Hungary, Iceland, Ireland, Italy, Latvia, Lithuania, Luxembourg, Moldova, Norway, Poland, "
            "Portugal, Romania, Serbia, Slovakia, Slovenia, Spain, Sweden, Switzerland, Ukraine"
        ),
    }.items()
}
VEHICLES = {
    way: tuple(vehicles.split(", "))
    for way, vehicles in {
        "land": (
            "bicycle, bus, lorry, tram, motorcycle, tractor, train, taxi, ambulance, fire engine, horse cart, "
            "wheelchair, sledge, bulldozer, scooter, forklift, limousine, police car, racing car, skateboard, "
            "snowmobile, tricycle, unicycle, pickup truck, camper van, rickshaw, steam locomotive, go-kart"
        ),
        "water": (
            "canoe, ferry, submarine, yacht, kayak, rowing boat, oil tanker, cruise ship, gondola, raft, tugboat, "
            "sailing boat, lifeboat, trawler, jet ski, catamaran, paddle steamer, barge, motorboat, schooner, dinghy, "
            "aircraft carrier, galleon, punt, frigate, container ship, pedalo, Viking longship"
        ),
        "air": (
            "helicopter, glider, hot-air balloon, jet fighter, airship, biplane, jump jet, airliner, hang glider, "
            "drone, propeller plane, zeppelin, cargo plane, paraglider, jumbo jet, bomber, air ambulance, ultralight, "
            "private jet, gyrocopter, stunt plane, crop duster, passenger jet, supersonic jet, spy plane, "
            "rescue helicopter, stealth bomber, microlight"
        ),
    }.items()
}
INSTRUMENTS = {
    kind: tuple(instruments.split(", "))
    for kind, instruments in {
        "string": (
            "violin, cello, harp, banjo, double bass, viola, mandolin, ukulele, lute, sitar, acoustic guitar, zither, "
            "lyre, balalaika, bouzouki, fiddle, electric guitar, bass guitar, oud, shamisen, koto, dulcimer, theorbo, "
            "viola da gamba"
        ),
        "wind": (
            "flute, trumpet, clarinet, oboe, trombone, saxophone, tuba, bassoon, recorder, French horn, piccolo, "
            "bagpipes, cornet, pan pipes, tin whistle, bugle, cor anglais, euphonium, didgeridoo, flugelhorn, ocarina, "
            "alphorn, fife, sousaphone"
        ),
        "percussion": (
            "snare drum, xylophone, tambourine, cymbals, triangle, bongos, timpani, maracas, castanets, gong, "
            "bass drum, marimba, glockenspiel, cowbell, wood block, congas, kettledrum, rattle, vibraphone, djembe, "
            "claves, tom-tom, hand bells, steel drum"
        ),
    }.items()
}
TELLINGS = ("first person", "third person")
_WHO = tuple(
    (name, pronoun)
    for pronoun, names in (("she", "Anna Maria Lucy Ruth Grace"), ("he", "Peter Oscar Daniel Simon Henry"))
    for name in names.split()
)
_DID = (
    "missed the last bus and walked home in the rain", "found an old coin under the floor of the barn",
    "waited at the station until it was dark", "opened the letter before breakfast",
    "planted two apple trees behind the house", "lost the key on the way to work",
    "learnt to swim in a cold lake", "baked bread for the whole street", "climbed the hill to watch the sunrise",
    "forgot the meeting and stayed in bed", "sold the boat in the spring", "read the same page three times",
    "carried the box up to the attic", "heard a noise in the kitchen", "took the wrong train to the coast",
    "painted the fence green",
)  # fmt: skip


def sample_telling(rng: Random, params: Params) -> Problem:
    """Two things done by the same person, told by that person or by somebody else."""
    person = rng.choice(TELLINGS)
    who, again = ("I", "I") if person == "first person" else rng.choice(_WHO)
    one, two = rng.sample(_DID, 2)
    link = rng.choice(("Later", "The next day", "After that", "A week later"))
    return Problem(f"{who} {one}. {link} {again} {two}.", {"who": who, "once": frozenset((one, two))})


def solve_telling(facts: Mapping[str, Any], params: Params) -> str:
    return "first person" if facts["who"] == "I" else "third person"


FAMILIES = (
    sorting(
        "continent_of_country",
        "knowledge",
        CONTINENTS,
        (
            "On which continent is this country? Answer with one word: Africa, America, Asia or Europe.",
            "Name the continent of the country. Choose from Africa, America, Asia and Europe.",
            "Sort the country by continent: Africa, America, Asia or Europe.",
        ),
    ),
    sorting(
        "vehicle_way",
        "knowledge",
        VEHICLES,
        (
            "Where does this vehicle travel? Answer with one word: land, water or air.",
            "Say whether the vehicle is made for land, for water or for air.",
            "Label the vehicle by how it travels: land, water, air.",
        ),
    ),
    sorting(
        "instrument_kind",
        "knowledge",
        INSTRUMENTS,
        (
            "What kind of musical instrument is this? Answer with one word: string, wind or percussion.",
            "Sort the instrument into one of three kinds: string, wind, percussion.",
            "Name the family of the instrument. Choose from string, wind and percussion.",
        ),
    ),
    Family(
        id="who_tells",
        category="classification",
        descriptions=(
            "Is this told in the first person or in the third person? Answer first person or third person.",
            "Decide who tells these two sentences: write first person if it is the one who did it, else third person.",
            "Label the point of view as first person or third person.",
        ),
        sample=sample_telling,
        solve=solve_telling,
        anchors=(("first person",), ("third person",)),
        labels=lambda params: TELLINGS,
    ),
)
