"""The generate stage: `kshot generate CONFIG` writes runs/<run>/generate/.

Loads the task sources, lets the teacher synthesize tasks and paraphrase instructions, honours a person's decisions,
composes records, decontaminates them, and writes train.jsonl, rejects.jsonl, contamination.jsonl, examples.jsonl,
tasks/, README.md (the dataset card) and, last, manifest.json.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from pydantic import ValidationError

from kshot.config import Config, GenerateConfig
from kshot.core.console import progress, say
from kshot.core.errors import TeacherError
from kshot.core.files import write_text
from kshot.core.runs import MANIFEST, Run, hash_file, installed_versions, write_manifest
from kshot.core.seeding import digest
from kshot.core.types import Description
from kshot.generate.bank import FAMILIES
from kshot.generate.bank.reasoning_gym import PACKAGE
from kshot.generate.compose.composer import ComposeEvent, Composer, allocate_records
from kshot.generate.curation.decisions.apply import DecidedTasks, apply_decisions
from kshot.generate.curation.decisions.log import Decisions, read_decisions
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.filters import build_filters
from kshot.generate.curation.nearest_heldout import nearest_heldout_tasks
from kshot.generate.dataset.card import render_card
from kshot.generate.dataset.diversity import describe_diversity, measure_diversity
from kshot.generate.dataset.formats import write_parquet
from kshot.generate.dataset.packed import PackedRecord
from kshot.generate.dataset.stats import DatasetStats
from kshot.generate.dataset.task_files import write_examples, write_task_files
from kshot.generate.dataset.writer import write_dataset
from kshot.generate.run_files import (
    CARD,
    CONTAMINATION,
    DECISIONS,
    EXAMPLES,
    PARQUET,
    REJECTS,
    TRAIN,
    GenerateManifest,
    GenerateSettings,
    NearestRow,
    NearestTask,
    TaskDiversity,
)
from kshot.generate.scale.compose_shards import compose_shards, remove_blocks
from kshot.generate.scale.sharded_teacher import share_with
from kshot.generate.sources import held_out_families, is_family_file, load_sources
from kshot.generate.synthesis.estimate import estimate_synthesis, preview_synthesis
from kshot.generate.synthesis.pipeline import (
    SynthesisResult,
    modes_need_teacher,
    needs_teacher,
    scale_modes,
    synthesize,
)
from kshot.generate.teacher import fingerprint_local_teachers
from kshot.generate.versions import component_versions
from kshot.models.embeddings import embed_texts, resolve_encoder
from kshot.project.suite import load_protected_suite, suite_files, suite_source
from kshot.runtime.shards.executors import Executor
from kshot.tasks.registry import entry_point_versions
from kshot.tasks.source import TaskSource, source_from_task

MAX_ROUNDS = 8
"""Synthesis rounds of `--fill-to`."""


@dataclass(frozen=True)
class GenerateJob:
    """A checked config, and what the stage needs beside it."""

    config: Config
    decontaminator: Decontaminator
    key: str
    """See `cache_key`."""
    fills: bool
    """Whether `--fill-to` gives the number of records."""
    batch: bool
    decisions: Decisions
    executor: Executor | None
    """Runs shards; None: this process does everything."""


def run_generate(
    config: Config, run: Run, fill_to: int | None = None, batch: bool = False, executor: Executor | None = None
) -> None:
    """Generate a run's data; do nothing where they are finished under the same settings, inputs and versions.

    Args:
        fill_to: the exact number of records, whatever the config says; starts synthesis rounds until the data set has
            them.
        batch: send the requests through the teacher's batch API.
        executor: composes and asks in shards; the set is the same.

    Raises:
        KshotError: any of its kinds, before or after the first request; replies are kept.
    """
    config, decontaminator = _check_config(config, fill_to)
    decisions = read_decisions(run.folder / "generate" / DECISIONS)
    key = cache_key(config, decisions)
    job = GenerateJob(config, decontaminator, key, bool(fill_to), batch, decisions, executor)
    with run.held("generate") as folder:
        finished = _read_finished(folder, job.key)
        if finished and _is_enough(finished, fill_to) and _has_data(folder, finished):
            say(f"generate: {folder / TRAIN} is finished ({finished.records} records); nothing to do")
            return
        protected = set(map(suite_source, config.generate.decontaminate))
        if unprotected := sorted(set(map(suite_source, config.evaluate.suites)) - protected):
            names = ", ".join(unprotected)
            say(f"generate: records are not decontaminated against {names}; add it to generate.decontaminate")
        _warn_of_unused_rationales(config.generate)
        if config.train.data:
            say(f"generate: training will not use these records, since train.data names {config.train.data}")
        manifest = _generate(job, run.name, folder)
        write_manifest(folder, manifest.model_dump(mode="json"))
    _print_summary(manifest, folder)


def estimate_requests(config: Config, run: Run) -> list[str]:
    """The requests that the stage would send, and their estimated cost, a line each.

    Raises:
        KshotError: all that `run_generate` checks before it sends a request.
    """
    config, decontaminator = _check_config(config, None)
    with run.held("generate") as folder:
        return estimate_synthesis(config, decontaminator, folder)


def dry_run(config: Config, run: Run, fill_to: int | None = None) -> None:
    """Print the requests that the stage would send, and their estimated cost.

    Raises:
        KshotError: all that `run_generate` checks before it sends a request.
    """
    config, decontaminator = _check_config(config, fill_to)
    _warn_of_unused_rationales(config.generate)
    with run.held("generate") as folder:
        for line in estimate_synthesis(config, decontaminator, folder):
            say(line)
    say(f"generate: would compose {config.generate.records} records")


def preview(config: Config, run: Run, per_mode: int) -> None:
    """Print some requests of each mode with their replies and verdicts, and the price of all; ask for nothing else.

    Raises:
        KshotError: all that `run_generate` raises before it composes.
    """
    config, decontaminator = _check_config(config, None)
    with run.held("generate") as folder:
        replies = preview_synthesis(config, decontaminator, folder, per_mode)
        lines = estimate_synthesis(config, decontaminator, folder)
    for number, previewed in enumerate(replies, 1):
        say(f"[{number}] {previewed.label}: {previewed.verdict}")
        for name, text in (("prompt", previewed.prompt), ("reply", previewed.reply)):
            say(f"  {name}:\n{textwrap.indent(text.strip(), '    ')}")
    say("still to ask for all of it:")
    for line in lines:
        say(f"  {line}")


def cache_key(config: Config, decisions: Decisions | None = None) -> str:
    """Digest all that shapes the data: settings, versions, input files, a local teacher's weights, decisions.

    Input files are tasks, families, suites and prompts of the user. Source files of kshot do not count: a component
    whose output changes has a new version.
    """
    settings = config.generate
    inputs = [*settings.task_files, *(Path(name) for name in settings.families if is_family_file(name))]
    inputs += [path for entry in settings.decontaminate for path in suite_files(entry)]
    inputs += sorted(settings.prompts.glob("*.j2")) if settings.prompts else []
    teacher = settings.teacher
    inputs += [teacher.replies] if teacher and teacher.replies else []
    files = [(path.name, hash_file(path)) for path in inputs]
    weights = fingerprint_local_teachers(teacher, config.student) if teacher and needs_teacher(config.generate) else []
    packages = [installed_versions(name) for name in _optional_packages(settings)]
    return digest(
        config.model_dump_json(include={"seed", "student", "encoder", "generate"}),
        component_versions(),
        entry_point_versions(),
        files,
        *weights,
        *packages,
        *(decisions.fingerprint() if decisions else []),
    )


def _check_config(config: Config, fill_to: int | None) -> tuple[Config, Decontaminator]:
    """Apply `fill_to`, and raise the errors of tasks, suites, filters and teacher before anything is generated."""
    if fill_to:
        config = config.model_copy(update={"generate": config.generate.model_copy(update={"records": fill_to})})
    suites = [load_protected_suite(entry) for entry in config.generate.decontaminate]
    programmatic, tasks = load_sources(config.generate, config.seed, held_out_families(suites))
    allocate_records([*programmatic, *map(source_from_task, tasks)], config.generate)
    build_filters(config.generate.filters)
    if config.encoder:
        resolve_encoder(config.encoder)
    return config, Decontaminator(suites, [text for family in FAMILIES for text in family.descriptions])


def _warn_of_unused_rationales(settings: GenerateConfig) -> None:
    if settings.synthesis.reason.per_task and not settings.cot_fraction:
        say("generate: no record will show the rationales of synthesis.reason; set generate.cot_fraction, e.g. to 0.1")


def _read_finished(folder: Path, key: str) -> GenerateManifest | None:
    """The manifest of a data set that is finished under `key`."""
    try:
        manifest = GenerateManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return manifest if manifest.key == key else None


def _is_enough(manifest: GenerateManifest, fill_to: int | None) -> bool:
    return fill_to is None or manifest.records >= fill_to or manifest.filled


def _has_data(folder: Path, manifest: GenerateManifest) -> bool:
    return (folder / TRAIN).exists() and hash_file(folder / TRAIN) == manifest.files.get(TRAIN)


def _generate(job: GenerateJob, name: str, folder: Path) -> GenerateManifest:
    """Synthesize, compose and write everything but the manifest, which is returned."""
    config, settings = job.config, job.config.generate
    share = share_with(job.executor, config, folder) if job.executor else None
    for round_ in count(1):
        modes = scale_modes(settings.synthesis, round_)
        synthesis = synthesize(config, modes, job.decontaminator, folder, job.batch, share)
        made = synthesis.tasks
        synthesis, decided = _honour_decisions(job.decisions, synthesis)
        nearest = _nearest_heldout(synthesis.sources, synthesis.paraphrases, job.decontaminator)
        with progress("composing", settings.records) as tick:
            composer = Composer(
                synthesis.sources,
                synthesis.paraphrases,
                settings,
                job.decontaminator,
                config.seed,
                decided.refused,
                decided.kept,
            )
            events: Iterable[ComposeEvent | PackedRecord] = composer.stream(tick)
            if job.executor:
                events = compose_shards(job.executor, composer, config, synthesis.tasks, job.key, folder, tick)
            stats = write_dataset(folder, [*nearest, *synthesis.rejects], events, settings.records, config.seed)
        remove_blocks(folder)
        write_examples(folder, made)
        if synthesis.failure:
            raise TeacherError(
                f"{synthesis.failure}; {folder / REJECTS} holds them all, and {TRAIN} what needs no teacher"
            )
        missing = settings.records - stats.records
        can_ask_more = modes_need_teacher(settings.synthesis) and not synthesis.budget_error and round_ < MAX_ROUNDS
        if not job.fills or missing <= 0 or not can_ask_more:
            break
        say(f"generate: {missing} records are missing; starting synthesis round {round_ + 1}")
    if job.fills and missing > 0:
        say(f"generate: {stats.records} of {settings.records} records: {_why_short(settings, synthesis)}")
    elif job.fills:
        say(f"generate: exactly {stats.records} records")
    made_by_teacher = synthesis.changed if synthesis.teacher else ()
    for path in write_task_files(folder, synthesis.tasks, made_by_teacher, synthesis.paraphrases):
        say(f"generate: {path} was edited by hand and stays; to use it, name it in generate.tasks")
    files = [TRAIN, REJECTS, CONTAMINATION, EXAMPLES]
    if settings.parquet:
        write_parquet(folder / TRAIN, folder / PARQUET)
        files.append(PARQUET)
    else:
        (folder / PARQUET).unlink(missing_ok=True)
    hashes = {file: hash_file(folder / file) for file in files}
    manifest = _build_manifest(job, stats, synthesis, decided, nearest, hashes)
    write_text(folder / CARD, render_card(stats.samples, manifest, name))
    return manifest


def _honour_decisions(decisions: Decisions, synthesis: SynthesisResult) -> tuple[SynthesisResult, DecidedTasks]:
    """What the synthesis gave, as a person's decisions leave it."""
    names = {task.id for task in synthesis.tasks}
    drawn = [source for source in synthesis.sources if source.id not in names]
    decided = apply_decisions(
        decisions,
        synthesis.tasks,
        synthesis.rejects,
        synthesis.accepted,
        {source.id for source in drawn},
        synthesis.teacher,
    )
    sources = [*drawn, *map(source_from_task, decided.tasks)]
    changed = replace(
        synthesis, sources=sources, tasks=decided.tasks, rejects=decided.rejects, accepted=decided.accepted
    )
    return changed, decided


