"""A component whose output changes has a new version, so that no cache gives data of older code."""

import sys
from typing import Any

import pytest

from kshot.generate import versions
from kshot.generate.versions import COMPONENTS, component_versions
from tests.golden.components import GOLDENS, UPDATE, current, pinned, unversioned_changes


@pytest.fixture(scope="module")
def now() -> dict[str, dict[str, Any]]:
    return current()


def test_every_component_has_a_golden_output() -> None:
    assert len(COMPONENTS) >= 15
    assert set(GOLDENS) <= set(component_versions())
    missing = set(component_versions()) - set(pinned())
    assert not missing, f"add the output of {sorted(missing)} to tests/golden/components.py"
    assert {name: pinned()[name]["version"] for name in GOLDENS} == {
        name: component_versions()[name] for name in GOLDENS
    }


@pytest.mark.parametrize("name", sorted(GOLDENS))
def test_output_is_pinned_under_its_version(name: str, now: dict[str, dict[str, Any]]) -> None:
    problems = [problem for problem in unversioned_changes(pinned(), now) if problem.startswith(f"output of {name} ")]
    assert not problems, problems[0]
    assert pinned().get(name) == now[name], f"versions.json is behind {name}: run {UPDATE}"


def changed(name: str, **values: object) -> dict[str, dict[str, Any]]:
    return {**pinned(), name: {**pinned()[name], **values}}


def test_unversioned_changes_names_the_component_and_the_command() -> None:
    name = "generate.compose.labels"
    assert unversioned_changes(pinned(), changed(name, sha256="other")) == [
        f"output of {name} changed: raise {name}.VERSION and run `python -m tests.golden.update`"
    ]


def test_unversioned_changes_accepts_a_raised_version_of_the_component_or_of_what_it_uses() -> None:
    name = "generate.compose.labels"
    assert unversioned_changes(pinned(), changed(name, sha256="other", version=99)) == []
    through = changed("tasks.source", sha256="other", version=99)
    through["generate.compose.composer"] = {"version": 1, "sha256": "other"}
    assert unversioned_changes(pinned(), through) == []
    through["core.text"] = {**pinned()["core.text"], "sha256": "other"}
    assert [line.split()[2] for line in unversioned_changes(pinned(), through)] == ["core.text"]


def test_component_versions_fails_loudly_without_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(versions.COMPONENTS, "json", "VERSION")
    with pytest.raises(RuntimeError, match="json shapes records and has no VERSION"):
        component_versions()
    assert "json" in sys.modules
