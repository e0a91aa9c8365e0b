"""The API of webhooks: create, change, remove, rotate, test and replay; signatures; secrets are shown once."""

import sys
import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select
from standardwebhooks import Webhook as Verifier

from shared import clock, deliveries
from shared.access import Permission
from shared.deliveries import Webhook
from shared.events import cloud_event
from tests.deliveries.receivers import Receiver, receiver, status
from tests.deliveries.receiving import URL, plan, record, rows, webhook
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.racing import blocked

PUBLIC = "https://93.184.216.34/hook"


@pytest.fixture
def admin(org: Org) -> TestClient:
    return org.client(Permission.ADMIN, Permission.READ_EVENTS)


def made(admin: TestClient, **body: Any) -> dict[str, Any]:
    answer = admin.post("/v1/webhooks", json={"url": PUBLIC} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def verified(server: Receiver, secret: str, n: int = -1) -> Any:
    """The message as a receiver reads it that verifies it with the library of Standard Webhooks."""
    return Verifier(secret).verify(server.bodies[n], server.headers[n])


# --- creating


def test_a_secret_is_shown_once_when_the_webhook_is_created(org: Org, admin: TestClient) -> None:
    answer = made(admin, types=["party.changed"], description="The warehouse")
    secret = answer.pop("secret")
    assert secret.startswith("whsec_")
    one = admin.get(f"/v1/webhooks/{answer['id']}")
    assert one.json() == {key: value for key, value in answer.items() if key != "formerSecretUntil"}
    assert (one.json()["enabled"], one.json()["types"], one.json()["url"]) == (True, ["party.changed"], PUBLIC)
    texts = [one.text, admin.get("/v1/webhooks").text, admin.get("/v1/events").text]
    assert not [text for text in texts if secret[6:] in text]
    assert PUBLIC not in admin.get("/v1/events").text, "an address may contain a key"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "http://127.0.0.1/"}, "/url"),
        ({"url": "ftp://93.184.216.34/"}, "/url"),
        ({"url": PUBLIC, "types": ["party.changed", "party.flown"]}, "/types"),
        ({"url": PUBLIC, "secret": "mine"}, "/secret"),
        ({}, "/url"),
    ],
)
def test_a_webhook_with_a_bad_field_is_refused(admin: TestClient, body: dict[str, Any], pointer: str) -> None:
    answer = admin.post("/v1/webhooks", json=body)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, [pointer])
    assert "flown" not in answer.text


@pytest.mark.parametrize("permission", [one for one in Permission if one is not Permission.ADMIN])
def test_webhooks_need_the_admin_permission(org: Org, permission: Permission) -> None:
    client, one = org.client(permission), f"/v1/webhooks/{uuid.uuid4()}"
    asked = [
        client.get("/v1/webhooks"),
        client.post("/v1/webhooks", json={"url": PUBLIC}),
        client.get(one),
        client.patch(one, json={"enabled": False}),
        client.delete(one),
        *(client.post(f"{one}/{what}") for what in ("rotate", "test")),
        client.post(f"{one}/replay", json={"fromSequence": 1}),
        client.get(f"{one}/deliveries"),
    ]
    assert [answer.status_code for answer in asked] == [403] * len(asked)


def test_an_event_recorded_while_a_webhook_is_created_is_delivered(org: Org) -> None:
    """Recording waits for the webhook's transaction, so the event comes after it."""
    plan(org)
    with org.transaction() as db:
        made = deliveries.create_webhook(
            db, url=URL, types=[], description=None, actor=deliveries.calls.SYSTEM, now=clock.now()
        )
        with blocked(org, lambda other: record_in(other)) as recording:
            assert plan(org) == 0
            db.commit()
            recording.result(timeout=10)
    plan(org)
    assert [(row.receiver, row.event_type) for row in rows(org)] == [(str(made.id), "party.changed")]


def record_in(db: Any) -> None:
    from shared import events
    from shared.events import Actor, Fact

    events.record(db, Actor("member", "m"), clock.now(), Fact("party.changed", "party/a", {"changed": ["x"]}, "a"))


# --- changing


def test_a_webhook_is_changed_and_stale_changes_are_refused(org: Org, admin: TestClient) -> None:
    one = f"/v1/webhooks/{made(admin)['id']}"
    tag = admin.get(one).headers["ETag"]
    changed = admin.patch(one, json={"types": ["party.erased"], "enabled": False}, headers={"If-Match": tag})
    assert (changed.json()["types"], changed.json()["enabled"]) == (["party.erased"], False)
    assert changed.json()["disabledWhy"] == "A member disabled it."
    assert admin.patch(one, json={"types": []}, headers={"If-Match": tag}).status_code == 412
    assert admin.patch(one, json={"url": "http://10.0.0.1/"}).status_code == 422
    assert admin.patch(one, json={}).status_code == 422
    assert admin.patch(one, json={"enabled": True}).json()["disabledWhy"] is None
    assert [event.data["changed"] for event in recorded(org, "webhook.changed")] == [["enabled", "types"], ["enabled"]]


