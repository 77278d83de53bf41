"""Asks a teacher: many requests at once, each reply stored before it is used, none asked twice."""

import asyncio
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kshot.config import Teacher
from kshot.console import Ticker, progress
from kshot.errors import TeacherError
from kshot.generate.local_teacher import local_server
from kshot.generate.store import ReplyStore
from kshot.weights import fingerprint, resolve

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class Request:
    """One thing to ask: the user's message, and which of several samples of the same message it is."""

    prompt: str
    sample: int = 0


class Asker:
    """Answers requests from the store, and from the endpoint for what is not there yet.

    Args:
        teacher: the settings.
        name: who teaches, for the records: a model's name.
        identity: what must change when the replies would: name and, for local weights, their fingerprint.
        base_url: of the endpoint, or None to start the local one when first needed.
    """

    def __init__(self, teacher: Teacher, store: ReplyStore, name: str, identity: str, folder: Path) -> None:
        self.name = name
        self._teacher = teacher
        self._store = store
        self._identity = identity
        self._folder = folder

    def ask(self, requests: Sequence[Request], label: str) -> list[str]:
        """The replies, in the order of the requests.

        Raises:
            TeacherError: the endpoint cannot be reached or refuses; replies that came are kept for a rerun.
        """
        bodies = [self._body(request) for request in requests]
        keys = [self._store.key(body) for body in bodies]
        missing = {key: body for key, body in zip(keys, bodies, strict=True) if self._store.get(key) is None}
        if missing:
            with (
                self._endpoint() as (base_url, model),
                progress(label, len(bodies), len(bodies) - len(missing)) as tick,
            ):
                asyncio.run(self._fetch(base_url, model, missing, tick))
        found = [self._store.get(key) for key in keys]
        return [reply or "" for reply in found]

    def _body(self, request: Request) -> dict[str, Any]:
        return {
            "model": self._identity,
            "messages": [{"role": "user", "content": request.prompt}],
            "temperature": self._teacher.temperature,
            "max_tokens": self._teacher.max_tokens,
            "sample": request.sample,
        }

    @contextmanager
    def _endpoint(self) -> Iterator[tuple[str, str]]:
        if self._teacher.endpoint == "local":
            with local_server(self.name, self._folder / "teacher.log") as url:
                yield url, self.name
        else:
            yield _base_url(self._teacher), self._teacher.model

    async def _fetch(self, base_url: str, model: str, missing: dict[str, dict[str, Any]], tick: Ticker) -> None:
        from openai import AsyncOpenAI, DefaultAioHttpClient

        gate = asyncio.Semaphore(self._teacher.concurrency)
        # The store, not the client, is where a retry must start from, so the client's own retries are off.
        async with AsyncOpenAI(
            base_url=base_url,
            api_key=os.environ.get(self._teacher.api_key_env) or "none",
            timeout=self._teacher.timeout,
            max_retries=0,
            http_client=DefaultAioHttpClient(timeout=self._teacher.timeout),
        ) as client:

            async def one(key: str, body: dict[str, Any]) -> None:
                async with gate:
                    reply = await self._patiently(client, base_url, model, body)
                self._store.put(key, body, reply)
                tick()

            try:
                async with asyncio.TaskGroup() as group:
                    for key, body in missing.items():
                        group.create_task(one(key, body))
            except BaseExceptionGroup as group_error:
                # Not `except*`, which would wrap what is raised in it into a group again.
                refused = group_error.subgroup(TeacherError)
                if refused is None:
                    raise
                raise refused.exceptions[0] from None

    async def _patiently(self, client: "AsyncOpenAI", base_url: str, model: str, body: dict[str, Any]) -> str:
        """One reply; what may pass (no connection, 408, 409, 429, 5xx, timeout) is tried again after a pause."""
        from openai import APIConnectionError, APIStatusError, OpenAIError

        cause = ""
        for attempt in range(self._teacher.attempts):
            if attempt:
                pause = min(LONGEST_PAUSE_SECONDS, PAUSE_SECONDS * 4**attempt)
                await asyncio.sleep(random.uniform(0, pause))
            try:
                done = await client.chat.completions.create(
                    model=model,
                    messages=body["messages"],
                    temperature=body["temperature"],
                    max_tokens=body["max_tokens"],
                )
                return (done.choices[0].message.content if done.choices else None) or ""
            except APIConnectionError as error:
                cause = _no_answer(error)
            except APIStatusError as error:
                cause = f"answers {error.status_code}: {' '.join(error.message.split())[:200]}"
                if error.status_code < 500 and error.status_code not in {408, 409, 429}:
                    break
            except (OpenAIError, ValueError, AttributeError, TypeError) as error:
                cause = f"sends what is no chat completion ({type(error).__name__})"
        hint = f"; is the key in ${self._teacher.api_key_env}?" if " 401" in cause or " 403" in cause else ""
        raise TeacherError(
            f"teacher {base_url} {cause}{hint}; {len(self._store)} replies are kept, and a rerun goes on from there"
        )


def _no_answer(error: BaseException) -> str:
    """Why there was no answer; the aiohttp transport calls a refused connection a timeout, so the cause is asked."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and not isinstance(inner, TimeoutError):
            return f"cannot be reached ({inner.strerror or type(inner).__name__})"
        inner = inner.__cause__ or inner.__context__
    return "timed out"


def _base_url(teacher: Teacher) -> str:
    if teacher.endpoint != "env":
        return teacher.endpoint
    url = os.environ.get("OPENAI_BASE_URL")
    if not url:
        raise TeacherError("generate.teacher.endpoint is `env`, and the environment has no OPENAI_BASE_URL; set it")
    return url


def make_asker(teacher: Teacher, student: str, store: ReplyStore, folder: Path) -> Asker:
    """The asker for these settings; the local teacher's model is by default the student's base.

    Raises:
        TeacherError: a remote endpoint without a model's name.
        WeightsError: the local teacher's model cannot be had.
    """
    if teacher.endpoint == "local":
        path = resolve(teacher.model or student)
        return Asker(teacher, store, path, f"{Path(path).name}@{fingerprint(path)}", folder)
    if not teacher.model:
        raise TeacherError(f"generate.teacher.model: name the model to use at {teacher.endpoint}")
    return Asker(teacher, store, teacher.model, f"{teacher.endpoint} {teacher.model}", folder)