def _build_manifest(
    job: GenerateJob,
    stats: DatasetStats,
    synthesis: SynthesisResult,
    decided: DecidedTasks,
    nearest: Sequence[NearestRow],
    files: dict[str, str],
) -> GenerateManifest:
    config = job.config
    return GenerateManifest(
        key=job.key,
        seed=config.seed,
        records=stats.records,
        filled=job.fills,
        counts=stats.counts(),
        tasks=stats.tasks(),
        lengths=stats.lengths(),
        labels=stats.labels(),
        diversity=_measure_diversity(config, synthesis),
        modes=stats.modes(synthesis.accepted),
        teacher=synthesis.teacher,
        decontaminated_against=[suite.name for suite in job.decontaminator.suites],
        decisions=dict(sorted(decided.counts.items())),
        nearest={row.family: NearestTask(suite=row.suite, task=row.task, similarity=row.similarity) for row in nearest},
        components=component_versions(),
        versions=installed_versions("transformers", "openai", *_optional_packages(config.generate)),
        files=files,
        config=GenerateSettings(seed=config.seed, generate=config.generate),
    )


def _measure_diversity(config: Config, synthesis: SynthesisResult) -> dict[str, TaskDiversity]:
    encoder = config.encoder
    embed = (lambda texts: embed_texts(texts, encoder)) if encoder else None
    return measure_diversity(synthesis.tasks, synthesis.attributes, config.seed, embed)


