"""Forgetting: bits per byte on English text, answers to plain questions, and tasks that the base could do.

Kept apart from the gains. evaluate/forgetting/MODEL.json holds what a model made of forgetting.yaml; forgetting.json
sets base beside student.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, TypeAdapter

from kshot.core.console import progress
from kshot.core.files import read_json
from kshot.core.run_files import read_model, write_model
from kshot.core.safe_yaml import read_yaml
from kshot.core.seeding import digest
from kshot.core.text import ngrams, words
from kshot.evaluate.lm.backends import Backend
from kshot.evaluate.lm.constants import LM_VERSION
from kshot.evaluate.measure.measurement import capped
from kshot.evaluate.measure.results import ScoresBySuite
from kshot.evaluate.metrics.baselines import TOLERANCE
from kshot.evaluate.run_files import (
    BaselineTask,
    ChatAnswer,
    ChatForgetting,
    ChatStyle,
    ForgettingAnswers,
    ForgettingFile,
    ForgottenTask,
    TextForgetting,
    TextKind,
)
from kshot.evaluate.scoring.text import JUDGE
from kshot.evaluate.stats.bootstrap import bootstrap_interval
from kshot.evaluate.stats.paired import holm_of, paired_gain
from kshot.runtime.device import Device
from kshot.runtime.logging import quiet

VERSION = 1
MATERIAL = Path(__file__).parent / "forgetting.yaml"
MAX_ANSWER_TOKENS = 64
REPETITION_WORDS = 4
"""Words of the n-grams that an answer should not repeat."""
FORGETTING = "forgetting.json"


class Paragraph(BaseModel):
    """A paragraph of ordinary English."""

    model_config = ConfigDict(frozen=True)

    kind: str
    text: str


class Material(BaseModel):
    """forgetting.yaml: paragraphs and plain questions."""

    model_config = ConfigDict(frozen=True)

    text: tuple[Paragraph, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True)
class ForgettingProbe:
    """What is asked of one model beside the suites; `key` changes with everything that shapes it."""

    model: str
    path: Path
    key: str

    @property
    def is_done(self) -> bool:
        """Whether it is finished under its key."""
        return self.path.exists() and read_json(self.path).get("key") == self.key

    def measure(self, lm: Any) -> None:
        """Ask one of lm-eval's models: bits of each paragraph, greedy answers to the questions."""
        bits, answers = ask_material(self.model, lm)
        write_model(self.path, ForgettingAnswers(key=self.key, bits=bits, answers=answers))


def take_finished_probe(probe: ForgettingProbe, folder: Path, others: Sequence[Path]) -> None:
    """Copy a base's answers that are missing in an evaluation's folder from another that has them under this key."""
    for other in others if not probe.is_done else ():
        place = replace(probe, path=other / probe.path.relative_to(folder))
        if place.is_done:
            write_model(probe.path, read_model(place.path, ForgettingAnswers))
            return


def load_material() -> Material:
    """The paragraphs and questions that ship with kshot."""
    return TypeAdapter(Material).validate_python(read_yaml(MATERIAL)[1])


def make_forgetting_probe(
    folder: Path, model: str, fingerprint: str, device: Device, backend: Backend | None
) -> ForgettingProbe:
    """The probe of a model (`base` or `student`, with the fingerprint of its weights)."""
    arithmetic = (device.dtype, device.attention, device.type)
    material = MATERIAL.read_text(encoding="utf-8")
    key = digest(fingerprint, *arithmetic, material, VERSION, LM_VERSION, backend.key if backend else "")
    return ForgettingProbe(model, folder / "forgetting" / f"{model}.json", key)


def ask_material(model: str, lm: Any) -> tuple[list[float], list[str]]:
    """Bits of each paragraph, and the answer to each question."""
    from lm_eval.api.instance import Instance

    def instances(kind: str, arguments: Sequence[tuple[object, ...]]) -> list[Instance]:
        return [Instance(kind, {}, request, number) for number, request in enumerate(arguments)]

    material = load_material()
    total = len(material.text) + len(material.questions)
    settings = {"until": [lm.tok_decode(lm.eot_token_id)], "max_gen_toks": MAX_ANSWER_TOKENS, "do_sample": False}
    with progress(f"forgetting {model}", total) as tick, quiet():
        lm.tick = capped(total, tick)
        texts = [(paragraph.text,) for paragraph in material.text]
        nats = lm.loglikelihood_rolling(instances("loglikelihood_rolling", texts), disable_tqdm=True)
        turns = [[{"role": "user", "content": question}] for question in material.questions]
        prompts = [(lm.apply_chat_template(turn), dict(settings)) for turn in turns]
        answers = lm.generate_until(instances("generate_until", prompts), disable_tqdm=True)
        lm.tick(total)
    return [-float(value) / math.log(2) for value in nats], [answer.strip() for answer in answers]


