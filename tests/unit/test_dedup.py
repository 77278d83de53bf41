"""Which records are copies of one another, and which are not."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshot.config import DedupConfig, GenerateConfig, MixtureConfig
from kshot.core.text import jaccard, shingles
from kshot.core.types import Record, Reject
from kshot.generate.compose.composer import AcceptedRecord, stream_records
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.dedup import NearIndex, SeenKeys, lsh_bands, near_duplicates
from kshot.generate.sources import select_sources
from kshot.tasks.source import TaskSource
from tests.unit.composing import SEEDS

LONG = "on the third day the old keeper of the light walked down to the harbour and counted every boat that lay there"


def changed(rng: random.Random, text: str, words: int) -> str:
    tokens = text.split()
    for position in rng.sample(range(len(tokens)), words):
        tokens[position] = f"w{rng.randrange(10**6)}"
    return " ".join(tokens)


def test_near_duplicates_returns_the_position_of_the_first() -> None:
    texts = [LONG, "short text", LONG.upper() + " ", "Short  TEXT", LONG.replace("third", "fourth"), LONG[::-1], ""]
    assert near_duplicates(texts, 0.7).tolist() == [-1, -1, 0, 1, 0, -1, -1]
    assert near_duplicates(texts, 0.95).tolist() == [-1, -1, 0, 1, -1, -1, -1]
    assert near_duplicates([], 0.8).tolist() == []


def test_short_texts_are_compared_exactly_only() -> None:
    one, other = "the word is dog now", "the word is dog then"
    assert near_duplicates([one, other], 0.3).tolist() == [-1, -1]
    assert near_duplicates([one, other], 0.3, min_shingles=1).tolist() == [-1, 0]


@pytest.mark.parametrize(("one", "other"), [("age > 30", "age < 30"), ("250 cm", "350 cm"), ("four days", "five days")])
def test_texts_that_differ_in_a_number_or_an_operator_are_no_near_duplicates(one: str, other: str) -> None:
    texts = [f"{LONG} and found {part}" for part in (one, other, one)]
    assert near_duplicates([*texts, f"{texts[0]} then"], 0.7).tolist() == [-1, -1, 0, 0]
    index = NearIndex(0.7)
    assert [index.add(text) for text in texts] == [None, None, 0]


def test_near_duplicates_compare_scripts_without_spaces_by_character() -> None:
    text = "昨天晚上我和朋友一起去电影院看了一部很有意思的电影然后回家"
    assert near_duplicates([text, text + "了", "今天" + text[::-1]], 0.8).tolist() == [-1, 0, -1]


def planted() -> tuple[list[str], dict[int, float]]:
    """Texts, of which some copy an earlier one with a few words changed; for these their similarity to it."""
    rng = random.Random(3)
    vocabulary = [f"v{n}" for n in range(400)]
    texts: list[str] = []
    similar: dict[int, float] = {}
    for place in range(1500):
        if place > 20 and rng.random() < 0.2:
            source = rng.randrange(20)
            texts.append(changed(rng, texts[source], rng.randint(0, 4)))
            similar[place] = jaccard(shingles(texts[source]), shingles(texts[place]))
        else:
            texts.append(" ".join(rng.choices(vocabulary, k=rng.randint(30, 60))))
    return texts, similar


def test_planted_copies_are_found_and_nothing_else_is() -> None:
    texts, similar = planted()
    found = near_duplicates(texts, 0.8)
    near = {place for place, similarity in similar.items() if similarity >= 0.8}
    assert len(near) > 100
    assert len([place for place in near if found[place] >= 0]) >= 0.99 * len(near)
    for place, earlier in enumerate(found.tolist()):
        if earlier >= 0:
            assert earlier < place
            assert found[earlier] == -1
            assert jaccard(shingles(texts[place]), shingles(texts[earlier])) >= 0.8


def test_small_steps_do_not_remove_a_text_unlike_all_that_stay() -> None:
    words = [f"v{n}" for n in range(40)]
    one = [*words[:10], "other", *words[11:]]
    two = [*one[:30], "another", *one[31:]]
    chain = [" ".join(text) for text in (words, one, two)]
    assert jaccard(shingles(chain[1]), shingles(chain[2])) > 0.8 > jaccard(shingles(chain[0]), shingles(chain[2]))
    assert near_duplicates(chain, 0.8).tolist() == [-1, 0, -1]


def test_near_index_finds_what_near_duplicates_finds() -> None:
    texts, _ = planted()
    index = NearIndex(0.8)
    taken: list[int] = []
    one_by_one = []
    for place, text in enumerate(texts):
        number = index.add(text)
        one_by_one.append(-1 if number is None else taken[number])
        if number is None:
            taken.append(place)
    assert one_by_one == near_duplicates(texts, 0.8).tolist()


@given(st.floats(0.3, 1.0))
def test_lsh_bands_miss_few_pairs_at_the_threshold(threshold: float) -> None:
    count, rows = lsh_bands(threshold)
    assert count * rows <= 128
    assert (1 - threshold**rows) ** count <= 0.0051


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_near_duplicates_refuses_a_threshold_that_is_no_fraction(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        near_duplicates([LONG], threshold)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 2**64 - 1) | st.integers(1, 300), max_size=600))
def test_seen_keys_is_a_set(keys: list[int]) -> None:
    seen, known = SeenKeys(), set[int]()
    for key in keys:
        assert seen.add(key) == (key not in known)
        known.add(key)
    assert len(seen) == len(known)


def compose(records: int, sources: Sequence[TaskSource], **dedup: object) -> tuple[list[Record], list[Reject]]:
    options = GenerateConfig(records=records, dedup=DedupConfig.model_validate(dedup))
    events = list(stream_records(sources, {}, options, Decontaminator([]), 2, lambda done=1, note="": None))
    return [e.record for e in events if isinstance(e, AcceptedRecord)], [e for e in events if isinstance(e, Reject)]


def plurals() -> list[TaskSource]:
    return select_sources(["plural_form"], [])


def test_small_spaces_give_distinct_records_and_say_what_was_a_duplicate() -> None:
    config = GenerateConfig(
        records=900, mixture=MixtureConfig(zero_shot=1, few_shot=0, demos_only=0), eval_template_fraction=1.0
    )
    events = list(stream_records(plurals(), {}, config, Decontaminator([]), 2, lambda done=1, note="": None))
    records = [event.record for event in events if isinstance(event, AcceptedRecord)]
    rejects = [event for event in events if isinstance(event, Reject)]
    assert len({(" ".join(r.instruction.lower().split()), r.output.lower()) for r in records}) == len(records)
    assert {reject.reason for reject in rejects} == {"duplicate"}


def test_near_duplicates_are_rejected_only_where_configured() -> None:
    """A long gold example in two instructions is one; with other demonstrations around it, it is none."""
    names = {"what_happens_next", "where_to_look", "does_person_know"}
    sources = [source for source in select_sources([], [SEEDS / "decisions.yaml"]) if source.id in names]
    assert len(sources) == 3
    off, none = compose(84, sources)
    on, rejects = compose(84, sources, near=0.8)
    assert "near-duplicate" not in {reject.reason for reject in none}
    assert Counter(reject.reason for reject in rejects)["near-duplicate"] > 10

    def most_times(records: list[Record], few_shot: bool) -> int:
        return max(Counter(r.meta.query_id for r in records if bool(r.meta.k) == few_shot).values())

    assert most_times(off, few_shot=False) > 1
    assert most_times(on, few_shot=False) == 1
    assert most_times(on, few_shot=True) > 1


def yaml_sources(folder: Path, **examples: list[tuple[str, str]]) -> list[TaskSource]:
    """A source for each name, with its own wording and these (input, output) pairs."""
    path = folder / "tasks.yaml"
    rows = []
    for name, pairs in examples.items():
        found = [{"input": text, "output": output} for text, output in pairs]
        rows.append({"id": name, "category": "c", "descriptions": [f"Do {name}."], "examples": found})
    path.write_text(json.dumps(rows))
    return [source for source in select_sources(["plural_form"], [path]) if source.example_count]


def test_exact_duplicates_are_the_same_but_for_case_and_space(tmp_path: Path) -> None:
    sources = yaml_sources(tmp_path, one=[("A red car", "Car"), ("a  red car", "car"), ("a blue car", "car")])
    options = {
        "records": 6,
        "mixture": MixtureConfig(zero_shot=1, few_shot=0, demos_only=0),
        "eval_template_fraction": 1.0,
    }

    def outputs(exact: bool) -> list[str]:
        config = GenerateConfig.model_validate({**options, "dedup": DedupConfig(exact=exact)})
        events = stream_records(sources, {}, config, Decontaminator([]), 1, lambda done=1, note="": None)
        return sorted(event.record.output for event in events if isinstance(event, AcceptedRecord))

    assert outputs(exact=False) == ["Car", "car", "car"]
    assert len(outputs(exact=True)) == 2


def test_records_without_an_instruction_are_compared_across_tasks(tmp_path: Path) -> None:
    pairs = [("red", "1"), ("blue", "2"), ("green", "3")]
    sources = yaml_sources(tmp_path, one=pairs, other=pairs)
    options = {
        "records": 12,
        "shots": [2],
        "eval_template_fraction": 1.0,
        "mixture": MixtureConfig(zero_shot=0, few_shot=0, demos_only=1),
    }
    config = GenerateConfig.model_validate(options)
    events = list(stream_records(sources, {}, config, Decontaminator([]), 1, lambda done=1, note="": None))
    records = [event.record for event in events if isinstance(event, AcceptedRecord)]
    assert {record.meta.form for record in records} == {"demos_only"}
    assert len({record.meta.id for record in records}) == len(records) == 6


def test_near_duplicates_leave_short_questions_alone() -> None:
    records, rejects = compose(300, plurals(), near=0.5)
    assert len(records) == 300
    assert sum(record.meta.k == 0 for record in records) > 60
    zero_shot = {reject.candidate for reject in rejects if reject.reason == "near-duplicate"}
    assert not [text for text in zero_shot if len(text.split()) < 12]
