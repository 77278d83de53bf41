"""The label priors of a calibrated choice, beside the weights that they belong to, and how to apply them."""

from collections.abc import Sequence
from pathlib import Path

from kshot.core.console import say
from kshot.core.files import read_json, write_json
from kshot.core.runs import LABEL_PRIORS, MANIFEST, is_of_training

CARD = "README.md"
USAGE = """
## Choosing among labels

`{file}` holds, for a task and a number of demonstrations, the log of each label's mean share of the probability.
A choice without the model's preference for some labels divides by it (batch calibration, arXiv:2309.17249). It supposes
that labels are about equally frequent.

```python
import json, torch

priors = {{(row["task"], row["k"]): row for row in json.load(open("{file}"))}}   # k: demonstrations before the input


def choose(model, tokenizer, prompt, task, k):   # prompt: the chat by its template, with the generation prompt
    row, scores = priors[task, k], []
    asked = tokenizer(prompt, add_special_tokens=False).input_ids
    for text in row["scored"]:                   # the labels as the student writes them
        ids = torch.tensor([asked + tokenizer(text, add_special_tokens=False).input_ids], device=model.device)
        log_probs = model(ids).logits[0, len(asked) - 1 : -1].log_softmax(-1)
        scores.append(log_probs.gather(1, ids[0, len(asked) :, None]).sum().item())
    shares = torch.tensor(scores).log_softmax(0) - torch.tensor(row["log_priors"])
    return row["labels"][int(shares.argmax())]
```

{lines}
"""


def write_label_priors(run: Path, merged: Path, folder: Path) -> None:
    """Put the run's label priors into an export and say in its card how to apply them; nothing where it has none.

    Args:
        merged: the folder of the merged student, whose tokenizer writes the labels.
        folder: the export's, with its card.
    """
    path = run / "evaluate" / LABEL_PRIORS
    rows = read_json(path) if path.is_file() else []
    if not rows:
        return
    if not is_of_training(run, path.with_name(MANIFEST)):
        say(f"export: {path} is of an earlier training and left out; run `kshot evaluate` again")
        return
    write_json(folder / LABEL_PRIORS, [{**row, "scored": _write_as_scored(merged, row["labels"])} for row in rows])
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


def _write_as_scored(merged: Path, labels: Sequence[str]) -> list[str]:
    """The labels as the evaluation scores them: with the end of the turn where one begins another."""
    from transformers import AutoTokenizer

    from kshot.models.chat_template import chat_format

    chat = chat_format(AutoTokenizer.from_pretrained(merged))
    begins = any(other != label and other.startswith(label) for label in labels for other in labels)
    return [chat.answer_lead + label + (chat.turn_end if begins else "") for label in labels]
