"""Families about short dialogues: who says what, what the speakers agree on, what a word in a reply refers to."""

from random import Random

from kshot.generate.bank import labels, words
from kshot.tasks.family import Family, Params, Problem

LabelTurns = list[tuple[str, str]]


def _talk(turns: LabelTurns, joint: str = "\n") -> str:
    return joint.join(f"{name}: {line}" for name, line in turns)


def _joint(rng: Random) -> str:
    return "\n" if rng.random() < 0.6 else " "


# What a speaker says, what can be asked about it, and the pool of the gap.
_LINES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("I will bring the {}.", "Who will bring the {}?", words.OBJECTS),
    ("I have never been to {}.", "Who has never been to {}?", words.CITIES),
    ("My brother works at the {}.", "Whose brother works at the {}?", words.PUBLIC_PLACES),
    ("I can play the {}.", "Who can play the {}?", words.INSTRUMENTS),
    ("I am always at home on {}.", "Who is always at home on {}?", words.WEEKDAYS),
    (
        "I would like to see a {} one day.",
        "Who would like to see a {}?",
        ("panda", "shark", "zebra", "giraffe", "whale"),
    ),
    ("My birthday is in {}.", "Whose birthday is in {}?", words.MONTHS),
    ("I painted my kitchen {}.", "Whose kitchen is {} now?", words.PLAIN_COLOURS),
)


def _nobody(rng: Random) -> Params:
    return {"none": rng.choice(("nobody", "not said", "no one", "?", "unknown", words.draw_nonsense_word(rng)))}


def _statements(rng: Random, params: Params) -> Problem:
    names = words.names(rng, 3)
    kinds = [rng.randrange(len(_LINES))] * 3 if rng.random() < 0.5 else rng.sample(range(len(_LINES)), 3)
    told = []
    for kind in kinds:
        told.append((kind, rng.choice([one for one in _LINES[kind][2] if (kind, one) not in told])))
    asked = rng.randrange(3)
    kind, item = told[asked]
    known = rng.random() < 0.75
    if not known:
        item = rng.choice([one for one in _LINES[kind][2] if (kind, one) not in told])
    turns = [(name, _LINES[k][0].format(one)) for name, (k, one) in zip(names, told, strict=True)]
    text = f"{_talk(turns, _joint(rng))}\nQuestion: {_LINES[kind][1].format(item)}"
    return Problem(text, names[asked] if known else "")


_PLANS = ("go to the cinema", "play cards", "cook some soup", "watch the match", "walk in the park", "clean the cellar",
          "visit the museum", "bake a cake", "swim in the lake", "paint the fence", "listen to music",
          "ride to the castle", "eat at the harbour", "tidy the attic", "play chess", "go to the market",
          "sing in the choir", "rest in the garden")  # fmt: skip


_FIRST = ("Shall we {}?", "Let us {} today.", "Do you want to {}?", "What if we {}?")
_SECOND = ("I would rather {}.", "Hm, why don't we {} instead?", "I had hoped that we could {}.", "Or we could {}.")
_ENDS = {
    "first": (("We did that only yesterday.", "True. Then let us do what you said."),
              ("Not today, please.", "All right, your way then."),
              ("I really don't feel like it.", "Then I will go along with your plan.")),
    "second": (("Good idea, I like that even better.",), ("As you like, we will do it your way.",),
               ("Yes, my idea can wait.",), ("Are you sure?", "Quite sure.", "Fine, I will join you.")),
    "none": (("No, not that again.", "Then each of us does something else."),
             ("Not with me.", "Well, then we do nothing together today."),
             ("That is out of the question.", "So is your idea, I am afraid.")),
}  # fmt: skip


def _proposals(rng: Random, params: Params) -> Problem:
    a, b = words.names(rng, 2)
    first, second = rng.sample(_PLANS, 2)
    outcome = rng.choice(("first", "second", "none"))
    lines = [rng.choice(_FIRST).format(first), rng.choice(_SECOND).format(second), *rng.choice(_ENDS[outcome])]
    turns = [(b if i % 2 else a, line) for i, line in enumerate(lines)]
    return Problem(_talk(turns, _joint(rng)), {"first": first, "second": second, "none": ""}[outcome])


