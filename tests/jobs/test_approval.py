"""A large job waits until another member approves or rejects it. Until then no worker works on it."""

import uuid

import pytest

from shared import jobs
from shared.access import Permission
from shared.events import Actor
from shared.jobs import ChunkState, JobState
from tests.assignments.asking import body, parties, submit
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.jobs.steps import ACTOR, CHUNK, NOW, claim, claimed, finish, read, states, submit_in
from tests.racing import blocked

OTHER = Actor("member", "member-2")


@pytest.fixture
def waiting(org: Org) -> uuid.UUID:
    """A job that waits for approval. `ACTOR` submitted it."""
    with org.transaction() as db:
        job, _ = submit_in(db, change_limit=CHUNK - 1)
        assert job.state == JobState.AWAITING_APPROVAL
        return job.id


def approve(org: Org, job_id: uuid.UUID, actor: Actor = OTHER) -> None:
    """Approves a job, in its own transaction."""
    with org.transaction() as db:
        jobs.approve(db, job_id, actor, NOW)


def reject(org: Org, job_id: uuid.UUID) -> None:
    """Rejects a job, in its own transaction."""
    with org.transaction() as db:
        jobs.reject(db, job_id, "Not this year", OTHER, NOW)


def test_a_job_at_the_change_limit_needs_no_approval(org: Org) -> None:
    with org.transaction() as db:
        assert submit_in(db, change_limit=CHUNK)[0].state == JobState.QUEUED


def test_a_job_that_waits_for_approval_is_not_claimed(org: Org, waiting: uuid.UUID) -> None:
    assert claimed(org) is None
    approve(org, waiting)
    assert claim(org).job_id == waiting


def test_the_submitter_cannot_approve_the_job(org: Org, waiting: uuid.UUID) -> None:
    with pytest.raises(jobs.OtherMemberNeeded):
        approve(org, waiting, ACTOR)
    assert read(org, waiting).state == JobState.AWAITING_APPROVAL


def test_another_member_approves_the_job(org: Org, waiting: uuid.UUID) -> None:
    approve(org, waiting)
    job = read(org, waiting)
    assert (job.state, job.approved_by, job.approved_at) == (JobState.QUEUED, OTHER.id, NOW)
    assert [event.actor_id for event in recorded(org, "job.approved")] == [OTHER.id]


def test_a_rejected_job_is_cancelled(org: Org, waiting: uuid.UUID) -> None:
    reject(org, waiting)
    job = read(org, waiting)
    assert (job.state, job.cancelled, job.error) == (JobState.CANCELLED, CHUNK, "Rejected: Not this year")
    assert (states(org, waiting), claimed(org)) == ([ChunkState.CANCELLED], None)


def test_a_job_that_does_not_wait_is_neither_approved_nor_rejected(org: Org, waiting: uuid.UUID) -> None:
    approve(org, waiting)
    for decide in (approve, reject):  # the job is queued
        with pytest.raises(jobs.NotAwaitingApproval):
            decide(org, waiting)
    finish(org, claim(org))
    for decide in (approve, reject):  # the job has ended
        with pytest.raises(jobs.NotAwaitingApproval):
            decide(org, waiting)
    assert read(org, waiting).state == JobState.SUCCEEDED


def test_an_approval_waits_for_a_rejection_at_the_same_time_and_is_refused(org: Org, waiting: uuid.UUID) -> None:
    with org.transaction() as one:
        jobs.reject(one, waiting, "Not this year", OTHER, NOW)
        with blocked(org, lambda other: jobs.approve(other, waiting, OTHER, NOW)) as approving:
            one.commit()
            with pytest.raises(jobs.NotAwaitingApproval):
                approving.result(5)
    assert read(org, waiting).state == JobState.CANCELLED


def test_only_a_member_who_manages_assignments_approves_and_rejects(org: Org, worker: InProcessWorker) -> None:
    org.client().put("/v1/settings", json={"changeLimit": 1})
    org.with_parties(*parties(2))
    job = submit(org.client(), body(org.with_course(), *parties(2)))
    address = f"/v1/jobs/{job['id']}"
    without = org.client(Permission.ASSIGN, Permission.ADMIN, member="member-2")
    refused = [without.post(f"{address}/approve"), without.post(f"{address}/reject", json={"reason": "x"})]
    assert [answer.status_code for answer in refused] == [403, 403]
    manager = org.client(Permission.MANAGE_ASSIGNMENTS, member="member-2")
    refused_too = manager.post(f"{address}/approve")
    assert (refused_too.status_code, "training.assign" in refused_too.json()["detail"]) == (403, True)
    manager = org.client(Permission.MANAGE_ASSIGNMENTS, Permission.ASSIGN, member="member-2")
    assert manager.post(f"{address}/approve").json()["state"] == "queued"
    worker.drain(org.id)
    assert org.client().get(address).json()["counts"]["succeeded"] == 2
