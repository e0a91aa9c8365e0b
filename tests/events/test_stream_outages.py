"""The Redis Stream while Redis is dead, frozen, full or emptied: events wait in PostgreSQL, none is lost or doubled.

The guard is that the cursor moves only after Redis has taken a batch; a control runs without it.
"""

import signal
import time
from typing import Any

import pytest
from redis.exceptions import RedisError

from shared.events import Stream, stream
from tests.drain import InProcessWorker
from tests.events.streaming import OwnRedis, numbers, relay, with_events
from tests.events.tampering import record
from tests.factories import Org


@pytest.mark.usefixtures("impatient")
def test_the_stream_of_an_emptied_redis_continues_after_the_cursor(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis
) -> None:
    with_events(org, 5)
    relay(relayer, org)
    with own_redis.client as client:
        client.flushall()
    relay(relayer, org)
    assert own_redis.sequences(org) == []
    record(org, "p-6", "p-7")
    relay(relayer, org)
    assert own_redis.sequences(org) == [6, 7]


@pytest.mark.usefixtures("impatient")
def test_events_wait_in_postgresql_while_redis_is_dead(org: Org, relayer: InProcessWorker, own_redis: OwnRedis) -> None:
    with_events(org, 300)
    with own_redis.dead():
        began = time.monotonic()
        relay(relayer, org)
        assert time.monotonic() - began < 15
    assert own_redis.sequences(org) == []
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(300)


@pytest.mark.usefixtures("impatient")
def test_a_frozen_redis_delays_a_worker_by_seconds_and_no_event_is_lost_or_doubled(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis
) -> None:
    with_events(org, 300)
    assert own_redis.server.process is not None
    own_redis.server.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        relay(relayer, org)
        assert time.monotonic() - began < 15
    finally:
        own_redis.server.process.send_signal(signal.SIGCONT)
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(300)


def test_after_a_failure_no_relay_of_the_process_tries_for_2_seconds(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_redis.dead():
        relay(relayer, org)
    tried: list[Any] = []
    monkeypatch.setattr(Stream, "append", lambda *args, **_: tried.append(args))
    relay(relayer, org)
    relayer.deliver("events.publish")
    assert tried == []


@pytest.mark.usefixtures("impatient")
def test_events_wait_while_redis_is_full(org: Org, relayer: InProcessWorker, own_redis: OwnRedis) -> None:
    with_events(org, 1500)
    with own_redis.full():
        relay(relayer, org)
        assert own_redis.sequences(org) == []
        record(org, "held-up-by-nothing")
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(1501)


@pytest.mark.usefixtures("impatient")
def test_control_a_full_redis_loses_events_if_the_cursor_moves_all_the_same(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Stream.append

    def carelessly(*args: Any, **given: Any) -> int:
        try:
            return append(*args, **given)
        except RedisError:
            return 0

    monkeypatch.setattr(Stream, "append", carelessly)
    with_events(org, 5)
    with own_redis.full():
        relay(relayer, org)
    record(org, "p-6")
    relay(relayer, org)
    assert own_redis.sequences(org) == [6]


@pytest.mark.usefixtures("impatient")
def test_a_batch_that_redis_refuses_in_the_middle_is_continued_there(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis checks for room before a script's first write. This test covers a Redis that would refuse later."""
    with_events(org, 10)
    failing = stream.APPEND.replace("local answer = ", "local answer = sequence == 7 and {err = 'ERR no room'} or ")
    with monkeypatch.context() as broken:
        broken.setattr(stream, "APPEND", failing)
        relay(relayer, org)
    assert own_redis.sequences(org) == numbers(6)
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(10)
