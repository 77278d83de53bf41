"""Paraphrased instructions that are rejected."""

from pathlib import Path

from kshot.config import FilterConfig as FilterSettings
from kshot.core.types import Description, Reject
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.curation.filters import build_filters
from kshot.generate.curation.paraphrase_filter import reject_paraphrases
from kshot.generate.run_files import ContaminationRow
from kshot.suites.loading import load_suite


def test_reject_paraphrases_removes_what_a_filter_rejects_or_restates_a_suite(suite: Path) -> None:
    texts = ["I'm sorry, I cannot do that.", "say the word again", "Repeat what is said."]
    paraphrases = {"unit": [Description(text, "rephrase", "T") for text in texts]}
    dropped = reject_paraphrases(paraphrases, build_filters(FilterSettings()), Decontaminator([load_suite(str(suite))]))
    assert [paraphrase.text for paraphrase in paraphrases["unit"]] == ["Repeat what is said."]
    refused, restated, overlap = dropped
    assert isinstance(refused, Reject)
    assert (refused.mode, refused.reason.split(":")[0], refused.candidate) == ("rephrase", "refusal", texts[0])
    assert isinstance(restated, Reject)
    assert restated.reason == "restates a suite's instruction: 'Say the word again.'"
    assert isinstance(overlap, ContaminationRow)
    assert (overlap.reject, overlap.match.candidate_part, overlap.match.task) == (restated.id, "description", "echo")
