"""`python -m bench.stream [--events 2000] [--rounds 9]`: the cost of relaying events to the Redis Stream.

Writes `bench/STREAM.md`. The floor is the same entries, prebuilt, as pipelined XADDs: the least that Redis and its
client need for this number of commands. The relay also reads the events from PostgreSQL, converts them to CloudEvents,
keeps the mark that prevents duplicates and saves its cursor.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import redis

from bench import floor
from bench.ground import Connection, Ground, lane, lay_out
from bench.report import contest, publish
from bench.running import serve_here
from cli import embedded
from shared.events import STREAM

PAGE = Path(__file__).with_name("STREAM.md")
TARGET = 1.5
LENGTH = 100_000

INTRODUCTION = """\
# What the Redis Stream costs

Written by `make bench` on the embedded PostgreSQL and Redis. Times are medians; the ratio is that of the medians, with
the lowest and the highest round in brackets. *Pipelined*: the same entries, prebuilt, as XADDs in one pipeline with the
same trimming. *Rollcall*: the task `events.relay`, from its call until its cursor is committed. The two take turns.
After each round the entries are counted.
"""


def pipelined(broker: Any, entries: list[dict[Any, Any]]) -> float:
    """Append prebuilt entries and do nothing else. Returns the seconds."""
    begin = time.perf_counter()
    with broker.pipeline(transaction=False) as pipeline:
        for fields in entries:
            pipeline.xadd(STREAM, fields, maxlen=LENGTH, approximate=True)
        pipeline.execute()
    return time.perf_counter() - begin


def relayed(ground: Ground) -> float:
    """Relay all unread events by the worker's own task. Returns the seconds."""
    from worker import events

    begin = time.perf_counter()
    events.relay(ground.org_id)
    return time.perf_counter() - begin


def measure(connection: Connection, broker: Any, size: int, rounds: int) -> tuple[list[float], list[float]]:
    """Returns the seconds per round of the floor and of Rollcall, each with new assignments, after a warm-up round."""
    ground = lay_out(connection, size)
    entries: list[dict[Any, Any]] = []
    floors: list[float] = []
    ours: list[float] = []
    contenders: list[tuple[list[float], Callable[[], float]]] = [
        (floors, lambda: pipelined(broker, entries)),
        (ours, lambda: relayed(ground)),
    ]
    for number in range(rounds + 1):
        floor.copy(connection, lane(connection, ground))
        for seconds, run in contenders if number % 2 or not entries else contenders[::-1]:
            broker.delete(STREAM)
            took = run()
            held = [fields for _, fields in broker.xrange(STREAM)]
            if number and len(held) != size:
                raise RuntimeError(f"of {size} events {len(held)} are in the stream")
            entries = held or entries
            if number:
                seconds.append(took)
    return floors, ours


def main() -> None:
    """Measure, print the table and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.stream", description=__doc__)
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=9)
    given, load = parser.parse_args(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder, embedded.running(Path(folder)) as at:
        serve_here(at)
        from worker.app import open_parts  # reads the environment, so not before it is set

        open_parts()
        broker = redis.Redis.from_url(at.redis_url, decode_responses=True)
        with psycopg.connect(at.superuser_database_url, autocommit=True) as connection:
            floors, ours = measure(connection, broker, given.events, given.rounds)
    found = contest("pipelined XADDs", given.events, floors, ours, TARGET, load)
    publish(found, PAGE, INTRODUCTION)


if __name__ == "__main__":
    main()
