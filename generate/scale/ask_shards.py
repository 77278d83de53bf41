"""One shard of a wave of requests: it asks the teacher into a reply cache of its own.

.shards/WAVE/ask.json             the teacher, and the budget and concurrency of each shard
.shards/WAVE/3/requests.jsonl     the shard's requests
.shards/WAVE/3/replies.sqlite     its replies; the main cache takes them over
.shards/WAVE/3/asked              is there when all requests have been asked
"""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import orjson
from filelock import FileLock

from kshot.config import TeacherConfig
from kshot.core.files import atomic_file, write_text
from kshot.core.run_files import FileModel, write_model
from kshot.generate.teacher import Request
from kshot.generate.teacher.cache import REPLIES_FILE, ReplyCache
from kshot.runtime.shards.work import Work

JOB, REQUESTS, ASKED, LOCK = "ask.json", "requests.jsonl", "asked", ".lock"


class AskJob(FileModel):
    """ask.json: what all shards of a wave share, and what each may spend."""

    label: str
    """The words beside the progress."""
    student: str
    """The config's student."""
    teachers: list[TeacherConfig]
    """By shard, the teacher with the shard's part of budget and concurrency."""


def shard_folder(folder: Path, shard: int) -> Path:
    return folder / str(shard)


def asked_path(folder: Path, shard: int) -> Path:
    return shard_folder(folder, shard) / ASKED


def write_wave(folder: Path, job: AskJob, requests: list[list[Request]]) -> None:
    """Write the requests of each shard, and the job."""
    for shard, part in enumerate(requests):
        with atomic_file(shard_folder(folder, shard) / REQUESTS) as temporary, temporary.open("wb") as file:
            file.writelines(orjson.dumps(asdict(request), option=orjson.OPT_APPEND_NEWLINE) for request in part)
    write_model(folder / JOB, job)


def shard_lock(shard: Path, timeout: float) -> FileLock:
    """The lock that a shard holds in its folder while it asks: no two processes buy the same replies."""
    return FileLock(shard / LOCK, timeout=timeout)


def ask_shard(folder: Path, shard: int) -> None:
    """Ask a shard's requests; those with a reply in the shard's cache are not asked again.

    Raises:
        TeacherError: no endpoint can be reached, or all refuse. Replies that came stay cached.
    """
    # Loads the HTTP client, which a shard that composes does not need.
    from kshot.generate.teacher.client import make_client

    target = shard_folder(folder, shard)
    job = AskJob.model_validate_json((folder / JOB).read_bytes())
    requests = [Request(**orjson.loads(line)) for line in (target / REQUESTS).read_bytes().splitlines()]
    with shard_lock(target, timeout=-1), closing(ReplyCache(target / REPLIES_FILE)) as cache:
        make_client(job.teachers[shard], job.student, cache, target).ask(requests, job.label)
    write_text(asked_path(folder, shard), "")


WORK = Work("ask", ask_shard, asked_path)
