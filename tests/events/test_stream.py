"""The Redis Stream: each event once and in order, whatever happens between Redis and PostgreSQL.

Guards: the script's high-water mark, the cursor that moves only after Redis has taken a batch, and only from where it
was read. Each has a control without it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError

from shared import events
from shared.access import Permission
from shared.events import Stream, stream
from tests.drain import Workshop
from tests.events.streaming import OwnRedis, relay, relaying, with_events, without_the_mark
from tests.events.tampering import record
from tests.factories import Org

Doubled = Callable[[list[int]], bool]


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    """A server that may be broken."""
    own = OwnRedis(tmp_path_factory.mktemp("redis") / "data")
    own.server.start()
    yield own
    own.server.stop()


@pytest.fixture
def relayer(workshop: Workshop, own_redis: OwnRedis) -> Workshop:
    """A worker that relays to it."""
    return relaying(workshop, own_redis)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause after a failure is over at once."""
    monkeypatch.setattr(stream, "PAUSE_AFTER_FAILURE_SECONDS", 0.0)


def numbers(last: int) -> list[int]:
    return list(range(1, last + 1))


# --- what it holds


def test_each_event_once_and_in_order_as_the_feed_tells_it(
    org: Org, other_org: Org, relayer: Workshop, own_redis: OwnRedis
) -> None:
    with_events(org, 2 * stream.BATCH + 500)
    with_events(other_org, 3)
    relay(relayer, org)
    relay(relayer, other_org)
    assert own_redis.sequences(org) == numbers(2 * stream.BATCH + 500)
    fed = other_org.client(Permission.READ_EVENTS).get("/v1/events").json()["items"]
    entries = own_redis.entries(other_org)
    assert [json.loads(entry["event"]) for entry in entries] == fed
    assert [set(entry) for entry in entries] == [{"org", "sequence", "type", "id", "event"}] * 3
    assert [(entry["type"], entry["id"]) for entry in entries] == [(event["type"], event["id"]) for event in fed]


def test_a_tick_appends_for_whoever_has_something_unread(
    org: Org, relayer: Workshop, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "organizations_with_unread_events", only(org))
    with_events(org, stream.BATCH + 5)
    relayer.deliver("events.publish")
    assert own_redis.sequences(org) == numbers(stream.BATCH)
    assert list(relayer.messages) == [("events.relay", (org.id,))], "more than a batch is another turn's"
    relayer.drain()
    assert own_redis.sequences(org) == numbers(stream.BATCH + 5)
    with relayer.database.transaction(None) as db:
        assert events.organizations_with_unread_events(db, events.STREAM_RELAY) == []


def only(org: Org) -> Callable[..., list[str]]:
    """Tests share a database: look at this organization alone."""
    whole = events.organizations_with_unread_events
    return lambda db, consumer: [org_id for org_id in whole(db, consumer) if org_id == org.id]


def test_an_organization_without_unread_events_is_left_alone(org: Org, relayer: Workshop) -> None:
    relay(relayer, org)
    with relayer.database.transaction(None) as db:
        assert org.id not in events.organizations_with_unread_events(db, events.STREAM_RELAY)
        assert org.id in events.organizations_with_unread_events(db, "another consumer")


def test_it_is_trimmed_to_its_length_about(org: Org, workshop: Workshop, own_redis: OwnRedis) -> None:
    with_events(org, 3 * stream.BATCH)
    relay(relaying(workshop, own_redis, length=1000), org)
    held = own_redis.sequences(org)
    assert held == list(range(3001 - len(held), 3001)), "the newest stay"
    assert 1000 <= len(held) < 1500