def measure_forgetting(
    probes: Sequence[ForgettingProbe],
    scores: Mapping[str, ScoresBySuite],
    tasks: Sequence[BaselineTask],
    resamples: int,
    seed: int,
) -> ForgettingFile:
    """What forgetting.json holds.

    Args:
        probes: of base and student, finished; none where the config does not ask for them.
        scores: model -> (suite, shots) -> scores.
        tasks: rows of `baseline_rows`.
    """
    forgotten = forgotten_tasks(scores, tasks, resamples, seed)
    if not probes:
        return ForgettingFile(text=None, chat=None, answers=[], tasks=forgotten)
    material = load_material()
    base, student = (read_model(probe.path, ForgettingAnswers) for probe in probes)
    answers = [
        ChatAnswer(question=question, base=before, student=after)
        for question, before, after in zip(material.questions, base.answers, student.answers, strict=True)
    ]
    chat = ChatForgetting(base=chat_style(base.answers), student=chat_style(student.answers))
    text = compare_text(material.text, base.bits, student.bits, resamples, seed)
    return ForgettingFile(text=text, chat=chat, answers=answers, tasks=forgotten)


def compare_text(
    paragraphs: Sequence[Paragraph], base: Sequence[float], student: Sequence[float], resamples: int, seed: int
) -> TextForgetting:
    """Bits per byte of UTF-8, means over paragraphs, and the paired difference with its 95 % interval; more is worse.

    Args:
        base, student: bits of each paragraph.
    """
    sizes = [len(paragraph.text.encode()) for paragraph in paragraphs]
    before, after = (np.array(bits) / sizes for bits in (base, student))
    low, high = _interval(after - before, resamples, seed)
    by_kind: dict[str, list[int]] = {}
    for number, paragraph in enumerate(paragraphs):
        by_kind.setdefault(paragraph.kind, []).append(number)
    kinds = [
        TextKind(
            kind=kind,
            base=float(before[numbers].mean()),
            student=float(after[numbers].mean()),
            paragraphs=len(numbers),
        )
        for kind, numbers in by_kind.items()
    ]
    return TextForgetting(
        base=float(before.mean()),
        student=float(after.mean()),
        difference=float((after - before).mean()),
        low=low,
        high=high,
        paragraphs=len(paragraphs),
        kinds=kinds,
    )


def _interval(differences: npt.NDArray[np.float64], resamples: int, seed: int) -> tuple[float, float]:
    # The bootstrap takes differences between -1 and 1.
    scale = max(1.0, float(np.abs(differences).max()) * 2)
    rng = np.random.default_rng(int(digest(seed, "regression"), 16))
    low, high = bootstrap_interval([differences[None] / scale], resamples, rng)
    return low * scale, high * scale


def chat_style(answers: Sequence[str]) -> ChatStyle:
    """How a model answers: mean length in words, fraction of answers of one word or none, and repetition."""
    lengths = [len(answer.split()) for answer in answers]
    return ChatStyle(
        words=fmean(lengths),
        one_word=fmean(length <= 1 for length in lengths),
        repeated=fmean(repetition(answer) for answer in answers),
    )


def repetition(answer: str) -> float:
    """The fraction of an answer's word 4-grams that occurred before in it."""
    grams = ngrams(words(answer), REPETITION_WORDS)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def forgotten_tasks(
    scores: Mapping[str, ScoresBySuite], tasks: Sequence[BaselineTask], resamples: int, seed: int
) -> list[ForgottenTask]:
    """Tasks that the base solved above every trivial baseline, with the student's paired gain; largest losses first.

    Tasks are selected on the base's score, so part of any drop is regression to the mean.
    """
    pairs = []
    for row in tasks:
        if row.score == JUDGE:
            continue  # It compares the two models, and says nothing of the base alone.
        values = [v for name, v in row.baselines.items() if name != "random_labels" and v is not None]
        best = max([0.0, *values])
        if row.base <= best + TOLERANCE:
            continue
        sides = [scores[model][row.suite, row.k][row.score][row.task] for model in ("base", "student")]
        before, after = ({row.task: side} for side in sides)
        names = (row.suite, row.score, row.k, row.task)
        pairs.append((row, best, paired_gain(before, after, resamples, seed, "fell", *names)))
    adjusted = holm_of([gain for _, _, gain in pairs])
    rows = [
        ForgottenTask(
            suite=row.suite, score=row.score, k=row.k, task=row.task, baseline=best, base=gain.base,
            student=gain.student, gain=gain.gain, low=gain.items_low, high=gain.items_high, p=gain.p,
            items=gain.items, p_holm=p,
        )
        for (row, best, gain), p in zip(pairs, adjusted, strict=True)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row.gain, json.dumps([row.suite, row.task, row.k])))
