"""Keeps the bars, logs and warnings of libraries off the screen."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

NOISY = (
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "lm_eval",
    "lm-eval",
    "httpx",
    "torch",
    "huggingface_hub",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, only errors of the libraries are shown. Restores what was set before."""
    from datasets.utils import logging as datasets_logging
    from transformers.utils import logging as transformers_logging

    before = {name: logging.getLogger(name).level for name in NOISY}
    bars = datasets_logging.is_progress_bar_enabled()
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    datasets_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
        transformers_logging.enable_progress_bar()
        if bars:
            datasets_logging.enable_progress_bar()


@contextmanager
def facts_once() -> Iterator[None]:
    """Inside, lm-eval reads the facts of machine and packages once a process, and the commit without running git.

    By itself it runs `pip list` and ten other programs for every measurement, which takes a second or two, and git,
    which complains on the screen where the working folder is no repository.
    """
    from lm_eval import evaluator
    from lm_eval.loggers.utils import get_commit_from_path
    from torch.utils import collect_env

    commit, environment = evaluator.get_git_commit_hash, collect_env.get_pretty_env_info
    evaluator.get_git_commit_hash = lambda: get_commit_from_path(Path.cwd())
    collect_env.get_pretty_env_info = lambda: _describe_environment(environment)
    try:
        yield
    finally:
        evaluator.get_git_commit_hash, collect_env.get_pretty_env_info = commit, environment


@cache
def _describe_environment(describe: Callable[[], str]) -> str:
    return describe()