_DEEDS = ("carry this {}", "repair my {}", "lend me your {}", "clean the {}", "look for my {}", "wrap the {}",
          "hold the {} for a moment", "help me with the {}", "take the {} to {n}", "bring me the {}")  # fmt: skip
_ACCEPT = ("Sure, I will do it after lunch.", "No problem.", "Of course, gladly.", "Why not? Give me five minutes.",
           "Consider it done.", "Yes, just a moment.", "With pleasure.", "I was going to do it anyway.")  # fmt: skip
_REFUSE = ("I am afraid I have no time.", "Sorry, but I can't.", "I would love to, but I have to leave.",
           "Ask {n}, I am busy.", "Not today, I am too tired.", "That is not my job.", "No way.",
           "Yes, if I had the time, but I don't have it.")  # fmt: skip


def _request(rng: Random, params: Params) -> Problem:
    a, b, n = words.names(rng, 3)
    granted = rng.random() < 0.5
    deed = rng.choice(_DEEDS).format(words.thing(rng), n=n)
    ask = rng.choice(("Could you {}?", "Would you {}, please?", "Please {}.", "Can you {}?")).format(deed)
    reply = rng.choice(_ACCEPT if granted else _REFUSE).format(n=n)
    return Problem(_talk([(a, words.capitalize(ask)), (b, reply)], _joint(rng)), granted)


_DISHES = words.vocabulary("""
    soup salad omelette pizza pancake tea coffee juice cake sandwich lemonade risotto steak curry cocoa yoghurt""")


def _order(rng: Random, params: Params) -> Problem:
    menu = rng.sample(_DISHES, 4)
    size = rng.choice((1, 2, 2))
    order = menu[:size]
    guest, host = rng.choice((("Guest", "Waiter"), ("Customer", "Cook"), tuple(words.names(rng, 2))))
    turns = [(guest, f"I'd like the {words.join_items([f'{dish}' for dish in order], 'and the')}, please.")]
    turns.append((host, rng.choice(("Very well.", "Certainly.", "Anything else?", "Right away."))))
    change = rng.choice(("replace", "replace", "add", "cancel")) if size == 2 else rng.choice(("replace", "add"))
    edits = [change]
    at = rng.randrange(size)
    old, new = order[at], menu[2]
    lines = {
        "replace": f"Sorry, I would like the {new} instead of the {old}.",
        "add": f"I will take the {new} as well.",
        "cancel": f"Oh, leave out the {old}, I am not so hungry.",
    }
    order = {"replace": [*order[:at], new, *order[at + 1 :]], "add": [*order, new],
             "cancel": order[:at] + order[at + 1 :]}[change]  # fmt: skip
    turns.append((guest, lines[change]))
    if rng.random() < 0.4:
        edits.append("swap")
        turns += [(host, "Of course."), (guest, f"One moment! Not the {order[-1]}, bring me the {menu[3]}.")]
        order = [*order[:-1], menu[3]]
    return Problem(_talk(turns, _joint(rng)), order)


_SHIFTS = {15: "a quarter of an hour", 30: "half an hour", 60: "an hour", 20: "twenty minutes", 10: "ten minutes"}


def _time_talk(rng: Random, params: Params) -> Problem:
    a, b = words.names(rng, 2)
    start, sign = 60 * rng.randint(3, 9) + rng.choice((0, 15, 30, 45)), rng.choice((1, -1))
    other = start - sign * rng.choice((45, 75, 90, 120))
    shift, further = rng.sample(list(_SHIFTS), 2)
    way = "later" if sign > 0 else "earlier"
    what = rng.choice(("meet", "leave", "have dinner", "start", "go for a walk", "talk on the phone"))
    change = rng.choice(("Could we make it {} {}?", "I would prefer it {} {}.", "{} {} would be better for me."))
    agreed = rng.choice(("Fine, that suits me.", "All right, agreed.", "Yes, let us do that."))
    lines = [f"Can we {what} at {_clock(start)}?", words.capitalize(change.format(_SHIFTS[shift], way))]
    outcome = rng.choice(("agreed", "agreed", "refused", "other", "further"))
    lines += {
        "agreed": [agreed],
        "refused": ["No, that does not suit me.", "Then let us keep the time you named."],
        "other": [f"That is bad for me. What about {_clock(other)}?", agreed],
        "further": [f"{words.capitalize(_SHIFTS[further])} {way} still, if you don't mind.", agreed],
    }[outcome]
    start = other if outcome == "other" else start
    moves = {"agreed": [sign * shift], "further": [sign * shift, sign * further]}.get(outcome, [])
    return Problem(_talk([(b if i % 2 else a, line) for i, line in enumerate(lines)], _joint(rng)), (start, moves))


