"""The breaker: a receiver that keeps failing or asks for a pause is not called, then probed with a single message."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from shared import clock, deliveries
from shared.deliveries import DeliveryCode, Reply
from tests.deliveries import receivers
from tests.deliveries.receivers import receiver
from tests.deliveries.receiving import plan, record, rows, send, the_webhook, webhook
from tests.drain import InProcessWorker
from tests.factories import Org

pytestmark = pytest.mark.usefixtures("private")


def test_a_receiver_that_keeps_failing_is_not_called_and_then_probed_with_one_message(
    org: Org, worker: InProcessWorker
) -> None:
    well = threading.Event()

    def answer(handler: object, before: int) -> None:
        (receivers.well if well.is_set() else receivers.status(503))(handler, before)  # type: ignore[arg-type]

    with receiver(answer) as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(100)))
        plan(org)
        send(worker)
        first = len(server.bodies)
        assert 5 <= first < 80
        assert (the_webhook(org).broken_until or clock.now()) > clock.now()
        send(worker)
        assert len(server.bodies) == first
        with time_machine.travel(clock.now() + timedelta(seconds=200)):
            send(worker)
            assert len(server.bodies) == first + 1
            well.set()
        with time_machine.travel(clock.now() + timedelta(hours=1)):
            for _ in range(3):
                send(worker)
            assert {row.state for row in rows(org)} == {"sent"}
            assert (the_webhook(org).failures, the_webhook(org).broken_until) == (0, None)


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (429, "120", 120),
        (503, "Sun, 22 Nov 2026 12:05:00 GMT", 300),
        (429, "99999999999999", 8 * 3600),
        (429, "Sun, 22 Nov 2026 11:00:00 GMT", 0),
        (429, "soon", 0),
        (500, "120", 0),
    ],
)
def test_a_receiver_that_asks_for_a_pause_gets_it(
    org: Org, worker: InProcessWorker, status: int, asked: str, seconds: int
) -> None:
    """Even if it has just accepted others. Nothing is sent before, then one single message, then the rest."""
    taking, begin = 3, datetime(2026, 11, 22, 12, tzinfo=UTC)

    def answer(handler: Any, before: int) -> None:
        says = asked if before < 4 else "120"
        (receivers.well if before < taking else receivers.status(status, Retry_After=says))(handler, before)

    with receiver(answer) as server, time_machine.travel(begin, tick=False) as now:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(4)))
        plan(org)
        send(worker)
        assert sorted(row.state for row in rows(org)) == ["queued", "sent", "sent", "sent"]
        if not seconds:
            assert the_webhook(org).broken_until is None
            return
        record(org, *(f"q-{n}" for n in range(4)))
        plan(org)
        now.move_to(begin + timedelta(seconds=seconds - 1))
        send(worker)
        assert len(server.bodies) == 4
        now.move_to(begin + timedelta(seconds=seconds + 1))
        send(worker)
        assert len(server.bodies) == 5, "a single probe, which is answered with another pause"
        taking = 100
        now.move_to(begin + timedelta(days=1))
        for _ in range(2):
            send(worker)
        assert {row.state for row in rows(org)} == {"sent"}
        assert len(server.bodies) == 5 + 5


def test_a_call_that_was_under_way_does_not_end_the_pause_of_its_receiver(org: Org) -> None:
    webhook(org)
    record(org, "a", "b")
    plan(org)
    now = clock.now()
    with org.transaction() as db:
        first, second = deliveries.claim_calls(db, now, 10, 60)
    for call, reply in (
        (first, Reply(DeliveryCode.HTTP_ERROR, 429, timedelta(minutes=5))),
        (second, Reply(DeliveryCode.DELIVERED, 204)),
    ):
        with org.transaction() as db:
            deliveries.settle_calls(db, [(call, reply)], now)
    assert the_webhook(org).broken_until == now + timedelta(minutes=5)


def test_a_delivery_that_waited_three_days_for_a_broken_receiver_is_dead(org: Org, worker: InProcessWorker) -> None:
    with receiver(receivers.status(500)) as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(20)))
        plan(org)
        for days in range(5):
            with time_machine.travel(clock.now() + timedelta(days=days)):
                send(worker)
        assert len(server.bodies) < 60
    found = rows(org)
    assert {row.state for row in found} == {"dead"}
    assert {row.code for row in found if not row.attempts} <= {"receiver-down"}
    assert {row.code for row in found} - {"receiver-down"} <= {"http-error", "timed-out"}, "a busy machine is slow"


def test_failures_that_were_under_way_when_a_receiver_broke_do_not_prolong_its_pause(org: Org) -> None:
    webhook(org)
    record(org, *"abcdefg")
    plan(org)
    now = clock.now()
    failed = Reply(DeliveryCode.HTTP_ERROR, 500)
    with org.transaction() as db:
        calls = deliveries.claim_calls(db, now, 10, 60)
        deliveries.settle_calls(db, [(call, failed) for call in calls[:5]], now)
    paused_until = now + timedelta(seconds=30)
    assert the_webhook(org).broken_until == paused_until
    with org.transaction() as db:
        deliveries.settle_calls(db, [(call, failed) for call in calls[5:]], now + timedelta(seconds=10))
    assert the_webhook(org).broken_until == paused_until


def test_a_broken_receiver_is_probed_by_one_sender_only(org: Org) -> None:
    webhook(org, failures=5, broken_until=clock.now() - timedelta(seconds=1))
    record(org, *"abc")
    plan(org)
    now, claims = clock.now(), []
    for _ in range(2):
        with org.transaction() as db:
            claims.append(deliveries.claim_calls(db, now, 10, 60))
    assert [[call.probes for call in calls] for calls in claims] == [[True], []]
