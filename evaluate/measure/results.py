"""Reads the scores of finished measurements."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from kshot.core.errors import DataError, RunError
from kshot.core.run_files import read_model
from kshot.evaluate.measure.measurement import Measurement
from kshot.evaluate.run_files import AnswerCount, MeasurementFile, Sample

ItemScores = dict[str, dict[str, list[float]]]
"""score -> task -> scores from 0 to 1, item by item."""
SeedScores = dict[str, dict[str, list[list[float]]]]
"""score -> task -> a row of scores, item by item, for each few-shot seed."""
ScoresBySuite = dict[tuple[str, int], SeedScores]
"""(suite, shots) -> scores."""


def read_sample_file(path: Path) -> Iterator[tuple[int, Sample]]:
    """Yield (line number, row) of a samples.jsonl. Lone surrogates, which JSON may hold, become U+FFFD.

    Raises:
        DataError: the file is missing or a line is broken.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `kshot evaluate` for this run first") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8", "replace"))
            if b"\\u" in line:
                text = json.dumps(row, ensure_ascii=False)
                row = json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
            yield number, Sample.model_validate(row)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            where = ".".join(map(str, detail["loc"]))
            raise DataError(f"{path}:{number}: {where}: {detail['msg']}; evaluate again") from None
        except ValueError as error:
            raise DataError(f"{path}:{number}: broken JSON: {error}; repair or delete this line") from None


def read_samples(measurements: Iterable[Measurement]) -> Iterator[Sample]:
    """The rows of finished measurements, one measurement after another."""
    for measurement in measurements:
        for _, sample in read_sample_file(measurement.folder / "samples.jsonl"):
            yield sample


def read_scores(measurement: Measurement) -> ItemScores:
    """The scores of a finished measurement.

    Raises:
        RunError: a score is missing; it never counts as zero.
    """
    by_score: ItemScores = defaultdict(dict)
    path = measurement.folder / "samples.jsonl"
    for line, sample in read_sample_file(path):
        scores = by_score[sample.score].setdefault(sample.task, [])
        if sample.right is None or sample.item != len(scores):
            raise RunError(f"{path}:{line}: a score is missing; delete {measurement.folder} and evaluate again")
        scores.append(float(sample.right))
    return dict(by_score)


def read_seed_scores(measurements: Sequence[Measurement]) -> SeedScores:
    """The scores of finished measurements that differ in their few-shot seed only, in their order.

    Raises:
        RunError: a score is missing in one of them.
    """
    results = [read_scores(measurement) for measurement in measurements]
    shapes = [{(s, t): len(v) for s, tasks in scores.items() for t, v in tasks.items()} for scores in results]
    for measurement, shape in zip(measurements, shapes, strict=True):
        if shape != shapes[0]:
            raise RunError(
                f"{measurement.folder}: other items than in {measurements[0].folder}; delete both and evaluate again"
            )
    first = results[0]
    return {score: {task: [scores[score][task] for scores in results] for task in first[score]} for score in first}


def read_suite_scores(measurements: Sequence[Measurement]) -> ScoresBySuite:
    """The scores of a model's finished measurements, the few-shot seeds of a suite and number of shots together."""
    groups: dict[tuple[str, int], list[Measurement]] = {}
    for measurement in measurements:
        groups.setdefault((measurement.suite.name, measurement.k), []).append(measurement)
    return {names: read_seed_scores(group) for names, group in groups.items()}


def read_measurement(measurement: Measurement) -> MeasurementFile:
    """What measurement.json of a finished measurement holds."""
    return read_model(measurement.folder / "measurement.json", MeasurementFile)


def count_answers(measurements: Sequence[Measurement]) -> AnswerCount:
    """Generated answers, and those that filled their budget of tokens, over the measurements of a model."""
    files = [read_measurement(measurement) for measurement in measurements]
    return AnswerCount(answers=sum(each.answers for each in files), unfinished=sum(each.unfinished for each in files))


def count_truncated(measurements: Sequence[Measurement]) -> dict[str, int]:
    """Items with a prompt longer than the model's context, by measurement and task; empty where there are none."""
    return {
        f"{measurement.label} {task}": count
        for measurement in measurements
        for task, count in read_measurement(measurement).truncated_by_task.items()
    }


def count_differences(measurements: Sequence[Measurement]) -> dict[str, int]:
    """Why numbers of lm-eval's tasks may differ from those of `lm_eval`, by measurement, task and reason."""
    return {
        f"{measurement.label} {reason}": count
        for measurement in measurements
        for reason, count in read_measurement(measurement).differences.items()
    }
