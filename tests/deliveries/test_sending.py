"""Calling webhooks that answer well and badly: each is told of each event, and none takes anything from another."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock, deliveries
from shared.database import current_org
from shared.deliveries import LARGEST_PLAN, DeliveryCode, Reply, Webhook
from shared.deliveries import plan as plan_events
from tests.deliveries import receivers
from tests.deliveries.receivers import Answering, receiver
from tests.deliveries.receiving import plan, record, rows, webhook
from tests.drain import Workshop
from tests.factories import Org, count_statements
from tests.feed import recorded

pytestmark = pytest.mark.usefixtures("private")


def send(workshop: Workshop) -> None:
    workshop.deliver("deliveries.send", "webhook")


def states(org: Org) -> list[tuple[str, str | None, int | None]]:
    return [(row.state, row.code, row.status) for row in rows(org)]


def the_webhook(org: Org) -> Webhook:
    with org.transaction() as db:
        return db.scalars(select(Webhook).where(Webhook.org_id == org.id)).one()


def test_a_webhook_is_told_of_every_event(org: Org, workshop: Workshop) -> None:
    with receiver() as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(300)))
        workshop.deliver("deliveries.plan")
        workshop.drain()
        assert sorted(server.sequences) == list(range(2, 302))
        assert server.most_open <= 8
    assert set(states(org)) == {("sent", "delivered", 204)}
    assert {row.attempts for row in rows(org)} == {1}


@pytest.mark.parametrize(
    ("answer", "code", "number"),
    [
        (receivers.status(500), "http-error", 500),
        (receivers.status(404), "http-error", 404),
        (receivers.status(302, Location="http://127.0.0.1:1/"), "redirected", 302),
        (receivers.reset, "connection-failed", None),
    ],
)
def test_what_fails_is_tried_again(
    org: Org, workshop: Workshop, answer: Answering, code: str, number: int | None
) -> None:
    def at_first(handler: object, before: int) -> None:
        (answer if before == 0 else receivers.well)(handler, before)  # type: ignore[arg-type]

    with receiver(at_first) as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        send(workshop)
        assert states(org) == [("queued", code, number)]
        send(workshop)
        assert len(server.bodies) == 1
        with time_machine.travel(clock.now() + timedelta(seconds=8)):
            send(workshop)
        assert states(org) == [("sent", "delivered", 204)]
        first, second = server.headers
        assert first["webhook-id"] == second["webhook-id"] == str(recorded(org)[-1].id)
        assert server.bodies[0] == server.bodies[1]


def test_nobody_there(org: Org, workshop: Workshop) -> None:
    with receiver() as server:
        pass
    webhook(org, url=server.url)
    record(org, "a")
    plan(org)
    send(workshop)
    assert states(org) == [("queued", "connection-failed", None)]


@pytest.mark.parametrize("kind", [receivers.hang, receivers.dribble])
def test_a_receiver_that_does_not_answer_is_left_in_time(
    org: Org,
    workshop: Workshop,
    released: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    kind: Callable[[threading.Event], Answering],
) -> None:
    """By the clock on the wall: a byte every tenth of a second keeps nothing alive."""
    monkeypatch.setattr("shared.deliveries.calling.CALL_SECONDS", 0.5)
    with receiver(kind(released)) as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        began = time.monotonic()
        send(workshop)
        assert time.monotonic() - began < 10
        assert len(server.bodies) == 1
    assert states(org) == [("queued", "timed-out", None)]


def test_no_more_is_read_than_needs_be(
    org: Org, workshop: Workshop, released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said 200, and that is all there is to know."""
    monkeypatch.setattr("shared.deliveries.calling.BODY_SECONDS", 12)
    with receiver(receivers.endless(released)) as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        began = time.monotonic()
        send(workshop)
        assert time.monotonic() - began < 10
        assert len(server.bodies) == 1
    assert states(org) == [("sent", "delivered", 200)]


def test_410_disables_the_webhook(org: Org, workshop: Workshop) -> None:
    with receiver(receivers.status(410)) as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        send(workshop)
        record(org, "b")
        plan(org)
        send(workshop)
        assert len(server.bodies) == 1
    assert states(org) == [("failed", "gone", 410)]
    assert the_webhook(org).disabled_why == "The receiver answered 410, so the webhook was disabled."
    (event,) = recorded(org, "webhook.disabled")
    assert event.subject == f"webhook/{the_webhook(org).id}"


