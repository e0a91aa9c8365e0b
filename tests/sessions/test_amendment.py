"""Amending a completed session: some are licensed after all, others lose what they never earned, and that is all."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import assignments, clock, directory, jobs
from shared.assignments import Assignment
from shared.directory import Party
from shared.licences import Licence
from tests.assignments.asking import assign, body, codes, deactivate, parties, read_job, recipients
from tests.drain import Workshop
from tests.factories import OPERATOR, Org
from tests.feed import recorded, subjects
from tests.racing import blocked
from tests.sessions.sitting import (
    accept,
    add,
    amend,
    attend,
    complete,
    completed,
    outcomes,
    pointers,
    problem,
    roster,
    schedule,
)


def held(org: Org) -> dict[str, list[Licence]]:
    """Every party's licences, in the order of their making."""
    found: dict[str, list[Licence]] = {}
    with org.transaction() as db:
        for licence in db.scalars(select(Licence).order_by(Licence.id)):
            found.setdefault(licence.party_id, []).append(licence)
    return found


def test_the_missing_are_licensed_and_the_others_lose_it(org: Org, workshop: Workshop) -> None:
    org.with_parties("party-4")
    session_id = completed(org, workshop, "party-1", "party-2", "party-3")
    before = held(org)
    with time_machine.travel("2026-12-24T12:00:00Z", tick=False):
        job = amend(org, workshop, session_id, add=("party-4",), remove=("party-2",))
    assert (job["kind"], job["state"]) == ("sessions.amend", "succeeded")
    assert codes(org, job) == {"party-4": "licence-granted", "party-2": "removed"}
    assert outcomes(org, session_id) == {
        "party-1": "licensed",
        "party-2": "removed",
        "party-3": "licensed",
        "party-4": "licensed",
    }
    after = held(org)
    assert (after["party-2"][0].revoked_at is not None, after["party-2"][0].revocation_reason) == (
        True,
        "The list was another day's",
    )
    assert after["party-4"][0].granted_at == datetime(2026, 12, 24, 12, tzinfo=UTC)
    assert [after[one][0].revision for one in ("party-1", "party-3")] == [before["party-1"][0].revision] * 2
    (event,) = recorded(org, "session.amended")
    assert (event.subject, event.data["added"], event.data["removed"]) == (f"session/{session_id}", 1, 1)
    assert [event.party_id for event in recorded(org, "licence.revoked")] == ["party-2"]
    entries = roster(org, session_id)
    assert {one for one, entry in entries.items() if entry["amendedAt"]} == {"party-2", "party-4"}


def test_results_name_the_licence_whether_granted_or_taken_back(org: Org, workshop: Workshop) -> None:
    org.with_parties("party-2")
    session_id = completed(org, workshop, "party-1")
    job = amend(org, workshop, session_id, add=("party-2",), remove=("party-1",))
    items = org.client().get(f"/v1/jobs/{job['id']}/results").json()["items"]
    found = held(org)
    assert {one["entityId"]: one["licenceId"] for one in items} == {
        party: str(found[party][0].id) for party in ("party-1", "party-2")
    }


def test_whoever_was_marked_absent_can_be_added(org: Org, workshop: Workshop) -> None:
    org.with_parties("party-1", "party-2")
    course = org.with_course()
    assign(org, workshop, body(course, "party-1"))
    session_id = schedule(org, course)
    add(org, session_id, "party-1", "party-2")
    attend(org, session_id, "party-1", "absent")
    complete(org, workshop, session_id)
    deactivate(org, "party-1")  # gone since; but it was there
    job = amend(org, workshop, session_id, add=("party-1",))
    assert codes(org, job) == {"party-1": "licence-granted"}
    entry = roster(org, session_id)["party-1"]
    assert (entry["attendance"], entry["outcome"]) == ("attended", "licensed")
    (owed,) = org.client().get("/v1/assignments").json()["items"]
    assert (owed["state"], owed["completion"]["method"]) == ("completed", "session")


