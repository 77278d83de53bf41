"""CPU time and throughput of the teacher client: `python benchmarks/client_overhead.py --json FILE`.

Against a local server with log-normal latency, in another process, cache and commits included:
goodput_ratio        replies a second at 256 concurrent, over 256 / mean latency, from a fifth of them to nine tenths
goodput_ratio_whole  the same with the start, which finds the concurrency, and the end, which cannot fill it
cpu_ms_per_request   CPU time of the client per request at 512 concurrent; `_openai`: AsyncOpenAI's default transport
requests_per_second  of the same run, from the start to the last reply, start and end included

`--others` sends the same requests through other libraries too. Each has its own environment, installed once into the
user's cache (1.5 GB together; `_others.py`): `_distilabel` a pipeline with one step, `_distilabel_llm` its LLM alone,
`_curator` bespokelabs-curator. Their CPU time is that of all their processes without imports. It includes the start of
a pipeline's processes, so fewer `--requests` raise it per request. A library that cannot run gives null, with the
reason in `why_not_...`.
"""

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from _others import Spent, UnavailableError, ask, prepare_environment
from _server import Answer, Behave, completion, lognormal, serve

from kshot.config import TeacherConfig
from kshot.core.files import write_json
from kshot.generate.teacher import Request
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import make_client

PROMPT = "Write the following instruction in other words, and keep what it asks for: " + "word " * 60 + "number {n}"
REPLY = completion("A reply of a usual length, which is some sixty words. " * 6)
SIGMA = 0.5
OTHERS = {"distilabel": ("distilabel", []), "distilabel_llm": ("distilabel", ["--llm"]), "curator": ("curator", [])}


def latency(mean: float) -> Behave:
    rng = random.Random(1)
    return lambda index, body: Answer(lognormal(rng, mean, SIGMA), body=REPLY)


def measure_kshot(url: str, count: int, concurrency: int) -> tuple[list[float], Spent]:
    """Return when each reply was committed, in seconds from the start, and the CPU and wall time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "replies.sqlite"
        cache = ReplyCache(path)
        client = make_client(TeacherConfig(endpoint=url, model="m", concurrency=concurrency), "", cache, Path(folder))
        began, cpu, wall = time.time(), time.process_time(), time.perf_counter()
        replies = sum(1 for _ in client.stream((Request(PROMPT.format(n=n)) for n in range(count)), "sending", count))
        spent = Spent(time.process_time() - cpu, time.perf_counter() - wall)
        cache.close()
        times = [at - began for (at,) in sqlite3.connect(path).execute("SELECT at FROM replies ORDER BY at")]
    assert replies == len(times) == count
    return times, spent


def measure_openai(url: str, count: int, concurrency: int) -> Spent:
    """Return the CPU and wall time of AsyncOpenAI's default transport."""
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient
    from openai._constants import DEFAULT_CONNECTION_LIMITS

    async def main() -> None:
        limits = type(DEFAULT_CONNECTION_LIMITS)(max_connections=concurrency, max_keepalive_connections=concurrency)
        async with AsyncOpenAI(
            base_url=url, api_key="none", max_retries=0, http_client=DefaultAsyncHttpxClient(limits=limits)
        ) as client:
            numbers = iter(range(count))

            async def worker() -> None:
                for n in numbers:
                    await client.chat.completions.create(
                        model="m", messages=[{"role": "user", "content": PROMPT.format(n=n)}], max_tokens=64
                    )

            await asyncio.gather(*(worker() for _ in range(concurrency)))

    cpu, wall = time.process_time(), time.perf_counter()
    asyncio.run(main())
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)


def with_server(mean: float, measure: Callable[[str], Any]) -> tuple[Any, float]:
    """Return the measurement, and the server's real mean latency in seconds: longer on a busy device."""
    with serve(partial(latency, mean)) as server:
        result = measure(server.url)
    return result, server.stats.seconds / server.stats.served


def per_request(spent: Spent | None, count: int, suffix: str = "") -> dict[str, float | None]:
    return {
        f"cpu_ms_per_request{suffix}": round(1000 * spent.cpu / count, 3) if spent else None,
        f"requests_per_second{suffix}": round(count / spent.wall, 1) if spent else None,
    }


def measure_others(count: int, concurrency: int) -> dict[str, float | str | None]:
    """Return the CPU and wall time of other libraries, and their versions."""
    prompts = [PROMPT.format(n=n) for n in range(count)]
    result: dict[str, float | str | None] = {}
    for label, (name, options) in OTHERS.items():
        spent: Spent | None = None
        try:
            spent, _ = with_server(0.5, partial(ask, prepare_environment(name), name, options, prompts, concurrency))
        except (UnavailableError, OSError) as error:
            result[f"why_not_{label}"] = str(error)
            print(f"{label} was not measured: {error}")
        result |= per_request(spent, count, f"_{label}")
        result[f"version_{label}"] = spent.version if spent else None
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0, help="ideal length of the goodput run")
    parser.add_argument("--requests", type=int, default=8000, help="of each CPU measurement")
    parser.add_argument("--others", action="store_true", help="measure distilabel and bespokelabs-curator too")
    options = parser.parse_args()

    mean, concurrency = 1.0, 256
    count = int(options.seconds * concurrency / mean)
    (times, _), held = with_server(mean, lambda url: measure_kshot(url, count, concurrency))
    low, high = count // 5, count - count // 10
    steady = (high - low) / (times[high] - times[low])
    (_, spent), _ = with_server(0.5, lambda url: measure_kshot(url, options.requests, 512))
    spent_openai, _ = with_server(0.5, lambda url: measure_openai(url, options.requests, 512))
    result: dict[str, float | str | None] = {
        "goodput_ratio": round(steady * held / concurrency, 4),
        "goodput_ratio_whole": round(count / times[-1] * held / concurrency, 4),
        **per_request(spent, options.requests),
        **per_request(spent_openai, options.requests, "_openai"),
    }
    if options.others:
        result |= measure_others(options.requests, 512)
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
