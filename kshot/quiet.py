"""What the libraries read when they are imported, and a way to keep their bars, logs and warnings off the screen."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Read by tqdm when it is first imported, so this module comes before the libraries.
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Threads that spin while they wait for one another take the cores from whoever else works here, and then everything
# crawls (benchmarks/beside_other_work.py).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
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
