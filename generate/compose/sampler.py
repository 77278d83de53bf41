"""One record before acceptance: its form, shots, instruction, template and examples, drawn from one random stream."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from kshot.config import GenerateConfig
from kshot.core.prompting import (
    EVAL_TEMPLATE,
    TEMPLATES,
    can_show,
    list_unnamed_labels,
    literal_pattern,
    names_all,
    render_answer,
    render_prompt,
    render_turns,
)
from kshot.core.seeding import digest, stream
from kshot.core.types import Demonstration, Description, Example, Form, Kind, Record, RecordMeta, Turn
from kshot.generate.bank.words import draw_nonsense_words, is_nonsense_word
from kshot.generate.compose.labels import LabelTurns, choose_labels
from kshot.generate.compose.wrappers import InstructionWrapper, can_list_labels, sample_wrapper
from kshot.tasks.family import Params
from kshot.tasks.source import TaskSource

VERSION = 2
"""Raise it with every change of an output; the data's cache key contains it."""
MIN_DEMOS_WITHOUT_INSTRUCTION = 2
"""A rule that only demonstrations show may need more (`min_k`)."""
NO_LABELS = "no_labels"
"""The mode of an instruction that leaves the labels to the demonstrations."""
MIN_DEMOS_WITH_IMBALANCE = 3
"""With fewer demonstrations, following the label frequencies means copying one of them."""
TURN_TEMPLATE = "bare"
"""In turns of a chat, beside the evaluation's template: a turn is the input alone."""
OTHER_TEMPLATES = tuple(name for name in TEMPLATES if name != EVAL_TEMPLATE)


@dataclass(frozen=True)
class SampledRecord:
    """A record before it is rendered and checked."""

    source: TaskSource
    index: int
    attempt: int
    params: Params
    form: Form
    with_rationale: bool
    description: Description
    template: str
    demos: tuple[Example, ...]
    query: Example
    imbalanced: bool
    """Labels are imbalanced. No loss on the demonstrations: the first ones would teach copying the previous label."""
    symbols: Mapping[str, str]
    """Made-up words for the labels, which only the demonstrations explain; empty where the labels keep their names."""
    wrapper: InstructionWrapper
    as_turns: bool = False
    """Demonstrations are turns of a chat."""

    @property
    def omits_labels(self) -> bool:
        """Whether neither the instruction nor its wrapper names the labels."""
        return self.description.mode == NO_LABELS and not self.wrapper.label_list


def sample_record(
    source: TaskSource,
    descriptions: Sequence[Description],
    settings: GenerateConfig,
    turns: LabelTurns,
    seed: int,
    index: int,
    attempt: int,
) -> SampledRecord | str:
    """Draw one record, or say why the draw failed."""
    rng = stream(seed, "compose", source.id, index, attempt)
    params = source.params(rng)
    form, k = _sample_form_and_shots(rng, source, settings)
    with_rationale = source.has_rationales and rng.random() < settings.cot_fraction
    labels = source.labels(params)
    is_wrapped = form != "demos_only" and not with_rationale and rng.random() < settings.wrapped_fraction
    # An instruction may omit the labels only where a list or demonstrations show them.
    # A list does not explain made-up labels.
    is_listed = is_wrapped and can_list_labels(labels) and not all(map(is_nonsense_word, labels))
    shows_labels = is_listed or (form == "few_shot" and k > 1)
    can_omit = bool(source.no_label_instructions) and not with_rationale and shows_labels
    description = _sample_description(rng, source, descriptions, can_omit, settings)
    omits_labels = description.mode == NO_LABELS
    instruction = description.text.format(**params)
    can_tune = not with_rationale and not is_wrapped and k > 1 and bool(labels) and not source.needs_instruction
    symbols: Mapping[str, str] = {}
    if can_tune and rng.random() < settings.symbol_tuning_fraction:
        symbols = dict(zip(labels, draw_nonsense_words(rng, len(labels)), strict=True))
        if not omits_labels and not names_all(instruction, labels):
            form = "demos_only"
    wrapper = sample_wrapper(rng, labels, omits_labels) if is_wrapped else InstructionWrapper()
    must_show = bool((omits_labels and not wrapper.label_list) or symbols or source.min_k or form == "demos_only")
    imbalanced = bool(labels) and k >= MIN_DEMOS_WITH_IMBALANCE and rng.random() < settings.label_imbalance_fraction
    outputs = choose_labels(rng, labels, k, imbalanced, must_show, turns) if labels else []
    examples = source.sample_examples(rng, params, k + 1, outputs)
    if len(examples) < k + 1:
        return f"only {len(examples)} distinct examples for {k} shots and a query"
    with_rationale = with_rationale and all(example.rationale for example in examples)
    examples = [replace(e, output=symbols.get(e.output, e.output)) for e in examples]
    if form == "demos_only" and _needs_instruction(examples, instruction):
        return "only the instruction shows its answer"
    *demos, query = examples[: k + 1]
    template, as_turns = _sample_layout(rng, settings, form, examples, with_rationale)
    return SampledRecord(
        source=source,
        index=index,
        attempt=attempt,
        params=params,
        form=form,
        with_rationale=with_rationale,
        description=description,
        template=template,
        demos=tuple(demos),
        query=query,
        imbalanced=imbalanced,
        symbols=symbols,
        wrapper=wrapper,
        as_turns=as_turns,
    )


