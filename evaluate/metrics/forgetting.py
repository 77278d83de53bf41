"""What got worse: ordinary English, plain questions, and tasks that the base could do. Kept apart from the gains.

evaluate/regression/<model>.json holds what a model made of forgetting.yaml; forgetting.json sets base beside student.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import yaml

from kshot.config import Config
from kshot.core.console import progress
from kshot.core.files import read_json, write_json
from kshot.core.seeding import digest
from kshot.core.text import ngrams, words
from kshot.evaluate.lm.backends import Backend
from kshot.evaluate.measure.measurement import Groups, capped
from kshot.evaluate.metrics.baselines import BASELINE_NAMES, SLACK
from kshot.evaluate.stats.paired import interval, paired_gain, with_holm
from kshot.runtime.device import Device
from kshot.runtime.logging import quiet

FILE = Path(__file__).parent / "forgetting.yaml"
SHAPING = ("../lm/prefix_tree.py", "../lm/prefix_lm.py", "forgetting.py")
TOKENS = 64
"""The longest answer to a question."""
RUN = 4
"""Words in a run that an answer should not repeat."""
FORGETTING = "forgetting.json"
Row = dict[str, Any]


@dataclass(frozen=True)
class ForgettingProbe:
    """What is asked of one model beside the panels; `key` changes with everything that shapes it."""

    model: str
    path: Path
    key: str

    @property
    def is_done(self) -> bool:
        return self.path.exists() and read_json(self.path).get("key") == self.key

    def measure(self, lm: Any) -> None:
        """Ask a model of lm-eval's kind: bits of each paragraph, greedy answers to the questions."""
        from lm_eval.api.instance import Instance

        def instances(kind: Any, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
            return [Instance(kind, {}, each, place) for place, each in enumerate(arguments)]

        asked = load_material()
        total = len(asked["text"]) + len(asked["questions"])
        settings = {"until": [lm.tok_decode(lm.eot_token_id)], "max_gen_toks": TOKENS, "do_sample": False}
        with progress(f"what got worse {self.model}", total) as tick, quiet():
            lm.tick = capped(total, tick)
            texts = [(row["text"],) for row in asked["text"]]
            nats = lm.loglikelihood_rolling(instances("loglikelihood_rolling", texts), disable_tqdm=True)
            turns = [[{"role": "user", "content": question}] for question in asked["questions"]]
            prompts = [(lm.apply_chat_template(turn), dict(settings)) for turn in turns]
            answers = lm.generate_until(instances("generate_until", prompts), disable_tqdm=True)
            lm.tick(total)
        bits = [-float(each) / math.log(2) for each in nats]
        write_json(self.path, {"key": self.key, "bits": bits, "answers": [answer.strip() for answer in answers]})


def load_material() -> Row:
    """forgetting.yaml: `text`, each with `kind` and `text`, and `questions`."""
    found: Row = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def make_forgetting_probe(
    folder: Path, model: str, identity: str, machine: Device, backend: Backend | None
) -> ForgettingProbe:
    """The probe of a model (`base` or `student`, with the fingerprint of its weights)."""
    code = [(FILE.parent / name).read_text(encoding="utf-8") for name in (FILE.name, *SHAPING)]
    key = digest(identity, machine.dtype, machine.attention, machine.type, *code, backend.key if backend else "")
    return ForgettingProbe(model, folder / "forgetting" / f"{model}.json", key)


def measure_forgetting(
    probes: Sequence[ForgettingProbe], measured: Mapping[str, Groups], tasks: Sequence[Row], config: Config
) -> Row:
    """What forgetting.json holds.

    Args:
        probes: of base and student, finished; none where the config does not ask for them.
        measured: model -> (panel, shots) -> scores.
        tasks: rows of `control_rows`.
    """
    fallen = {"tasks": task_rows(measured, tasks, config)}
    if not probes:
        return {"text": None, "chat": None, "answers": [], **fallen}
    asked = load_material()
    base, student = (read_json(probe.path) for probe in probes)
    answers = [
        {"question": question, "base": before, "student": after}
        for question, before, after in zip(asked["questions"], base["answers"], student["answers"], strict=True)
    ]
    chat = {"base": chat_style(base["answers"]), "student": chat_style(student["answers"])}
    return {"text": text_rows(asked["text"], base["bits"], student["bits"], config), "chat": chat, "answers": answers,
            **fallen}  # fmt: skip


def text_rows(texts: Sequence[Row], base: Sequence[float], student: Sequence[float], config: Config) -> Row:
    """Bits per byte of UTF-8, means over paragraphs, and the paired difference with its 95 % interval; more is worse.

    Args:
        base, student: bits of each paragraph.
    """
    sizes = [len(row["text"].encode()) for row in texts]
    before, after = (np.array(bits) / sizes for bits in (base, student))
    low, high = _interval(after - before, config)
    kinds: dict[str, list[int]] = {}
    for place, row in enumerate(texts):
        kinds.setdefault(row["kind"], []).append(place)
    return {
        "base": float(before.mean()),
        "student": float(after.mean()),
        "difference": float((after - before).mean()),
        "low": low,
        "high": high,
        "paragraphs": len(texts),
        "kinds": [
            {"kind": kind, "base": float(before[places].mean()), "student": float(after[places].mean()),
             "paragraphs": len(places)}
            for kind, places in kinds.items()
        ],
    }  # fmt: skip


def _interval(differences: Any, config: Config) -> tuple[float, float]:
    # The bootstrap speaks of differences between -1 and 1.
    scale = max(1.0, float(np.abs(differences).max()) * 2)
    rng = np.random.default_rng(int(digest(config.seed, "regression"), 16))
    low, high = interval([differences[None] / scale], config.evaluate.bootstrap_resamples, rng)
    return low * scale, high * scale


def chat_style(answers: Sequence[str]) -> Row:
    """How a model talks: mean length in words, the share of answers of one word or none, and repetition.

    `repeated` is the mean share of an answer's four-word runs that it had already written.
    """
    lengths = [len(answer.split()) for answer in answers]
    return {
        "words": fmean(lengths),
        "one_word": fmean(length <= 1 for length in lengths),
        "repeated": fmean(repetition(answer) for answer in answers),
    }


def repetition(answer: str) -> float:
    found = ngrams(words(answer), RUN)
    return 1 - len(set(found)) / len(found) if found else 0.0


def task_rows(measured: Mapping[str, Groups], tasks: Sequence[Row], config: Config) -> list[Row]:
    """Tasks on which the base scored above every control, with the student's paired gain; the greatest falls first.

    Which tasks these are goes by the base's own scores, so a part of a fall is luck that did not come again.
    """
    rows = []
    for row in tasks:
        controls = [row[name] for name in BASELINE_NAMES if name != "random_labels" and row[name] is not None]
        best = max([0.0, *controls])
        if row["base"] <= best + SLACK:
            continue
        scores = [measured[model][row["panel"], row["k"]][row["score"]][row["task"]] for model in ("base", "student")]
        names = (row["panel"], row["score"], row["k"], row["task"])
        found = paired_gain(
            {row["task"]: scores[0]},
            {row["task"]: scores[1]},
            config.evaluate.bootstrap_resamples,
            config.seed,
            "fell",
            *names,
        )
        kept = {key: getattr(found, key) for key in ("base", "student", "gain", "low", "high", "p", "items")}
        rows.append(dict(zip(("panel", "score", "k", "task"), names, strict=True)) | {"control": best} | kept)
    return sorted(with_holm(rows), key=lambda row: (row["gain"], json.dumps([row["panel"], row["task"], row["k"]])))