def _clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def _time_why(facts: tuple[int, list[int]], params: Params) -> str:
    start, moves = facts
    steps = [f"{_SHIFTS[abs(move)]} {'later' if move > 0 else 'earlier'}" for move in moves]
    how = f"It is moved {words.join_items(steps)}." if steps else "It is not moved."
    return f"The time to start from is {_clock(start)}. {how}"


_ASKED = {
    "place": (("Where is the {o}?", "Where did you buy the {o}?"), ("At the {p}.", "Not far from the {p}.")),
    "time": (("When will you visit {n}?", "When did you sell the {o}?"), ("On {d}.", "Early in {m}.")),
    "person": (("Who broke the {o}?", "Who lives next to the {p}?"), ("I think it is {n}.", "Nobody but {n}.")),
    "number": (("How many guests came to the {p}?", "How many people work at the {p}?"),
               ("I counted {k}.", "At least {k}.")),
    "reason": (("Why did you go to the {p}?", "Why do you need the {o}?"),
               ("To help {n}.", "Because {n} asked me to.")),
    "colour": (("What colour is the {o}?", "Which colour do you want for the {o}?"),
               ("Dark {c}.", "{c} and white.")),
}  # fmt: skip
_EVASIVE = ("Why do you want to know that?", "You always ask such things.", "Let us talk about something else.",
            "That is a good question.", "Ask me again tomorrow.", "Wait, my phone is ringing.")  # fmt: skip


def _reply(rng: Random, params: Params) -> Problem:
    (sort, other), answered = rng.sample(list(_ASKED), 2), rng.random() < 0.5
    if (sort, other) == ("number", "person"):
        other = "place"  # "Nobody but Ivan" tells a number too.
    slots = {"o": rng.choice(words.OBJECTS), "p": rng.choice(words.PUBLIC_PLACES), "d": rng.choice(words.WEEKDAYS),
             "m": rng.choice(words.MONTHS), "k": rng.choice(words.NUMBER_WORDS[3:]),
             "c": rng.choice(words.COLOURS[:6])}  # fmt: skip
    a, b, slots["n"] = words.names(rng, 3)
    evasive = not answered and rng.random() < 0.5
    reply = rng.choice(_EVASIVE if evasive else _ASKED[sort if answered else other][1]).format(**slots)
    turns = [(a, rng.choice(_ASKED[sort][0]).format(**slots)), (b, words.capitalize(reply))]
    return Problem(_talk(turns, _joint(rng)), (sort, answered))


_STANDS = {
    "it": ("Shall I fetch *it* for you?", "Is *it* the one from your aunt?", "I would like to have a look at *it*."),
    "there": ("I was *there* too, but I did not see you.", "How did you get *there*?", "My cousin works *there*."),
    "that day": ("I was ill *that day*.", "*That day* I was in {c}.", "Did it not rain *that day*?"),
}
_STOOD_FOR = {"it": "a thing", "there": "a place", "that day": "a day of the week"}


def _pointing(rng: Random, params: Params) -> Problem:
    a, b = words.names(rng, 2)
    thing, place, day = rng.choice(words.OBJECTS), rng.choice(words.PUBLIC_PLACES), rng.choice(words.WEEKDAYS)
    told = rng.choice(("I left my {o} at the {p} on {d}.", "On {d} I lost the {o} at the {p}.",
                       "At the {p} I repaired my {o} on {d}.",
                       "On {d} I bought this {o} at the {p}.", "I sold the old {o} at the {p} on {d}."))  # fmt: skip
    word = rng.choice(list(_STANDS))
    line = rng.choice(_STANDS[word]).format(c=rng.choice(words.CITIES))
    turns = [(a, told.format(o=thing, p=place, d=day)), (b, line)]
    return Problem(_talk(turns, _joint(rng)), (word, {"it": thing, "there": place, "that day": day}[word]))


