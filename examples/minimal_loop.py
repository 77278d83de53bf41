"""The whole loop with the public API only: `python examples/minimal_loop.py` (some three minutes on two CPU cores).

Defines a task as a programmatic family, makes records of it, trains the quickstart's student for some steps, and scores
student and base on problems of the same family with other words. It shows the parts; for a gain on new tasks run the
quickstart.
"""

import json
from pathlib import Path
from random import Random

import kshot

RUNS = Path("runs")
VOWELS = "aeiou"
WORDS = ("river", "stone", "lamp", "orange", "table", "window", "garden", "pencil", "music", "bottle", "summer")
HELD_OUT_WORDS = ("island", "yellow", "market", "castle", "forest", "candle", "basket", "violin", "thunder", "pocket")


def sample(rng: Random, params: object, words: tuple[str, ...] = WORDS) -> kshot.Problem:
    """Draw a problem: the text that the student reads, and the facts that the solver needs."""
    chosen = rng.sample(words, 3)
    return kshot.Problem(" ".join(chosen), chosen)


def solve(words: list[str], params: object) -> str:
    """Compute the answer; it is right by construction."""
    return max(words, key=lambda word: (sum(letter in VOWELS for letter in word), word))


FAMILY = kshot.Family(
    id="most_vowels",
    category="letters",
    descriptions=(
        "Write the word with the most vowels; of several the last in the alphabet.",
        "Which of these words has the most vowels? Of several, the one that is last in the alphabet.",
        "Find the word that holds the most vowels (a tie goes to the last in the alphabet).",
    ),
    sample=sample,
    solve=solve,
    anchors=(("vowel",), ("word",)),
)


def write_suite(folder: Path) -> None:
    """A suite is a folder with one YAML file and a JSONL file a task; the first rows are the demonstrations."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = Random(2)
    problems = {problem.text: problem for problem in (sample(rng, {}, HELD_OUT_WORDS) for _ in range(40))}
    rows = [{"input": text, "output": [solve(problem.facts, {})]} for text, problem in problems.items()]
    (folder / "most_vowels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:28]))
    task = {"task": "most_vowels", "instruction": FAMILY.descriptions[0], "kind": "generation", "demos": 4}
    (folder / "suite.yaml").write_text(json.dumps({"tasks": [task]}))


def main() -> None:
    """Generate, train, evaluate."""
    kshot.register_family(FAMILY)
    suite = RUNS / "most_vowels_suite"
    write_suite(suite)
    config = kshot.load_config(
        "quickstart",
        [
            f"runs={RUNS}", "generate.families=[most_vowels]", "generate.tasks=[]", "generate.records=120",
            "generate.classification_fraction=null", "generate.teacher=null", "train.sft.max_steps=24",
            f"evaluate.suites=[{suite.resolve()}]", "evaluate.shots=[0, 2]",
        ],
    )  # fmt: skip
    print("data:", kshot.generate(config, "minimal"))
    print("student:", kshot.train(config, "minimal"))
    for row in kshot.evaluate(config, "minimal"):
        print(f"{row.score}, k={row.k}: {100 * row.base:.0f} % -> {100 * row.student:.0f} % of {row.items} items")


if __name__ == "__main__":
    main()
