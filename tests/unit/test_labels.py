"""Which labels the records of a set ask for and show."""

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from kshot.config import GenerateConfig, MixtureConfig
from kshot.core.prompting import literal_pattern, names_all
from kshot.core.seeding import stream
from kshot.core.types import Example
from kshot.generate.compose.composer import allocate_records, compose_records
from kshot.generate.compose.labels import LabelTurns, choose_labels
from kshot.generate.compose.wrappers import (
    LABEL_RULES,
    MAX_LISTED_LABELS,
    RULES,
    InstructionWrapper,
    format_label_list,
    sample_wrapper,
)
from kshot.generate.sources import select_sources
from kshot.tasks.source import choose_examples
from tests.unit.composing import NOTHING, SEEDS, TASKS, composed

FOR_LABELS = [rule for wordings in LABEL_RULES for rule in wordings]


def test_briefs_leave_the_labels_to_the_demonstrations() -> None:
    sources = [source for source in select_sources([], [SEEDS / "decisions.yaml"]) if source.no_label_instructions]
    assert len(sources) > 70
    for source in sources:
        for draw in range(30):
            params = source.params(stream(draw, source.id))
            for brief in source.no_label_instructions:
                named = [x for x in source.labels(params) if literal_pattern(x).search(brief.format(**params))]
                assert not named, (source.id, brief, named)
    config = GenerateConfig(
        records=900,
        no_label_fraction=0.6,
        symbol_tuning_fraction=0.2,
        label_imbalance_fraction=0.0,
        mixture=MixtureConfig(zero_shot=0.2, few_shot=0.7, demos_only=0.1),
    )
    records, _ = compose_records(sources, {}, config, NOTHING, 1, lambda done=1, note="": None)
    brief = [record for record in records if record.meta.mode == "no_labels"]
    assert len(brief) > 150
    assert {record.meta.symbol_tuned for record in brief} == {False, True}
    for record in brief:
        assert record.meta.form == "few_shot"
        assert record.meta.k > 1
        assert len(record.meta.loss_spans) == record.meta.k - 2
        assert re.search(rf"(?m){re.escape(record.output)}\W*$", record.instruction), record
    off = compose_records(
        sources, {}, config.model_copy(update={"no_label_fraction": 0.0}), NOTHING, 1, lambda done=1, note="": None
    )[0]
    assert not any(record.meta.mode == "no_labels" for record in off)


def test_a_frame_tells_the_labels_that_a_wording_leaves_out_also_without_demonstrations() -> None:
    sources = [source for source in select_sources([], [SEEDS / "decisions.yaml"]) if source.no_label_instructions]
    config = GenerateConfig(
        records=600,
        wrapped_fraction=1.0,
        no_label_fraction=0.6,
        mixture=MixtureConfig(zero_shot=0.6, few_shot=0.3, demos_only=0.1),
    )
    records, _ = compose_records(sources, {}, config, NOTHING, 1, lambda done=1, note="": None)
    wrapped = [record for record in records if record.meta.wrapped]
    assert {record.meta.form for record in wrapped} == {"zero_shot", "few_shot"}
    assert all(record.meta.wrapped for record in records if record.meta.form != "demos_only")
    brief = [record for record in wrapped if record.meta.mode == "no_labels" and not record.meta.k]
    assert len(brief) > 100
    by_id = {source.id: source for source in sources}
    for record in brief:
        told = record.instruction.split("\n\n")[0]
        assert literal_pattern(record.output).search(told), record
        labels = by_id[record.meta.family].labels({}) if not re.search("-[0-9a-f]{6}$", record.meta.task) else ()
        assert names_all(told, labels), record
    assert any(rule in record.instruction for record in wrapped for rule in FOR_LABELS)
    off = compose_records(
        sources, {}, config.model_copy(update={"wrapped_fraction": 0.0}), NOTHING, 1, lambda done=1, note="": None
    )[0]
    assert not any(record.meta.wrapped for record in off)
    assert not any(record.meta.mode == "no_labels" and not record.meta.k for record in off)


@given(st.integers(), st.integers(0, 20), st.booleans())
def test_a_frame_keeps_the_wording_and_lists_every_label_once(seed: int, n: int, omits_labels: bool) -> None:
    labels = [f"label{number}" for number in range(n)]
    wrapper = sample_wrapper(stream(seed, "frame"), labels, must_list=omits_labels and 0 < n <= MAX_LISTED_LABELS)
    text = wrapper.wrap("Do it so.\nLike this.")
    assert "Do it so.\nLike this." in text
    assert text != "Do it so.\nLike this."
    found = re.findall(r"label\d+", text)
    assert sorted(found) in ([], sorted(labels))
    if omits_labels and 0 < n <= MAX_LISTED_LABELS:
        assert sorted(found) == sorted(labels)
    if not n:
        assert not any(rule in text for rule in FOR_LABELS)
    for wordings in (*LABEL_RULES, *RULES):
        assert sum(rule in text for rule in wordings) <= 1, "one rule in two wordings"