def _sample_form_and_shots(rng: Random, source: TaskSource, settings: GenerateConfig) -> tuple[Form, int]:
    weights = settings.mixture
    forms: list[Form] = ["zero_shot", "few_shot", "demos_only"]
    form = rng.choices(forms, [weights.zero_shot, weights.few_shot, weights.demos_only])[0]
    if form == "demos_only" and source.needs_instruction:
        form = "few_shot"
    most = max(settings.shots, default=0)
    if form == "zero_shot" and source.min_k:
        form = "few_shot"
    if form == "zero_shot":
        return form, 0
    least = max(source.min_k, MIN_DEMOS_WITHOUT_INSTRUCTION if form == "demos_only" else 1)
    if source.example_count is not None:
        most = min(most, source.example_count - 1)
    choices = [k for k in settings.shots if least <= k <= most]
    if choices:
        return form, rng.choice(choices)
    # Too few examples for any of the configured counts: as many as there are.
    return ("few_shot", most) if most >= 1 else ("zero_shot", 0)


def _sample_description(
    rng: Random, source: TaskSource, descriptions: Sequence[Description], can_omit: bool, settings: GenerateConfig
) -> Description:
    """Draw the wording; one of the mode `NO_LABELS` where it may leave the labels to a list or demonstrations."""
    if can_omit and rng.random() < settings.no_label_fraction:
        return Description(rng.choice(source.no_label_instructions), NO_LABELS)
    return rng.choice(descriptions)


def _sample_layout(
    rng: Random, settings: GenerateConfig, form: Form, examples: Sequence[Example], with_rationale: bool
) -> tuple[str, bool]:
    """Draw the template, and whether demonstrations are turns of a chat."""
    template, turns = _sample_template(rng, settings, form, examples, with_rationale), settings.mixture.turns
    if form == "zero_shot" or not turns or rng.random() >= turns:
        return template, False
    return (template if template == EVAL_TEMPLATE else TURN_TEMPLATE), True


def _sample_template(
    rng: Random, settings: GenerateConfig, form: Form, examples: Sequence[Example], with_rationale: bool
) -> str:
    texts = [text for example in examples for text in (example.input, render_answer(example, with_rationale))]
    others = [name for name in OTHER_TEMPLATES if can_show(name, texts)]
    template = EVAL_TEMPLATE if rng.random() < settings.eval_template_fraction else rng.choice(others)
    # Without demonstrations nothing shows how this template goes on.
    return EVAL_TEMPLATE if form == "zero_shot" and template == "quoted" else template