def test_what_cannot_be_done_is_said_of_each(org: Org, workshop: Workshop) -> None:
    org.with_parties("absent", "licensed", "revoked", "idle", "elsewhere")
    deactivate(org, "idle")
    session_id = schedule(org)
    add(org, session_id, "absent", "licensed", "revoked")
    attend(org, session_id, "absent", "absent")
    complete(org, workshop, session_id)
    amend(org, workshop, session_id, remove=("revoked",))
    before = held(org)
    job = amend(
        org,
        workshop,
        session_id,
        add=("licensed", "revoked", "idle", "unknown-1"),
        remove=("absent", "elsewhere", "unknown-2"),
    )
    assert codes(org, job) == {
        "licensed": "already-licensed",
        "revoked": "licence-revoked",
        "idle": "party-inactive",
        "unknown-1": "party-not-found",
        "absent": "not-licensed",
        "elsewhere": "not-licensed",
        "unknown-2": "party-not-found",
    }
    assert (job["state"], job["counts"]["succeeded"]) == ("partially_succeeded", 0)
    assert {one: [each.revision for each in licences] for one, licences in held(org).items()} == {
        one: [each.revision for each in licences] for one, licences in before.items()
    }
    assert outcomes(org, session_id) == {"absent": "not-attended", "licensed": "licensed", "revoked": "removed"}


def test_nobody_outside_the_callers_folders_is_touched(org: Org, workshop: Workshop) -> None:
    org.with_parties("mine", folder="mine")
    session_id = completed(org, workshop, "theirs")
    client = org.client(folders=["mine"])
    sent = {"add": recipients("mine"), "remove": recipients("theirs"), "reason": "x"}
    job = client.post(f"/v1/sessions/{session_id}/amend", json=sent).json()
    workshop.drain(org.id)
    assert codes(org, job) == {"mine": "licence-granted", "theirs": "out-of-scope"}
    assert outcomes(org, session_id) == {"mine": "licensed", "theirs": "licensed"}


def test_a_former_licence_counts_again(org: Org, workshop: Workshop) -> None:
    course = org.with_course()
    org.with_parties("party-1")
    both = []
    for _ in range(2):
        session_id = schedule(org, course)
        add(org, session_id, "party-1")
        complete(org, workshop, session_id)
        both.append(session_id)
    amend(org, workshop, both[1], remove=("party-1",))
    first, second = held(org)["party-1"]
    assert (first.superseded_at, second.revoked_at is not None) == (None, True)
    assert subjects(org, "licence.restored") == [f"licence/{first.id}"]


def owed(org: Org) -> dict[str, list[str]]:
    """Every party's assignments by their states, the earliest first."""
    with org.transaction() as db:
        found: dict[str, list[str]] = {}
        for one in db.scalars(select(Assignment).order_by(Assignment.id)):
            found.setdefault(one.party_id, []).append(one.state)
    return found


@pytest.mark.parametrize("months", [12, None])
def test_who_is_removed_owes_again_what_the_session_had_completed(
    org: Org, workshop: Workshop, months: int | None
) -> None:
    """And may be added again: then it is completed again. Also where the course grants no licences."""
    org.with_parties("there", "not-there", "owes-nothing")
    course = org.with_course(licenceMonths=months)
    assign(org, workshop, body(course, "there", "not-there"))
    session_id = schedule(org, course)
    add(org, session_id, "there", "not-there", "owes-nothing")
    complete(org, workshop, session_id)
    job = amend(org, workshop, session_id, remove=("not-there", "owes-nothing"))
    assert set(codes(org, job).values()) == {"removed"}
    assert owed(org) == {"there": ["completed"], "not-there": ["assigned"]}
    (again,) = org.client().get("/v1/assignments", params={"state": "assigned"}).json()["items"]
    assert again["completion"] is None
    (event,) = recorded(org, "assignment.reopened")
    assert (event.subject, event.party_id) == (f"assignment/{again['id']}", "not-there")
    assert event.data == {
        "reason": "The list was another day's",
        "courseId": course,
        "courseVersionId": again["courseVersionId"],
        "sessionId": session_id,
        "jobId": job["id"],
    }
    if months is None:
        amend(org, workshop, session_id, add=("not-there",))
        assert owed(org)["not-there"] == ["completed"]
        amend(org, workshop, session_id, remove=("not-there",))
        assert owed(org)["not-there"] == ["assigned"], "an amendment's completion can be taken back too"


