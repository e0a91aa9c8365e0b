"""The ledger: lists deliveries to callers who may see them, and queues failed ones again."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from shared import clock, deliveries
from shared.access import Permission
from shared.deliveries import Channel, Delivery, DeliveryCode, DeliveryState
from tests.assignments.asking import assign, body, pages
from tests.deliveries import receivers
from tests.deliveries.receivers import receiver
from tests.deliveries.receiving import plan, record, rows, webhook
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded


@pytest.fixture
def admin(org: Org) -> TestClient:
    return org.client(Permission.ADMIN)


def put(
    org: Org, state: DeliveryState, *sequences: int, channel: Channel = Channel.WEBHOOK, code: str | None = None
) -> None:
    with org.transaction() as db:
        meant = (Delivery.sequence.in_(sequences), Delivery.channel == channel)
        db.execute(update(Delivery).where(*meant).values(state=state, code=code, settled_at=clock.now(), attempts=3))


def sequences(client: TestClient, **filters: Any) -> list[str]:
    return [item["event"]["sequence"] for item in pages(client, "/v1/deliveries", **filters)]


def test_a_delivery_is_listed_with_all_its_fields(org: Org, admin: TestClient) -> None:
    one = webhook(org)
    record(org, "a")
    plan(org)
    put(org, DeliveryState.DEAD, 2, code="timed-out")
    (item,) = admin.get("/v1/deliveries").json()["items"]
    (row,) = rows(org)
    assert item.pop("createdAt")
    assert item.pop("settledAt")
    assert item == {
        "id": str(row.id),
        "channel": "webhook",
        "receiver": one,
        "event": {"id": str(recorded(org)[-1].id), "type": "party.changed", "sequence": "2"},
        "partyId": "a",
        "jobId": None,
        "state": "dead",
        "code": "timed-out",
        "detail": "The receiver did not answer in time.",
        "status": None,
        "attempts": 3,
        "replay": 0,
        "nextAttemptAt": None,
    }


def test_deliveries_are_listed_and_counted_by_filters(org: Org, admin: TestClient) -> None:
    job = str(uuid.uuid4())
    one, _ = webhook(org), webhook(org, "party.erased")
    record(org, "a", jobId=job)
    record(org, "b", type="party.erased")
    plan(org, mailed={"party.changed": deliveries.the_party})
    put(org, DeliveryState.SENT, 2)
    assert sorted(sequences(admin)) == ["2", "2", "3", "3"]
    assert sorted(sequences(admin, jobId=job)) == ["2", "2"]
    assert sequences(admin, partyId="b", webhookId=one) == ["3"]
    assert sequences(admin, state="sent") == ["2"]
    assert sequences(admin, channel="email") == ["2"]
    assert admin.get(f"/v1/webhooks/{one}/deliveries").json()["items"][0]["event"]["sequence"] == "3"
    summary = {"queued": 1, "sent": 1, "suppressed": 0, "failed": 0, "dead": 0}
    assert admin.get(f"/v1/deliveries/summary?jobId={job}").json() == summary | {"total": 2}
    assert admin.get("/v1/deliveries?state=lost").status_code == 422


def test_a_caller_with_folders_sees_deliveries_of_their_parties_only(org: Org) -> None:
    org.with_parties("a", folder="crew")
    org.with_parties("b", folder="office")
    webhook(org)
    record(org, "a", "b")
    plan(org)
    crew = org.client(Permission.VIEW, folders=["crew"])
    assert {item["partyId"] for item in crew.get("/v1/deliveries").json()["items"]} == {"a"}
    assert crew.get("/v1/deliveries/summary").json()["total"] == 1
    (hidden,) = [row for row in rows(org) if row.party_id == "b"]
    limited = org.client(Permission.ADMIN, folders=["crew"])
    put(org, DeliveryState.DEAD, hidden.sequence)
    assert limited.post(f"/v1/deliveries/{hidden.id}/redeliver").status_code == 404
    assert limited.post("/v1/deliveries/resend", json={"state": "dead"}).status_code == 403


def test_resend_queues_only_failed_or_dead_deliveries(org: Org, admin: TestClient) -> None:
    webhook(org)
    record(org, *"abcd")
    plan(org)
    put(org, DeliveryState.SENT, 2)
    put(org, DeliveryState.DEAD, 3)
    put(org, DeliveryState.FAILED, 4)
    assert admin.post("/v1/deliveries/resend", json={"state": "dead"}).json() == {"queued": 1}
    assert [(row.state, row.attempts) for row in rows(org)] == [
        ("sent", 3),
        ("queued", 0),
        ("failed", 3),
        ("queued", 0),
    ]
    assert (
        admin.post("/v1/deliveries/resend", json={"state": "failed", "jobId": str(uuid.uuid4())}).json()["queued"] == 0
    )
    assert admin.post("/v1/deliveries/resend", json={"state": "sent"}).status_code == 422
    assert org.client(Permission.VIEW).post("/v1/deliveries/resend", json={"state": "dead"}).status_code == 403


def test_a_delivery_is_queued_again_by_its_id_unless_queued_or_a_sent_mail(org: Org, admin: TestClient) -> None:
    webhook(org)
    record(org, "a")
    plan(org, mailed={"party.changed": deliveries.the_party})
    mail, call = rows(org) if rows(org)[0].channel == "email" else reversed(rows(org))
    again = f"/v1/deliveries/{call.id}/redeliver"
    assert admin.post(again).json()["type"] == "urn:rollcall:problem:delivery-queued"
    put(org, DeliveryState.SENT, 2)
    put(org, DeliveryState.SENT, 2, channel=Channel.EMAIL)
    assert admin.post(again).status_code == 202
    assert [(row.state, row.attempts, row.replay) for row in rows(org) if row.channel == "webhook"] == [
        ("sent", 3, 0),
        ("queued", 0, 1),
    ]
    assert admin.post(again).json()["type"] == "urn:rollcall:problem:delivery-queued"
    refused = admin.post(f"/v1/deliveries/{mail.id}/redeliver")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:delivery-sent")
    assert admin.post(f"/v1/deliveries/{uuid.uuid4()}/redeliver").status_code == 404


@pytest.mark.usefixtures("private")
def test_two_thousand_assignments_reach_two_webhooks_once_each(org: Org, worker: InProcessWorker) -> None:
    """One receiver fails every third call. Deliveries are counted in the table and at the receivers."""

    def every_third(handler: Any, before: int) -> None:
        (receivers.status(500) if before % 3 == 2 else receivers.well)(handler, before)

    party_ids = [f"p-{n}" for n in range(2000)]
    org.with_parties(*party_ids)
    course = org.with_course()
    with receiver() as good, receiver(every_third) as moody:
        for server in (good, moody):
            webhook(org, "assignment.created", url=server.url)
        assign(org, worker, body(course, *party_ids))
        while plan(org):
            pass
        later = clock.now()
        for step in range(1, 12):
            with time_machine.travel(later):
                worker.deliver("deliveries.send", "webhook")
            if {row.state for row in rows(org)} == {"sent"}:
                break
            later += timedelta(seconds=10 * 3**step)
        created = {event.sequence for event in recorded(org, "assignment.created")}
        assert len(created) == 2000
        assert sorted(good.sequences) == sorted(created)
        taken = [n for at, n in enumerate(moody.sequences) if at % 3 != 2]
        assert sorted(taken) == sorted(created)
    with org.transaction() as db:
        once = select(Delivery.receiver, func.count(), func.count(Delivery.sequence.distinct()))
        counts = db.execute(once.where(Delivery.state == "sent").group_by(Delivery.receiver)).all()
    assert [tuple(row[1:]) for row in counts] == [(2000, 2000)] * 2


def test_every_code_has_a_sentence() -> None:
    assert {code for code in DeliveryCode if not code.detail.endswith(".")} == set()
