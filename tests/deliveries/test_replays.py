"""Replays of webhooks: the ledger keeps what was sent, and an organization replays one thing at a time."""

import uuid
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from shared import clock, deliveries
from shared.access import Permission
from shared.deliveries import Delivery, DeliveryState
from tests.deliveries.receivers import receiver
from tests.deliveries.receiving import plan, record, rows, send, webhook
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.racing import blocked


@pytest.fixture
def admin(org: Org) -> TestClient:
    return org.client(Permission.ADMIN)


def replay(admin: TestClient, webhook_id: str, since: int = 1) -> Any:
    return admin.post(f"/v1/webhooks/{webhook_id}/replay", json={"fromSequence": since})


def settle(org: Org, state: DeliveryState, *sequences: int) -> None:
    with org.transaction() as db:
        these = (Delivery.sequence.in_(sequences), Delivery.state == DeliveryState.QUEUED)
        db.execute(update(Delivery).where(*these).values(state=state, attempts=3, settled_at=clock.now()))


def ledger(org: Org) -> list[tuple[int, str, int, int]]:
    return sorted((row.sequence, row.state, row.attempts, row.replay) for row in rows(org))


@pytest.mark.usefixtures("private")
def test_what_was_sent_stays_sent_however_often_it_is_replayed(
    org: Org, admin: TestClient, worker: InProcessWorker
) -> None:
    with receiver() as server:
        one = webhook(org, "party.changed", url=server.url)
        record(org, "a", "b")
        plan(org)
        send(worker)
        first = [(row.id, row.state, row.settled_at, row.attempts) for row in rows(org)]
        for _ in range(2):
            assert replay(admin, one).json()["queued"] == 2
            send(worker)
        now = [(row.id, row.state, row.settled_at, row.attempts) for row in rows(org)]
        assert [row for row in now if row in first] == first
        assert ledger(org) == [(n, "sent", 1, number) for n in (2, 3) for number in (0, 1, 2)]
        assert sorted(server.sequences) == [2, 2, 2, 3, 3, 3]
    assert admin.get("/v1/deliveries/summary").json()["sent"] == 6


def test_a_replay_queues_what_was_not_sent_itself(org: Org, admin: TestClient) -> None:
    """A dead delivery that was replayed is not sent a second time when the dead ones are sent again."""
    one = webhook(org, "party.changed")
    record(org, *"abcd")
    plan(org)
    settle(org, DeliveryState.SENT, 2)
    settle(org, DeliveryState.DEAD, 3)
    settle(org, DeliveryState.SUPPRESSED, 4)
    assert replay(admin, one).json()["queued"] == 3
    assert ledger(org) == [
        (2, "queued", 0, 1),
        (2, "sent", 3, 0),
        (3, "queued", 0, 1),
        (4, "queued", 0, 1),
        (5, "queued", 0, 0),
    ]
    assert admin.post("/v1/deliveries/resend", json={"state": "dead"}).json() == {"queued": 0}


def test_a_replay_waits_for_the_one_before_it(org: Org, admin: TestClient) -> None:
    one, other = webhook(org, "party.changed"), webhook(org, "party.changed")
    record(org, "a", "b")
    plan(org)
    settle(org, DeliveryState.SENT, 2, 3)
    assert replay(admin, one).json()["queued"] == 2
    before = ledger(org)
    for again in (one, other):
        refused = replay(admin, again)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:replay-running")
    assert ledger(org) == before
    settle(org, DeliveryState.SENT, 2, 3)
    assert replay(admin, other).status_code == 202


def test_deliveries_of_the_planner_hold_no_replay_up(org: Org, admin: TestClient) -> None:
    one = webhook(org, "party.changed")
    record(org, "a")
    plan(org)
    for _ in range(2):
        answer = replay(admin, one)
        assert (answer.status_code, answer.json()["queued"]) == (202, 0)


def test_a_second_replay_at_once_finds_what_the_first_has_queued(org: Org) -> None:
    one = webhook(org, "party.changed")
    record(org, "a")
    plan(org)
    settle(org, DeliveryState.SENT, 2)

    def replayed(db: Any) -> Any:
        return deliveries.replay(db, uuid.UUID(one), 1, clock.now())

    with org.transaction() as db:
        assert replayed(db)[0] == 1
        with blocked(org, replayed) as second:
            db.commit()
        assert isinstance(second.exception(), deliveries.ReplayRunning)
    assert ledger(org) == [(2, "queued", 0, 1), (2, "sent", 3, 0)]


def test_an_event_that_the_planner_has_not_reached_is_sent_once(org: Org, admin: TestClient) -> None:
    one = webhook(org, "party.changed")
    record(org, "a")
    assert replay(admin, one).json()["queued"] == 1
    plan(org)
    assert ledger(org) == [(2, "queued", 0, 0)]
