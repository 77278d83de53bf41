"""What the rest of the package knows of a teacher."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kshot.config import TeacherConfig
from kshot.generate.teacher.budget import BudgetExceededError, Estimate
from kshot.generate.teacher.cache import REPLIES_FILE, ReplyCache
from kshot.generate.teacher.messages import Reply, Request

if TYPE_CHECKING:
    from kshot.generate.teacher.client import TeacherClient


class Teacher(Protocol):
    """Answers requests. `name` is the model, for the records; `budget_error` is set once a budget is spent."""

    @property
    def name(self) -> str: ...

    @property
    def budget_error(self) -> BudgetExceededError | None: ...

    def ask(self, requests: Sequence[Request], label: str) -> list[Reply]:
        """Return the replies in the order of the requests. A failed request gives a reply with an `error`.

        Args:
            label: the words beside the progress bar.

        Raises:
            TeacherError: no endpoint can be reached, or all refuse. Replies that came stay cached.
        """
        ...

    def estimate(self, requests: Iterable[Request]) -> Estimate:
        """Return the maximum cost of these requests, without sending any."""
        ...


@contextmanager
def open_teacher(
    settings: TeacherConfig,
    student: str,
    folder: Path,
    use_batches: bool = False,
    share: "Callable[[TeacherClient], Teacher] | None" = None,
) -> Iterator[Teacher]:
    """Open the teacher of these settings, with its reply cache in `folder`.

    Args:
        student: the model that a `local` teacher serves where the settings name none.
        use_batches: send what `ask` gets through the batch API of the first endpoint.
        share: makes a teacher of the client that shares its requests with other processes.

    Raises:
        TeacherError: an endpoint has no model, no usable URL or no usable name of its key's variable.
        WeightsError: the local teacher's model cannot be found.
        DataError: the cache cannot be read.
    """
    # Loads the HTTP client, which a run without a teacher does not need.
    from kshot.generate.teacher.client import make_client

    with closing(ReplyCache(folder / REPLIES_FILE)) as cache:
        client = make_client(settings, student, cache, folder)
        client.use_batches = use_batches
        yield share(client) if share else client
