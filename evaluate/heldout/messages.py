"""Held-out families that judge a short piece of writing: review sentiment, spam, and the type of a sentence."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from kshot.evaluate.heldout.sorting import sorting
from kshot.tasks.family import Family, Params, Problem

# Each kind of thing reviewed has its own neutral openings, so that an opinion always fits what it is about and the
# opening says nothing of the sentiment.
OPENINGS = {
    "film": (
        "I saw this film with my sister on Friday.",
        "We watched this one at home last night.",
        "A colleague told me about this film.",
        "I had not read anything about it before.",
        "We picked this film for a rainy Sunday.",
    ),
    "product": (
        "I ordered this kettle online.",
        "I bought this vacuum cleaner in May.",
        "I ordered this desk lamp from a catalogue.",
        "I needed a new keyboard for work.",
        "I got this blender for our kitchen.",
    ),
    "restaurant": (
        "We had lunch here on Tuesday.",
        "This restaurant is next to my office.",
        "I came here for dinner with my parents.",
        "We booked a table for four.",
        "There is a new bistro in our street.",
    ),
}
POSITIVE = {
    "film": (
        "The story kept me guessing until the last minute.",
        "I laughed from start to finish.",
        "The actors are wonderful and the music is beautiful.",
        "The two hours flew by and I wanted more.",
        "It is the best thing I have seen all year.",
        "I would happily watch it again tomorrow.",
        "The jokes are great and the cast is superb.",
        "It is a clever plot, told with real warmth.",
        "Every scene looks gorgeous.",
        "My children loved every minute of it.",
        "The ending was perfect.",
        "It is smart, funny and full of heart.",
    ),
    "product": (
        "It works exactly as promised.",
        "It feels solid and looks great.",
        "It was worth every penny.",
        "I use it every day and have no complaints.",
        "It came early and was a joy to set up.",
        "I like it so much that I bought a second one.",
        "It is far better than my old one.",
        "The quality is excellent for such a low price.",
        "It has never let me down.",
        "It is the best purchase I have made this year.",
        "It does its job quietly and well.",
        "It is simple, sturdy and a pleasure to use.",
    ),
    "restaurant": (
        "The staff were friendly and the food was delicious.",
        "Fresh bread, kind waiters and fair prices.",
        "We got a lovely table by the window and a superb soup.",
        "I cannot wait to come back.",
        "They serve the best pasta I have ever eaten.",
        "The service was quick and everything tasted fresh.",
        "Our waiter was charming and the cake was heavenly.",
        "The menu is small, but every dish is a delight.",
        "It is cosy, clean and very welcoming.",
        "They made our visit unforgettable with their kindness.",
        "Generous portions and wonderful coffee.",
        "Everything was so tasty that not a crumb was left.",
    ),
}
NEGATIVE = {
    "film": (
        "The plot made no sense and the ending was lazy.",
        "I was so bored that I looked at my watch every five minutes.",
        "The acting is wooden and the jokes fall flat.",
        "Nobody in my family wanted to see how it ended.",
        "It is two hours of my life I will never get back.",
        "It was so bad that I gave up after thirty minutes.",
        "It is a dull story, told far too slowly.",
        "The dialogue is terrible and the effects look cheap.",
        "It was so slow that I fell asleep.",
        "The sound was so poor that I missed half the words.",
        "They turned a good book into a boring mess.",
        "I have rarely been so disappointed.",
    ),
    "product": (
        "It broke after two days.",
        "It stopped working within a week and nobody answers my emails.",
        "The plastic feels cheap and one part was missing.",
        "It is a complete waste of money.",
        "It was scratched and did not even switch on.",
        "It was so poor that it went in the bin the same day.",
        "It looks nothing like the picture, and I am disappointed.",
        "Nothing works as described.",
        "The instructions are useless and so is the help line.",
        "It is far too expensive for such poor quality.",
        "It smells of burnt plastic.",
        "I would never choose this brand again.",
    ),
    "restaurant": (
        "We waited an hour and the food came cold.",
        "The waiter was rude and got our order wrong.",
        "The tables were sticky and the soup was tasteless.",
        "Tiny portions at silly prices.",
        "The chicken was raw in the middle.",
        "I felt sick all night after the fish.",
        "The music was so loud that we left early.",
        "We will not be going back.",
        "The coffee tasted burnt and the cake was stale.",
        "Dirty plates, slow service and no apology.",
        "They charged us twice and refused to fix it.",
        "I have had better meals at petrol stations.",
    ),
}
OPINIONS = {"positive": POSITIVE, "negative": NEGATIVE}

SPAM = (
    "Congratulations! You have won a {prize}. Click the link now to claim it.",
    "URGENT: your bank account will be closed today. Confirm your password at this link.",
    "Earn {money} a week from home, no experience needed. Reply YES to start!",
    "You are our lucky visitor of the day! Send your card number to receive a free {prize}.",
    "Lose 10 kilos in 5 days with this secret pill. Order now, only 3 packs left!!!",
    "Dear friend, I am a prince and need your help to move {money}. Send me your bank details.",
    "FREE entry in our weekly draw for a {prize}! Text WIN to 62442 now.",
    "Your parcel is on hold. Pay a small fee with your card here within 24 hours or lose it.",
    "Lonely singles in your area want to meet you tonight. Click here!!!",
    "Double your money in one week! Our secret system never fails. Invest {money} today.",
    "Final notice: you are owed a refund of {money}. Enter your card details to collect it.",
    "Cheap brand watches, 90% off! Limited offer, click here before midnight!",
    "You have been selected for a {prize}. Just pay $20 in handling fees first.",
    "No credit? No problem! Instant loan of {money}, no questions asked. Call now!",
    "We noticed a virus on your computer. Download our free cleaner from this link at once.",
    "Make {money} from your sofa with this one weird trick. Sign up NOW!",
    "Your mailbox is full. Click here and type your password to keep your account.",
    "Act now! Miracle cream makes you look 20 years younger or your money back!!!",
    "WINNER!! Your phone number won {money} in our lottery. Call this premium number to claim.",
    "Get 10,000 new followers overnight for only $5. Click the link!",
    "Buy medicine online with no prescription, lowest prices, fast and secret delivery!",
    "This coin will rise 500% tomorrow! Send {money} now and become rich.",
    "You inherited {money} from an unknown uncle. Send a copy of your passport and a fee.",
    "Take our 1-minute survey and get a free {prize}, guaranteed! Only today, click here!",
    "Play at our online casino! {money} bonus for new players, click now!!!",
    "Your friend sent you a secret photo! Log in with your password here to see it.",
)
NOT_SPAM = (
    "Hi {name}, are we still on for lunch on Thursday?",
    "Mum, I will be home around seven. Shall I bring bread?",
    "The meeting with {name} has moved to room 4 at two o'clock.",
    "Thanks for the photos, {name}. The one at the lake is my favourite.",
    "Can you send me the notes from today's class? I missed the end.",
    "Happy birthday, {name}! Hope you have a lovely day.",
    "Running ten minutes late, the bus did not come. Start without me.",
    "Please find the minutes of Monday's meeting attached. Best, {name}",
    "Did you feed the cat before you left?",
    "{name} is ill today, so I will teach her group this afternoon.",
    "I left your keys with the neighbour, as you asked.",
    "Could you check page 3 of my report when you have time, {name}?",
    "We are out of milk. Can you get some on your way home?",
    "The plumber is coming between nine and eleven tomorrow, so please stay in.",
    "Good luck with your exam tomorrow, {name}! You will do fine.",
    "I finished the book you lent me. Shall I bring it on Saturday?",
    "Your dentist appointment is on 4 May at 10:30. Please ring us if you cannot come.",
    "Training is cancelled tonight because of the storm. See you next week.",
    "{name}, grandma is asking when you will visit. Give her a ring?",
    "Thanks for dinner last night. The soup was great, what was in it?",
    "I booked the train for Friday at 16:20. We arrive just before nine.",
    "The library book you reserved is ready to collect at the front desk.",
    "Can we swap shifts on Sunday? I have my cousin's wedding.",
    "Sorry, {name}, I cannot make it tonight. Maybe next week?",
    "I paid for the cinema tickets. You can give me your share tomorrow.",
    "The school trip leaves at 8:15. Please pack a lunch and a raincoat.",
)
PRIZES = ("brand new phone", "$1000 gift card", "luxury cruise", "new tablet", "holiday in the sun")
MONEY = ("$3,000", "$5,000", "$8,000", "$20,000")
NAMES = ("Sarah", "Emma", "Julia", "Nina", "Clara", "Helen")

# Without end marks the word order alone must tell the types apart: exclamations open with "What a ..." or "How ..." and
# keep the order of a statement, questions invert it, and commands open with a bare verb (or "Please" or "Do not").
SENTENCES = {
    "statement": (
        "The train to Bristol leaves at six",
        "My brother works in a hospital",
        "It rained all night",
        "We had soup for lunch",
        "There are twelve months in a year",
        "The library closes early on Fridays",
        "She has lived here since she was a child",
        "Our neighbours are painting their fence",
        "The baby is asleep upstairs",
        "I found these gloves on the bus",
        "Most birds can fly",
        "He forgot to post the letter",
        "The shop sells bread and milk",
        "They will move to Leeds in the spring",
    ),
    "question": (
        "Where did you put my keys",
        "What time does the film start",
        "Have you ever been to Norway",
        "Who left the window open",
        "Is your sister coming with us",
        "How many eggs do we need",
        "Why are the lights still on",
        "Did the parcel arrive yesterday",
        "Can your dog swim",
        "When will the bridge be finished",
        "Which of these coats is yours",
        "Do they sell stamps here",
        "How old is your grandfather",
        "What is the name of this river",
    ),
    "command": (
        "Close the door behind you",
        "Please pass me the salt",
        "Turn left at the next corner",
        "Do not touch the wet paint",
        "Wash your hands before dinner",
        "Write your name at the top of the page",
        "Please wait outside until I call you",
        "Put the milk back in the fridge",
        "Be quiet during the film",
        "Stir the sauce for five minutes",
        "Do not forget your umbrella",
        "Send me the report by noon",
        "Take off your muddy boots",
        "Switch off your phone",
    ),
    "exclamation": (
        "What a beautiful garden you have",
        "How lovely it is to see you again",
        "What a terrible mess this is",
        "How fast that horse runs",
        "What lovely flowers these are",
        "How tall your son has grown",
        "What a long day it has been",
        "How cold the water is",
        "What an amazing goal that was",
        "How bright the stars are tonight",
        "What a silly mistake I made",
        "How kind you are",
        "What delicious soup this is",
        "How quickly the summer has gone by",
    ),
}


def sample_review(rng: Random, params: Params) -> Problem:
    sentiment = rng.choice(tuple(OPINIONS))
    topic = rng.choice(tuple(OPENINGS))
    opinion = rng.choice(OPINIONS[sentiment][topic])
    opening = rng.choice(OPENINGS[topic])
    return Problem(f"{opening} {opinion}", {"opinion": opinion, "once": opinion})


def solve_review(facts: Mapping[str, Any], params: Params) -> str:
    return next(label for label, topics in OPINIONS.items() for texts in topics.values() if facts["opinion"] in texts)


def sample_message(rng: Random, params: Params) -> Problem:
    template = rng.choice(rng.choice((SPAM, NOT_SPAM)))
    text = template.format(prize=rng.choice(PRIZES), money=rng.choice(MONEY), name=rng.choice(NAMES))
    return Problem(text, {"template": template, "once": template})


def solve_message(facts: Mapping[str, Any], params: Params) -> str:
    return "spam" if facts["template"] in SPAM else "not spam"


def _fixed(*labels: str) -> Callable[[Params], tuple[str, ...]]:
    return lambda params: labels


FAMILIES = (
    Family(
        id="review_sentiment",
        category="classification",
        descriptions=(
            "Is the review positive or negative? Answer with one word: positive or negative.",
            "Read the review and decide what its writer felt. Reply with positive or negative.",
            "Label the sentiment of this review as positive or negative.",
        ),
        sample=sample_review,
        solve=solve_review,
        anchors=(("positive",), ("negative",)),
        labels=_fixed("positive", "negative"),
    ),
    Family(
        id="spam_detection",
        category="classification",
        descriptions=(
            "Is this message spam? Answer with spam or not spam.",
            "Decide whether the message is unwanted advertising or fraud. Write spam if so and not spam if not.",
            "Sort the message into one of two folders: spam, not spam.",
        ),
        sample=sample_message,
        solve=solve_message,
        anchors=(("spam",), ("not spam",)),
        labels=_fixed("spam", "not spam"),
    ),
    sorting(
        "sentence_type",
        "classification",
        SENTENCES,
        (
            "The end mark of this sentence is missing. Is it a statement, a question, a command or an exclamation? "
            "Answer with one of these words.",
            "Say which type of sentence this is, although its punctuation was removed: statement, question, command or "
            "exclamation.",
            "Classify the unpunctuated sentence as statement, question, command or exclamation.",
        ),
        fact="sentence",
    ),
)
