"""A run that can be evaluated at once: hand-written training data, and a student that is its base slightly changed."""

import json
import shutil
from pathlib import Path
from typing import Any

from kshot.cli import guarded
from kshot.config.loader import load_config
from kshot.core.files import write_json, write_jsonl
from kshot.core.runs import Run
from kshot.evaluate.stage import run_evaluate
from kshot.generate.teacher.answering import make_answering


def ready_run(config: Path, base: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    """The run folder beside the config, with generate/train.jsonl (if there are rows) and a finished train/merged."""
    import torch
    from transformers import LlamaForCausalLM

    run = config.parent / "runs" / config.stem
    merged = run / "train" / "merged"
    shutil.copytree(base, merged)
    model = LlamaForCausalLM.from_pretrained(base)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    model.save_pretrained(merged)
    write_json(run / "train" / "manifest.json", {"base": str(base)})
    if rows is not None:
        write_jsonl(run / "generate" / "train.jsonl", rows)
    return run


def evaluated(config: Path, *overrides: str, suites: tuple[str, ...] = (), strict: bool = False) -> int:
    """`kshot evaluate` without the start of a process; the exit code."""
    settings = load_config(config, list(overrides))
    run = Run(settings.runs / config.stem)
    return guarded(lambda: run_evaluate(settings, run, suites, strict, make_answering(settings, run)))


def read(path: Path) -> Any:
    return json.loads(path.read_text())
