"""The held-out task most similar to a training family."""

from pathlib import Path

from kshot.generate.curation.nearest_heldout import nearest_heldout_tasks
from kshot.suites.loading import load_suite


def test_nearest_heldout_tasks_finds_the_most_similar_instruction(suite: Path) -> None:
    found = nearest_heldout_tasks(
        {"clock": ["Tell whether it is day or night.", "{x}"], "parrot": ["Say this word again, {name}."]},
        [load_suite(str(suite))],
    )
    assert [(near.family, near.suite, near.task) for near in found] == [
        ("clock", "tinysuite", "sky"),
        ("parrot", "tinysuite", "echo"),
    ]
    assert all(0.4 < near.similarity < 1 for near in found)
    same = nearest_heldout_tasks({"same": ["Say the word again."]}, [load_suite(str(suite))])
    assert (same[0].similarity, same[0].description) == (1.0, "Say the word again.")
    assert nearest_heldout_tasks({"slots": ["{word} {again}"]}, [load_suite(str(suite))])[0].similarity == 0
    assert nearest_heldout_tasks({"a": ["b"]}, []) == []
