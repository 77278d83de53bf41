"""One cell of the measurement: a model, a panel, a number of shots, a demo seed. It is done whole or not at all.

evaluate/measurements/<panel>/<model>-k<k>/   samples.jsonl, lm-eval's results_*.json and samples_*.jsonl, measurement.json

A demo seed other than 0 adds -s<seed> to the name, demonstrations with random labels add -random.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

import kshot
from kshot.config import EvaluateConfig
from kshot.core.console import Ticker, progress, say
from kshot.core.errors import RunError, SuiteError
from kshot.core.files import atomic_folder, read_json, read_jsonl, write_json, write_jsonl
from kshot.core.seeding import digest
from kshot.evaluate.lm.backends import Backend, open_backend
from kshot.evaluate.measure.lm_eval_tasks import (
    PREFIX,
    check_lm_eval_shots,
    collect_samples,
    count_lm_eval_requests,
    evaluate_arguments,
    load_lm_eval_suite,
    other_metrics,
)
from kshot.evaluate.measure.requests import Labels, build_lm_eval_tasks, check_shots, count_requests
from kshot.runtime.device import Device
from kshot.runtime.logging import quiet, without_git
from kshot.suites.format import Suite, load_suite

SHAPING = (
    "core/answers.py",
    "core/prompting.py",
    "evaluate/lm/prefix_tree.py",
    "evaluate/lm/prefix_lm.py",
    "evaluate/measure/requests.py",
    "evaluate/scoring/text.py",
)
"""The code that shapes what is asked and how it is scored."""
HARNESS = "evaluate/measure/lm_eval_tasks.py"
"""And that of lm-eval's own tasks."""
Results = dict[str, dict[str, list[float]]]
"""score -> task -> scores from 0 to 1, item by item."""
Seeds = dict[str, dict[str, list[list[float]]]]
"""score -> task -> a row of scores, item by item, for each demo seed."""
Groups = dict[tuple[str, int], Seeds]
"""(panel, shots) -> scores."""


class Job(Protocol):
    """Something else to ask a model, kept when done."""

    @property
    def is_done(self) -> bool: ...

    def measure(self, lm: Any) -> None: ...


@dataclass(frozen=True)
class Measurement:
    """What is measured, and where it is kept. `key` changes with everything that shapes the answers."""

    model: str
    suite: Suite
    k: int
    folder: Path
    key: str
    seed: int = 0
    labels: Labels = "gold"

    @property
    def label(self) -> str:
        seed = f" s={self.seed}" if self.seed else ""
        return f"{self.suite.name} k={self.k}{seed} {self.model}{' random labels' if self.labels == 'random' else ''}"

    @property
    def is_done(self) -> bool:
        path = self.folder / "measurement.json"
        return path.exists() and read_json(path).get("key") == self.key


def make_measurement(
    root: Path,
    model: str,
    identity: str,
    panel: Suite,
    k: int,
    items: int | None,
    machine: Device,
    seed: int = 0,
    labels: Labels = "gold",
    backend: Backend | None = None,
) -> Measurement:
    """The cell of a model (`base` or `student`, with the fingerprint of its weights) on a panel at k shots."""
    code = "".join((Path(kshot.__file__).parent / path).read_text() for path in SHAPING)
    content: list[object] = [(t.spec.model_dump_json(), t.demos, t.items) for t in panel.tasks]
    if panel.lm_eval:
        content = [panel.lm_eval.key, (Path(kshot.__file__).parent / HARNESS).read_text()]
    other = [backend.key] if backend else []
    key = digest(
        identity, content, k, items, machine.dtype, machine.attention, machine.type, code, seed, labels, *other
    )
    name = f"{model}-k{k}{f'-s{seed}' if seed else ''}{'-random' if labels == 'random' else ''}"
    return Measurement(model, panel, k, root / panel.name / name, key, seed, labels)


def load_suites(settings: EvaluateConfig, more: Sequence[str]) -> list[Suite]:
    """The panels of the config and further folders, each with as many demonstrations as the largest k.

    Raises:
        PanelError: no panel, no shot count, two panels of one name, or a panel that cannot be used.
    """
    path = str(settings.lm_eval_path or "")
    panels = [
        load_lm_eval_suite(name, path, settings.limit) if name.startswith(PREFIX) else load_suite(name)
        for name in dict.fromkeys([*settings.suites, *more])
    ]
    if not panels:
        raise SuiteError("evaluate.suites: no panel at all; name `kshot` or a folder")
    if not settings.shots:
        raise SuiteError("evaluate.shots: no shot count at all; e.g. [0, 1, 4]")
    names = [panel.name for panel in panels]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise SuiteError(f"two panels are named {sorted(doubled)[0]!r}; rename one folder")
    for panel in panels:
        if panel.lm_eval:
            check_lm_eval_shots(panel, panel.lm_eval, settings.shots)
        else:
            check_shots(panel, settings.shots)
    return panels