def test_every_layout_of_a_list_names_every_label() -> None:
    layouts = {
        format_label_list(stream(seed, "list"), ["no", "not sure", "A"]).partition("no")[0] for seed in range(300)
    }
    assert len(layouts) > 12
    for seed in range(300):
        assert names_all(format_label_list(stream(seed, "list"), ["no", "not sure", "A"]), ["no", "not sure", "A"])


def test_a_list_that_is_no_sentence_has_lines_of_its_own() -> None:
    wrapper = InstructionWrapper("Task:", "Options: a, b", ("Be brief.", "Be exact."))
    assert wrapper.wrap("Do it.") == "Task:\nDo it.\nOptions: a, b\nBe brief.\nBe exact."
    wrapper = InstructionWrapper("Task:", "Choose between a or b.", ("Be brief.",))
    assert wrapper.wrap("Do it.") == "Task: Do it. Choose between a or b. Be brief."
    assert wrapper.wrap("1. Do it.\n2. Stop.").count("\n") == 4
    assert InstructionWrapper(rules=("Be brief.",), separate_lines=True).wrap("Do it.") == "Do it.\nBe brief."


def test_an_answer_that_only_the_instruction_tells_is_not_asked_for_without_it() -> None:
    families = ["words_with_initial", "extract_members_of_kind", "missing_key", "who_says_so", "winner_under_the_rule"]
    sources = select_sources(families, [])
    config = GenerateConfig(records=400, shots=[2], mixture=MixtureConfig(zero_shot=0.0, few_shot=0.0, demos_only=1.0))
    records, rejects = compose_records(sources, {}, config, NOTHING, 1, lambda done=1, note="": None)
    assert len(records) == 400
    assert any(reject.reason == "only the instruction shows its answer" for reject in rejects)
    special = {"none", "nothing", "nobody", "draw", "unknown", "null", "missing", "no winner"}
    asked = [record for record in records if record.output in special]
    assert asked, "they are asked for where a demonstration shows them"
    assert all(record.output in record.instruction for record in asked)


def test_labels_drawn_unevenly_reward_counting_them_and_not_copying_the_last() -> None:
    def right(skewed: bool) -> tuple[float, float]:
        """How often the most frequent label of the demonstrations is the query's, and how often that of the last is."""
        turns = LabelTurns()
        draws = [choose_labels(stream(seed, "draw"), "ab", 7, skewed, False, turns) for seed in range(800)]
        mixed = [drawn for drawn in draws if len(set(drawn[:-1])) > 1]
        counted = sum(Counter(drawn[:-1]).most_common(1)[0][0] == drawn[-1] for drawn in mixed)
        return counted / len(mixed), sum(drawn[-2] == drawn[-1] for drawn in mixed) / len(mixed)

    counted, copied = right(skewed=True)
    assert counted > 0.6
    assert abs(copied - 0.5) < 0.05
    assert all(abs(share - 0.5) < 0.07 for share in right(skewed=False))


def test_uneven_labels_teach_the_answer_only_and_need_demonstrations_to_count() -> None:
    even, _ = composed(
        records=300, families=["kind_of_string"], label_imbalance_fraction=0.0, symbol_tuning_fraction=0.0
    )
    uneven, _ = composed(
        records=300, families=["kind_of_string"], label_imbalance_fraction=1.0, symbol_tuning_fraction=0.0
    )
    own = [[r for r in records if r.meta.family == "kind_of_string"] for records in (even, uneven)]
    taught = [{k: {bool(r.meta.loss_spans) for r in part if r.meta.k == k} for k in (1, 4)} for part in own]
    assert taught == [{1: {True}, 4: {True}}, {1: {True}, 4: {False}}]


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["yes no", "No Yes", "T F", "red blue green"]), min_size=1, max_size=60), st.booleans())
def test_each_label_of_a_set_has_its_turn_over_all_tasks(tasks: list[str], few: bool) -> None:
    turns, asked = LabelTurns(), Counter[str]()
    for number, labels in enumerate(tasks):
        *demos, last = choose_labels(stream(number, "draw"), labels.split(), 3 * few, True, True, turns)
        assert len(demos) == 3 * few
        assert not few or set(demos) == set(labels.split()), "each is shown where there is room"
        asked[last.lower()] += 1
    for labels in ("yes no", "t f", "red blue green"):
        counts = [asked[label] for label in labels.split()]
        assert max(counts) - min(counts) <= 1


