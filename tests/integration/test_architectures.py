"""Tiny students of many architectures, trained for six steps, merged, and compared."""

import pytest

from tests.architectures import ARCHITECTURES, try_architecture

QUICK = ("Gemma 2", "Gemma 3, multimodal", "Granite-MoE", "Jamba", "Mamba", "gpt-oss")
"""Those that need help: no fused attention, a nested config, scaled logits, experts, hybrid layers, no attention."""


def test_architectures_are_many() -> None:
    assert len(ARCHITECTURES) >= 40
    assert set(QUICK) <= set(ARCHITECTURES)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ARCHITECTURES]
)
def test_an_architecture_learns_and_merges_as_trained(name: str) -> None:
    cell = try_architecture(name)
    assert cell.verdict == "right", cell.note