def _optional_packages(settings: GenerateConfig) -> list[str]:
    """The packages that shape the data of this config, and not of others."""
    return [PACKAGE] if settings.reasoning_gym else []


def _why_short(settings: GenerateConfig, synthesis: SynthesisResult) -> str:
    if synthesis.budget_error:
        return f"{synthesis.budget_error}"
    if modes_need_teacher(settings.synthesis):
        return f"{MAX_ROUNDS} synthesis rounds gave no more"
    return (
        "the gold examples give no more; raise generate.max_records_per_example or use generate.synthesis.demonstrate"
    )


def _nearest_heldout(
    sources: Sequence[TaskSource], paraphrases: Mapping[str, Sequence[Description]], decontaminator: Decontaminator
) -> list[NearestRow]:
    """The held-out task most similar to each training family, the most similar first."""
    descriptions: dict[str, list[str]] = {}
    for source in sources:
        texts = [
            *source.descriptions,
            *source.no_label_instructions,
            *(description.text for description in paraphrases.get(source.id, ())),
        ]
        descriptions.setdefault(source.family, []).extend(texts)
    return sorted(nearest_heldout_tasks(descriptions, decontaminator.suites), key=lambda row: -row.similarity)


def _print_summary(manifest: GenerateManifest, folder: Path) -> None:
    for mode, row in manifest.modes.items():
        reasons = ", ".join(f"{count} {reason}" for reason, count in row.rejected.items())
        say(f"{mode}: accepted {row.accepted} of {row.candidates}" + (f" (rejected: {reasons})" if reasons else ""))
    for task, diversity in manifest.diversity.items():
        say(describe_diversity(task, diversity))
    if missing := manifest.decisions.get("missing"):
        say(f"generate: {missing} of the decisions in {folder / DECISIONS} are on examples that no longer exist")
    if honoured := {what: count for what, count in manifest.decisions.items() if what != "missing" and count}:
        say(f"generate: honoured your decisions: {', '.join(f'{count} {what}' for what, count in honoured.items())}")
    shots = ", ".join(f"k={k}: {count}" for k, count in manifest.counts.k.items())
    families, categories = len(manifest.counts.family), len(manifest.counts.category)
    say(f"{manifest.records} records from {families} families in {categories} categories; {shots}")
    say(f"generate: wrote {folder / TRAIN}")
