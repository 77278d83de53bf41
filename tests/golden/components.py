"""A small fixed output of each component that shapes records, as a SHA-256; versions.json holds the expected ones.

Outputs are made of fixed tasks, suites and texts, so that a new family or a new shipped task changes none of them.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from rensa import RMinHash

from kshot.config import DedupConfig, FilterConfig, GenerateConfig
from kshot.core import prompting
from kshot.core.replies.final_answer import split_at_final_answer, unwrap_answer
from kshot.core.replies.thought import split_thought
from kshot.core.seeding import stream
from kshot.core.similarity import SimilarityIndex, TfIdfSimilarity
from kshot.core.text import jaccard, ngrams, normalize_text, shingles, words
from kshot.core.types import Demonstration, Description, Example, Record, RecordMeta, Reject
from kshot.generate.bank import FAMILIES, reasoning_gym, vocabulary
from kshot.generate.bank.reasoning_gym_table import TABLE
from kshot.generate.bank.words import draw_nonsense_words
from kshot.generate.compose.acceptance import Acceptance, SeenRecords
from kshot.generate.compose.composer import AcceptedRecord, allocate_records, stream_records
from kshot.generate.compose.labels import LabelTurns, answer_label, choose_labels, label_space_of
from kshot.generate.compose.sampler import build_record
from kshot.generate.compose.wrappers import sample_wrapper
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.dedup import SEED as SKETCH_SEED
from kshot.generate.curation.dedup import NearIndex, SeenKeys, hash_text, lsh_bands, near_duplicates
from kshot.generate.curation.filters import build_filters, first_rejection
from kshot.generate.curation.nearest_heldout import nearest_heldout_tasks
from kshot.generate.curation.paraphrase_filter import reject_paraphrases
from kshot.generate.dataset.shuffle import MAX_LINES_IN_ONE_BUCKET, DiskShuffle
from kshot.generate.run_files import (
    ContaminationRow,
    GenerateManifest,
    NearestRow,
    RecordRow,
    RejectRow,
    TextMatch,
)
from kshot.generate.teacher.parsing.json_objects import iter_repaired, iter_values
from kshot.generate.versions import COMPONENTS, component_versions
from kshot.tasks.rival_rules import Shown, find_rival_rule
from kshot.tasks.source import choose_examples
from tests.golden.decisions import decided_tasks
from tests.golden.fixtures import (
    GOLDEN,
    HELD_OUT_TEXT,
    SEED,
    SETTINGS,
    TEXTS,
    FakeReasoningGym,
    held_out_suite,
    no_tick,
    sampled_records,
    task_sources,
)
from tests.golden.synthesis import SYNTHESIS_OUTPUTS
from tests.teacher_profiles import ANSWERS, CONTENTS, OBJECTS

VERSIONS = GOLDEN / "versions.json"
UPDATE = "`python -m tests.golden.update`"
SYNTHESIS_USES = (
    "core.answers",
    "core.replies.final_answer",
    "core.prompting",
    "generate.curation.copies.known_inputs",
    "generate.curation.input_checks",
    "generate.curation.paraphrase_checks",
    "generate.curation.rationale_checks",
    "generate.synthesis.diversity",
    "generate.synthesis.examples.attributes",
    "generate.synthesis.examples.collect",
    "generate.synthesis.examples.requests",
    "generate.synthesis.new_tasks",
    "generate.synthesis.shared.prompt_templates",
    "generate.synthesis.shared.verify",
    "generate.teacher.parsing.json_objects",
    "core.replies.thought",
    "generate.teacher.structured",
)
"""What the synthesis modes pass through."""
Output = Callable[[], Any]
Pinned = dict[str, dict[str, Any]]
"""By component: `version` and `sha256`."""


@dataclass(frozen=True)
class Golden:
    """A component's output, and the components that it passes through on its way."""

    output: Output
    uses: tuple[str, ...] = ()


def current() -> Pinned:
    """The pinned values as the code has them now."""
    versions = component_versions()
    return {
        name: {"version": versions[name], "sha256": sha256(orjson.dumps(golden.output())).hexdigest()}
        for name, golden in GOLDENS.items()
    }


def pinned() -> Pinned:
    """The pinned values of versions.json; empty before the first update."""
    return json.loads(VERSIONS.read_text(encoding="utf-8")) if VERSIONS.exists() else {}


