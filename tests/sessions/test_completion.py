"""Completing a session: each party that attended gets one licence, all with the same `grantedAt`, and its open
assignment is completed."""

from datetime import UTC, datetime

import time_machine
from fastapi import FastAPI
from sqlalchemy import select

from api.http.parts import Parts
from shared.assignments import Assignment
from tests.assignments.asking import assign, body, codes, deactivate, parties, read_job
from tests.drain import InProcessWorker
from tests.factories import Org, add_org
from tests.feed import recorded, subjects
from tests.sessions.sitting import (
    accept,
    add,
    attend,
    complete,
    completed,
    granted,
    outcomes,
    read,
    roster,
    schedule,
)

NOON = datetime(2026, 10, 24, 12, tzinfo=UTC)


def test_each_party_that_attended_is_licensed_with_the_same_granted_at(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(4))
    session_id = schedule(org)
    add(org, session_id, *parties(4))
    attend(org, session_id, "party-00001", "absent")
    attend(org, session_id, "party-00002", "excused")
    with time_machine.travel(NOON, tick=False):
        job = accept(org, session_id)
    assert read(org, session_id)["state"] == "completing"
    assert set(outcomes(org, session_id).values()) == {"pending", "not-attended"}
    with time_machine.travel("2026-10-24T12:07:00Z", tick=False):  # the job runs later, `grantedAt` stays
        worker.drain(org.id)
    job = read_job(org, job)
    assert (job["kind"], job["state"]) == ("sessions.complete", "succeeded")
    assert (job["counts"]["succeeded"], job["counts"]["unchanged"]) == (2, 2)
    found = granted(org, session_id)
    assert {party: licence.granted_at for party, licence in found.items()} == {
        "party-00000": NOON,
        "party-00003": NOON,
    }
    assert outcomes(org, session_id) == {
        "party-00000": "licensed",
        "party-00001": "not-attended",
        "party-00002": "not-attended",
        "party-00003": "licensed",
    }
    assert {party: entry["licenceId"] for party, entry in roster(org, session_id).items() if entry["licenceId"]} == {
        party: str(licence.id) for party, licence in found.items()
    }
    session = read(org, session_id)
    assert session["state"] == "completed"
    assert session["completion"] == {
        "by": {"type": "member", "id": "member-1"},
        "completedAt": "2026-10-24T12:00:00Z",
        "jobId": job["id"],
    }


def test_results_name_the_granted_licences(org: Org, worker: InProcessWorker) -> None:
    session_id = completed(org, worker, "party-1", "party-2")
    job_id = read(org, session_id)["completion"]["jobId"]
    items = org.client().get(f"/v1/jobs/{job_id}/results").json()["items"]
    found = granted(org, session_id)
    assert [(one["entityId"], one["code"], one["licenceId"], one["assignmentId"]) for one in items] == [
        (party, "licence-granted", str(found[party].id), None) for party in ("party-1", "party-2")
    ]


def test_the_open_assignment_of_the_sessions_version_is_completed(org: Org, worker: InProcessWorker) -> None:
    """That of an older version is closed, and that of an absent party stays open."""
    org.with_parties("party-1", "party-2", "party-3")
    course = org.with_course(label="v1")
    assign(org, worker, body(course, "party-1"))
    org.publish(course, "v2")
    assign(org, worker, body(course, "party-1", "party-2"))
    session_id = schedule(org, course, startsAt="2026-10-24T20:00:00Z", endsAt="2026-10-24T23:30:00Z")
    add(org, session_id, "party-1", "party-2", "party-3")
    attend(org, session_id, "party-2", "absent")
    job = complete(org, worker, session_id)
    items = org.client().get("/v1/assignments").json()["items"]
    found = {(one["party"]["entityId"], one["versionLabel"]): one for one in items}
    assert {key: one["state"] for key, one in found.items()} == {
        ("party-1", "v1"): "closed",
        ("party-1", "v2"): "completed",
        ("party-2", "v2"): "assigned",
    }
    done = found["party-1", "v2"]
    assert done["completion"]["method"] == "session"
    assert done["completion"]["by"] == {"type": "member", "id": "member-1"}
    (event,) = recorded(org, "assignment.completed")
    assert (event.subject, event.party_id) == (f"assignment/{done['id']}", "party-1")
    assert (event.data["sessionId"], event.data["jobId"]) == (session_id, job["id"])
    assert set(granted(org, session_id)) == {"party-1", "party-3"}


def test_a_completion_occurred_on_the_day_of_the_sessions_end_in_the_organizations_zone(
    app: FastAPI, parts: Parts, worker: InProcessWorker
) -> None:
    """The day of the completion counts if the session is completed before its end."""
    org = add_org(app, parts, time_zone="Pacific/Auckland")
    org.with_parties("party-1")
    days = []
    for ends_at in ("2026-10-24T11:30:00Z", "2099-01-01T00:00:00Z"):  # the first is 00:30 on the 25th in Auckland
        course = org.with_course()
        assign(org, worker, body(course, "party-1"))
        session_id = schedule(org, course, endsAt=ends_at)
        add(org, session_id, "party-1")
        with time_machine.travel("2026-10-26T12:00:00Z", tick=False):  # 01:00 on the 27th in Auckland
            complete(org, worker, session_id)
        found = org.client().get("/v1/assignments", params={"courseId": course}).json()["items"]
        days.append(found[0]["completion"]["occurredOn"])
    assert days == ["2026-10-25", "2026-10-27"]


def test_a_session_of_a_course_without_licences_only_completes_assignments(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-1", "party-2")
    course = org.with_course(licenceMonths=None)
    assign(org, worker, body(course, "party-1"))
    session_id = schedule(org, course)
    add(org, session_id, "party-1", "party-2")
    attend(org, session_id, "party-2", "absent")
    job = complete(org, worker, session_id)
    assert codes(org, job) == {"party-1": "attended", "party-2": "not-attended"}
    assert outcomes(org, session_id) == {"party-1": "completed", "party-2": "not-attended"}
    assert granted(org, session_id) == {}
    assert org.client().get("/v1/assignments").json()["items"][0]["state"] == "completed"


def test_a_party_that_is_inactive_by_the_completion_is_licensed(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-1")
    session_id = schedule(org)
    add(org, session_id, "party-1")
    deactivate(org, "party-1")
    complete(org, worker, session_id)
    assert outcomes(org, session_id) == {"party-1": "licensed"}


def test_the_end_of_a_session_is_one_event(org: Org, worker: InProcessWorker) -> None:
    session_id = completed(org, worker, "party-1", "party-2")
    worker.drain(org.id)
    (event,) = recorded(org, "session.completed")
    assert event.subject == f"session/{session_id}"
    assert event.data["counts"]["succeeded"] == 2
    assert len(subjects(org, "licence.granted")) == 2


def test_a_session_of_a_thousand_completes_all_their_assignments(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(1000))
    course = org.with_course()
    assign(org, worker, body(course, *parties(1000)))
    session_id = schedule(org, course)
    add(org, session_id, *parties(1000))
    assert complete(org, worker, session_id)["counts"]["succeeded"] == 1000
    with org.transaction() as db:
        states = set(db.scalars(select(Assignment.state)))
    assert (states, len(granted(org, session_id))) == ({"completed"}, 1000)
    licences = subjects(org, "licence.granted")
    assert len(licences) == len(set(licences)) == 1000
