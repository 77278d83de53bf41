"""One sampled record: which instruction, labels and made-up words it shows."""

import re
from collections import Counter

from kshot.config import GenerateConfig, MixtureConfig
from kshot.core.prompting import literal_pattern, names_all
from kshot.core.seeding import stream
from kshot.generate.compose.composer import compose_records
from kshot.generate.compose.wrappers import (
    LABEL_RULES,
)
from kshot.generate.sources import select_sources
from tests.unit.composing import NOTHING, SEEDS, TASKS, composed

FOR_LABELS = [rule for wordings in LABEL_RULES for rule in wordings]


def test_instructions_without_labels_leave_them_to_the_demonstrations() -> None:
    sources = [source for source in select_sources([], [SEEDS / "decisions.yaml"]) if source.no_label_instructions]
    assert len(sources) > 70
    for source in sources:
        for draw in range(30):
            params = source.params(stream(draw, source.id))
            for text in source.no_label_instructions:
                named = [x for x in source.labels(params) if literal_pattern(x).search(text.format(**params))]
                assert not named, (source.id, text, named)
    config = GenerateConfig(
        records=900,
        no_label_fraction=0.6,
        symbol_tuning_fraction=0.2,
        label_imbalance_fraction=0.0,
        mixture=MixtureConfig(zero_shot=0.2, few_shot=0.7, demos_only=0.1),
    )
    records, _ = compose_records(sources, {}, config, NOTHING, 1, lambda done=1, note="": None)
    without_labels = [record for record in records if record.meta.mode == "no_labels"]
    assert len(without_labels) > 150
    assert {record.meta.symbol_tuned for record in without_labels} == {False, True}
    for record in without_labels:
        assert record.meta.form == "few_shot"
        assert record.meta.k > 1
        assert len(record.meta.loss_spans) == record.meta.k - 2
        assert re.search(rf"(?m){re.escape(record.output)}\W*$", record.instruction), record
    off = compose_records(
        sources, {}, config.model_copy(update={"no_label_fraction": 0.0}), NOTHING, 1, lambda done=1, note="": None
    )[0]
    assert not any(record.meta.mode == "no_labels" for record in off)


def test_a_wrapper_lists_the_labels_that_an_instruction_omits() -> None:
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
    without_labels = [record for record in wrapped if record.meta.mode == "no_labels" and not record.meta.k]
    assert len(without_labels) > 100
    by_id = {source.id: source for source in sources}
    for record in without_labels:
        instruction = record.instruction.split("\n\n")[0]
        assert literal_pattern(record.output).search(instruction), record
        labels = by_id[record.meta.family].labels({}) if not re.search("-[0-9a-f]{6}$", record.meta.task) else ()
        assert names_all(instruction, labels), record
    assert any(rule in record.instruction for record in wrapped for rule in FOR_LABELS)
    off = compose_records(
        sources, {}, config.model_copy(update={"wrapped_fraction": 0.0}), NOTHING, 1, lambda done=1, note="": None
    )[0]
    assert not any(record.meta.wrapped for record in off)
    assert not any(record.meta.mode == "no_labels" and not record.meta.k for record in off)


def test_an_answer_that_only_the_instruction_shows_needs_the_instruction() -> None:
    families = ["words_with_initial", "extract_members_of_kind", "missing_key", "who_says_so", "winner_under_the_rule"]
    sources = select_sources(families, [])
    config = GenerateConfig(records=400, shots=[2], mixture=MixtureConfig(zero_shot=0.0, few_shot=0.0, demos_only=1.0))
    records, rejects = compose_records(sources, {}, config, NOTHING, 1, lambda done=1, note="": None)
    assert len(records) == 400
    assert any(reject.reason == "only the instruction shows its answer" for reject in rejects)
    special = {"none", "nothing", "nobody", "draw", "unknown", "null", "missing", "no winner"}
    special_records = [record for record in records if record.output in special]
    assert special_records, "they occur where a demonstration shows them"
    assert all(record.output in record.instruction for record in special_records)


def test_imbalanced_records_have_loss_on_the_answer_only() -> None:
    balanced, _ = composed(
        records=300, families=["kind_of_string"], label_imbalance_fraction=0.0, symbol_tuning_fraction=0.0
    )
    imbalanced, _ = composed(
        records=300, families=["kind_of_string"], label_imbalance_fraction=1.0, symbol_tuning_fraction=0.0
    )
    by_balance = [[r for r in records if r.meta.family == "kind_of_string"] for records in (balanced, imbalanced)]
    has_loss = [{k: {bool(r.meta.loss_spans) for r in part if r.meta.k == k} for k in (1, 4)} for part in by_balance]
    assert has_loss == [{1: {True}, 4: {True}}, {1: {True}, 4: {False}}]


def test_labels_that_only_demonstrations_show_are_among_them() -> None:
    """The label of a query, where labels are made up or no instruction names them."""
    records, _ = composed(
        records=700,
        mixture={"zero_shot": 0.0, "few_shot": 0.3, "demos_only": 0.7},
        symbol_tuning_fraction=0.5,
        label_imbalance_fraction=0.9,
    )
    labelled = {source.family for source in select_sources([], [TASKS]) if source.has_labels}
    remapped = [
        r for r in records if r.meta.family in labelled and (r.meta.symbol_tuned or r.meta.form == "demos_only")
    ]
    assert len(remapped) > 100
    unseen = [r for r in remapped if r.output not in r.instruction]
    assert len(unseen) <= 0.03 * len(remapped), [r.instruction for r in unseen]


def test_made_up_words_replace_labels_only() -> None:
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
                instruction = record.instruction.partition("Input")[0]
                assert instruction.count(symbol) == instruction.count(f"'{symbol}'")
    with_articles = [r.instruction for r in records if r.meta.symbol_tuned and "'a' and 'an'" in r.instruction]
    assert with_articles, "the articles that a task is about are no labels of it"


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