_ASK_NEXT = ("What do you think, {}?", "And you, {}?", "{}, do you agree?", "{}, how do you see it?")
_STATE = ("I agree with {}.", "{} is right about that.", "That is too expensive for me.", "I have told {} already.",
          "We should wait until {d}.", "The {p} would be better.", "I like what {} proposes.")  # fmt: skip


def _round(rng: Random, params: Params) -> Problem:
    names = words.names(rng, 3)
    asked, size = rng.random() < 0.5, rng.randint(2, 4)
    speakers = [names[0]]
    for place in range(1, size):
        last = place == size - 1
        speakers.append(rng.choice([name for name in names[last:] if name != speakers[-1]]))
    turns = []
    following = ""
    for place, speaker in enumerate(speakers):
        last = place == size - 1
        listener = rng.choice([name for name in names if name != speaker])
        if not last:
            listener = speakers[place + 1]
        line = rng.choice(_ASK_NEXT if (asked if last else rng.random() < 0.4) else _STATE)
        turns.append((speaker, line.format(listener, d=rng.choice(words.WEEKDAYS), p=rng.choice(words.PUBLIC_PLACES))))
        following = listener if asked else names[0]
    return Problem(_talk(turns, _joint(rng)), (following, turns[-1][0], asked))


FAMILIES: tuple[Family, ...] = (
    Family(
        id="who_says_so",
        category="dialogue",
        descriptions=(
            "Answer the question about the speakers with a name, or with '{none}' if the dialogue does not tell.",
            "Three people speak. Whom is the question about? Write the speaker's name; write '{none}' if none of them"
            " fits.",
            "Given a dialogue and a question, please name the speaker who is meant. If nothing said fits the question,"
            " the answer is '{none}'.",
            "Look for the speaker whose words answer the question and give the name. Is there no such speaker? Then"
            " write '{none}'.",
        ),
        sample=_statements,
        solve=lambda name, params: name or params["none"],
        anchors=(("question",), ("speaker",)),
        params=_nobody,
    ),
    Family(
        id="what_they_agree_on",
        category="dialogue",
        descriptions=(
            "What do the two agree to do? Copy the activity, beginning with its verb, or write '{none}' if they do not"
            " agree.",
            "Which of the two proposals wins? Answer with the activity as it is worded, or '{none}' when neither does.",
            "Given a talk about what to do, please copy the activity that is agreed on in the end. Without an agreement"
            " the answer is '{none}'.",
            "Each speaker proposes an activity. Write the one that they will do together, in the words of the proposal;"
            " write '{none}' if it comes to nothing.",
        ),
        sample=_proposals,
        solve=lambda plan, params: plan or params["none"],
        anchors=(("activity",),),
        params=lambda rng: {"none": rng.choice(("nothing", "no agreement", "none", "-", "undecided"))},
    ),
    Family(
        id="request_granted",
        category="dialogue",
        descriptions=(
            "Does the second speaker agree to do what the first one asks for? Answer '{yes}' if so, else '{no}'.",
            "Label the dialogue '{yes}' if the request is granted and '{no}' if it is turned down.",
            "Somebody is asked for a favour. Write '{yes}' when the favour will be done and '{no}' when it is"
            " declined.",
            "Given a request and the reply, please decide what the reply means: '{yes}' for doing it, '{no}' for"
            " refusing.",
        ),
        no_label_instructions=("Does the second speaker agree to do what the first one asks for?",),
        sample=_request,
        solve=lambda granted, params: params["yes" if granted else "no"],
        anchors=(("request", "ask", "favour"),),
        params=labels.scheme_or_made_up(
            "yes no", ("accepted", "refused"), ("yes", "no"), ("agrees", "declines"), ("A", "R"), ("+", "-")
        ),
        labels=labels.space("yes no"),
    ),
    Family(
        id="final_order",
        category="dialogue",
        descriptions=(
            "What does the customer get in the end? List it, separated by commas, without 'the'. What is taken instead"
            " of something stands in its place, and what is added comes last.",
            "Write down the order after all changes: the names of the dishes and drinks only, with commas. Put a"
            " replacement where the old item was and an addition at the end.",
            "Given a talk in a restaurant, please write the final order as a comma-separated list (no articles). A new"
            " item takes the place of the one it replaces; other new items go to the end.",
            "What should be brought to the customer after all? Name the items with a comma and a space in between: the"
            " old ones in their order, each replaced by what came instead of it, then anything added.",
        ),
        sample=_order,
        solve=lambda order, params: ", ".join(order),
        anchors=(("order", "customer"), ("comma",)),
    ),
    Family(
        id="time_settled",
        category="dialogue",
        descriptions=(
            "Which time do the two settle on? Write it in figures, like 4:30.",
            "Follow the proposals and work out the time that is agreed in the end. Answer with the time only, such as"
            " 4:30.",
            "Given a talk in which a time is proposed and perhaps changed, please write the final time as hours and"
            " minutes, for example 4:30.",
            "At what time will it be, now that both have spoken? Give hours and minutes in the form 4:30.",
        ),
        sample=_time_talk,
        solve=lambda facts, params: _clock(facts[0] + sum(facts[1])),
        anchors=(("time",),),
        rationale=_time_why,
    ),
    Family(
        id="reply_fits_question",
        category="dialogue",
        descriptions=(
            "Does the reply answer the question? Write '{yes}' if it does and '{no}' if it does not.",
            "Label the talk '{yes}' when the second speaker tells what the first one asked for, and '{no}' when the"
            " reply is about something else.",
            "Given a question and a reply, please answer '{yes}' if the reply gives what the question asks for,"
            " otherwise '{no}'.",
            "Does the reply tell the one who asked what the question is after? '{yes}' if so, '{no}' if it passes the"
            " question by.",
        ),
        no_label_instructions=("Does the reply fit the question?",),
        sample=_reply,
        solve=lambda facts, params: params["yes" if facts[1] else "no"],
        anchors=(("reply",),),
        params=labels.scheme_or_made_up(
            "yes no", ("yes", "no"), ("answered", "unanswered"), ("on", "off"), ("True", "False"), ("1", "0")
        ),
        labels=labels.space("yes no"),
        rationale=lambda facts, params: f"The question asks for a {facts[0]}.",
    ),
    Family(
        id="what_a_word_points_to",
        category="dialogue",
        descriptions=(
            "What do the words between the stars stand for? Answer with one word of the first speaker.",
            "The reply points back with the marked word or words. Name the thing, place or day that is meant, in one"
            " word.",
            "Given two lines of a talk, please write the one word from the first line that the part in stars stands"
            " for.",
            "Part of the reply stands between stars. Which word of the first line does it refer to? Write this word"
            " only.",
        ),
        sample=_pointing,
        solve=lambda facts, params: str(facts[1]),
        anchors=(("word",),),
        rationale=lambda facts, params: f"The marked '{facts[0]}' stands for {_STOOD_FOR[facts[0]]}.",
    ),
    Family(
        id="next_speaker",
        category="dialogue",
        descriptions=(
            "Who speaks next? If the last turn asks somebody by name, it is this person; otherwise it is the person who"
            " spoke first.",
            "In this talk anybody who is asked a question by name answers it at once. When the last line is no"
            " question, the first speaker goes on. Name the next speaker.",
            "Given a talk, please name the next speaker: the one to whom the last question is put, or, if the last line"
            " asks nothing, the one who opened the talk.",
            "Whose turn is it to speak? A question with a name in it hands the turn to that person. If the last line is"
            " no question, the turn goes back to the very first speaker. Write the name.",
        ),
        sample=_round,
        solve=lambda facts, params: str(facts[0]),
        anchors=(("last",), ("speak",)),
        rationale=lambda facts, params: (
            f"In the last turn {facts[1]} {'asks somebody by name' if facts[2] else 'asks no question'}."
        ),
    ),
)