def _needs_instruction(examples: Sequence[Example], instruction: str) -> bool:
    """Whether the last example's output, such as 'none', is a word of the instruction that no other example shows."""
    *demos, query = examples
    shown = {demo.output for demo in demos}
    return query.output not in shown and query.output not in query.input and names_all(instruction, [query.output])


def build_record(sampled: SampledRecord, seed: int) -> Record:
    """Render the record's prompt and output, and note its structure."""
    source, query = sampled.source, sampled.query
    has_instruction = sampled.form != "demos_only"
    instruction = render_instruction(sampled) if has_instruction else ""
    with_rationale = sampled.with_rationale
    prompt = render_prompt(sampled.template, instruction or None, sampled.demos, query.input, with_rationale)
    output = render_answer(query, with_rationale)
    turns = _render_chat(sampled, instruction, prompt.text)
    kind: Kind = "cot" if with_rationale else "fsl" if sampled.demos else "zsl"
    task = source.task_id(sampled.params)
    description = sampled.description if has_instruction else Description("", "none")
    # Nobody can predict the first outputs where only the demonstrations show the rule.
    shows_rule = not has_instruction or sampled.omits_labels
    first = max(source.min_k, MIN_DEMOS_WITHOUT_INSTRUCTION if shows_rule else 0)
    meta = RecordMeta(
        id=digest(prompt.text, output),
        kind=kind,
        k=len(sampled.demos),
        form=sampled.form,
        task=task,
        family=source.family,
        category=source.category,
        origin=source.origin,
        mode=description.mode,
        task_instruction=instruction,
        demonstrations=tuple(Demonstration(demo.input, render_answer(demo, with_rationale)) for demo in sampled.demos),
        query=Demonstration(query.input, output),
        template=sampled.template,
        loss_spans=() if sampled.imbalanced or sampled.as_turns else prompt.output_spans[first:],
        demo_ids=tuple(digest(task, demo.input, demo.output) for demo in sampled.demos),
        query_id=digest(task, query.input, query.output),
        example_mode=query.mode,
        symbol_tuned=bool(sampled.symbols),
        wrapped=sampled.wrapper != InstructionWrapper(),
        teacher=description.teacher or query.teacher,
        verified_by=query.verified_by,
        seed=seed,
        turns=turns,
    )
    return Record(prompt.text, output, meta)


def _render_chat(sampled: SampledRecord, instruction: str, prompt: str) -> tuple[Turn, ...] | None:
    """The chat before the answer; None where it is one user's message."""
    system = sampled.source.system
    if sampled.as_turns:
        demos, query = sampled.demos, sampled.query.input
        return tuple(render_turns(sampled.template, instruction or None, demos, query, sampled.with_rationale, system))
    return (Turn("system", system), Turn("user", prompt)) if system else None


def render_instruction(sampled: SampledRecord) -> str:
    """The instruction with the task's parameters, the made-up labels and the wrapper."""
    text, symbols = sampled.description.text, sampled.symbols
    if sampled.description.mode == NO_LABELS:
        return sampled.wrapper.wrap(text.format(**sampled.params))
    if not symbols:
        text, labels = text.format(**sampled.params), sampled.source.labels(sampled.params)
        return sampled.wrapper.wrap(text if sampled.wrapper.label_list else list_unnamed_labels(text, labels))
    text = text.format(**{name: symbols.get(value, value) for name, value in sampled.params.items()})
    # Labels that are no parameter stand in the text itself, in quotes if they could be taken for another word.
    literals = sorted(set(symbols) - set(sampled.params.values()), key=len, reverse=True)
    if literals:
        are_quoted = all(f"'{label}'" in text for label in literals)
        pattern = "|".join(
            f"(?<='){re.escape(label)}(?=')" if are_quoted else literal_pattern(label).pattern for label in literals
        )
        text = re.sub(pattern, lambda match: symbols[match.group()], text)
    return text


def render_examples(sampled: SampledRecord) -> str:
    """All that a record shows beside the instruction, which all records of its source share."""
    examples = [*sampled.demos, sampled.query]
    return "\n".join(
        text for example in examples for text in (example.input, render_answer(example, sampled.with_rationale))
    )
