"""What a new example costs with a teacher that collapses: `python benchmarks/collapse.py --json FILE`.

A scripted teacher stands for a real one. It has favourite sentences for each label (ranks by Zipf's law), so asked
again it copies itself. It does not repeat itself within one reply. It takes up a topic of the task nearly always, and
another topic seldom. Of inputs shown as "not like these" it avoids nine in ten. These are assumptions: the figures
compare ways of asking one and the same teacher, and say nothing about any real one.
"""

import argparse
import json
import random
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kshot.config import DemonstrateConfig, VerifyConfig
from kshot.core.files import write_json
from kshot.core.seeding import digest
from kshot.core.types import Example, Task
from kshot.generate.curation.decontaminate import Decontaminator
from kshot.generate.dataset.diversity import measure_diversity
from kshot.generate.synthesis.examples.attributes import default_attributes, propose_attributes
from kshot.generate.synthesis.examples.write import write_examples
from kshot.generate.synthesis.shared.context import SynthesisContext
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher import Cost, Estimate, Reply, Request

INPUT_PRICE, OUTPUT_PRICE = 0.4, 1.6
"""Money for a million tokens."""
CHARS_PER_TOKEN = 4
WAYS = {
    "one a request, lists that fit any task": DemonstrateConfig(
        per_request=1, waves=1, known_shown=0, attributes=False, hard_fraction=0
    ),
    "five a request": DemonstrateConfig(per_request=5, waves=1, known_shown=0, attributes=False, hard_fraction=0),
    "five, shown what exists": DemonstrateConfig(per_request=5, attributes=False, hard_fraction=0),
    "five, attributes of the task": DemonstrateConfig(per_request=5, waves=1, known_shown=0, hard_fraction=0),
    "all of it, as by default": DemonstrateConfig(),
}
FRAMES = (
    "My {} is wrong, who can correct it", "When will the {} be ready for me", "I was charged twice for the {}",
    "Nobody answers my mail about the {}", "Where do I find the {} of last month", "The {} stopped working on Monday",
    "Why is there no {} in my account", "Send the {} to another address", "I want to give the {} back",
    "Is the {} included in the price", "How long do you keep the {}", "Somebody else uses my {}",
)  # fmt: skip
OWN_TOPICS = (
    "invoice", "parcel", "password", "refund", "subscription", "delivery note", "voucher", "contract", "warranty card",
    "gift box", "return label", "student discount", "company order", "spare part", "newsletter", "express fee",
)  # fmt: skip
USES_OWN_TOPIC, USES_OTHER_TOPIC, AVOIDS_KNOWN, ZIPF = 0.9, 0.25, 0.9, 1.6
LABELS = ("billing", "delivery", "account", "returns")
GOLD = {
    "billing": ("The sum on my bill is too high", "Two payments left my bank today"),
    "delivery": ("The courier rang at the wrong house", "It should have come last week"),
    "account": ("I cannot log in since the update", "Please change my mail address"),
    "returns": ("The shoes are too small, what now", "How do I send the lamp back to you"),
}


class CollapsingTeacher:
    """See the module's docstring."""

    name, budget_error = "collapsing", None

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._labels = {text: label for label, texts in GOLD.items() for text in texts}
        self.cost = Cost()

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        return [self._answer(request) for request in requests]

    def estimate(self, requests: Iterable[Request]) -> Estimate:
        return Estimate(0, Cost(len(list(requests))))

    def _answer(self, request: Request) -> Reply:
        rng = random.Random(digest(self._seed, request.prompt, request.sample))
        if wanted := re.findall(r"^\d+\. topic: ([^;]*)", request.prompt, re.M):
            text = self._write(request.prompt, wanted, rng)
        elif request.prompt.startswith("Somebody wants"):
            text = json.dumps({"topics": OWN_TOPICS})
        else:
            text = self._labels.get(request.prompt.rsplit("Input: ", 1)[1].rsplit("\nOutput:", 1)[0], "billing")
        tokens = len(request.prompt) // CHARS_PER_TOKEN, max(1, len(text) // CHARS_PER_TOKEN)
        money = (tokens[0] * INPUT_PRICE + tokens[1] * OUTPUT_PRICE) / 1e6
        self.cost += Cost(1, tokens[0], tokens[1], money)
        return Reply(text, "stop")

    def _write(self, prompt: str, topics: Sequence[str], rng: random.Random) -> str:
        label = re.findall(r'right output is "(\w+)"', prompt)[0]
        order = sorted(range(len(FRAMES)), key=lambda n: digest(label, n))
        known, written = set(re.findall(r'^- "(.*)"$', prompt, re.M)), []
        for topic in topics:
            uses = rng.random() < (USES_OWN_TOPIC if topic in OWN_TOPICS else USES_OTHER_TOPIC)
            subject = topic if uses else "order"
            avoids = rng.random() < AVOIDS_KNOWN
            texts = [FRAMES[n].format(subject) for n in order]
            open_ = [
                (text, (rank + 1) ** -ZIPF)
                for rank, text in enumerate(texts)
                if text not in written and not (avoids and text in known)
            ]
            written.append(rng.choices([text for text, _ in open_], [weight for _, weight in open_])[0])
        self._labels |= dict.fromkeys(written, label)
        return json.dumps({"examples": [{"input": text} for text in written]})


def measure(settings: DemonstrateConfig, per_task: int, seed: int) -> dict[str, Any]:
    """Ask for examples in one way; return what an accepted one costs, and how diverse they are."""
    gold = tuple(Example(text, label) for label, texts in GOLD.items() for text in texts)
    task = Task("desk", "desk", "c", ("Which team answers the message?",), gold, labels=LABELS)
    teacher = CollapsingTeacher(seed)
    context = SynthesisContext(teacher, PromptTemplates(None), VerifyConfig(), Decontaminator([]), seed, 0.8, 256)
    attributes = {task.id: default_attributes(task)}
    if settings.attributes:
        attributes |= propose_attributes([task], context)[0]
    asked = settings.model_copy(update={"per_task": per_task})
    (written,), rejects = write_examples([task], asked, context, attributes)
    accepted = sum(example.mode == "demonstrate" for example in written.examples)
    new = measure_diversity([written], attributes, seed)[task.id].new
    return {
        "accepted": accepted,
        "copies": sum(reject.reason == "copy of a known input" for reject in rejects),
        "requests": teacher.cost.requests,
        "tokens_per_accepted": round((teacher.cost.prompt_tokens + teacher.cost.completion_tokens) / accepted),
        "money_per_thousand_accepted": round(1000 * teacher.cost.money / accepted, 3),
        "distinct_2": new.distinct_2,
        "near_copies": new.near_copies,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-task", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = {}
    for way, settings in WAYS.items():
        runs = [measure(settings, options.per_task, seed) for seed in range(options.seeds)]
        rows[way] = {name: round(sum(run[name] for run in runs) / len(runs), 3) for name in runs[0]}
        print(f"{way}: {rows[way]}")
    if options.json:
        write_json(options.json, {"per_task": options.per_task, "seeds": options.seeds, "ways": rows})


if __name__ == "__main__":
    main()
