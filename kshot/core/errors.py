"""What can go wrong through no fault of kshot's, as one tree.

    KshotError                     printed as one line (or one a fault); the command exits 2
    ├── ConfigError                the config or an option of the command: all faults at once
    ├── DataError                  a data file: names the file and the line
    │   └── PanelError             a panel of held-out tasks
    ├── WeightsError               a model that cannot be found, fetched, checked or converted
    ├── TeacherError               an endpoint that cannot be reached or started, or refuses us
    │   └── BudgetSpent            the teacher's budget is spent (kshot/generate/budget.py)
    └── RunError                   a run folder that is busy, or lacks what an earlier stage makes

Any other exception that reaches the user is a bug.
"""

MAX_ERROR_CHARS = 300


def summarize_error(error: Exception, most: int | None = MAX_ERROR_CHARS) -> str:
    """What an error says, as part of one line; whole with `most=None`, as our own errors are that name every fault."""
    return " ".join(str(error).split())[:most]


class KshotError(Exception):
    """Base of all errors that a user can mend."""


class ConfigError(KshotError):
    """Faults of a config, one string each, every one with its place."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class DataError(KshotError):
    """A file of tasks, records or panel items that cannot be used."""


class SuiteError(DataError):
    """A panel that cannot be used."""


class WeightsError(KshotError):
    """A model that cannot be had."""


class TeacherError(KshotError):
    """A teacher that cannot be had."""


class RunError(KshotError):
    """A run folder that cannot be used as asked."""
