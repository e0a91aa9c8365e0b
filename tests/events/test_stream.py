"""The Redis Stream: each event once and in order, whatever happens between Redis and PostgreSQL.

Guards: the script's high-water mark, and the cursor that moves only from where it was read. Controls run without the
mark. `test_stream_content.py` has the entries, `test_stream_outages.py` the failures of Redis, `test_consumers.py`
the cursor itself.
"""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from shared import events
from shared.events import Stream, stream
from tests.drain import InProcessWorker
from tests.events.streaming import OwnRedis, numbers, relay, with_events, without_the_mark
from tests.factories import Org

# --- a relay that dies between Redis and its cursor


def died_before_the_cursor_moved(org: Org, own_redis: OwnRedis, script: str) -> None:
    """Run the relay in its own process, which kills itself where it would save its cursor."""
    lines = (
        "import os, signal, worker.app, worker.events",
        "from shared import events",
        "from shared.events import Stream, stream",
        f"stream.APPEND = {script!r}",
        "events.advance = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)",
        "worker.app.open_parts()",
        f"worker.app.parts.stream = Stream({own_redis.url!r}, 100_000)",
        f"worker.events.relay({org.id!r})",
    )
    died = subprocess.run([sys.executable, "-c", "\n".join(lines)], env=os.environ, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL


def test_a_relay_killed_before_it_saved_its_cursor_doubles_no_event(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis
) -> None:
    with_events(org, 1200)
    died_before_the_cursor_moved(org, own_redis, stream.APPEND)
    assert own_redis.sequences(org) == numbers(stream.BATCH), "it died after Redis had the batch"
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(1200)


def test_control_a_killed_relay_without_the_mark_doubles_events(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_the_mark(monkeypatch)
    with_events(org, 1200)
    died_before_the_cursor_moved(org, own_redis, stream.APPEND)
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(stream.BATCH) + numbers(1200)


def test_a_relay_whose_cursor_cannot_be_saved_doubles_no_event(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> bool:
        raise OperationalError("UPDATE", {}, Exception())

    with monkeypatch.context() as broken:
        broken.setattr(events, "advance", refuse)
        relay(relayer, org)
    relay(relayer, org)
    assert own_redis.sequences(org) == [1]


# --- two relays at once


def two_at_once(relayer: InProcessWorker, org: Org, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Run two relays that read the same batch before either appends it. Returns which of them moved the cursor."""
    both, append, advance = Barrier(2), Stream.append, events.advance
    moved: list[bool] = []

    def together(*args: Any, **given: Any) -> int:
        both.wait(10)
        return append(*args, **given)

    def noted(*args: Any, **given: Any) -> bool:
        moved.append(advance(*args, **given))
        return moved[-1]

    with monkeypatch.context() as raced, ThreadPoolExecutor(2) as pool:
        raced.setattr(Stream, "append", together)
        raced.setattr(events, "advance", noted)
        list(pool.map(lambda _: relay(relayer, org), range(2)))
    return moved


def test_two_relays_at_once_double_no_event_and_one_moves_the_cursor(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_events(org, 500)
    assert sorted(two_at_once(relayer, org, monkeypatch)) == [False, True]
    assert own_redis.sequences(org) == numbers(500)


def test_control_two_relays_without_the_mark_double_events(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_the_mark(monkeypatch)
    with_events(org, 500)
    two_at_once(relayer, org, monkeypatch)
    assert sorted(own_redis.sequences(org)) == sorted(numbers(500) * 2)
