"""Setting webhooks up, changing, rotating, trying and replaying them; what is signed, and that secrets stay secret."""

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
from tests.drain import Workshop
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
    """What a receiver reads that verifies with the library of Standard Webhooks."""
    return Verifier(secret).verify(server.bodies[n], server.headers[n])


# --- setting up


def test_a_webhook_and_its_secret_once(org: Org, admin: TestClient) -> None:
    answer = made(admin, types=["party.changed"], description="The warehouse")
    secret = answer.pop("secret")
    assert secret.startswith("whsec_")
    one = admin.get(f"/v1/webhooks/{answer['id']}")
    assert one.json() == {key: value for key, value in answer.items() if key != "formerSecretUntil"}
    assert (one.json()["enabled"], one.json()["types"], one.json()["url"]) == (True, ["party.changed"], PUBLIC)
    told = [one.text, admin.get("/v1/webhooks").text, admin.get("/v1/events").text]
    assert not [text for text in told if secret[6:] in text]
    assert PUBLIC not in admin.get("/v1/events").text, "addresses hold keys at times"


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
def test_what_is_refused(admin: TestClient, body: dict[str, Any], pointer: str) -> None:
    answer = admin.post("/v1/webhooks", json=body)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, [pointer])
    assert "flown" not in answer.text


@pytest.mark.parametrize("permission", [one for one in Permission if one is not Permission.ADMIN])
def test_only_staff(org: Org, permission: Permission) -> None:
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


def test_nothing_falls_between_setting_up_and_planning(org: Org) -> None:
    """An event that comes while a webhook is being set up waits for it, and is after it."""
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


def test_changes(org: Org, admin: TestClient) -> None:
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


def test_taken_away(org: Org, admin: TestClient) -> None:
    one = f"/v1/webhooks/{made(admin)['id']}"
    assert admin.delete(one).status_code == 204
    assert [admin.get(one).status_code, admin.delete(one).status_code] == [404, 404]
    assert admin.get("/v1/webhooks").json()["items"] == []
    assert len(recorded(org, "webhook.removed")) == 1


# --- signing


@pytest.mark.usefixtures("private")
def test_a_message_is_signed_and_is_the_event(org: Org, admin: TestClient, workshop: Workshop) -> None:
    secret = made(admin)["secret"]
    with receiver() as server:
        point_to(org, server)
        record(org, "a")
        plan(org)
        workshop.deliver("deliveries.send", "webhook")
        (event,) = recorded(org, "party.changed")
        assert verified(server, secret) == cloud_event(event)
        assert server.headers[0]["webhook-id"] == str(event.id)
        assert server.headers[0]["content-type"] == "application/cloudevents+json"
        with pytest.raises(Exception, match="No matching signature"):
            verified(server, "whsec_" + "A" * 44)


@pytest.mark.usefixtures("private")
def test_the_former_secret_signs_for_another_day(org: Org, admin: TestClient, workshop: Workshop) -> None:
    webhook_id, former = (answer := made(admin))["id"], answer["secret"]
    rotated = admin.post(f"/v1/webhooks/{webhook_id}/rotate").json()
    assert rotated["secret"] != former
    with receiver() as server:
        point_to(org, server)
        for hours, both in ((0, True), (23, True), (25, False)):
            with time_machine.travel(clock.now() + timedelta(hours=hours)):
                record(org, "a")
                plan(org)
                workshop.deliver("deliveries.send", "webhook")
                verified(server, rotated["secret"])
                assert len(server.headers[-1]["webhook-signature"].split()) == (2 if both else 1)
                if both:
                    verified(server, former)
    assert len(server.bodies) == 4  # the rotation is an event, too


def point_to(org: Org, server: Receiver) -> None:
    """Send to this server, which is on an address that no member may name."""
    with org.transaction() as db:
        for found in db.scalars(select(Webhook)):
            found.url = server.url


# --- trying and replaying


def test_a_test_call_tells_what_came_back(org: Org, admin: TestClient) -> None:
    one = f"/v1/webhooks/{(answer := made(admin))['id']}/test"
    usual = org.parts.settings
    with receiver() as good, receiver(status(500)) as bad:
        point_to(org, good)
        assert admin.post(one).json()["code"] == "address-refused"
        object.__setattr__(org.parts, "settings", usual.model_copy(update={"webhooks_allow_private": True}))
        try:
            told = admin.post(one).json()
            assert (told["delivered"], told["code"], told["status"]) == (True, "delivered", 204)
            assert verified(good, answer["secret"])["type"] == "webhook.test"
            point_to(org, bad)
            told = admin.post(one).json()
            assert (told["delivered"], told["code"], told["status"]) == (False, "http-error", 500)
        finally:
            object.__setattr__(org.parts, "settings", usual)
    assert rows(org) == []


def test_replay_queues_every_matching_event_again(org: Org, admin: TestClient) -> None:
    """Also what was before the webhook; and what waits already stays as it is."""
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
def test_what_was_sent_is_sent_again_on_replay(org: Org, admin: TestClient, workshop: Workshop) -> None:
    with receiver() as server:
        one = webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        for _ in range(2):
            workshop.deliver("deliveries.send", "webhook")
            admin.post(f"/v1/webhooks/{one}/replay", json={"fromSequence": 2})
        assert server.sequences == [2, 2]


def test_a_long_replay_is_done_in_pieces(org: Org, admin: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["shared.deliveries.webhooks"], "LARGEST_REPLAY", 2)
    one = webhook(org, "party.changed")
    record(org, *"abc")
    since, queued = 1, 0
    while True:
        answer = admin.post(f"/v1/webhooks/{one}/replay", json={"fromSequence": since}).json()
        since, queued = answer["upToSequence"] + 1, queued + answer["queued"]
        if not answer["more"]:
            break
    assert (queued, [row.sequence for row in rows(org)]) == (3, [2, 3, 4])
