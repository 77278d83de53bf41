"""What of the config TRL and PEFT would not take."""

from dataclasses import fields
from typing import Any

from kshot.config import Train
from kshot.config_file import nearest

OURS = {
    "output_dir": "the run folder",
    "max_length": "train.max_length",
    "seed": "seed",
    "data_seed": "seed",
    "bf16": "train.dtype",
    "fp16": "train.dtype",
    "use_cpu": "the machine",
    "resume_from_checkpoint": "rerunning the stage",
    "push_to_hub": "no key",
}


def trainer_faults(settings: Train) -> list[str]:
    """What TRL or PEFT would not take, all at once; imports both, which takes seconds."""
    if not settings.sft and not settings.lora:
        return []
    from kshot.quiet import quiet

    with quiet():
        from peft import LoraConfig
        from trl import SFTConfig
    faults = []
    for section, values, cls in (("sft", settings.sft, SFTConfig), ("lora", settings.lora, LoraConfig)):
        known = [field.name for field in fields(cls)]
        for name, value in values.items():
            if section == "sft" and name in OURS:
                faults.append(f"train.sft.{name}: set by kshot from {OURS[name]}; leave it out here")
            elif name not in known:
                near = nearest(name, known)
                hint = f"did you mean {near!r}?" if near else f"it is no field of {cls.__name__}"
                faults.append(f"train.{section}.{name}: unknown key; {hint}")
            elif isinstance(value, str) and _is_number(cls, name):
                faults.append(
                    f"train.{section}.{name}: expected a number, found {value!r}; YAML reads 1e-4 as text: write 1.0e-4"
                )
    return faults


def _is_number(cls: Any, name: str) -> bool:
    kind = str(next(field.type for field in fields(cls) if field.name == name))
    return any(word in kind for word in ("float", "int")) and "str" not in kind