def test_turns_with_and_without_demonstrations_are_counted_apart() -> None:
    turns = LabelTurns()
    first = [turns.take(stream(1, "a", number), ("yes", "no"), 0) for number in range(2)]
    assert sorted(first) == ["no", "yes"]
    for number in range(9):
        turns.take(stream(2, "b", number), ("yes", "no"), 4)
    third = turns.take(stream(3, "c"), ("yes", "no"), 0)
    assert turns.take(stream(4, "d"), ("yes", "no"), 0) != third


def test_a_set_asks_for_all_labels_of_a_kind_equally_often() -> None:
    records, _ = composed(records=900, label_imbalance_fraction=0.9)
    for one, other in (("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f")):
        for few in (False, True):
            found = Counter(r.output.lower() for r in records if (r.meta.k > 0) == few)
            assert abs(found[one] - found[other]) <= 8, (one, found[one], found[other])


def test_what_only_demonstrations_tell_stands_among_them() -> None:
    """The label of a query, where labels are made up or no instruction names them."""
    records, _ = composed(
        records=700,
        mixture={"zero_shot": 0.0, "few_shot": 0.3, "demos_only": 0.7},
        symbol_tuning_fraction=0.5,
        label_imbalance_fraction=0.9,
    )
    labelled = {source.family for source in select_sources([], [TASKS]) if source.has_labels}
    found = [r for r in records if r.meta.family in labelled and (r.meta.symbol_tuned or r.meta.form == "demos_only")]
    assert len(found) > 100
    unseen = [r for r in found if r.output not in r.instruction]
    assert len(unseen) <= 0.03 * len(found), [r.instruction for r in unseen]


def test_made_up_labels_take_the_place_of_labels_only() -> None:
    """Not of an article or of another word that happens to be a label too."""
    families = ["choose_article", "article_error", "number_of_subject"]
    forms = {"zero_shot": 0.0, "few_shot": 1.0, "demos_only": 0.0}
    records, _ = composed(
        records=200, families=families, tasks=[], symbol_tuning_fraction=1.0, mixture=forms, shots=[4]
    )
    of_articles = [r for r in records if r.meta.symbol_tuned and r.meta.family == "choose_article"]
    assert len(of_articles) > 5
    for record in of_articles:
        for symbol in {
            line.partition(": ")[2] for line in record.instruction.splitlines() if line.startswith("Output")
        }:
            if symbol:
                wording = record.instruction.partition("Input")[0]
                assert wording.count(symbol) == wording.count(f"'{symbol}'")
    kept = [r.instruction for r in records if r.meta.symbol_tuned and "'a' and 'an'" in r.instruction]
    assert kept, "the articles that a task is about are no labels of it"


def test_tasks_with_labels_get_the_share_that_is_asked_for() -> None:
    sources = select_sources([], sorted(SEEDS.glob("*.yaml")))
    labelled = {source.id for source in sources if source.has_labels}
    for share in (0.0, 0.5, 0.9):
        counts = allocate_records(sources, GenerateConfig(records=1200, classification_fraction=share))
        assert sum(counts.values()) == 1200
        assert sum(n for name, n in counts.items() if name in labelled) == 1200 * share
    few = [source for source in sources if source.has_labels or source.example_count]
    counts = allocate_records(few, GenerateConfig(records=3000, classification_fraction=0.1, max_records_per_example=1))
    assert sum(counts.values()) == 3000
    assert all(counts[source.id] <= source.example_count for source in few if source.example_count)


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abcd"), max_size=12))
def test_wanted_outputs_come_in_their_order(wanted: list[str], there: list[str]) -> None:
    candidates = [Example(str(i), output) for i, output in enumerate(there)]
    found = choose_examples(candidates, len(wanted), wanted)
    assert len(found) == min(len(wanted), len(there))
    assert len({example.input for example in found}) == len(found)
    if all(there.count(output) >= wanted.count(output) for output in wanted):
        assert [example.output for example in found] == wanted
    if len(there) >= len(wanted) > 0 and wanted[-1] in there:
        assert found[-1].output == wanted[-1]


def test_a_rule_that_a_few_demonstrations_cannot_show_keeps_its_instruction() -> None:
    only_demos = GenerateConfig(
        families=["labels_by_letter", "join_with_separator"],
        records=60,
        mixture=MixtureConfig(zero_shot=0, few_shot=0),
        symbol_tuning_fraction=1.0,
    )
    sources = select_sources(only_demos.families, [])
    records = compose_records(sources, {}, only_demos, NOTHING, 1, lambda done=1, note="": None)[0]
    forms = Counter((record.meta.family, record.meta.form) for record in records)
    assert set(forms) == {("labels_by_letter", "few_shot"), ("join_with_separator", "demos_only")}