def test_a_removed_webhook_is_not_found(org: Org, admin: TestClient) -> None:
    one = f"/v1/webhooks/{made(admin)['id']}"
    assert admin.delete(one).status_code == 204
    assert [admin.get(one).status_code, admin.delete(one).status_code] == [404, 404]
    assert admin.get("/v1/webhooks").json()["items"] == []
    assert len(recorded(org, "webhook.removed")) == 1


# --- signing


@pytest.mark.usefixtures("private")
def test_a_message_is_signed_and_is_the_event(org: Org, admin: TestClient, worker: InProcessWorker) -> None:
    secret = made(admin)["secret"]
    with receiver() as server:
        point_to(org, server)
        record(org, "a")
        plan(org)
        worker.deliver("deliveries.send", "webhook")
        (event,) = recorded(org, "party.changed")
        assert verified(server, secret) == cloud_event(event)
        assert server.headers[0]["webhook-id"] == str(event.id)
        assert server.headers[0]["content-type"] == "application/cloudevents+json"
        with pytest.raises(Exception, match="No matching signature"):
            verified(server, "whsec_" + "A" * 44)


@pytest.mark.usefixtures("private")
def test_the_former_secret_signs_for_24_hours(org: Org, admin: TestClient, worker: InProcessWorker) -> None:
    webhook_id, former = (answer := made(admin))["id"], answer["secret"]
    rotated = admin.post(f"/v1/webhooks/{webhook_id}/rotate").json()
    assert rotated["secret"] != former
    with receiver() as server:
        point_to(org, server)
        for hours, both in ((0, True), (23, True), (25, False)):
            with time_machine.travel(clock.now() + timedelta(hours=hours)):
                record(org, "a")
                plan(org)
                worker.deliver("deliveries.send", "webhook")
                verified(server, rotated["secret"])
                assert len(server.headers[-1]["webhook-signature"].split()) == (2 if both else 1)
                if both:
                    verified(server, former)
    assert len(server.bodies) == 4  # the rotation is an event, too


def point_to(org: Org, server: Receiver) -> None:
    """Let every webhook call this server, whose private address the API would refuse."""
    with org.transaction() as db:
        for found in db.scalars(select(Webhook)):
            found.url = server.url


# --- testing and replaying


def test_a_test_call_reports_its_result(org: Org, admin: TestClient) -> None:
    one = f"/v1/webhooks/{(answer := made(admin))['id']}/test"
    usual = org.parts.settings
    with receiver() as good, receiver(status(500)) as bad:
        point_to(org, good)
        assert admin.post(one).json()["code"] == "address-refused"
        object.__setattr__(org.parts, "settings", usual.model_copy(update={"webhooks_allow_private": True}))
        try:
            result = admin.post(one).json()
            assert (result["delivered"], result["code"], result["status"]) == (True, "delivered", 204)
            assert verified(good, answer["secret"])["type"] == "webhook.test"
            point_to(org, bad)
            result = admin.post(one).json()
            assert (result["delivered"], result["code"], result["status"]) == (False, "http-error", 500)
        finally:
            object.__setattr__(org.parts, "settings", usual)
    assert rows(org) == []


def test_a_replay_queues_every_event_of_the_wanted_types(org: Org, admin: TestClient) -> None:
    """Also events from before the webhook. Deliveries that are queued already stay as they are."""
    record(org, "a", "b")
    record(org, "c", type="party.erased")
    one = webhook(org, "party.changed")
    record(org, "d")
    plan(org)
    waiting = rows(org)
    answer = admin.post(f"/v1/webhooks/{one}/replay", json={"fromSequence": 3})
    assert (answer.status_code, answer.json()) == (202, {"queued": 1, "upToSequence": 5, "more": False})
    assert [row.sequence for row in rows(org)] == [3, 5]
    assert [(row.id, row.queued_at) for row in rows(org) if row.sequence == 5] == [
        (row.id, row.queued_at) for row in waiting
    ]
    assert admin.post(f"/v1/webhooks/{one}/replay", json={"fromSequence": 0}).status_code == 422
    assert admin.post(f"/v1/webhooks/{uuid.uuid4()}/replay", json={"fromSequence": 1}).status_code == 404


@pytest.mark.usefixtures("private")
def test_a_sent_delivery_is_sent_again_on_replay(org: Org, admin: TestClient, worker: InProcessWorker) -> None:
    with receiver() as server:
        one = webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        for _ in range(2):
            worker.deliver("deliveries.send", "webhook")
            admin.post(f"/v1/webhooks/{one}/replay", json={"fromSequence": 2})
        assert server.sequences == [2, 2]


def test_a_long_replay_takes_several_calls(org: Org, admin: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["shared.deliveries.replaying"], "LARGEST_REPLAY", 2)
    one = webhook(org, "party.changed")
    record(org, *"abc")
    since, queued = 1, 0
    while True:
        answer = admin.post(f"/v1/webhooks/{one}/replay", json={"fromSequence": since}).json()
        since, queued = answer["upToSequence"] + 1, queued + answer["queued"]
        if not answer["more"]:
            break
    assert (queued, [row.sequence for row in rows(org)]) == (3, [2, 3, 4])
