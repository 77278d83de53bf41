"""The label priors of a calibrated choice, beside the weights that they belong to, and how to apply them."""

import shutil
from pathlib import Path

from kshot.core.console import say
from kshot.core.files import read_json
from kshot.core.runs import LABEL_PRIORS

CARD = "README.md"
USAGE = """
## Choosing among labels

`{file}` holds, for a task and a number of demonstrations, the log of each label's mean share of the probability.
A choice without the model's preference for some labels divides by it (batch calibration, arXiv:2309.17249). It supposes
that labels are about equally frequent.

```python
import json, torch

priors = json.load(open("{file}"))[0]      # task, k (demonstrations before the input), labels, log_priors


def choose(model, tokenizer, prompt):      # prompt: the chat by the tokenizer's template, with the generation prompt
    scores = []
    for label in priors["labels"]:
        ids = tokenizer(prompt + label, add_special_tokens=False, return_tensors="pt").input_ids
        size = len(tokenizer(prompt, add_special_tokens=False).input_ids)
        log_probs = model(ids).logits[0, size - 1 : -1].log_softmax(-1)
        scores.append(log_probs.gather(1, ids[0, size:, None]).sum())
    calibrated = torch.stack(scores).log_softmax(0) - torch.tensor(priors["log_priors"])
    return priors["labels"][int(calibrated.argmax())]
```

{lines}
"""


def write_label_priors(run: Path, folder: Path) -> None:
    """Copy the run's label priors into an export and say in its card how to apply them; nothing where it has none.

    Args:
        folder: the export's, with its card.
    """
    path = run / "evaluate" / LABEL_PRIORS
    rows = read_json(path) if path.is_file() else []
    if not rows:
        return
    shutil.copy2(path, folder / LABEL_PRIORS)
    lines = "\n".join(
        f"- {row['task']}, k={row['k']}: {row['accuracy']:.1%} of {row['items']} held-out inputs right, "
        f"{row['uncalibrated_accuracy']:.1%} without priors"
        for row in rows
    )
    card = folder / CARD
    if card.is_file():
        text = card.read_text(encoding="utf-8") + USAGE.format(file=LABEL_PRIORS, lines=lines)
        card.write_text(text, encoding="utf-8")
    say(f"export: {LABEL_PRIORS} holds the priors of {len(rows)} calibrated choices; the card says how to apply them")
