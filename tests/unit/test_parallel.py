"""Work on several threads at once."""

import time
from threading import Event

import pytest

from kshot.runtime.parallel import run_parallel


def test_run_parallel_waits_only_for_what_was_begun_after_an_interrupt() -> None:
    """Two threads of ten parts each; one of them fails at its third."""
    over, done = Event(), []

    def work(share: int) -> None:
        for part in range(10):
            if over.is_set():
                return
            if share == 1 and part == 2:
                raise KeyboardInterrupt
            time.sleep(0.02)
            done.append((share, part))

    with pytest.raises(KeyboardInterrupt):
        run_parallel(work, [0, 1], 2, over.set)
    assert len(done) < 12
