"""The recorded domains of `examples/domains` replay through the real client: what was accepted is accepted again."""

import json
from collections import Counter
from pathlib import Path

import pytest

from kshot.config.loader import load_config
from kshot.core.runs import Run
from kshot.generate.stage import run_generate

LARGE = ("banking", "travel")
DOMAINS = Path(__file__).parents[2] / "examples" / "domains"
ACCEPTED = {"banking": 1230, "events": 178, "travel": 768}
"""New examples by domain; a change of the requests loses recorded replies and shows here."""


@pytest.mark.parametrize("domain", ["events", *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)])
def test_a_recorded_domain_gives_its_examples_again(domain: str, tmp_path: Path) -> None:
    config = load_config(DOMAINS / domain / f"{domain}.yaml", ["generate.records=200"])
    run = Run(tmp_path / domain)
    run_generate(config, run)
    folder = run.folder / "generate"
    rejects = [json.loads(line) for line in (folder / "rejects.jsonl").read_text().splitlines()]
    assert not [row for row in rejects if "holds no recorded reply" in row["candidate"]]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["modes"]["demonstrate"]["accepted"] == ACCEPTED[domain]
    (row,) = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    counts = Counter(example["output"] for example in row["examples"] if example["mode"] == "demonstrate")
    assert min(counts.values()) >= 15 or domain == "events"
    assert all(example["teacher"] == "hand" for example in row["examples"] if example["mode"] == "demonstrate")
    assert manifest["diversity"][domain]["new"]["near_copies"] <= 0.05


def test_every_domain_with_replies_is_tested() -> None:
    assert {path.parent.name for path in DOMAINS.glob("*/replies.jsonl")} == {*ACCEPTED}
