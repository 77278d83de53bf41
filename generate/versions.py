"""Versions of the components that shape records, for the data's cache key.

Raise a component's version with every change of its output. tests/unit/test_versions.py fails where an output changed
and its version did not.
"""

from importlib import import_module

COMPONENTS: dict[str, str] = {
    "kshot.core.answers": "VERSION",
    "kshot.core.prompting": "VERSION",
    "kshot.core.similarity": "VERSION",
    "kshot.core.text": "VERSION",
    "kshot.generate.bank": "BANK_VERSION",
    "kshot.generate.bank.reasoning_gym": "VERSION",
    "kshot.generate.compose.acceptance": "VERSION",
    "kshot.generate.compose.composer": "VERSION",
    "kshot.generate.compose.labels": "VERSION",
    "kshot.generate.compose.sampler": "VERSION",
    "kshot.generate.compose.wrappers": "VERSION",
    "kshot.generate.curation.copies.known_inputs": "VERSION",
    "kshot.generate.curation.decisions.apply": "VERSION",
    "kshot.generate.curation.decontaminate": "VERSION",
    "kshot.generate.curation.dedup": "VERSION",
    "kshot.generate.curation.filters": "VERSION",
    "kshot.generate.curation.input_checks": "VERSION",
    "kshot.generate.curation.paraphrase_filter": "VERSION",
    "kshot.generate.curation.rationale_checks": "VERSION",
    "kshot.generate.curation.nearest_heldout": "VERSION",
    "kshot.generate.dataset.shuffle": "VERSION",
    "kshot.generate.run_files": "VERSION",
    "kshot.generate.curation.paraphrase_checks": "VERSION",
    "kshot.generate.synthesis.diversity": "VERSION",
    "kshot.generate.synthesis.evolve": "VERSION",
    "kshot.generate.synthesis.examples.attributes": "VERSION",
    "kshot.generate.synthesis.examples.collect": "VERSION",
    "kshot.generate.synthesis.examples.requests": "VERSION",
    "kshot.generate.synthesis.inversion": "VERSION",
    "kshot.generate.synthesis.new_tasks": "VERSION",
    "kshot.generate.synthesis.novelty": "VERSION",
    "kshot.generate.synthesis.paraphrase": "VERSION",
    "kshot.generate.synthesis.paraphrase_inputs": "VERSION",
    "kshot.generate.synthesis.shared.prompt_templates": "VERSION",
    "kshot.generate.synthesis.rationales": "VERSION",
    "kshot.generate.synthesis.self_instruct": "VERSION",
    "kshot.generate.synthesis.shared.verify": "VERSION",
    "kshot.core.replies.final_answer": "VERSION",
    "kshot.generate.teacher.parsing.json_objects": "VERSION",
    "kshot.core.replies.thought": "VERSION",
    "kshot.generate.teacher.structured": "VERSION",
    "kshot.tasks.rival_rules": "VERSION",
    "kshot.tasks.source": "VERSION",
}
"""By module, the name of its version."""


def component_versions() -> dict[str, int]:
    """By component, without the leading `kshot.`, its version.

    Raises:
        RuntimeError: a module of `COMPONENTS` has no version, which is a bug of kshot.
    """
    versions = {}
    for name, constant in COMPONENTS.items():
        version = getattr(import_module(name), constant, None)
        if not isinstance(version, int):
            raise RuntimeError(f"{name} shapes records and has no {constant}: give it a whole number")  # noqa: TRY004
        versions[name.removeprefix("kshot.")] = version
    return versions
