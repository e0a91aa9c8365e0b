"""One call of a webhook: its result by what the receiver answers, and when the delivery is attempted again."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from shared import clock, deliveries
from tests.deliveries import receivers
from tests.deliveries.receivers import Answering, receiver
from tests.deliveries.receiving import plan, record, rows, send, states, the_webhook, webhook
from tests.drain import InProcessWorker
from tests.factories import Org, count_statements
from tests.feed import recorded

pytestmark = pytest.mark.usefixtures("private")


def test_a_webhook_gets_every_event(org: Org, worker: InProcessWorker) -> None:
    with receiver() as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(300)))
        worker.deliver("deliveries.plan")
        worker.drain()
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
def test_a_failed_call_is_repeated_after_its_pause(
    org: Org, worker: InProcessWorker, answer: Answering, code: str, number: int | None
) -> None:
    def at_first(handler: object, before: int) -> None:
        (answer if before == 0 else receivers.well)(handler, before)  # type: ignore[arg-type]

    with receiver(at_first) as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        send(worker)
        assert states(org) == [("queued", code, number)]
        send(worker)
        assert len(server.bodies) == 1
        with time_machine.travel(clock.now() + timedelta(seconds=8)):
            send(worker)
        assert states(org) == [("sent", "delivered", 204)]
        first, second = server.headers
        assert first["webhook-id"] == second["webhook-id"] == str(recorded(org)[-1].id)
        assert server.bodies[0] == server.bodies[1]


def test_a_call_without_a_connection_is_queued_again(org: Org, worker: InProcessWorker) -> None:
    with receiver() as server:
        pass
    webhook(org, url=server.url)
    record(org, "a")
    plan(org)
    send(worker)
    assert states(org) == [("queued", "connection-failed", None)]


@pytest.mark.parametrize("kind", [receivers.hang, receivers.dribble])
def test_a_call_without_a_response_times_out(
    org: Org,
    worker: InProcessWorker,
    released: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    kind: Callable[[threading.Event], Answering],
) -> None:
    """Wall-clock time counts: a receiver that sends a byte every tenth of a second gains nothing."""
    monkeypatch.setattr("shared.deliveries.calling.CALL_SECONDS", 0.5)
    with receiver(kind(released)) as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        began = time.monotonic()
        send(worker)
        assert time.monotonic() - began < 10
        assert len(server.bodies) == 1
    assert states(org) == [("queued", "timed-out", None)]


def test_an_endless_body_is_not_read_to_its_end(
    org: Org, worker: InProcessWorker, released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status 200 is the result; the body does not matter."""
    monkeypatch.setattr("shared.deliveries.calling.BODY_SECONDS", 12)
    with receiver(receivers.endless(released)) as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        began = time.monotonic()
        send(worker)
        assert time.monotonic() - began < 10
        assert len(server.bodies) == 1
    assert states(org) == [("sent", "delivered", 200)]


def test_a_410_disables_the_webhook(org: Org, worker: InProcessWorker) -> None:
    with receiver(receivers.status(410)) as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        send(worker)
        record(org, "b")
        plan(org)
        send(worker)
        assert len(server.bodies) == 1
    assert states(org) == [("failed", "gone", 410)]
    assert the_webhook(org).disabled_why == "The receiver answered 410, so the webhook was disabled."
    (event,) = recorded(org, "webhook.disabled")
    assert event.subject == f"webhook/{the_webhook(org).id}"


def test_deliveries_of_a_removed_or_disabled_webhook_are_suppressed(org: Org, worker: InProcessWorker) -> None:
    with receiver() as server:
        removed, disabled = webhook(org, url=server.url), webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        client = org.client()
        assert client.delete(f"/v1/webhooks/{removed}").status_code == 204
        assert client.patch(f"/v1/webhooks/{disabled}", json={"enabled": False}).status_code == 200
        send(worker)
        assert server.bodies == []
    assert {(row.receiver, row.state, row.code) for row in rows(org) if row.sequence == 2} == {
        (removed, "suppressed", "webhook-removed"),
        (disabled, "suppressed", "webhook-disabled"),
    }


def test_the_backlog_is_not_searched_if_no_webhook_is_removed_or_disabled(org: Org) -> None:
    """This runs again and again while other webhooks are called."""
    webhook(org)
    with org.transaction() as db:
        db.connection()
        with count_statements(org.parts.database.engine) as counted:
            deliveries.suppress_unwanted(db, clock.now())
    assert counted.count == 1
    assert "delivery" not in counted.sent[0]
