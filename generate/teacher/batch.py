"""The batch API: requests as one file, replies within a day at a lower price (OpenAI's /files and /batches).

The cache records a batch under our own tag before the batch exists at the endpoint, and the batch carries the tag. So a
crash at any moment leaves a batch that the next run finds, instead of one that is paid for and forgotten.
"""

import io
import json
import time
import uuid
from collections.abc import Callable, Sequence
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
from kshot.generate.teacher.parsing.dialect import Dialect, Dialects
from kshot.generate.teacher.parsing.error_body import parse_json
from kshot.generate.teacher.transport import PLAIN, RequestFailure, build_payload, make_route, parse_reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai import OpenAI
    from openai.types import Batch

MAX_BATCH_REQUESTS = 50_000
MAX_BATCH_BYTES = 100 << 20
"""OpenAI's limits are 50,000 requests and 200 MB."""
POLL_SECONDS = 30.0
END_STATES = {"completed", "failed", "expired", "cancelled"}
TAG_KEY = "kshot"
"""The key of our tag in a batch's metadata."""

Bodies = dict[str, dict[str, Any]]
"""Request bodies by cache key, with the identity of the model."""


def run_batches(
    requests: Sequence[PendingRequest],
    endpoint: Endpoint,
    cache: ReplyCache,
    meter: BudgetMeter,
    dialects: Dialects,
    try_live: Callable[[list[PendingRequest]], list[PendingRequest]],
    poll_seconds: float = POLL_SECONDS,
) -> tuple[dict[str, Reply], str | None]:
    """Submit the requests in batches; collect every open batch of this cache, also those of killed runs.

    Args:
        dialects: what the endpoint takes, as far as `try_live` has learnt it.
        try_live: sends some of the requests live, before a batch of a million fails for a field that the endpoint
            refuses; returns those that are left.

    Returns:
        The failed replies by cache key, and the name of the budget that left requests unsent, or None.

    Raises:
        TeacherError: the endpoint cannot be reached, or has no batch API.
    """
    errors: dict[str, Reply] = {}
    with _open_client(endpoint) as client:
        for tag, id, bodies in _list_open(cache, endpoint):
            if not id:
                id = _find_by_tag(client, tag)
                _record(cache, endpoint, tag, id, bodies, "open" if id else "never created")
        submitted = {key for _, _, bodies in _list_open(cache, endpoint) for key in bodies}
        new = [request for request in requests if request.keys[endpoint.identity] not in submitted]
        affordable, exceeded = _select_affordable(try_live(new), endpoint, meter)
        dialect = dialects.get((endpoint.url, endpoint.model), PLAIN)
        for lines, bodies in _split_files(affordable, endpoint, dialect):
            tag = uuid.uuid4().hex
            _record(cache, endpoint, tag, "", bodies, "open")
            _record(cache, endpoint, tag, _submit(client, tag, lines), bodies, "open")
        for tag, id, bodies in _list_open(cache, endpoint):
            rows = _collect(client, _wait_until_ended(client, id, poll_seconds), bodies, endpoint)
            cache.put_all(rows)
            for key, _, reply in rows:
                if reply.error:
                    errors[key] = reply
                else:
                    meter.add(reply_cost(reply))
            _record(cache, endpoint, tag, id, {}, "collected")
    return errors, exceeded


def _list_open(cache: ReplyCache, endpoint: Endpoint) -> list[tuple[str, str, Bodies]]:
    """Return tag, id and requests of this endpoint's batches without collected results."""
    return [(tag, id, json.loads(bodies)) for tag, id, url, bodies in cache.list_open_batches() if url == endpoint.url]


def _record(cache: ReplyCache, endpoint: Endpoint, tag: str, id: str, bodies: Bodies, state: str) -> None:
    cache.set_batch(tag, id, endpoint.url, to_json(bodies).decode(), state)


@contextmanager
def _open_client(endpoint: Endpoint) -> "Iterator[OpenAI]":
    from openai import APIConnectionError, APIStatusError, OpenAI

    if endpoint.is_deployment:
        raise TeacherError(f"{endpoint.url}: one deployment has no batch API; name https://HOST/openai/v1 and a model")
    make_route(endpoint)  # Refuses a proxy that the client cannot use.
    try:
        with OpenAI(base_url=endpoint.url, api_key=endpoint.api_key or "none", max_retries=5) as client:
            yield client
    except APIConnectionError:
        raise TeacherError(f"teacher {endpoint.url} cannot be reached; a rerun resumes its batches") from None
    except APIStatusError as error:
        message = endpoint.redact(" ".join(error.message.split()))[:200]
        hint = "; does it have a batch API?" if error.status_code in {404, 405, 501} else ""
        raise TeacherError(f"teacher {endpoint.url} answers {error.status_code}: {message}{hint}") from None


