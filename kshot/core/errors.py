"""The errors that a user can fix, as one tree.

    KshotError                     printed as one line (or one a fault); the command exits 2
    ├── ConfigError                the config or an option of the command: all faults at once
    ├── DataError                  a data file: names the file and the line
    │   └── SuiteError             a suite of held-out tasks
    ├── WeightsError               a model that cannot be found, fetched, checked or converted
    ├── TeacherError               an endpoint that cannot be reached or started, or refuses us
    │   └── BudgetExceededError    the teacher's budget is spent (generate/teacher/budget.py)
    ├── RunError                   a run folder that is busy, or lacks what an earlier stage makes
    └── PeerFailedError            another process of a training failed, and says why: nothing is printed

Any other exception that reaches the user is a bug.
"""

MAX_ERROR_CHARS = 300


def summarize_error(error: Exception, most: int | None = MAX_ERROR_CHARS) -> str:
    """An error's message as part of one line, cut to `most` characters; None: whole."""
    return " ".join(str(error).split())[:most]


class KshotError(Exception):
    """Base of all errors that a user can fix."""


class ConfigError(KshotError):
    """Faults of a config, one string each, every one with its place."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class DataError(KshotError):
    """A file of tasks, records or items that cannot be used."""


class SuiteError(DataError):
    """A suite that cannot be used."""


class WeightsError(KshotError):
    """A model that cannot be used."""


class TeacherError(KshotError):
    """A teacher that cannot be used."""


class RunError(KshotError):
    """A run folder that cannot be used as asked."""


class PeerFailedError(KshotError):
    """Another process of this training failed. It prints why, so this one ends without a word."""
