"""The job of a completion: accepted once, approved, withdrawn, cancelled half way; and the frozen roster meanwhile."""

import uuid
from datetime import UTC, datetime

import pytest

from shared import clock, jobs
from tests.assignments.asking import parties
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded, subjects
from tests.sessions.sitting import (
    accept,
    add,
    complete,
    completed,
    granted,
    outcomes,
    problem,
    read,
    schedule,
)

NOON = datetime(2026, 10, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize("when", ["running", "done"])
def test_a_repeated_completion_returns_the_same_job(org: Org, worker: InProcessWorker, when: str) -> None:
    org.with_parties("party-1")
    session_id = schedule(org)
    add(org, session_id, "party-1")
    job = accept(org, session_id)
    if when == "done":
        worker.drain(org.id)
    answer = org.client().post(f"/v1/sessions/{session_id}/complete", headers={"Idempotency-Key": "another"})
    assert (answer.status_code, answer.json()["id"]) == (202, job["id"])
    assert answer.headers["idempotent-replayed"] == "true"
    worker.drain(org.id)
    assert len(granted(org, session_id)) == 1
    assert len(subjects(org, "job.submitted")) == 1


def test_an_idempotency_key_completes_only_one_session(org: Org) -> None:
    org.with_parties("party-1")
    both = [schedule(org), schedule(org)]
    for session_id in both:
        add(org, session_id, "party-1")
    client, key = org.client(), {"Idempotency-Key": "completion-1"}
    answers = [client.post(f"/v1/sessions/{both[n]}/complete", headers=key) for n in (0, 0, 1)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert problem(answers[2]) == (422, "idempotency-key-reused")
    assert read(org, both[1])["state"] == "scheduled"


def test_a_session_with_an_empty_roster_is_not_completed(org: Org) -> None:
    session_id = schedule(org)
    assert problem(org.client().post(f"/v1/sessions/{session_id}/complete")) == (409, "roster-empty")
    assert read(org, session_id)["state"] == "scheduled"
    assert subjects(org, "job.submitted") == []


def test_the_roster_is_frozen_from_acceptance_on(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-1", "party-2")
    session_id = schedule(org)
    add(org, session_id, "party-1")
    accept(org, session_id)
    client, path = org.client(), f"/v1/sessions/{session_id}"
    for _ in ("completing", "completed"):
        refused = [
            client.post(f"{path}/roster", json={"recipients": [{"entityType": "party", "entityId": "party-2"}]}),
            client.delete(f"{path}/roster/party-1"),
            client.put(f"{path}/roster/party-1", json={"attendance": "absent"}),
            client.patch(path, json={"capacity": 5}),
            client.post(f"{path}/cancel", json={"reason": "x"}),
        ]
        assert [problem(answer) for answer in refused] == [(409, "session-completed")] * 5
        worker.drain(org.id)
    assert outcomes(org, session_id) == {"party-1": "licensed"}


def test_a_large_session_waits_for_approval(org: Org, worker: InProcessWorker) -> None:
    org.client().put("/v1/settings", json={"changeLimit": 1})
    org.with_parties("party-1", "party-2")
    session_id = schedule(org)
    add(org, session_id, "party-1", "party-2")
    job = accept(org, session_id)
    assert job["state"] == "awaiting_approval"
    worker.drain(org.id)
    assert (read(org, session_id)["state"], granted(org, session_id)) == ("completing", {})
    org.client(member="member-2").post(f"/v1/jobs/{job['id']}/approve")
    worker.drain(org.id)
    assert (read(org, session_id)["state"], len(granted(org, session_id))) == ("completed", 2)


@pytest.mark.parametrize("way", ["cancel", "reject"])
def test_a_session_is_scheduled_again_if_its_completion_did_nothing(
    org: Org, worker: InProcessWorker, way: str
) -> None:
    if way == "reject":
        org.client().put("/v1/settings", json={"changeLimit": 0})
    org.with_parties("party-1")
    session_id = schedule(org)
    add(org, session_id, "party-1")
    job = accept(org, session_id)
    answer = org.client().post(f"/v1/jobs/{job['id']}/{way}", json={"reason": "Too early"} if way == "reject" else None)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    session = read(org, session_id)
    assert (session["state"], session["completion"]) == ("scheduled", None)
    assert subjects(org, "session.completion_withdrawn") == [f"session/{session_id}"]
    org.client().put("/v1/settings", json={"changeLimit": None})
    assert complete(org, worker, session_id)["id"] != job["id"]
    assert outcomes(org, session_id) == {"party-1": "licensed"}


def test_a_session_is_ended_only_by_its_own_job(org: Org, worker: InProcessWorker) -> None:
    """The end of an earlier completion, reported late, neither completes the session nor schedules it again."""
    org.with_parties("party-1")
    session_id = schedule(org)
    add(org, session_id, "party-1")
    earlier = accept(org, session_id)
    assert org.client().post(f"/v1/jobs/{earlier['id']}/cancel").status_code == 200
    accept(org, session_id)
    completing = read(org, session_id)
    with org.transaction() as db:
        jobs.call_on_end(db, jobs.get(db, uuid.UUID(earlier["id"])), clock.now())
    assert (read(org, session_id), completing["state"]) == (completing, "completing")
    assert len(recorded(org, "session.completion_withdrawn")) == 1
    worker.drain(org.id)
    assert read(org, session_id)["state"] == "completed"


def test_a_session_is_ended_once(org: Org, worker: InProcessWorker) -> None:
    """The end of its completion, reported again, changes no revision and publishes no second event."""
    session_id = completed(org, worker, "party-1")
    before = read(org, session_id)
    with org.transaction() as db:
        job = jobs.get(db, uuid.UUID(before["completion"]["jobId"]))
        jobs.call_on_end(db, job, clock.now())
    assert read(org, session_id) == before
    assert len(recorded(org, "session.completed")) == 1


def test_a_session_is_completed_if_its_completion_is_cancelled_half_way(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs.actions.LARGEST_CHUNK", 2)
    org.with_parties(*parties(4))
    session_id = schedule(org)
    add(org, session_id, *parties(4))
    job = accept(org, session_id)
    worker.deliver("jobs.run_chunk", org.id)
    org.client().post(f"/v1/jobs/{job['id']}/cancel")
    assert read(org, session_id)["state"] == "completed"
    found = outcomes(org, session_id)
    assert list(found.values()) == ["licensed", "licensed", "cancelled", "cancelled"]
