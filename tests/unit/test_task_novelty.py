"""Task novelty: by words and by subject."""

from kshot.generate.sources import select_sources
from kshot.generate.synthesis.novelty import TaskNovelty


def test_novelty_compares_words_and_subject() -> None:
    known = [text for source in select_sources([], []) for text in source.descriptions]
    novelty = TaskNovelty([*known, "Write the plural of the noun.", "Decide whether the message is urgent or calm."])
    assert novelty.find_known("Write the noun's plural.") == "Write the plural of the noun."
    assert novelty.find_known("Decide if messages are calm or urgent.") is not None
    assert novelty.find_known("Name the river that flows through the city.") is None
    novelty.add("Name the river that flows through the city.")
    assert novelty.find_known("Name the river which flows through that city.") is not None