def _select_affordable(
    requests: Sequence[PendingRequest], endpoint: Endpoint, meter: BudgetMeter
) -> tuple[list[PendingRequest], str | None]:
    """Return the requests that fit the budget at their maximum cost, and the budget that ends them."""
    selected: dict[str, PendingRequest] = {}
    reserved, exceeded = [], None
    for request in requests:
        if request.keys[endpoint.identity] in selected:
            continue
        cost = max_cost(endpoint, request.body)
        cost = replace(cost, money=cost.money * endpoint.batch_price_fraction)
        if exceeded := meter.reserve(cost):
            break
        reserved.append(cost)
        selected[request.keys[endpoint.identity]] = request
    for cost in reserved:
        meter.settle(cost, None)
    return list(selected.values()), exceeded


def _split_files(
    requests: Sequence[PendingRequest], endpoint: Endpoint, dialect: Dialect
) -> "Iterator[tuple[list[bytes], Bodies]]":
    """Yield the lines of a file with its requests by key, as many as one batch may hold."""
    lines: list[bytes] = []
    bodies: Bodies = {}
    size = 0
    for request in requests:
        key = request.keys[endpoint.identity]
        body = build_payload(endpoint, request.body, "response_format" in request.body, dialect)
        line = to_json({"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}) + b"\n"
        if lines and (len(lines) >= MAX_BATCH_REQUESTS or size + len(line) > MAX_BATCH_BYTES):
            yield lines, bodies
            lines, bodies, size = [], {}, 0
        lines.append(line)
        bodies[key] = {**request.body, "model": endpoint.identity}
        size += len(line)
    if lines:
        yield lines, bodies


def _submit(client: "OpenAI", tag: str, lines: Sequence[bytes]) -> str:
    file = client.files.create(file=(f"{tag}.jsonl", io.BytesIO(b"".join(lines))), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={TAG_KEY: tag},
        # A retry of the client must not create a second batch.
        extra_headers={"Idempotency-Key": tag},
    )
    say(f"batch {batch.id}: submitted {len(lines)} requests")
    return batch.id


def _find_by_tag(client: "OpenAI", tag: str) -> str:
    """Return the id of a batch that was created just before a crash; empty if it was not created."""
    batches = client.batches.list(limit=100)
    return next((batch.id for batch in batches if (batch.metadata or {}).get(TAG_KEY) == tag), "")


def _wait_until_ended(client: "OpenAI", id: str, poll_seconds: float) -> "Batch":
    printed = ""
    while (batch := client.batches.retrieve(id)).status not in END_STATES:
        counts = batch.request_counts
        status = f"batch {id}: {batch.status}" + (f", {counts.completed} of {counts.total} done" if counts else "")
        if status != printed:
            say(f"{status}; it may take a day; you may stop kshot, and a rerun resumes")
        printed = status
        time.sleep(poll_seconds)
    return batch


def _collect(client: "OpenAI", batch: "Batch", bodies: Bodies, endpoint: Endpoint) -> list[Row]:
    """Return a row for each request of the batch. A request that is in none of the files has failed."""
    message = next((error.message for error in (batch.errors and batch.errors.data) or () if error.message), "")
    detail = f" ({' '.join(message.split())[:200]})" if message else ""
    error = endpoint.redact(f"not in batch {batch.id}, which is {batch.status}{detail}")
    missing = Reply("", error=error, endpoint=endpoint.url)
    rows: dict[str, Row] = {key: (key, body, missing) for key, body in bodies.items()}
    for file in (batch.output_file_id, batch.error_file_id):
        for line in client.files.content(file).content.splitlines() if file else []:
            key, reply = _parse_line(line, bodies, endpoint)
            if key in rows and rows[key][2].error:
                rows[key] = (key, bodies[key], reply)
    return list(rows.values())


def _parse_line(line: bytes, bodies: Bodies, endpoint: Endpoint) -> tuple[str, Reply]:
    key, outcome = "", None
    try:
        row = parse_json(line)
        key = str(row["custom_id"])
        response = row.get("response") or {}
        if response.get("status_code") == 200 and key in bodies:
            outcome = parse_reply(to_json(response["body"]), endpoint, bodies[key])
            error = outcome.reason if isinstance(outcome, RequestFailure) else ""
        else:
            error = endpoint.redact(str(row.get("error") or response.get("body")))[:200]
    except (ValueError, LookupError, AttributeError, TypeError) as caught:
        error = f"sent an invalid line ({type(caught).__name__})"
    if isinstance(outcome, Reply):
        return key, replace(outcome, cost=outcome.cost * endpoint.batch_price_fraction)
    return key, Reply("", error=error, endpoint=endpoint.url, model=endpoint.model)
