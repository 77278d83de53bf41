"""What waiting threads cost beside other work: `python benchmarks/beside_other_work.py`.

Training steps of the quickstart's student (LoRA, float32, four rows of 128 tokens, all cores), alone and by two
processes at once, first with threads that sleep while they wait for one another (OMP_WAIT_POLICY=PASSIVE, which kshot
sets), then with those that spin a while, as libgomp has it by default. Prints steps a minute of all processes together.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from kshot.core.files import write_json
from kshot.models.loading import load_student
from kshot.models.resolve import resolve_model
from kshot.runtime.device import count_cores
from kshot.train.trainer_config import lora_config

ROWS, TOKENS, WARM_UP = 4, 128, 2


def work(seconds: float) -> float:
    """Steps a minute of this process; at least one step is made."""
    import torch  # first, since it reads the policy and kshot.runtime.process_setup sets one
    from peft import get_peft_model

    from kshot.config import Config

    torch.set_num_threads(count_cores())
    model, _ = load_student(str(resolve_model(Config().student)))
    model = get_peft_model(model, lora_config(Config().train))
    ids = torch.randint(5, 5000, (ROWS, TOKENS), generator=torch.Generator().manual_seed(7))
    done, began = -WARM_UP, 0.0
    while done < 1 or time.perf_counter() - began < seconds:
        if done == 0:
            began = time.perf_counter()
        model(input_ids=ids, labels=ids).loss.backward()
        model.zero_grad(set_to_none=True)
        done += 1
    return 60 * done / (time.perf_counter() - began)


def together(processes: int, policy: str, seconds: float) -> float:
    """Steps a minute of so many processes at once, summed."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if policy:
        environment["OMP_WAIT_POLICY"] = policy
    command = [sys.executable, "-W", "ignore", __file__, "--work", "--seconds", str(seconds)]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return sum(float(process.communicate()[0]) for process in started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement (a step is always finished)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rates here as well")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        sys.stdout.write(f"{work(args.seconds)}\n")
        return
    rates = {}
    for policy in ("PASSIVE", ""):
        alone, both = (together(count, policy, args.seconds) for count in (1, 2))
        name = policy.lower() or "default"
        rates[name] = {"alone": alone, "two": both}
        sys.stdout.write(f"{name}: alone {alone:.1f}, two at once {both:.1f}, ratio {both / alone:.2f}\n")
        sys.stdout.flush()
    if args.json:
        write_json(args.json, rates)


if __name__ == "__main__":
    main()