def unique_fewshot_seeds(settings: EvaluateConfig) -> list[int]:
    """Each once, in the order of the config."""
    return list(dict.fromkeys(settings.fewshot_seeds))


def plan_measurements(panels: Sequence[Suite], settings: EvaluateConfig) -> list[tuple[Suite, int, int]]:
    """Panel, shots and demo seed of every cell of a model. Without demonstrations the seed means nothing."""
    return [
        (panel, k, seed)
        for panel in panels
        for k in sorted(set(settings.shots))
        if panel.supports_shots(k)
        for seed in (unique_fewshot_seeds(settings) if k else [0])
    ]


def measure_missing(
    cells: Sequence[Measurement],
    load: Callable[[], tuple[Any, Any]],
    machine: Device,
    items: int | None,
    backend: Backend | None = None,
    more: Sequence[Job] = (),
) -> None:
    """Measure the cells of one model that are not done; it is loaded (model, tokenizer) only if there is one.

    Args:
        backend: loads the model itself, instead of `load`.
        more: is asked of the model after the cells.
    """
    missing = [cell for cell in cells if not cell.is_done]
    jobs = [job for job in more if not job.is_done]
    if not missing and not jobs:
        return
    lm = open_backend(backend, machine) if backend else _own(load, machine)
    for cell in missing:
        measure(cell, lm, items)
    for job in jobs:
        job.measure(lm)


def _own(load: Callable[[], tuple[Any, Any]], machine: Device) -> Any:
    import torch

    from kshot.evaluate.lm.prefix_lm import PrefixSharingLM

    model, tokenizer = load()
    model.set_attn_implementation(machine.attention)
    model = model.to(dtype=getattr(torch, machine.dtype), device=machine.type).eval()
    with quiet():
        return PrefixSharingLM(model, tokenizer, threads=machine.worker_count)


