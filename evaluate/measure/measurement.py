"""A measurement: a model on a suite at k shots with a few-shot seed. It is kept whole or not at all.

    evaluate/measurements/SUITE/MODEL-kK/   measurement.json samples.jsonl, lm-eval's results_*.json samples_*.jsonl

A few-shot seed other than 0 adds -sSEED to the folder's name, demonstrations with random labels add -random.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kshot.core import answers, prompting
from kshot.core.console import Ticker, progress, say
from kshot.core.errors import KshotError, SuiteError, summarize_error
from kshot.core.files import atomic_folder, read_json, write_jsonl
from kshot.core.replies import final_answer, thought
from kshot.core.run_files import write_model
from kshot.core.seeding import digest
from kshot.evaluate.lm.backends import Backend, open_backend
from kshot.evaluate.lm.chat_prompts import visible_samples
from kshot.evaluate.lm.constants import LM_VERSION
from kshot.evaluate.measure import lm_eval_suites, suite_tasks
from kshot.evaluate.measure.lm_eval_suites import count_lm_eval_requests, evaluate_arguments, other_metrics
from kshot.evaluate.measure.samples import collect_samples, count_cut_items, find_differences
from kshot.evaluate.measure.suite_tasks import build_lm_eval_tasks, count_requests
from kshot.evaluate.run_files import MeasurementFile
from kshot.evaluate.scoring import normalized, text
from kshot.models import chat_template
from kshot.models.loading import cast_weights
from kshot.runtime.device import Device, set_attention
from kshot.runtime.logging import facts_once, quiet
from kshot.suites.format import LmEvalSource, Suite
from kshot.suites.prompts import Labels

TIMED = ("generate_until", "loglikelihood")


class ModelJob(Protocol):
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
        """What progress lines call it."""
        seed = f" s={self.seed}" if self.seed else ""
        return f"{self.suite.name} k={self.k}{seed} {self.model}{' random labels' if self.labels == 'random' else ''}"

    @property
    def is_done(self) -> bool:
        """Whether it is finished under its key."""
        path = self.folder / "measurement.json"
        return path.exists() and read_json(path).get("key") == self.key


def component_versions(suite: Suite) -> dict[str, int]:
    """Versions of the components that shape the answers and scores on this suite."""
    own = {"answers": answers, "prompting": prompting, "suite_tasks": suite_tasks, "text": text}
    if any("normalized_match" in task.spec.scores for task in suite.tasks):
        own |= {"normalized": normalized, "final_answer": final_answer, "thought": thought}
    modules = {"lm_eval_suites": lm_eval_suites} if suite.lm_eval else {}
    versions = {name: int(module.VERSION) for name, module in (own | modules).items()}
    return versions | {"lm": LM_VERSION, "chat_template": chat_template.VERSION}


def make_measurement(
    root: Path,
    model: str,
    fingerprint: str,
    suite: Suite,
    k: int,
    limit: int | None,
    device: Device,
    seed: int = 0,
    labels: Labels = "gold",
    backend: Backend | None = None,
) -> Measurement:
    """The measurement of a model (`base` or `student`, with the fingerprint of its weights) on a suite at k shots."""
    content: list[object] = [(task.spec.model_dump_json(), task.demos, task.items) for task in suite.tasks]
    if suite.multiturn or suite.system:
        content.append((suite.multiturn, suite.system))
    if suite.lm_eval:
        content = [suite.lm_eval.key]
    arithmetic = (device.dtype, device.attention, device.type, chat_template.TEMPLATE_DATE.isoformat())
    backend_key = [backend.key] if backend else []
    versions = sorted(component_versions(suite).items())
    key = digest(fingerprint, content, k, limit, *arithmetic, versions, seed, labels, *backend_key)
    name = f"{model}-k{k}{f'-s{seed}' if seed else ''}{'-random' if labels == 'random' else ''}"
    return Measurement(model, suite, k, root / suite.name / name, key, seed, labels)


def measure_missing(
    measurements: Sequence[Measurement],
    load: Callable[[], tuple[Any, Any]],
    device: Device,
    limit: int | None,
    backend: Backend | None = None,
    more: Sequence[ModelJob] = (),
) -> None:
    """Make the measurements of one model that are missing; load it (model, tokenizer) only if there are some.

    Args:
        backend: loads the model itself, instead of `load`.
        more: jobs for the same model, done after the measurements.
    """
    missing = [measurement for measurement in measurements if not measurement.is_done]
    jobs = [job for job in more if not job.is_done]
    if not missing and not jobs:
        return
    lm = open_backend(backend, device) if backend else _open_own(load, device)
    for measurement in missing:
        measure(measurement, lm, limit)
    for job in jobs:
        job.measure(lm)


def _open_own(load: Callable[[], tuple[Any, Any]], device: Device) -> Any:
    import torch

    from kshot.evaluate.lm.prefix_lm import PrefixSharingLM
    from kshot.evaluate.lm.self_check import find_way

    model, tokenizer = load()
    set_attention(model, device.attention)
    with quiet():
        # While the weights are in float32, of which a GPU might not hold all.
        way = find_way(model.eval(), tokenizer.pad_token_id or 0, model.device)
        cast_weights(model, getattr(torch, device.dtype))
        return PrefixSharingLM(model.to(device.type), tokenizer, way, threads=device.worker_count)


def measure(measurement: Measurement, lm: Any, limit: int | None) -> None:
    """Ask the model, a `PrefixSharingLM` or another of lm-eval's, for the whole measurement, and keep the answers."""
    from lm_eval.tasks import TaskManager

    suite, source = measurement.suite, measurement.suite.lm_eval
    total = count_lm_eval_requests(suite, limit) if source else count_requests(suite, limit)
    with progress(measurement.label, total) as tick, quiet(), facts_once():
        lm.tick = capped(total, tick)
        if source:
            arguments = evaluate_arguments(source, measurement.k, limit, measurement.seed)
        else:
            tasks = build_lm_eval_tasks(suite, measurement.k, limit, lm.tokenizer, measurement.seed, measurement.labels)
            arguments = {"tasks": tasks, "task_manager": TaskManager(include_defaults=False)}
        with timed_requests(lm) as seconds:
            results = _ask(lm, source, arguments)
        # Models of lm-eval do not count.
        lm.tick(total)
        facts = {"suite": suite.name, "k": measurement.k, "seed": measurement.seed, "model": measurement.model}
        with atomic_folder(measurement.folder) as folder:
            by_task = results["samples"]
            samples = collect_samples(suite, by_task, facts, measurement.label, lm)
            metrics = other_metrics(results["results"], samples) if source else {}
            write_jsonl(folder / "samples.jsonl", (sample.model_dump(exclude_none=True) for sample in samples))
            _save_lm_eval_files(results, measurement.model, arguments, folder)
            cut = count_cut_items(suite, by_task, samples, lm)
            differences = find_differences(suite, by_task, lm) if source else {}
            written = {(row.task, row.item): row.unfinished for row in samples if row.unfinished is not None}
            content = MeasurementFile(
                key=measurement.key, truncated=sum(cut.values()), truncated_by_task=cut, differences=differences,
                answers=len(written), unfinished=sum(written.values()), seconds=seconds,
                items=len({(row.task, row.item) for row in samples}), other_metrics=metrics,
            )  # fmt: skip
            write_model(folder / "measurement.json", content)
    if cut:
        counts = ", ".join(f"{count} items of {task}" for task, count in cut.items())
        say(f"{measurement.label}: prompts are longer than the model's context and cut on the left: {counts}")
    for reason, count in differences.items():
        say(f"{measurement.label}: not as `lm_eval` measures it, {count} items of {reason}")