def test_who_is_removed_after_the_licence_was_revoked_owes_again_too(org: Org, workshop: Workshop) -> None:
    """The revocation stands as it was: by its own hand, for its own reason."""
    org.with_parties("party-1")
    course = org.with_course()
    assign(org, workshop, body(course, "party-1"))
    session_id = schedule(org, course)
    add(org, session_id, "party-1")
    complete(org, workshop, session_id)
    (licence,) = held(org)["party-1"]
    assert org.client().post(f"/v1/licences/{licence.id}/revoke", json={"reason": "By hand"}).status_code == 200
    job = amend(org, workshop, session_id, remove=("party-1",))
    assert codes(org, job) == {"party-1": "removed"}
    assert owed(org) == {"party-1": ["assigned"]}
    assert [one.revocation_reason for one in held(org)["party-1"]] == ["By hand"]
    assert len(recorded(org, "licence.revoked")) == 1
    again = amend(org, workshop, session_id, remove=("party-1",))
    assert codes(org, again) == {"party-1": "not-licensed"}, "there is nothing left to take back"


def test_what_was_completed_otherwise_stays_completed(org: Org, workshop: Workshop) -> None:
    """By a member, before the session or instead of it, or by another session."""
    names = ("before", "instead", "elsewhere")
    org.with_parties(*names)
    course = org.with_course()
    assign(org, workshop, body(course, *names))
    client = org.client()
    ids = {one["party"]["entityId"]: one["id"] for one in client.get("/v1/assignments").json()["items"]}
    assert client.post(f"/v1/assignments/{ids['before']}/complete").status_code == 200
    other, session_id = schedule(org, course), schedule(org, course)
    add(org, other, "elsewhere")
    complete(org, workshop, other)
    add(org, session_id, *names)
    complete(org, workshop, session_id)
    assert client.post(f"/v1/assignments/{ids['instead']}/reopen", json={"reason": "x"}).status_code == 200
    assert client.post(f"/v1/assignments/{ids['instead']}/complete").status_code == 200
    amend(org, workshop, session_id, remove=names)
    assert owed(org) == {name: ["completed"] for name in names}
    assert len(recorded(org, "assignment.reopened")) == 1


def test_who_was_assigned_anew_owes_it_once(org: Org, workshop: Workshop) -> None:
    org.with_parties("anew", "twice")
    course = org.with_course(licenceMonths=None)
    session_id = schedule(org, course)
    assign(org, workshop, body(course, "anew", "twice"))
    add(org, session_id, "anew", "twice")
    complete(org, workshop, session_id)
    assign(org, workshop, body(course, "anew", "twice"))
    amend(org, workshop, session_id, remove=("anew", "twice"))
    assert owed(org) == {name: ["completed", "assigned"] for name in ("anew", "twice")}
    amend(org, workshop, session_id, add=("twice",))
    assert owed(org)["twice"] == ["completed", "completed"]
    job = amend(org, workshop, session_id, remove=("twice",))
    assert (codes(org, job), owed(org)["twice"]) == ({"twice": "removed"}, ["completed", "assigned"])


def test_of_an_amendment_and_a_member_who_reopens_one_waits_for_the_other(org: Org, workshop: Workshop) -> None:
    """The member holds the assignment, and comes for the party: the amendment takes them in the same order."""
    org.with_parties("party-1")
    course = org.with_course(licenceOn="completion")
    session_id = schedule(org, course)
    assign(org, workshop, body(course, "party-1"))
    add(org, session_id, "party-1")
    complete(org, workshop, session_id)
    sent = {"remove": recipients("party-1"), "reason": "x"}
    job = org.client().post(f"/v1/sessions/{session_id}/amend", json=sent).json()
    with org.transaction() as db:
        claimed = jobs.claim(db, clock.now(), 60)
    assert claimed is not None

    def amend(db: Session) -> None:
        chunk = jobs.lock(db, claimed)
        assert chunk is not None
        jobs.finish(db, chunk, jobs.kind_of(chunk.job).carry_out(db, chunk, clock.now()), clock.now())

    with org.transaction() as member:
        assignment = member.scalars(select(Assignment).with_for_update()).one()
        with blocked(org, amend) as amending:
            directory.lock_parties(member, Party.id == "party-1")
            assignments.reopen(member, assignment, "x", OPERATOR, clock.now())
            member.commit()
            amending.result(timeout=30)
    assert codes(org, read_job(org, job)) == {"party-1": "removed"}
    assert (owed(org), len(recorded(org, "assignment.reopened"))) == ({"party-1": ["assigned"]}, 1)


def test_of_a_course_without_licences(org: Org, workshop: Workshop) -> None:
    org.with_parties("party-3")
    session_id = completed(org, workshop, "party-1", "party-2", licenceMonths=None)
    job = amend(org, workshop, session_id, add=("party-1", "party-3"), remove=("party-2",))
    assert codes(org, job) == {"party-1": "already-completed", "party-2": "removed", "party-3": "attended"}
    assert outcomes(org, session_id) == {"party-1": "completed", "party-2": "removed", "party-3": "completed"}
    job = amend(org, workshop, session_id, add=("party-2",), remove=("party-3",))
    assert codes(org, job) == {"party-2": "attended", "party-3": "removed"}
    assert outcomes(org, session_id) == {"party-1": "completed", "party-2": "completed", "party-3": "removed"}