def test_what_waits_for_a_webhook_that_is_no_more_is_suppressed(org: Org, workshop: Workshop) -> None:
    with receiver() as server:
        removed, disabled = webhook(org, url=server.url), webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        client = org.client()
        assert client.delete(f"/v1/webhooks/{removed}").status_code == 204
        assert client.patch(f"/v1/webhooks/{disabled}", json={"enabled": False}).status_code == 200
        send(workshop)
        assert server.bodies == []
    assert {(row.receiver, row.state, row.code) for row in rows(org) if row.sequence == 2} == {
        (removed, "suppressed", "webhook-removed"),
        (disabled, "suppressed", "webhook-disabled"),
    }


def test_no_backlog_is_looked_through_for_webhooks_that_are_not_there(org: Org) -> None:
    """It is asked again and again while others are called."""
    webhook(org)
    with org.transaction() as db:
        db.connection()
        with count_statements(org.parts.database.engine) as counted:
            deliveries.suppress_unwanted(db, clock.now())
    assert counted.count == 1
    assert "delivery" not in counted.sent[0]


def test_a_receiver_that_hangs_slows_no_other(
    org: Org, other_org: Org, workshop: Workshop, released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in its own organization nor in another."""
    monkeypatch.setattr("shared.deliveries.calling.CALL_SECONDS", 30)
    with receiver(receivers.hang(released)) as bad, receiver() as good:
        webhook(org, url=bad.url)
        for one in (org, other_org):
            webhook(one, url=good.url)
            record(one, *(f"p-{n}" for n in range(200)))
            plan(one)
        thread = threading.Thread(target=send, args=(workshop,))
        began = time.monotonic()
        thread.start()
        while len(good.bodies) < 400:
            assert time.monotonic() - began < 25, f"{len(good.bodies)} of 400"
            time.sleep(0.02)
        assert bad.most_open == 8
        released.set()
        thread.join(60)
        assert not thread.is_alive()
    assert [row.state for row in rows(other_org)] == ["sent"] * 200


def test_a_receiver_that_keeps_failing_is_left_alone_and_tried_with_one_message(org: Org, workshop: Workshop) -> None:
    well = threading.Event()

    def answer(handler: object, before: int) -> None:
        (receivers.well if well.is_set() else receivers.status(503))(handler, before)  # type: ignore[arg-type]

    with receiver(answer) as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(100)))
        plan(org)
        send(workshop)
        first = len(server.bodies)
        assert 5 <= first < 80
        assert (the_webhook(org).broken_until or clock.now()) > clock.now()
        send(workshop)
        assert len(server.bodies) == first
        with time_machine.travel(clock.now() + timedelta(seconds=200)):
            send(workshop)
            assert len(server.bodies) == first + 1
            well.set()
        with time_machine.travel(clock.now() + timedelta(hours=1)):
            for _ in range(3):
                send(workshop)
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
def test_a_receiver_that_asks_for_time_gets_it(
    org: Org, workshop: Workshop, status: int, asked: str, seconds: int
) -> None:
    """Also where it has just taken others. Nothing is sent before, then one single message is, then the rest."""
    taking, begin = 3, datetime(2026, 11, 22, 12, tzinfo=UTC)

    def answer(handler: Any, before: int) -> None:
        says = asked if before < 4 else "120"
        (receivers.well if before < taking else receivers.status(status, Retry_After=says))(handler, before)

    with receiver(answer) as server, time_machine.travel(begin, tick=False) as now:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(4)))
        plan(org)
        send(workshop)
        assert sorted(row.state for row in rows(org)) == ["queued", "sent", "sent", "sent"]
        if not seconds:
            assert the_webhook(org).broken_until is None
            return
        record(org, *(f"q-{n}" for n in range(4)))
        plan(org)
        now.move_to(begin + timedelta(seconds=seconds - 1))
        send(workshop)
        assert len(server.bodies) == 4
        now.move_to(begin + timedelta(seconds=seconds + 1))
        send(workshop)
        assert len(server.bodies) == 5, "one, which is told to wait again"
        taking = 100
        now.move_to(begin + timedelta(days=1))
        for _ in range(2):
            send(workshop)
        assert {row.state for row in rows(org)} == {"sent"}
        assert len(server.bodies) == 5 + 5


def test_what_was_under_way_when_a_receiver_asked_for_time_does_not_end_it(org: Org) -> None:
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


def test_what_waited_three_days_for_a_broken_receiver_is_dead(org: Org, workshop: Workshop) -> None:
    with receiver(receivers.status(500)) as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(20)))
        plan(org)
        for days in range(5):
            with time_machine.travel(clock.now() + timedelta(days=days)):
                send(workshop)
        assert len(server.bodies) < 60
    assert {(row.state, row.code) for row in rows(org)} <= {("dead", "http-error"), ("dead", "receiver-down")}


def test_what_was_sent_and_not_settled_is_sent_once_more_with_the_same_id(
    org: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the sender is killed in between."""
    from worker import webhooks

    with receiver() as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        with monkeypatch.context() as patch:
            patch.setattr(webhooks, "_settle", lambda *_: set())
            send(workshop)
        assert states(org) == [("queued", None, None)]
        send(workshop)
        assert len(server.bodies) == 1
        with time_machine.travel(clock.now() + timedelta(seconds=61)):
            send(workshop)
        assert [headers["webhook-id"] for headers in server.headers] == [str(recorded(org)[-1].id)] * 2
    assert states(org) == [("sent", "delivered", 204)]


def test_what_the_database_does_not_take_is_sent_once_more(
    org: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And holds up nothing: more than may be unsettled are due, and the round goes on and ends."""

    def refuse(*_: object) -> None:
        raise psycopg.OperationalError("the connection is lost")

    with receiver() as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(100)))
        plan(org)
        with monkeypatch.context() as patch:
            patch.setattr(workshop.database, "note", refuse)
            send(workshop)
        assert len(server.bodies) == 100
        assert {row.state for row in rows(org)} == {"queued"}
        with time_machine.travel(clock.now() + timedelta(seconds=61)):
            send(workshop)
        assert len(server.bodies) == 200
    assert {row.state for row in rows(org)} == {"sent"}


def test_no_transaction_is_open_during_a_call(org: Org, workshop: Workshop) -> None:
    held: list[int] = []

    def look(handler: object, before: int) -> None:
        held.append(workshop.database.engine.pool.checkedout())  # type: ignore[attr-defined]
        receivers.well(handler, before)  # type: ignore[arg-type]

    with receiver(look) as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        send(workshop)
    assert held == [0]


def test_an_organization_without_training_pauses(org: Org, workshop: Workshop) -> None:
    with receiver() as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        admin = org.client()
        assert admin.put("/v1/availability", json={"enabled": False}).status_code == 200
        workshop.deliver("deliveries.plan")
        send(workshop)
        assert (server.bodies, len(rows(org))) == ([], 1)
        assert admin.put("/v1/availability", json={"enabled": True}).status_code == 200
        workshop.deliver("deliveries.plan")
        send(workshop)
        assert sorted(server.sequences) == [2, 3, 4]


def test_the_backlog_of_one_organization_keeps_no_other_waiting(
    org: Org, other_org: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are planned in turns, and a task whose time is over hands on what is left."""
    for one in (org, other_org):
        webhook(one, "party.erased")
        record(one, *(f"p-{n}" for n in range(2 * LARGEST_PLAN + 1)))
    turns: list[str] = []

    def noting(db: Session, now: datetime, **options: Any) -> int:
        turns.append(current_org(db))
        return plan_events(db, now, **options)

    monkeypatch.setattr(deliveries, "plan", noting)
    with monkeypatch.context() as hurried:
        hurried.setattr("worker.deliveries.PLANNING_SECONDS", -1)
        workshop.deliver("deliveries.plan")
    assert (turns, list(workshop.messages)) == ([], [("deliveries.plan", ())])
    workshop.drain()
    ours = [org_id for org_id in turns if org_id in (org.id, other_org.id)]
    assert sorted(ours[:2]) == sorted((org.id, other_org.id))
    assert ours == ours[:2] * 3


def test_a_receiver_that_ran_out_while_it_was_passed_over_is_claimed_for_again(
    org: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow database: whoever had enough when it was asked has nothing left when it answers."""
    from worker import webhooks

    claim = webhooks._claim

    def slow(org_id: str, full: list[str]) -> object:
        found = claim(org_id, full)
        time.sleep(1.5 if full else 0)
        return found

    monkeypatch.setattr(webhooks, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(webhooks, "_claim", slow)
    with receiver() as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(300)))
        plan(org)
        send(workshop)
        assert sorted(server.sequences) == list(range(2, 302))


def test_two_senders_at_once_tell_everything_once(
    org: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As two processes, which do not know of each other."""
    from worker import webhooks

    monkeypatch.setattr(webhooks, "_claiming", threading.Semaphore(2))
    with receiver() as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(300)))
        plan(org)
        threads = [threading.Thread(target=send, args=(workshop,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(server.sequences) == list(range(2, 302))