@contextmanager
def timed_requests(lm: Any) -> Iterator[dict[str, float]]:
    """Add up the seconds that the model takes, by the kind of request."""
    seconds: dict[str, float] = {}

    def time_method(name: str) -> None:
        ask = getattr(lm, name)

        def ask_and_time(requests: Any, *args: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return ask(requests, *args, **options)
            finally:
                seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - begin

        setattr(lm, name, ask_and_time)

    for name in TIMED:
        time_method(name)
    try:
        yield seconds
    finally:
        for name in TIMED:
            delattr(lm, name)


def _ask(lm: Any, source: LmEvalSource | None, arguments: Mapping[str, Any]) -> Any:
    """lm-eval's results.

    Raises:
        SuiteError: one of lm-eval's tasks cannot be asked or scored.
    """
    from lm_eval import simple_evaluate

    lm.lm_eval_prompts = {} if source else None
    is_plain = source is not None and source.is_continuous
    try:
        with lm.asked_plainly(is_plain) if hasattr(lm, "asked_plainly") else nullcontext():
            return simple_evaluate(model=lm, apply_chat_template=True, bootstrap_iters=0, **arguments)
    except KshotError:
        raise
    except Exception as error:
        if source is None or isinstance(error, MemoryError):
            raise
        cause = summarize_error(error)
        raise SuiteError(f"{lm_eval_suites.PREFIX}{source.task}: lm-eval cannot measure it: {cause}") from error


def capped(total: int, tick: Ticker) -> Ticker:
    """A ticker that counts at most `total`."""
    left = total

    def count(done: int = 1, note: str = "") -> None:
        nonlocal left
        done = min(done, left)
        left -= done
        if done:
            tick(done, note)

    return count


def _save_lm_eval_files(results: Any, model: str, arguments: Mapping[str, Any], folder: Path) -> None:
    """lm-eval's own files, for the tools that read them."""
    from lm_eval.loggers import EvaluationTracker

    tracker = EvaluationTracker(output_path=str(folder))
    tracker.general_config_tracker.log_experiment_args(
        model_source="kshot",
        model_args=f"pretrained={model}",
        system_instruction=arguments.get("system_instruction"),
        chat_template=None,
        fewshot_as_multiturn=arguments.get("fewshot_as_multiturn", False),
    )
    samples = visible_samples(results.pop("samples"))
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=rows)
