"""The Redis Stream's content: its entries, its order, its length; and when the relay appends."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared import events
from shared.access import Permission
from shared.events import Stream, stream
from tests.drain import InProcessWorker
from tests.events.streaming import OwnRedis, numbers, relay, relaying, with_events
from tests.factories import Org


def test_the_stream_has_each_event_once_and_in_order_as_the_feed(
    org: Org, other_org: Org, relayer: InProcessWorker, own_redis: OwnRedis
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


def test_the_publish_task_relays_a_batch_and_sends_a_wake_up_for_more(
    org: Org, relayer: InProcessWorker, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "organizations_with_unread_events", only(org))
    with_events(org, stream.BATCH + 5)
    relayer.deliver("events.publish")
    assert own_redis.sequences(org) == numbers(stream.BATCH)
    assert list(relayer.messages) == [("events.relay", (org.id,))], "the next batch is relayed by the next task"
    relayer.drain()
    assert own_redis.sequences(org) == numbers(stream.BATCH + 5)
    with relayer.database.transaction(None) as db:
        assert events.organizations_with_unread_events(db, events.STREAM_RELAY) == []


def only(org: Org) -> Callable[..., list[str]]:
    """Returns a replacement that sees this organization only: tests share a database."""
    whole = events.organizations_with_unread_events
    return lambda db, consumer: [org_id for org_id in whole(db, consumer) if org_id == org.id]


def test_an_organization_without_unread_events_is_not_relayed(org: Org, relayer: InProcessWorker) -> None:
    relay(relayer, org)
    with relayer.database.transaction(None) as db:
        assert org.id not in events.organizations_with_unread_events(db, events.STREAM_RELAY)
        assert org.id in events.organizations_with_unread_events(db, "another consumer")


def test_the_stream_is_trimmed_to_about_its_length(org: Org, worker: InProcessWorker, own_redis: OwnRedis) -> None:
    with_events(org, 3 * stream.BATCH)
    relay(relaying(worker, own_redis, length=1000), org)
    held = own_redis.sequences(org)
    assert held == list(range(3001 - len(held), 3001)), "the newest stay"
    assert 1000 <= len(held) < 1500


def test_no_transaction_is_open_while_the_relay_talks_to_redis(
    org: Org, relayer: InProcessWorker, monkeypatch: pytest.MonkeyPatch
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


def connections_in_use(worker: InProcessWorker) -> int:
    pool: Any = worker.database.engine.pool
    in_use: int = pool.checkedout()
    return in_use
