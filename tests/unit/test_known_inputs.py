"""Copies among inputs: what differs decides, in any language."""

import pytest

from kshot.generate.curation.copies.known_inputs import STEMMERS, KnownInputs

GOLD = (
    "How do I activate my card?",
    "I love this phone a lot",
    "My order has not arrived yet",
    "What can I carry on to Delta",
    "book a room in Paris for 2 nights",
    "SELECT name FROM people WHERE age > 30",
    "The table is 250 cm long.",
    "river",
)


@pytest.mark.parametrize(
    "text",
    [
        "Hi, can you tell me how I could activate my card please?",
        "how do i ACTIVATE my cards",
        "My order hasn’t arrived yet.",
        "what can I carry on to delta?",
        "Booking rooms in Paris for 2 nights",
        "The table is 250 cm long!",
        "the TABLE is “250 cm” long.",
        "River",
    ],
)
def test_known_inputs_find_an_input_that_says_the_same(text: str) -> None:
    assert text in KnownInputs(GOLD)


@pytest.mark.parametrize(
    "text",
    [
        "How do I activate my phone?",
        "Why do I activate my card?",
        "When can I activate my card?",
        "I hate this phone a lot",
        "My order has arrived yet",
        "book a room in Paris for 3 nights",
        "book a room in Rome for 2 nights",
        "SELECT name FROM people WHERE age < 30",
        "The table is 350 cm long.",
        "rivers",
    ],
)
def test_a_changed_number_negation_or_content_word_makes_another_input(text: str) -> None:
    assert text not in KnownInputs(GOLD)


@pytest.mark.parametrize(
    ("known", "copy", "other"),
    [
        (
            "Wie kann ich meine Karte aktivieren?",
            "Wie kann ich bitte meine Karten aktivieren?",
            "Wie kann ich meine Karte sperren?",
        ),
        (
            "Je voudrais annuler mon billet de train",
            "Annuler le billet de train s'il vous plaît",
            "Je voudrais changer mon billet de train",
        ),
        (
            "Quiero cambiar la contraseña de mi cuenta",
            "Hola, quiero cambiar las contraseñas de la cuenta por favor",
            "No quiero cambiar la contraseña de mi cuenta",
        ),
        (
            "Я хочу сегодня же заблокировать мою банковскую карту",
            "Пожалуйста, сегодня заблокировать банковскую карту",
            "Я хочу сегодня же открыть мою банковскую карту",
        ),
        ("我的银行卡丢了怎么办", "请问我的银行卡丢了怎么办呢？", "我的银行卡坏了怎么办"),
        ("注文した商品が届きません", "注文した商品が届きませんよ。", "注文した商品が壊れました"),
    ],
    ids=["de", "fr", "es", "ru", "zh", "ja"],
)
def test_known_inputs_know_the_function_words_of_other_languages(known: str, copy: str, other: str) -> None:
    inputs = KnownInputs([known])
    assert copy in inputs
    assert other not in inputs


def test_words_of_politeness_alone_are_what_a_greeting_says() -> None:
    assert "Thanks, my dear friend" not in KnownInputs(["Hello, my dear friend"], "en")


def test_add_says_whether_an_input_is_new() -> None:
    known = KnownInputs(["Please cancel my flight to Rome"], "en")
    assert known.add("Please cancel my flight to Oslo")
    assert not known.add("can you cancel the flight to Oslo")
    new = KnownInputs(language="en")
    texts = ["Cancel the flight to Oslo", "Cancel my flights to Oslo", "Cancel the train to Oslo"]
    assert sum(not new.add(text) for text in texts) == 1


def test_every_stemmer_that_is_named_exists() -> None:
    from snowballstemmer import algorithms

    assert STEMMERS
    assert set(STEMMERS.values()) <= set(algorithms())
