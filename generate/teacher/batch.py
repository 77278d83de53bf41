"""Batch endpoints: requests as one file, replies within a day at a lower price (OpenAI's /files and /batches).

A batch is noted in the store before it exists at the endpoint, under a mark of ours that it carries, so that a crash at
any moment leaves one that the next run finds, instead of one that is paid for and forgotten.
"""

import io
import json
import time
import uuid
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kshot.core.console import say
from kshot.core.errors import TeacherError
from kshot.generate.teacher.budget import BudgetMeter
from kshot.generate.teacher.cache import ReplyCache, Row
from kshot.generate.teacher.endpoint_state import PendingRequest, max_cost, reply_cost
from kshot.generate.teacher.endpoints import Endpoint
from kshot.generate.teacher.messages import Reply, to_json
from kshot.generate.teacher.transport import RequestFailure, build_payload, parse_json, parse_reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai import OpenAI
    from openai.types import Batch

MOST_REQUESTS = 50_000
MOST_BYTES = 100 << 20
"""OpenAI's limits are 50,000 requests and 200 MB."""
POLL_SECONDS = 30.0
ENDED = {"completed", "failed", "expired", "cancelled"}
MARK = "kshot"

Bodies = dict[str, dict[str, Any]]
"""Requests by key, with the identity of the model."""


def run_batches(
    works: Sequence[PendingRequest],
    endpoint: Endpoint,
    store: ReplyCache,
    meter: BudgetMeter,
    poll_seconds: float = POLL_SECONDS,
) -> tuple[dict[str, Reply], str | None]:
    """Have these asked in batches, and collect all batches of this store, also those of runs that were killed.

    Returns what the batches did not answer, by key, with the reasons, and the name of the budget that left some
    unasked, if one did.

    Raises:
        TeacherError: the endpoint cannot be reached, or has no batches.
    """
    faults: dict[str, Reply] = {}
    with _client(endpoint) as client:
        for mark, id, bodies in _open(store, endpoint):
            if not id:
                found = _found_by_mark(client, mark)
                _note(store, endpoint, mark, found, bodies, "open" if found else "never made")
        pending = {key for _, _, bodies in _open(store, endpoint) for key in bodies}
        wanted = [work for work in works if work.keys[endpoint.identity] not in pending]
        allowed, broken = _within(wanted, endpoint, meter)
        for lines, bodies in _files(allowed, endpoint):
            mark = uuid.uuid4().hex
            _note(store, endpoint, mark, "", bodies, "open")
            _note(store, endpoint, mark, _create(client, mark, lines), bodies, "open")
        for mark, id, bodies in _open(store, endpoint):
            rows = _collected(client, _finished(client, id, poll_seconds), bodies, endpoint)
            store.put_all(rows)
            for key, _, reply in rows:
                if reply.error:
                    faults[key] = reply
                else:
                    meter.add(reply_cost(reply))
            _note(store, endpoint, mark, id, {}, "collected")
    return faults, broken


def _open(store: ReplyCache, endpoint: Endpoint) -> list[tuple[str, str, Bodies]]:
    """Mark, id and requests of this endpoint's batches that are not collected."""
    return [(mark, id, json.loads(bodies)) for mark, id, url, bodies in store.open_batches() if url == endpoint.url]


def _note(store: ReplyCache, endpoint: Endpoint, mark: str, id: str, bodies: Bodies, state: str) -> None:
    store.set_batch(mark, id, endpoint.url, to_json(bodies).decode(), state)


@contextmanager
def _client(endpoint: Endpoint) -> "Iterator[OpenAI]":
    from openai import APIConnectionError, APIStatusError, OpenAI

    try:
        with OpenAI(base_url=endpoint.url, api_key=endpoint.key or "none", max_retries=5) as client:
            yield client
    except APIConnectionError:
        raise TeacherError(f"teacher {endpoint.url} cannot be reached; batches go on with the next run") from None
    except APIStatusError as error:
        words = endpoint.scrub(" ".join(error.message.split()))[:200]
        hint = "; has it batches?" if error.status_code in {404, 405, 501} else ""
        raise TeacherError(f"teacher {endpoint.url} answers {error.status_code}: {words}{hint}") from None