def unversioned_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A line for each component whose output changed while its version and those of what it uses did not.

    Of a component and one that it uses, which both changed, only the latter is named: its change explains both.
    """
    raised = {name for name, value in new.items() if name in old and value["version"] != old[name]["version"]}
    changed = {name for name, value in new.items() if name in old and value["sha256"] != old[name]["sha256"]}
    unversioned = {name for name in changed if not raised & {name, *_used_by(name)}}
    return [
        f"output of {name} changed: raise {name}.{COMPONENTS[f'kshot.{name}']} and run {UPDATE}"
        for name in sorted(unversioned)
        if not unversioned & _used_by(name)
    ]


def _used_by(name: str) -> set[str]:
    """The other components that a component uses, directly or not."""
    used: set[str] = set()
    waiting = [name]
    while waiting:
        golden = GOLDENS.get(waiting.pop())
        new = set(golden.uses if golden else ()) - used
        used |= new
        waiting += new
    return used - {name}


# Outputs, in the order of GOLDENS.


def _prompts() -> Any:
    demos = [Example("leaf", "leaves", "f becomes v."), Example("cat", "cats", "Add s.")]
    prompts = [
        prompting.render_prompt(template, instruction, demos[:k], "dog", with_rationale)
        for template in prompting.TEMPLATES
        for instruction in ("Write the plural.", None)
        for k in (0, 2)
        for with_rationale in (False, True)
    ]
    pairs = [("yes or no", ["yes", "no"]), ("yesterday", ["yes"]), ("a 'b' c", ["b"]), ("a-b", ["b"])]
    return [
        prompts,
        [prompting.render_answer(demo, flag) for demo in demos for flag in (False, True)],
        prompting.append_options("Which?", ["a", "b"]),
        [prompting.names_all(text, labels) for text, labels in pairs],
        [prompting.can_show(name, [text]) for name in prompting.TEMPLATES for text in ("a", "a\nb", 'a"b')],
    ]


def _texts() -> Any:
    alike = [jaccard(shingles(one), shingles(other)) for one in TEXTS for other in TEXTS]
    return [[words(t) for t in TEXTS], [ngrams(words(t), 2) for t in TEXTS], alike, [normalize_text(t) for t in TEXTS]]


def _similarities() -> Any:
    index = SimilarityIndex(TfIdfSimilarity(TEXTS[:4]), TEXTS[:3])
    index.add("zebra {slot} quux")
    return [[round(value, 6) for value in index.cosines(text)] for text in (*TEXTS, "quux {other} zebras")]


def _bank() -> Any:
    output = []
    for family in FAMILIES:
        rng = stream(SEED, "golden", family.id)
        for _ in range(3):
            params = family.params(rng)
            problem = family.sample(rng, params)
            steps = family.rationale(problem.facts, params) if family.rationale else None
            labels = family.labels(params) if family.labels else None
            answer = family.solve(problem.facts, params)
            output.append([family.id, sorted(params.items()), problem.text, answer, steps, labels])
    texts = [[f.id, f.category, f.descriptions, f.no_label_instructions, f.min_k, f.anchors] for f in FAMILIES]
    rng = stream(SEED, "golden words")
    return [output, texts, draw_nonsense_words(rng, 5), vocabulary.names(rng, 5), vocabulary.company(rng)]


def _reasoning_gym() -> Any:
    (dataset,) = (dataset for dataset in TABLE if dataset.name == "chain_sum")
    source = reasoning_gym._source(dataset, FakeReasoningGym())
    table = [[d.name, d.category, d.descriptions, d.anchors, d.problem, d.family, repr(d.settings)] for d in TABLE]
    return [source.sample_examples(stream(SEED, "gym"), {}, 8, ()), table, sorted(reasoning_gym.HELD_OUT)]


def _rivals() -> Any:
    texts = [Shown(text, str(len(text) % 2)) for text in TEXTS]
    return [find_rival_rule(texts[:end], texts[end]) for end in range(2, len(texts))]


def _source_examples() -> Any:
    output = []
    for source in task_sources():
        for number in range(4):
            rng = stream(SEED, "examples", source.id, number)
            params = source.params(rng)
            outputs = list(source.labels(params)) * 2
            output.append([source.task_id(params), source.sample_examples(rng, params, 4, outputs[:4])])
    candidates = [Example(str(n), "abcab"[n % 5]) for n in range(9)]
    return [output, [choose_examples(candidates, 4, wanted) for wanted in ("", "ccaa", "zzab")]]


def _labels() -> Any:
    turns = LabelTurns()
    choices = [
        choose_labels(stream(n, "labels"), ("yes", "no", "maybe")[: 2 + n % 2], n % 5, n % 3 == 0, n % 2 == 0, turns)
        for n in range(60)
    ]
    spaces = [sorted(label_space_of(source)) for source in task_sources()]
    parity = task_sources()[0]
    counted = [answer_label(parity, {"even": "E", "odd": "O"}, text, frozenset()) for text in ("E", "O", "x")]
    return [choices, spaces, counted]


def _wrappers() -> Any:
    spaces: list[list[str]] = [[], ["yes", "no"], list("abcd"), [f"label {n}" for n in range(14)]]
    return [
        sample_wrapper(stream(n, "wrapper"), spaces[n % 4], 0 < len(spaces[n % 4]) <= 12 and n % 3 == 0).wrap("Do it.")
        for n in range(80)
    ]


def _records() -> Any:
    return [sampled if isinstance(sampled, str) else build_record(sampled, SEED) for sampled in sampled_records()]


def _decisions() -> Any:
    filters = build_filters(FilterConfig(max_words=60))
    sampled = [candidate for candidate in sampled_records() if not isinstance(candidate, str)]
    # The same examples in another template are near-duplicates.
    candidates = [*sampled, *sampled[:6], *(replace(candidate, template="bare") for candidate in sampled[-60:])]
    output: list[Any] = []
    for decontaminator in (Decontaminator([]), Decontaminator([held_out_suite()])):
        for dedup in (DedupConfig(), DedupConfig(exact=False, near=0.6)):
            acceptance = Acceptance(decontaminator, filters, SeenRecords(dedup, SeenKeys()))
            output += [acceptance.rejection(candidate, build_record(candidate, SEED)) for candidate in candidates]
    return output


def _composed() -> Any:
    settings = SETTINGS.model_copy(update={"filters": FilterConfig(scope="all", max_words=90)})
    paraphrases = {"golden_mood": [Description("Glad or sad, what is the mood?", "rephrase", "T")]}
    events = stream_records(task_sources(), paraphrases, settings, Decontaminator([held_out_suite()]), SEED, no_tick)
    shares = [
        allocate_records(task_sources(), GenerateConfig(records=n, classification_fraction=fraction, shots=shots))
        for n in (7, 60, 500)
        for fraction in (None, 0.5)
        for shots in ([], [1, 4])
    ]
    lines = [
        [event.record.meta.id, event.label]
        if isinstance(event, AcceptedRecord)
        else event.model_dump()
        if isinstance(event, ContaminationRow)
        else event
        for event in events
    ]
    return [lines, shares]


def _matches() -> Any:
    decontaminator = Decontaminator([held_out_suite()], TEXTS[:4])
    inputs = (
        HELD_OUT_TEXT.upper(),
        "A ripe lemon!",
        "ripe lemon",
        "so the quick brown fox jumps over the lazy cat",
        "",
    )
    instructions = ("Name the colour of the things.", "Say which colour this thing has.", "Sort the words.")
    return [
        [decontaminator.match([text]) for text in inputs],
        [decontaminator.match([], [text]) for text in inputs],
        [decontaminator.find_shared_input([text]) for text in inputs],
        [decontaminator.match_instruction(text) for text in instructions],
        [decontaminator.find_similar_instruction(text) for text in instructions],
    ]


def _duplicates() -> Any:
    rng = random.Random(3)
    vocabulary = [f"v{n}" for n in range(200)]
    texts = [*TEXTS, *(" ".join(rng.choices(vocabulary, k=40)) for _ in range(40))]
    texts += [f"{text} {text.split()[0]}" for text in texts[10:30]]
    index = NearIndex(0.7)
    bands = [lsh_bands(threshold) for threshold in (0.5, 0.8, 1.0)]
    digests = RMinHash.digests_from_token_sets([shingles(text) for text in TEXTS[:3]], 16, SKETCH_SEED)
    return [
        bands,
        digests,
        near_duplicates(texts, 0.7).tolist(),
        [index.add(text) for text in texts],
        [hash_text(t) for t in TEXTS],
    ]


def _filtered() -> Any:
    settings = (FilterConfig(), FilterConfig(min_words=3, max_words=12), FilterConfig(min_characters=2, language="en"))
    return [[first_rejection(text, build_filters(setting)) for text in TEXTS] for setting in settings]


def _rejected_paraphrases() -> Any:
    texts = [*TEXTS[3:6], "Name the colour of the thing!", "Tell the colour."]
    paraphrases = {"golden": [Description(text, "rephrase", "T") for text in texts if text]}
    events = reject_paraphrases(paraphrases, build_filters(FilterConfig()), Decontaminator([held_out_suite()]))
    return [[e if isinstance(e, Reject) else e.model_dump() for e in events], paraphrases]


def _nearest() -> Any:
    descriptions = {"a": ["Give the colour of {thing}.", "Colours!"], "b": ["Sort the words."], "c": ["{slot}"]}
    return [row.model_dump() for row in nearest_heldout_tasks(descriptions, [held_out_suite()])]


def _orders() -> Any:
    orders = []
    for expected in (50, MAX_LINES_IN_ONE_BUCKET + 1):
        with TemporaryDirectory() as folder, DiskShuffle(Path(folder), expected, SEED) as shuffle:
            for n in range(300):
                shuffle.add(b"%d\n" % n)
            orders.append([line.decode() for line in shuffle.lines()])
    return orders


def _files() -> Any:
    query = Demonstration("d", "e")
    meta = RecordMeta(
        id="i", kind="fsl", k=1, form="few_shot", task="t", family="f", category="c", origin="examples", mode="m",
        task_instruction="Do.", demonstrations=(Demonstration("a", "b"),), query=query, template="bare",
        loss_spans=((5, 6),), demo_ids=("x",), query_id="y", example_mode="gold", symbol_tuned=False, wrapped=True,
        teacher=None, verified_by="gold", seed=1,
    )  # fmt: skip
    rows = [
        RecordRow.of(Record("Do.\n\na\nb\n\nd", "e", meta)),
        RejectRow.of(Reject("i", "m", "t", "r: x", "text", "original")),
        ContaminationRow(reject="i", source="t", match=TextMatch("input", "s", "t", "option", "a b c")),
        NearestRow(family="f", suite="s", task="t", similarity=0.5, description="d", instruction="i"),
    ]
    return [[row.to_line().decode() for row in rows], list(GenerateManifest.model_fields)]


def _final_answers() -> Any:
    return [[split_at_final_answer(text), unwrap_answer(text)] for text in ANSWERS]


GOLDENS: dict[str, Golden] = {
    "core.prompting": Golden(_prompts),
    "core.similarity": Golden(_similarities, ("core.text",)),
    "core.text": Golden(_texts),
    "generate.bank": Golden(_bank),
    "generate.bank.reasoning_gym": Golden(_reasoning_gym, ("tasks.source",)),
    "generate.compose.acceptance": Golden(
        _decisions,
        (
            "generate.compose.sampler",
            "generate.curation.decontaminate",
            "generate.curation.dedup",
            "generate.curation.filters",
        ),
    ),
    "generate.compose.composer": Golden(_composed, ("generate.compose.acceptance",)),
    "generate.compose.labels": Golden(_labels, ("tasks.source",)),
    "generate.compose.sampler": Golden(
        _records,
        (
            "core.prompting",
            "generate.bank",
            "generate.compose.labels",
            "generate.compose.wrappers",
            "generate.run_files",
            "tasks.source",
        ),
    ),
    "generate.compose.wrappers": Golden(_wrappers),
    "generate.curation.decisions.apply": Golden(decided_tasks, ("generate.run_files",)),
    "generate.curation.decontaminate": Golden(_matches, ("core.similarity", "core.text")),
    "generate.curation.dedup": Golden(_duplicates, ("core.text",)),
    "generate.curation.filters": Golden(_filtered),
    "generate.curation.paraphrase_filter": Golden(
        _rejected_paraphrases, ("generate.curation.decontaminate", "generate.curation.filters", "generate.run_files")
    ),
    "generate.curation.nearest_heldout": Golden(_nearest, ("core.similarity", "generate.run_files")),
    "generate.dataset.shuffle": Golden(_orders),
    "generate.run_files": Golden(_files),
    "core.replies.final_answer": Golden(_final_answers),
    "generate.teacher.parsing.json_objects": Golden(
        lambda: [[[repr(v) for v in read(text)] for read in (iter_values, iter_repaired)] for text in OBJECTS]
    ),
    "core.replies.thought": Golden(lambda: [split_thought(content) for content in CONTENTS]),
    "tasks.rival_rules": Golden(_rivals),
    "tasks.source": Golden(_source_examples, ("tasks.rival_rules",)),
    **{name: Golden(output, SYNTHESIS_USES) for name, output in SYNTHESIS_OUTPUTS.items()},
}