def measure(cell: Measurement, lm: Any, items: int | None) -> None:
    """Ask the model, a `PrefixSharingLM` or another of lm-eval's, everything in the cell, and keep the answers."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    harness = cell.suite.lm_eval
    total = count_lm_eval_requests(cell.suite, items) if harness else count_requests(cell.suite, items)
    with progress(cell.label, total) as tick, quiet(), without_git():
        lm.tick = capped(total, tick)
        if harness:
            settings = evaluate_arguments(harness, cell.k, items, cell.seed)
        else:
            tasks = build_lm_eval_tasks(cell.suite, cell.k, items, lm.tokenizer, cell.seed, cell.labels)
            settings = {"tasks": tasks, "task_manager": TaskManager(include_defaults=False)}
        results = simple_evaluate(model=lm, apply_chat_template=True, bootstrap_iters=0, **settings)
        # Other models than ours do not count.
        lm.tick(total)
        with atomic_folder(cell.folder) as folder:
            rows = _samples(cell, results["samples"], lm)
            others = other_metrics(results["results"], rows) if harness else {}
            write_jsonl(folder / "samples.jsonl", rows)
            _save_lm_eval(results, cell.model, folder)
            cut = {(row["task"], row["item"]) for row in rows if row["truncated"]}
            write_json(folder / "measurement.json", {"key": cell.key, "truncated": len(cut), "reported": others})
    if cut:
        say(f"{cell.label}: prompts longer than the model's context, which were cut on the left: {len(cut)}")


def capped(total: int, tick: Ticker) -> Ticker:
    """Counts no more than `total`, however much is done."""
    left = total

    def count(done: int = 1, note: str = "") -> None:
        nonlocal left
        done = min(done, left)
        left -= done
        if done:
            tick(done, note)

    return count


def _samples(cell: Measurement, samples: dict[str, list[dict[str, Any]]], lm: Any) -> list[dict[str, Any]]:
    """A row an item and score, sorted by task, score and item. `right` is a share for scores that give one."""
    if cell.suite.lm_eval:
        facts = {"panel": cell.suite.name, "k": cell.k, "seed": cell.seed, "model": cell.model}

        def cut(text: str) -> bool:
            return bool(len(lm.tok_encode(text)) > lm.max_length)

        return collect_samples(cell.suite.lm_eval, cell.suite, samples, facts, cut)
    rows = []
    scores = {task.name: task.spec.scores for task in cell.suite.tasks}
    for name, found in samples.items():
        task, _, score = name.rpartition("__")
        for sample in found:
            doc, arguments = sample["doc"], sample["arguments"]
            if isinstance(arguments, dict):
                arguments = [(each["arg_0"], each["arg_1"]) for each in arguments.values()]
            text = arguments[0][0]
            row = {"panel": cell.suite.name, "task": task, "score": score, "k": cell.k, "item": doc["item"]}
            row |= {"seed": cell.seed, "model": cell.model, "prompt": text}
            row |= {"input": doc["input"], "accepted": doc["output"]}
            row["truncated"] = (
                len(lm.tok_encode(text)) + max(_room(lm, after) for _, after in arguments) > lm.max_length
            )
            replies = sample["filtered_resps"]
            if score == "exact_match":
                for each in scores[task]:
                    value = sample[each] if each == "rouge_l" else bool(sample[each])
                    rows.append({**row, "score": each, "right": value, "answer": replies[0]})
            else:
                log_probs = [float(reply[0]) for reply in replies]
                if not all(map(isfinite, log_probs)):
                    raise RunError(f"{cell.label}: log-probabilities that are no numbers; its weights are broken")
                choice = doc["options"][log_probs.index(max(log_probs))]
                row |= {"options": doc["options"], "log_probs": log_probs}
                rows.append({**row, "right": bool(sample["acc"]), "answer": choice})
    return sorted(rows, key=lambda row: (row["task"], row["score"], row["item"]))


def _room(lm: Any, after: str | Mapping[str, Any]) -> int:
    """The tokens of the context that are kept for what follows a prompt: an answer, or an option but for its last."""
    return int(after["max_gen_toks"]) if isinstance(after, Mapping) else len(lm.tok_encode(after)) - 1


def _save_lm_eval(results: Any, model: str, folder: Path) -> None:
    """lm-eval's own files, for the tools that read them."""
    from lm_eval.loggers import EvaluationTracker

    tracker = EvaluationTracker(output_path=str(folder))
    tracker.general_config_tracker.log_experiment_args(
        model_source="kshot",
        model_args=f"pretrained={model}",
        system_instruction=None,
        chat_template=None,
        fewshot_as_multiturn=False,
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, found in samples.items():
        tracker.save_results_samples(task_name=task, samples=found)


def read_samples(cells: Iterable[Measurement]) -> Iterator[dict[str, Any]]:
    """The rows of samples.jsonl of finished cells, one cell after another."""
    for cell in cells:
        for _, row in read_jsonl(cell.folder / "samples.jsonl"):
            yield row


def read_scores(cell: Measurement) -> Results:
    """The scores of a finished cell.

    Raises:
        RunError: a score is missing; it is never taken for a zero.
    """
    found: Results = defaultdict(dict)
    path = cell.folder / "samples.jsonl"
    for line, row in read_jsonl(path):
        scores = found[row["score"]].setdefault(row["task"], [])
        if row.get("right") is None or row["item"] != len(scores):
            raise RunError(f"{path}:{line}: a score is missing here; delete {cell.folder} and evaluate again")
        scores.append(float(row["right"]))
    return dict(found)


def read_seeds(cells: Sequence[Measurement]) -> Seeds:
    """The scores of finished cells that differ in their demo seed only, in the cells' order.

    Raises:
        RunError: a score is missing in one of them.
    """
    results = [read_scores(cell) for cell in cells]
    shapes = [{(s, t): len(v) for s, tasks in found.items() for t, v in tasks.items()} for found in results]
    for cell, shape in zip(cells, shapes, strict=True):
        if shape != shapes[0]:
            raise RunError(f"{cell.folder}: other items than in {cells[0].folder}; delete both and evaluate again")
    return {
        score: {task: [found[score][task] for found in results] for task in results[0][score]} for score in results[0]
    }


def read_suite_scores(cells: Sequence[Measurement]) -> Groups:
    """The scores of a model's finished cells, the demo seeds of a panel and number of shots together."""
    groups: dict[tuple[str, int], list[Measurement]] = {}
    for cell in cells:
        groups.setdefault((cell.suite.name, cell.k), []).append(cell)
    return {names: read_seeds(group) for names, group in groups.items()}


def count_truncated(cells: Sequence[Measurement]) -> dict[str, int]:
    """Prompts that were longer than the model's context, by cell; empty where there are none."""
    counts = {c.label: int(read_json(c.folder / "measurement.json")["truncated"]) for c in cells}
    return {name: n for name, n in counts.items() if n}