def _within(
    works: Sequence[PendingRequest], endpoint: Endpoint, meter: BudgetMeter
) -> tuple[list[PendingRequest], str | None]:
    """The works that fit the budget at their dearest, and the budget that ends them."""
    kept: dict[str, PendingRequest] = {}
    reserved, broken = [], None
    for work in works:
        if work.keys[endpoint.identity] in kept:
            continue
        most = max_cost(endpoint, work.body)
        most = replace(most, money=most.money * endpoint.batch_share)
        if broken := meter.reserve(most):
            break
        reserved.append(most)
        kept[work.keys[endpoint.identity]] = work
    for most in reserved:
        meter.settle(most, None)
    return list(kept.values()), broken


def _files(works: Sequence[PendingRequest], endpoint: Endpoint) -> "Iterator[tuple[list[bytes], Bodies]]":
    """The lines of a file and the requests by key, as many as one batch may have."""
    lines: list[bytes] = []
    bodies: Bodies = {}
    size = 0
    for work in works:
        key = work.keys[endpoint.identity]
        body = build_payload(endpoint, work.body, "response_format" in work.body)
        line = to_json({"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}) + b"\n"
        if lines and (len(lines) >= MOST_REQUESTS or size + len(line) > MOST_BYTES):
            yield lines, bodies
            lines, bodies, size = [], {}, 0
        lines.append(line)
        bodies[key] = {**work.body, "model": endpoint.identity}
        size += len(line)
    if lines:
        yield lines, bodies


def _create(client: "OpenAI", mark: str, lines: Sequence[bytes]) -> str:
    file = client.files.create(file=(f"{mark}.jsonl", io.BytesIO(b"".join(lines))), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={MARK: mark},
        # A retry of the client must not make a second one.
        extra_headers={"Idempotency-Key": mark},
    )
    say(f"batch {batch.id}: {len(lines)} requests handed in")
    return batch.id


def _found_by_mark(client: "OpenAI", mark: str) -> str:
    """The id of a batch that was made just before a crash; empty if it was not made."""
    return next((batch.id for batch in client.batches.list(limit=100) if (batch.metadata or {}).get(MARK) == mark), "")


def _finished(client: "OpenAI", id: str, poll_seconds: float) -> "Batch":
    said = ""
    while (batch := client.batches.retrieve(id)).status not in ENDED:
        counts = batch.request_counts
        now = f"batch {id}: {batch.status}" + (f", {counts.completed} of {counts.total} done" if counts else "")
        if now != said:
            say(f"{now}; it may take a day, and can be left and come back to")
        said = now
        time.sleep(poll_seconds)
    return batch


def _collected(client: "OpenAI", batch: "Batch", bodies: Bodies, endpoint: Endpoint) -> list[Row]:
    """A row for each request of the batch; what is not in its files has failed."""
    why = next((error.message for error in (batch.errors and batch.errors.data) or () if error.message), "")
    fault = f"not in batch {batch.id}, which is {batch.status}" + (f" ({' '.join(why.split())[:200]})" if why else "")
    missing = Reply("", error=endpoint.scrub(fault), endpoint=endpoint.url)
    rows: dict[str, Row] = {key: (key, body, missing) for key, body in bodies.items()}
    for file in (batch.output_file_id, batch.error_file_id):
        for line in client.files.content(file).content.splitlines() if file else []:
            key, reply = _line(line, bodies, endpoint)
            if key in rows and rows[key][2].error:
                rows[key] = (key, bodies[key], reply)
    return list(rows.values())


def _line(line: bytes, bodies: Bodies, endpoint: Endpoint) -> tuple[str, Reply]:
    key, outcome = "", None
    try:
        row = parse_json(line)
        key = str(row["custom_id"])
        response = row.get("response") or {}
        if response.get("status_code") == 200 and key in bodies:
            outcome = parse_reply(to_json(response["body"]), endpoint, bodies[key])
            cause = outcome.cause if isinstance(outcome, RequestFailure) else ""
        else:
            cause = endpoint.scrub(str(row.get("error") or response.get("body")))[:200]
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        cause = f"sends a broken line ({type(error).__name__})"
    if isinstance(outcome, Reply):
        return key, replace(outcome, cost=outcome.cost * endpoint.batch_share)
    return key, Reply("", error=cause, endpoint=endpoint.url, model=endpoint.model)
