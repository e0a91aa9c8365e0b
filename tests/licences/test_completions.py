"""Courses that license on completion: each way of completing grants one licence; taking it back revokes it."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from shared import clock, licences
from shared.access import Permission
from shared.assignments import Assignment
from shared.licences import Licence
from tests.assignments.asking import assign, body, events, recipients
from tests.drain import InProcessWorker
from tests.factories import MEMBER, Org
from tests.licences.earning import held


def assigned(org: Org, worker: InProcessWorker, course_id: str, party_id: str = "a") -> str:
    """Assigns the course to a party. Returns the id of the assignment."""
    assign(org, worker, body(course_id, party_id))
    found = org.client().get("/v1/assignments", params={"partyId": party_id}).json()["items"]
    return str(found[0]["id"])


def on_behalf(org: Org, worker: InProcessWorker, assignment_id: str) -> None:
    assert org.client().post(f"/v1/assignments/{assignment_id}/complete").status_code == 200


def by_itself(org: Org, worker: InProcessWorker, assignment_id: str) -> None:
    own = org.client(Permission.READ_EVENTS, party="a")
    assert own.post(f"/v1/assignments/{assignment_id}/complete").status_code == 200


def by_link(org: Org, worker: InProcessWorker, assignment_id: str) -> None:
    url = org.client().post(f"/v1/assignments/{assignment_id}/session-link").json()["url"]
    path = url[url.index("/s/") :]
    party = TestClient(org.app)
    for _ in range(2):
        assert party.post(path, follow_redirects=False).status_code == 303


def by_session_task(org: Org, worker: InProcessWorker, assignment_id: str) -> None:
    task = {"taskType": "training_complete", "assignmentId": assignment_id, "sessionId": "public-1"}
    for _ in range(2):
        assert org.client().post("/v1/session-tasks/complete", json=task).status_code == 200


def in_bulk(org: Org, worker: InProcessWorker, assignment_id: str) -> None:
    asked = {"assignmentIds": [assignment_id]}
    assert org.client().post("/v1/assignments/complete", json=asked).status_code == 202
    worker.drain(org.id)


WAYS = [on_behalf, by_itself, by_link, by_session_task, in_bulk]


@pytest.mark.parametrize("complete", WAYS)
def test_every_way_of_completing_an_assignment_grants_one_licence(
    org: Org, worker: InProcessWorker, complete: Callable[[Org, InProcessWorker, str], None]
) -> None:
    org.with_parties("a")
    course = org.with_course(licenceOn="completion", licenceMonths=6)
    assignment = assigned(org, worker, course)
    complete(org, worker, assignment)
    (licence,) = held(org, "a")
    assert (str(licence.assignment_id), licence.session_id, licence.months) == (assignment, None, 6)
    granted = [event for event in events(org) if event["type"] == "licence.granted"]
    assert [event["data"]["assignmentId"] for event in granted] == [assignment]


@pytest.mark.parametrize("complete", WAYS)
def test_completing_an_assignment_grants_nothing_if_the_course_licenses_on_sessions(
    org: Org, worker: InProcessWorker, complete: Callable[[Org, InProcessWorker, str], None]
) -> None:
    org.with_parties("a")
    complete(org, worker, assigned(org, worker, org.with_course()))
    assert held(org, "a") == []


def test_reopening_an_assignment_revokes_its_licence_and_completing_it_again_grants_another(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("a")
    course = org.with_course(licenceOn="completion")
    first = assigned(org, worker, course)
    on_behalf(org, worker, first)
    second = assigned(org, worker, course)
    on_behalf(org, worker, second)
    reopened = org.client().post(f"/v1/assignments/{second}/reopen", json={"reason": "Wrong person"})
    assert reopened.status_code == 200, reopened.text
    former, revoked = held(org, "a")
    assert former.superseded_at is None, "the former licence does not count again"
    assert revoked.revocation_reason == "Completion taken back: Wrong person"
    on_behalf(org, worker, second)
    assert [one.revoked_at is None and one.superseded_at is None for one in held(org, "a")] == [False, False, True]


def test_a_completion_that_has_a_licence_grants_no_other(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a")
    assignment = assigned(org, worker, org.with_course(licenceOn="completion"))
    on_behalf(org, worker, assignment)
    completed = select(
        Assignment.id.label("assignment_id"), Assignment.party_id, Assignment.course_id, Assignment.course_version_id
    ).where(Assignment.id == uuid.UUID(assignment))
    with org.transaction() as db:
        assert licences.grant_on_completion(db, completed, MEMBER, clock.now()) == 0
    (licence,) = held(org, "a")
    assert licence.superseded_at is None


def test_undoing_a_bulk_completion_revokes_its_licences(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b")
    course = org.with_course(licenceOn="completion")
    assign(org, worker, body(course, "a", "b"))
    asked: dict[str, Any] = {"courseId": course, "recipients": recipients("a", "b")}
    job = org.client().post("/v1/assignments/complete", json=asked).json()
    worker.drain(org.id)
    assert [len(held(org, party)) for party in ("a", "b")] == [1, 1]
    undone = org.client().post(f"/v1/jobs/{job['id']}/undo")
    assert undone.status_code == 202, undone.text
    worker.drain(org.id)
    for party in ("a", "b"):
        (licence,) = held(org, party)
        assert licence.revoked_at is not None
        assert job["id"] in str(licence.revocation_reason)


def test_two_versions_completed_at_once_give_two_licences_of_which_the_second_renews_the_first(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("a")
    course = org.with_course(licenceOn="completion")
    first = assigned(org, worker, course)
    org.publish(course, "v2")
    second = assigned(org, worker, course)
    assert org.client().post("/v1/assignments/complete", json={"assignmentIds": [first, second]}).status_code == 202
    worker.drain(org.id)
    one, two = held(org, "a")
    assert (one.superseded_at is not None, two.superseded_at, two.renews_id) == (True, None, one.id)
    assert {str(one.assignment_id), str(two.assignment_id)} == {first, second}


def test_closing_and_reopening_an_assignment_that_was_not_completed_revokes_no_licence(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("a")
    course = org.with_course(licenceOn="completion")
    on_behalf(org, worker, assigned(org, worker, course))
    second = assigned(org, worker, course)
    for verb in ("close", "reopen"):
        assert org.client().post(f"/v1/assignments/{second}/{verb}", json={"reason": "x"}).status_code == 200
    (licence,) = held(org, "a")
    assert isinstance(licence, Licence)
    assert licence.revoked_at is None
    assert licence.granted_at <= clock.now()
