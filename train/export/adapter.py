"""The adapter as other machines take it: its base by hub id, and no path of this machine."""

import shutil
from pathlib import Path

from kshot.core.console import say
from kshot.core.files import read_json, write_json
from kshot.models.references import name_portably
from kshot.train.export.card import render_card
from kshot.train.run_files import TrainFacts

CONFIG = "adapter_config.json"
USAGE = """```python
from peft import AutoPeftModelForCausalLM

model = AutoPeftModelForCausalLM.from_pretrained("path/to/adapter")
```"""
USAGE_WITHOUT_NAME = """adapter_config.json names no base: it was a file or folder of the machine that trained.

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("path/to/base"), "path/to/adapter")
```"""


def name_base_portably(adapter: Path, facts: TrainFacts) -> None:
    """Have adapter_config.json name the base by its hub id, or not at all where it has none."""
    base = name_portably(facts.base, facts.base_fingerprint)
    settings = read_json(adapter / CONFIG)
    settings |= {"base_model_name_or_path": base.hub, "revision": base.revision}
    write_json(adapter / CONFIG, settings)


def write_adapter(train: Path, target: Path, facts: TrainFacts) -> None:
    """Copy the run's adapter with tokenizer, generation settings and card."""
    shutil.copytree(train / "adapter", target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("README.md"))
    generation = train / "merged" / "generation_config.json"
    if generation.is_file():
        shutil.copy2(generation, target)
    name_base_portably(target, facts)
    base = name_portably(facts.base, facts.base_fingerprint)
    usage = USAGE if base.hub else USAGE_WITHOUT_NAME
    if base.hub and base.reference != (f"{base.hub}@{base.revision}" if base.revision else base.hub):
        usage += f"\n\nIt was trained on the weights of {base.text}, which may be rounded otherwise than the hub's."
    (target / "README.md").write_text(render_card(facts, merged=False, usage=usage), encoding="utf-8")
    if base.hub:
        say(f"export: the adapter's base is {base.hub} ({CONFIG})")
    else:
        say(f"export: {CONFIG} names no base, since it is {base.text}; name it when you load the adapter")
