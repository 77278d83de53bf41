"""Accelerators by name: memory and peak arithmetic, from their makers' data sheets (dense, without sparsity)."""

import re
from dataclasses import dataclass

from kshot.core.errors import ConfigError

HERE = "here"
UTILISATION = 0.35
"""Assumed fraction of the peak that a LoRA step reaches; nothing is measured on a named accelerator."""
MIN_STEP_SECONDS = 0.05
"""Assumed least time of a step: below it launching the work takes longer than the work."""


@dataclass(frozen=True)
class Accelerator:
    """One kind of accelerator.

    Args:
        memory: bytes.
        flops: operations a second in bfloat16 (float16 where it has none).
    """

    name: str
    memory: int
    flops: float


ACCELERATORS = {
    accelerator.name.lower(): accelerator
    for accelerator in (
        Accelerator("T4", 16 * 10**9, 65e12),
        Accelerator("A10G", 24 * 10**9, 70e12),
        Accelerator("L4", 24 * 10**9, 121e12),
        Accelerator("RTX4090", 24 * 10**9, 165e12),
        Accelerator("L40S", 48 * 10**9, 362e12),
        Accelerator("A100", 80 * 10**9, 312e12),
        Accelerator("H100", 80 * 10**9, 989e12),
        Accelerator("H200", 141 * 10**9, 989e12),
        Accelerator("B200", 180 * 10**9, 2250e12),
        Accelerator("MI300X", 192 * 10**9, 1307e12),
    )
}


@dataclass(frozen=True)
class Hardware:
    """So many accelerators of one kind; None: this machine."""

    count: int
    accelerator: Accelerator | None

    @property
    def name(self) -> str:
        return f"{self.count}x{self.accelerator.name}" if self.accelerator else "this machine"


def parse_hardware(text: str) -> Hardware:
    """Read `here`, `H100` or `8xH100`.

    Raises:
        ConfigError: names the accelerators that are known.
    """
    if text.lower() == HERE:
        return Hardware(1, None)
    match = re.fullmatch(r"(?:(\d+)x)?([\w-]+)", text, re.I)
    known = ACCELERATORS.get(match[2].lower()) if match else None
    if match is None or known is None or match[1] == "0":
        names = ", ".join(accelerator.name for accelerator in ACCELERATORS.values())
        raise ConfigError([f"--hardware {text!r}: expected here, or NxNAME such as 8xH100; known are {names}"])
    return Hardware(int(match[1] or 1), known)
