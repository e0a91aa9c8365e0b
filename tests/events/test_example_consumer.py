"""The example consumer in `docs/examples`: killed again and again, it loses no event and processes none twice."""

import importlib.util
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.events import stream
from tests.drain import InProcessWorker
from tests.events.streaming import OwnRedis, relay, relaying
from tests.events.tampering import record_many
from tests.factories import Org
from tests.waiting import within

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "consume_stream.py"
KILLS = 10
A_ROUND = 250

ACKNOWLEDGES_FIRST = (
    "entries = answer[0][1] if answer else []",
    "entries = answer[0][1] if answer else []\n"
    "            stream.xack(STREAM, group, *(each for each, _ in entries)) if entries else None",
)
"""Removes a guard: events are acknowledged before they are processed."""
REMEMBERS_NO_IDS = ("if known.rowcount:", "if True:")
"""Removes another guard: an event that was processed before is processed again."""
SLOWED = (
    "        with own:  # one transaction",
    "        open(sys.argv[4] + '.begun', 'a').write('x' * bool(work))\n        time.sleep(0.2)\n        with own:",
)
"""Slows the consumer down, so that a test sees that a batch has begun and can kill it in the middle."""


class Consumer:
    """The example, perhaps altered, with its SQLite file."""

    def __init__(self, folder: Path, url: str, *alterations: tuple[str, str]) -> None:
        text = EXAMPLE.read_text(encoding="utf-8")
        for before, after in alterations:
            assert text.count(before) == 1
            text = text.replace(before, after)
        self.program, self.records = folder / "consumer.py", folder / "records.sqlite3"
        self.program.write_text(text, encoding="utf-8")
        self.url = url

    @contextmanager
    def running(self, *names: str) -> Iterator[list["subprocess.Popen[bytes]"]]:
        """Start processes of it, and kill them at the end of the block."""
        started = [
            subprocess.Popen([sys.executable, str(self.program), self.url, "group", name, str(self.records)])
            for name in names
        ]
        try:
            yield started
        finally:
            for process in started:
                process.kill()
                process.wait(20)

    def count(self, question: str) -> int:
        """Returns the number that an SQL query finds in its SQLite file."""
        if not self.records.exists():
            return 0
        with closing(sqlite3.connect(self.records, timeout=30)) as own:
            tables = {name for (name,) in own.execute("SELECT name FROM sqlite_master")}
            return int(own.execute(question).fetchone()[0]) if {"done", "occurred"} <= tables else 0

    @property
    def begun(self) -> int:
        """The number of batches begun by a slowed consumer."""
        note = Path(f"{self.records}.begun")
        return note.stat().st_size if note.exists() else 0

    @property
    def seen(self) -> int:
        """The number of events it has seen."""
        return self.count("SELECT count(*) FROM done")

    @property
    def worked(self) -> int:
        """The number of times it processed an event."""
        return self.count("SELECT coalesce(sum(times), 0) FROM occurred")


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    """Start a Redis for one test."""
    own = OwnRedis(tmp_path / "redis")
    own.server.start()
    yield own
    own.server.stop()


def killed_ten_times(consumer: Consumer, own: OwnRedis, org: Org, worker: InProcessWorker, *names: str) -> list[int]:
    """Kill it in the middle of each of ten rounds. Returns the numbers of entries that it left pending."""
    return [killed(consumer, own, org, worker, *names) for _ in range(KILLS)]


def killed(consumer: Consumer, own: OwnRedis, org: Org, worker: InProcessWorker, *names: str) -> int:
    """Kill it in the second batch of a new round. Returns the number of entries that it left pending."""
    record_many(org, A_ROUND)
    relay(worker, org)
    begun = consumer.begun
    with consumer.running(*names):
        assert within(20, lambda: consumer.begun >= begun + 2)
    return pending(own)


def pending(own: OwnRedis) -> int:
    """Returns the number of entries that were delivered and not acknowledged."""
    with own.client as client:
        return int(client.xpending(stream.STREAM, "group")["pending"])


@pytest.mark.parametrize("names", [("one",), ("one", "two")])
def test_a_consumer_killed_ten_times_loses_no_event_and_processes_none_twice(
    org: Org, worker: InProcessWorker, own_redis: OwnRedis, tmp_path: Path, names: tuple[str, ...]
) -> None:
    consumer = Consumer(tmp_path, own_redis.url, SLOWED)
    left = killed_ten_times(consumer, own_redis, org, relaying(worker, own_redis), *names)
    count = KILLS * A_ROUND + 1
    assert consumer.seen < count, "every kill came too late to hurt"
    with consumer.running(*names):
        assert within(30, lambda: consumer.seen == count)
        assert within(30, lambda: pending(own_redis) == 0)
    assert max(left) > 0, "no consumer was killed with entries pending"
    assert (consumer.seen, consumer.worked) == (count, count)
    assert consumer.count("SELECT max(sequence) FROM done") == count


def test_control_a_consumer_that_acknowledges_before_its_work_loses_events(
    org: Org, worker: InProcessWorker, own_redis: OwnRedis, tmp_path: Path
) -> None:
    consumer = Consumer(tmp_path, own_redis.url, ACKNOWLEDGES_FIRST, SLOWED)
    assert sum(killed_ten_times(consumer, own_redis, org, relaying(worker, own_redis), "one")) == 0
    count = KILLS * A_ROUND + 1
    with consumer.running("one"):
        record_many(org, 1)
        relay(worker, org)
        assert within(30, lambda: consumer.count("SELECT max(sequence) FROM done") == count + 1)
    assert consumer.seen < count + 1


@pytest.mark.parametrize("guarded", [True, False])
def test_an_event_that_comes_again_is_recognised_by_its_id(
    org: Org, worker: InProcessWorker, own_redis: OwnRedis, tmp_path: Path, guarded: bool
) -> None:
    """As after a refill. The control does not remember ids, and processes the events twice."""
    consumer = Consumer(tmp_path, own_redis.url, *(() if guarded else (REMEMBERS_NO_IDS,)))
    record_many(org, 50)
    relay(relaying(worker, own_redis), org)
    with consumer.running("one"), own_redis.client as client:
        assert within(20, lambda: consumer.worked == 51)
        for _, fields in client.xrange(stream.STREAM):
            client.xadd(stream.STREAM, fields)
        ((last, _),) = client.xrevrange(stream.STREAM, count=1)
        assert within(20, lambda: client.xinfo_groups(stream.STREAM)[0]["last-delivered-id"] == last)
        assert within(20, lambda: pending(own_redis) == 0)
    assert (consumer.seen, consumer.worked) == (51, 51 if guarded else 102)


def test_a_consumer_continues_after_redis_lost_its_data_and_knows_which_events_it_lacks(
    org: Org, worker: InProcessWorker, own_redis: OwnRedis, tmp_path: Path
) -> None:
    consumer = Consumer(tmp_path, own_redis.url)
    worker = relaying(worker, own_redis)
    with consumer.running("one"):
        relay(worker, org)
        assert within(20, lambda: consumer.seen == 1)
    record_many(org, 3)
    relay(worker, org)
    with own_redis.client as client:
        client.flushall()
    record_many(org, 2)
    relay(worker, org)
    with consumer.running("one"):
        assert within(20, lambda: consumer.seen == 3)
    with closing(sqlite3.connect(consumer.records)) as own:
        assert example().gaps(own) == [(org.id, 2, 4)]


def example() -> Any:
    """Returns the example as a module."""
    spec = importlib.util.spec_from_file_location("consume_stream", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
