"""What to measure: the suites of a config, and the measurements of a model on them."""

from collections.abc import Sequence
from dataclasses import replace

from kshot.config import EvaluateConfig
from kshot.core.console import say
from kshot.core.errors import SuiteError
from kshot.evaluate.measure.lm_eval_suites import PREFIX, check_lm_eval_shots, load_lm_eval_suite
from kshot.evaluate.measure.suite_tasks import check_shots
from kshot.project.suite import load_suite_entry
from kshot.suites.format import Suite
from kshot.suites.prompts import Labels


def load_suites(settings: EvaluateConfig, more: Sequence[str]) -> list[Suite]:
    """The suites of the config and further ones, each with as many demonstrations as the largest k.

    Raises:
        SuiteError: no suite, no shot count, two suites of one name, or a suite that cannot be used.
    """
    suites = [
        load_lm_eval_suite(entry, settings)
        if isinstance(entry, str) and entry.startswith(PREFIX)
        else _with_chat_settings(load_suite_entry(entry), settings)
        for entry in dict.fromkeys([*settings.suites, *more])
    ]
    if not suites:
        raise SuiteError("evaluate.suites: no suite at all; name `kshot` or a folder")
    if not settings.shots:
        raise SuiteError("evaluate.shots: no shot count at all; e.g. [0, 1, 4]")
    names = [suite.name for suite in suites]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise SuiteError(f"two suites are named {sorted(repeated)[0]!r}; rename one folder, or give a table a `name`")
    for suite in suites:
        if suite.lm_eval:
            check_lm_eval_shots(suite, suite.lm_eval, settings.shots)
        else:
            check_shots(suite, settings.shots)
    return suites


def say_no_teacher_is_asked(suites: Sequence[Suite], settings: EvaluateConfig, command: str) -> None:
    """For the commands that compare more than a student with its base: name what only the teacher could add."""
    asked = ["evaluate.teacher"] if settings.teacher else []
    asked += ["the score judge"] if any("judge" in task.spec.scores for s in suites for task in s.tasks) else []
    if asked:
        say(f"{command}: leaves out {' and '.join(asked)}; only `kshot evaluate` asks the teacher")


def _with_chat_settings(suite: Suite, settings: EvaluateConfig) -> Suite:
    return replace(suite, multiturn=bool(settings.fewshot_as_multiturn), system=settings.system_instruction or "")


def unique_fewshot_seeds(settings: EvaluateConfig) -> list[int]:
    """Each seed once, in the order of the config."""
    return list(dict.fromkeys(settings.fewshot_seeds))


def plan_measurements(suites: Sequence[Suite], settings: EvaluateConfig) -> list[tuple[Suite, int, int]]:
    """Suite, shots and few-shot seed of every measurement of a model. Without demonstrations the seed means nothing."""
    return [
        (suite, k, seed)
        for suite in suites
        for k in sorted(set(settings.shots))
        if suite.supports_shots(k)
        for seed in (unique_fewshot_seeds(settings) if k else [0])
    ]


def plan_with_baselines(suites: Sequence[Suite], settings: EvaluateConfig) -> list[tuple[Suite, int, int, Labels]]:
    """The same with the labels of the demonstrations, random ones where the config asks for that baseline.

    lm-eval's own tasks know no random labels, and without demonstrations there are none to draw.
    """
    plan = plan_measurements(suites, settings)
    gold: list[tuple[Suite, int, int, Labels]] = [(*names, "gold") for names in plan]
    if "random_labels" not in settings.baselines:
        return gold
    return gold + [(suite, k, seed, "random") for suite, k, seed, _ in gold if k and not suite.lm_eval]
