"""An `Idempotency-Key`: its organization, what a repetition is answered with, how long it is kept, and two at once."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete, select

from shared import clock, idempotency, jobs
from shared.access import Permission
from shared.assignments import AssignmentRequest, BulkCloseRequest, BulkCompletionRequest
from shared.idempotency import Key, Making, UsedKey
from shared.jobs import Job
from shared.sessions import AmendmentRequest
from shared.wire import Received
from tests.assignments.asking import body, recipients, submit
from tests.factories import Org
from tests.racing import blocked
from tests.test_repeated_requests import CASES, KEY, REASON, World, problem, roster, world
from tests.traces import stored

__all__ = ["world"]

SECRETS = {
    "POST /v1/webhooks": "secret",
    "POST /v1/webhooks/{webhook_id}/rotate": "secret",
    "POST /v1/assignments/{assignment_id}/session-link": "url",
}
"""The operations whose answers contain a secret, with its field."""

# --- the same key for something else


COURSE = {"title": "Lifting", "code": "L-1", "mode": "flex"}


def test_a_key_is_refused_for_another_body_and_the_order_of_fields_does_not_matter(org: Org) -> None:
    client = org.client()
    first = client.post("/v1/courses", headers=KEY, json=COURSE)
    turned = client.post("/v1/courses", headers=KEY, json=dict(reversed(COURSE.items())))
    assert turned.json() == first.json()
    for other in (COURSE | {"title": "Hoisting"}, COURSE | {"licenceMonths": 12}):
        answer = client.post("/v1/courses", headers=KEY, json=other)
        assert (answer.status_code, problem(answer)) == (422, "idempotency-key-reused")


def test_a_key_belongs_to_one_organization(org: Org, other_org: Org) -> None:
    first = org.client().post("/v1/courses", headers=KEY, json=COURSE)
    second = other_org.client().post("/v1/courses", headers=KEY, json=COURSE)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


def test_a_refused_request_leaves_its_key_free(org: Org) -> None:
    client = org.client()
    org.with_course(code="L-1")
    taken = client.post("/v1/courses", headers=KEY, json=COURSE)
    malformed = client.post("/v1/courses", headers=KEY, json=COURSE | {"mode": 7})
    missing = client.post(f"/v1/courses/{uuid.uuid4()}/versions", headers=KEY, json={"label": "v1"})
    assert (taken.status_code, malformed.status_code, missing.status_code) == (409, 422, 404)
    assert client.post("/v1/courses", headers=KEY, json=COURSE | {"code": "L-2"}).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "Ünïcode", "tab\there"])
def test_a_key_that_is_no_key_is_refused(org: Org, key: str) -> None:
    answer = org.client().post("/v1/courses", headers=[(b"Idempotency-Key", key.encode())], json=COURSE)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "header:Idempotency-Key")


# --- what was made, as it is now


def test_a_repeated_request_is_answered_with_what_was_made_as_it_is_now(world: World) -> None:
    client = world.org.client()
    made = client.post("/v1/courses", headers=KEY, json=COURSE)
    client.patch(made.headers["Location"], json={"title": "Hoisting"})
    again = client.post("/v1/courses", headers=KEY, json=COURSE)
    assert (again.json()["title"], again.headers["Location"]) == ("Hoisting", made.headers["Location"])
    assert again.headers["ETag"] == client.get(made.headers["Location"]).headers["ETag"] != made.headers["ETag"]
    assert client.get("/v1/me").status_code == 200  # the repetition has left nothing open

    asked = body(world.org.with_course(), "anna")
    job = client.post("/v1/assignments", headers={"Idempotency-Key": "run-2"}, json=asked)
    world.worker.drain(world.org.id)
    again = client.post("/v1/assignments", headers={"Idempotency-Key": "run-2"}, json=asked)
    assert (again.json()["id"], again.json()["state"]) == (job.json()["id"], "succeeded")


def test_what_was_made_and_removed_since_is_not_made_again(org: Org) -> None:
    client, asked = org.client(), {"url": "https://93.184.216.34/hook", "types": []}
    made = client.post("/v1/webhooks", headers=KEY, json=asked)
    client.delete(made.headers["Location"])
    again = client.post("/v1/webhooks", headers=KEY, json=asked)
    assert (again.status_code, client.get("/v1/webhooks").json()["items"]) == (404, [])
    assert "Idempotent-Replayed" not in again.headers


def test_a_secret_is_shown_once_and_kept_nowhere_with_the_key(world: World) -> None:
    for operation, secret in SECRETS.items():
        address, sent = CASES[operation](world)
        given: Any = {} if sent is None else {"json": sent}
        headers = {"Idempotency-Key": operation}
        first = world.org.client().post(address, headers=headers, **given).json()[secret]
        again = world.org.client().post(address, headers=headers, **given)
        assert again.json().get(secret) is None
        assert first not in again.text
        assert first not in str(stored(world.org)["idempotency_key"])


def test_a_repetition_shows_a_caller_only_what_it_may_see(world: World) -> None:
    address = f"/v1/assignments/{world.assignment}/reassign"
    sent = {"recipient": recipients("ben")[0], **REASON}
    assert world.org.client().post(address, headers=KEY, json=sent).status_code == 200
    outside = world.org.client(folders=["office"]).post(address, headers=KEY, json=sent)
    assert (outside.status_code, "Idempotent-Replayed" in outside.headers) == (404, False)
    without = world.org.client(Permission.VIEW).post(address, headers=KEY, json=sent)
    assert (without.status_code, problem(without)) == (403, "permission-denied")


def test_a_request_that_says_not_what_it_has_made_fails(org: Org) -> None:
    """The control: a route that declares the key and sets no `Location` cannot be overlooked."""
    key = idempotency.key_of("run-1", "/v1/any", {})
    with pytest.raises(ValueError, match="Location"), org.transaction() as db, idempotency.once(db, key, clock.now()):
        pass
    with org.transaction() as db:
        assert db.scalars(select(UsedKey)).all() == []


def test_a_key_that_led_to_a_job_leads_to_it_for_good(world: World) -> None:
    """Also if the job has another key, because it was there before: then the rules that found it may change."""
    job = submit(world.org.client(), body(world.org.with_course(), "anna"))
    key = Key("run-2", "/v1/any", "hash", made=f"/v1/jobs/{job['id']}")
    with world.org.transaction() as db:
        found = jobs.replayed(db, key, None)
        assert found is not None
        assert (str(found.job.id), found.replayed) == (job["id"], True)


def test_a_completed_session_whose_job_had_another_key_is_answered_by_the_later_key_too(world: World) -> None:
    address, _ = roster(world)
    client = world.org.client()
    first = client.post(address, headers=KEY)
    for _ in range(2):
        again = client.post(address, headers={"Idempotency-Key": "run-2"})
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        assert again.headers["Idempotent-Replayed"] == "true"


# --- at once


def test_of_two_requests_with_one_key_at_once_one_makes_and_the_other_is_answered(org: Org) -> None:
    """The second waits for the first, and then finds what it has made."""
    key, now = idempotency.key_of("run-1", "/v1/any", {}), clock.now()
    with org.transaction() as one:
        assert idempotency.claim(one, key, now) is None
        with blocked(org, lambda other: idempotency.claim(other, key, now)) as second:
            idempotency.keep(one, key, Making(location="/v1/any/7"))
            one.commit()
            found = second.result(5)
            assert found is not None
            assert found.location == "/v1/any/7"


def test_a_request_that_waited_for_one_that_failed_makes_it_itself(org: Org) -> None:
    key, now = idempotency.key_of("run-1", "/v1/any", {}), clock.now()
    with org.transaction() as one:
        idempotency.claim(one, key, now)
        with blocked(org, lambda other: idempotency.claim(other, key, now)) as second:
            one.rollback()
            assert second.result(5) is None


# --- how long a key is kept


def test_a_key_is_kept_for_thirty_days_and_that_of_a_job_as_long_as_the_job(world: World) -> None:
    asked = body(world.org.with_course(), "anna")
    begin = clock.now()
    assert world.org.client().post("/v1/courses", headers=KEY, json=COURSE).status_code == 201
    job = submit(world.org.client(), asked, **{"Idempotency-Key": "run-2"})
    with time_machine.travel(begin + timedelta(days=29, hours=23)):
        assert world.org.client().post("/v1/courses", headers=KEY, json=COURSE).status_code == 200
    with time_machine.travel(begin + timedelta(days=31)):
        client = world.org.client()
        assert submit(client, asked, **{"Idempotency-Key": "run-2"})["id"] == job["id"]
        assert client.post("/v1/courses", headers=KEY, json=COURSE | {"code": "L-2"}).status_code == 201
    with world.org.transaction() as db:
        kept = {used.key: used.kept_until is None for used in db.scalars(select(UsedKey))}
    assert kept == {"run-1": False, "run-2": True}


def test_expired_keys_are_deleted_by_later_requests(org: Org) -> None:
    for n in range(3):
        org.client().post("/v1/courses", headers={"Idempotency-Key": f"old-{n}"}, json=COURSE | {"code": f"L-{n}"})
    with time_machine.travel(clock.now() + timedelta(days=31)):
        org.client().post("/v1/courses", headers={"Idempotency-Key": "new"}, json=COURSE | {"code": "L-9"})
    with org.transaction() as db:
        assert list(db.scalars(select(UsedKey.key))) == ["new"]


# --- keys of a former release


def test_a_key_of_a_job_that_a_former_release_submitted_counts_as_taken(world: World) -> None:
    """Its key is in its own row only."""
    client, asked = world.org.client(), body(world.org.with_course(), "anna")
    job = submit(client, asked, **KEY)
    with world.org.transaction() as db:
        db.execute(delete(UsedKey))
    course = client.post("/v1/courses", headers=KEY, json=COURSE)
    other = client.post("/v1/assignments", headers=KEY, json=asked | {"reason": "Another"})
    assert [(one.status_code, problem(one)) for one in (course, other)] == [(422, "idempotency-key-reused")] * 2
    for _ in range(2):
        assert submit(client, asked, **KEY)["id"] == job["id"]


def test_a_job_is_stored_with_its_key_for_processes_of_a_former_release(world: World) -> None:
    asked = body(world.org.with_course(), "anna")
    submit(world.org.client(), asked, **KEY)
    key = Key("run-1", "/v1/assignments")
    with world.org.transaction() as db:
        job = db.scalars(select(Job)).one()
    sent = AssignmentRequest.model_validate(asked)
    assert (job.idempotency_key, job.request_hash) == ("run-1", key.hash_of(sent))


NOBODY = "01990000-0000-7000-8000-000000000000"

FORMER_HASHES: dict[str, tuple[type[Received], dict[str, Any], str]] = {
    "assignments": (
        AssignmentRequest,
        {"courseId": NOBODY, "folderIds": ["crew"], "reason": "Refresh"},
        "d44400f018f265c3b5ba716b4b20c75ea30728b1e2775b223fe0eb8bbdba6b68",
    ),
    "completions": (
        BulkCompletionRequest,
        {"courseId": NOBODY, "folderIds": ["crew"]},
        "12b16edd5428ff02fedf2d8694b85a7e08b50929600bc74cb980771e9c48aad3",
    ),
    "closings": (
        BulkCloseRequest,
        {"filter": {"partyId": "anna"}, "reason": "Over"},
        "0df0fba79e0d56971de33e4998c127a18980c05dd7f7b0b59610fb19821fc132",
    ),
    "amendments": (
        AmendmentRequest,
        {"add": recipients("anna"), "reason": "Late"},
        "a026d85d8dc7e4ba6201cbb086e41f73604a9cc5d9894274d62d8087b8e20ce5",
    ),
}
"""Bodies that submit jobs, with the hash that the former release stored. A field with a default that is added to one of
them belongs into `added` of its class; its hash here never changes."""


@pytest.mark.parametrize("name", FORMER_HASHES)
def test_a_request_that_the_former_release_accepted_is_known_by_the_hash_that_it_stored(name: str) -> None:
    model, sent, stored_hash = FORMER_HASHES[name]
    assert Key("run-1", "/v1/any").hash_of(model.model_validate(sent)) == stored_hash


def test_the_hash_of_a_request_is_of_what_was_sent_and_not_of_defaults() -> None:
    short, full = {"reason": "Refresh"}, {"reason": "Refresh", "notify": True}
    hashes = {idempotency.key_of("run-1", "/v1/any", sent).request_hash for sent in (short, full)}
    assert len(hashes) == 2
