"""Fingerprints of models."""

from pathlib import Path

from kshot.models.loading import fingerprint_model


def test_fingerprint_model_sees_every_byte_that_answers_depend_on(tmp_path: Path) -> None:
    """Also one amid the weights, which adapters of some layers alone change."""
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(bytes(3 << 20))
    (tmp_path / "chat_template.jinja").write_text("a")
    seen = {fingerprint_model(str(tmp_path))}
    assert fingerprint_model(str(tmp_path)) in seen
    changed = bytearray(3 << 20)
    changed[3 << 19] = 1
    weights.write_bytes(changed)
    seen.add(fingerprint_model(str(tmp_path)))
    (tmp_path / "chat_template.jinja").write_text("b")
    seen.add(fingerprint_model(str(tmp_path)))
    (tmp_path / "README.md").write_text("no part of the model")
    seen.add(fingerprint_model(str(tmp_path)))
    assert len(seen) == 3
    (tmp_path / "generation_config.json").write_text('{"repetition_penalty": 1.5}')
    assert fingerprint_model(str(tmp_path)) not in seen