@pytest.mark.parametrize(("adding", "removing"), [(3, 1), (1, 3), (0, 4), (4, 0)])
def test_whichever_list_is_the_longer(org: Org, workshop: Workshop, adding: int, removing: int) -> None:
    """The job's request lists only the shorter one, so both ways must be read aright."""
    there, missing = parties(removing), parties(adding, first=50)
    org.with_parties("stays", *there, *missing)
    session_id = completed(org, workshop, "stays", *there)
    job = amend(org, workshop, session_id, add=tuple(missing), remove=tuple(there))
    expected = dict.fromkeys(there, "removed") | dict.fromkeys(missing, "licence-granted")
    assert codes(org, job) == expected
    assert len(job["request"].get("added", []) + job["request"].get("removed", [])) == min(adding, removing) or not (
        adding and removing
    )


def test_repeated_with_a_key_it_is_one_amendment(org: Org, workshop: Workshop) -> None:
    org.with_parties("party-2")
    session_id = completed(org, workshop, "party-1")
    sent = {"add": recipients("party-2"), "reason": "x"}
    client, key = org.client(), {"Idempotency-Key": "amendment-1"}
    first, again = (client.post(f"/v1/sessions/{session_id}/amend", json=sent, headers=key) for _ in range(2))
    assert (first.json()["id"], again.headers["idempotent-replayed"]) == (again.json()["id"], "true")
    assert len(subjects(org, "session.amended")) == 1


@pytest.mark.parametrize("state", ["scheduled", "completing", "cancelled"])
def test_only_a_completed_session_can_be_amended(org: Org, state: str) -> None:
    org.with_parties("party-1")
    session_id = schedule(org)
    add(org, session_id, "party-1")
    if state == "completing":
        accept(org, session_id)
    if state == "cancelled":
        org.client().post(f"/v1/sessions/{session_id}/cancel", json={"reason": "Storm"})
    answer = org.client().post(f"/v1/sessions/{session_id}/amend", json={"add": recipients("party-1"), "reason": "x"})
    assert problem(answer) == (409, "session-cancelled" if state == "cancelled" else "session-not-completed")


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ({"reason": "x"}, [""]),
        ({"add": recipients("a"), "reason": " "}, ["/reason"]),
        ({"add": recipients("a", "b"), "remove": recipients("c", "b"), "reason": "x"}, ["/remove/1/entityId"]),
        ({"add": [{"entityType": "member", "entityId": "a"}], "reason": "x"}, ["/add/0/entityType"]),
    ],
)
def test_bad_input_is_named(org: Org, workshop: Workshop, sent: dict[str, Any], at: list[str]) -> None:
    session_id = completed(org, workshop, "party-1")
    assert pointers(org.client().post(f"/v1/sessions/{session_id}/amend", json=sent)) == at


def test_a_retry_after_an_amendment_licenses_nobody_twice(
    org: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A party that failed in the completion, was added by an amendment, and is then retried."""
    org.with_parties("party-1", "party-2", "party-3")
    session_id = schedule(org)
    add(org, session_id, "party-1", "party-2", "party-3")

    def fails(*_: object) -> None:
        raise RuntimeError("this party cannot be licensed")

    with monkeypatch.context() as patch:
        patch.setattr("shared.licences.grant", fails)
        job = complete(org, workshop, session_id)
    assert (job["state"], set(outcomes(org, session_id).values())) == ("failed", {"failed"})
    amend(org, workshop, session_id, add=("party-1",))
    amend(org, workshop, session_id, add=("party-2",))
    amend(org, workshop, session_id, remove=("party-2",))
    retried = org.client().post(f"/v1/jobs/{job['id']}/retry").json()
    workshop.drain(org.id)
    assert codes(org, retried) == {
        "party-1": "already-licensed",
        "party-2": "not-on-roster",
        "party-3": "licence-granted",
    }
    found = held(org)
    assert {one: len(licences) for one, licences in found.items()} == dict.fromkeys(found, 1)
    assert found["party-3"][0].granted_at == datetime.fromisoformat(job["submittedAt"])