def test_no_transaction_is_open_while_redis_is_talked_to(
    org: Org, relayer: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended: list[int] = []
    append = Stream.append

    def watched(*args: Any, **given: Any) -> int:
        appended.append(connections_in_use(relayer))
        return append(*args, **given)

    monkeypatch.setattr(Stream, "append", watched)
    relay(relayer, org)
    assert appended == [0]
    with relayer.database.transaction(org.id) as db:  # control: an open one is seen
        events.unread(db)
        assert connections_in_use(relayer) == 1


def connections_in_use(workshop: Workshop) -> int:
    pool: Any = workshop.database.engine.pool
    in_use: int = pool.checkedout()
    return in_use


# --- died between Redis and the cursor


def died_before_the_cursor_moved(org: Org, own_redis: OwnRedis, script: str) -> None:
    """Run the relay in a process of its own, which kills itself where it would note that it has appended."""
    lines = (
        "import os, signal, worker.app, worker.events",
        "from shared import events",
        "from shared.events import Stream, stream",
        f"stream.APPEND = {script!r}",
        "events.advance = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)",
        "worker.app.open_workshop()",
        f"worker.app.workshop.stream = Stream({own_redis.url!r}, 100_000)",
        f"worker.events.relay({org.id!r})",
    )
    died = subprocess.run([sys.executable, "-c", "\n".join(lines)], env=os.environ, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL


def test_a_relay_killed_before_its_note_doubles_nothing(org: Org, relayer: Workshop, own_redis: OwnRedis) -> None:
    with_events(org, 1200)
    died_before_the_cursor_moved(org, own_redis, stream.APPEND)
    assert own_redis.sequences(org) == numbers(stream.BATCH), "it died after Redis had the batch"
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(1200)


def test_control_without_the_mark_a_killed_relay_doubles(
    org: Org, relayer: Workshop, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_the_mark(monkeypatch)
    with_events(org, 1200)
    died_before_the_cursor_moved(org, own_redis, stream.APPEND)
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(stream.BATCH) + numbers(1200)


def test_a_database_that_refuses_the_note_doubles_nothing(
    org: Org, relayer: Workshop, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> bool:
        raise OperationalError("UPDATE", {}, Exception())

    with monkeypatch.context() as broken:
        broken.setattr(events, "advance", refuse)
        relay(relayer, org)
    relay(relayer, org)
    assert own_redis.sequences(org) == [1]


# --- two at once


def two_at_once(relayer: Workshop, org: Org, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Two relays that have read the same batch before either appends it. Answers which moved the cursor."""
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


def test_two_relays_at_once_double_nothing_and_one_goes_on(
    org: Org, relayer: Workshop, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_events(org, 500)
    assert sorted(two_at_once(relayer, org, monkeypatch)) == [False, True]
    assert own_redis.sequences(org) == numbers(500)


def test_control_without_the_mark_two_relays_double(
    org: Org, relayer: Workshop, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_the_mark(monkeypatch)
    with_events(org, 500)
    two_at_once(relayer, org, monkeypatch)
    assert sorted(own_redis.sequences(org)) == sorted(numbers(500) * 2)


def test_a_cursor_moves_only_from_where_it_was_read(org: Org) -> None:
    with org.transaction() as db:
        assert events.advance(db, "reader", since=0, to=7)
        assert not events.advance(db, "reader", since=0, to=3)
        assert events.position(db, "reader") == 7
        assert events.advance(db, "reader", since=7, to=9)
        assert events.position(db, "another") == 0


# --- Redis fails


@pytest.mark.usefixtures("impatient")
def test_an_emptied_redis_goes_on_after_the_cursor(org: Org, relayer: Workshop, own_redis: OwnRedis) -> None:
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
def test_events_wait_in_postgresql_while_redis_is_dead(org: Org, relayer: Workshop, own_redis: OwnRedis) -> None:
    with_events(org, 300)
    with own_redis.dead():
        began = time.monotonic()
        relay(relayer, org)
        assert time.monotonic() - began < 15
    assert own_redis.sequences(org) == []
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(300)


@pytest.mark.usefixtures("impatient")
def test_a_frozen_redis_costs_a_worker_some_seconds_and_then_nothing_is_lost_or_doubled(
    org: Org, relayer: Workshop, own_redis: OwnRedis
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


def test_after_a_failure_nobody_tries_for_a_moment(
    org: Org, relayer: Workshop, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_redis.dead():
        relay(relayer, org)
    tried: list[Any] = []
    monkeypatch.setattr(Stream, "append", lambda *args, **_: tried.append(args))
    relay(relayer, org)
    relayer.deliver("events.publish")
    assert tried == []


@pytest.mark.usefixtures("impatient")
def test_events_wait_while_redis_is_full(org: Org, relayer: Workshop, own_redis: OwnRedis) -> None:
    with_events(org, 1500)
    with own_redis.full():
        relay(relayer, org)
        assert own_redis.sequences(org) == []
        record(org, "held-up-by-nothing")
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(1501)


@pytest.mark.usefixtures("impatient")
def test_control_with_the_cursor_moved_all_the_same_a_full_redis_loses_events(
    org: Org, relayer: Workshop, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
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


def test_what_redis_refuses_in_the_middle_is_remembered_up_to_there(
    org: Org, relayer: Workshop, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis decides before a script's first write whether there is room; were it to refuse later, this holds."""
    monkeypatch.setattr(stream, "PAUSE_AFTER_FAILURE_SECONDS", 0.0)
    with_events(org, 10)
    failing = stream.APPEND.replace("local answer = ", "local answer = sequence == 7 and {err = 'ERR no room'} or ")
    with monkeypatch.context() as broken:
        broken.setattr(stream, "APPEND", failing)
        relay(relayer, org)
    assert own_redis.sequences(org) == numbers(6)
    relay(relayer, org)
    assert own_redis.sequences(org) == numbers(10)
