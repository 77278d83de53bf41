"""The local teacher: `transformers serve` on a free loopback port. It stops when kshot ends, also by SIGKILL."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kshot.core.console import say
from kshot.core.errors import TeacherError
from kshot.serving.background import background_server, find_free_port

DTYPE = "float32"
"""In bfloat16 a greedy reply depends on the other requests in its batch (benchmarks/teacher_agreement.py)."""
KV_CACHE_OPTIONS = ["--cb-block-size", "32", "--cb-num-blocks", "512", "--cb-max-batch-tokens", "1024"]
"""A cache of 16,384 tokens. By default the server takes most of the memory for it."""
_LAUNCH = "from transformers.cli.transformers import main; main()"


@contextmanager
def local_server(model: str, log: Path) -> Iterator[str]:
    """Serve a model folder; yield the base URL once the server answers.

    Raises:
        TeacherError: the server ended or did not answer in time; the message names its log.
    """
    port = find_free_port()
    serve = [sys.executable, "-c", _LAUNCH, "serve", model, "--continuous-batching", "--dtype", DTYPE]
    serve += ["--host", "127.0.0.1", "--port", str(port)]
    serve += KV_CACHE_OPTIONS
    say("starting the local teacher")

    def fail(what: str) -> TeacherError:
        return TeacherError(f"the local teacher {what}; see {log}")

    with background_server(serve, f"http://127.0.0.1:{port}/health", log, fail):
        yield f"http://127.0.0.1:{port}/v1"
