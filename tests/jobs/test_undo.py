"""Undoing a job: once, within 14 days of its end, and only if the job made or completed assignments."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy.orm import Session

from shared import clock
from shared.access import Caller, Permission
from shared.jobs import Job
from shared.services import jobs as verbs
from tests.assignments.asking import assign, body, codes, pages, parties, read_job, submit
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.jobs.steps import ACTOR, CHUNK, NOW, claim, finish
from tests.jobs.steps import submit as submit_to_workers
from tests.racing import blocked

CANNOT_UNDO = (409, "urn:rollcall:problem:cannot-undo")


@pytest.fixture
def made(org: Org, worker: InProcessWorker) -> dict[str, Any]:
    """A finished job that assigned a course to three parties."""
    org.with_parties(*parties(3))
    return assign(org, worker, body(org.with_course(), *parties(3)))


def undo(org: Org, job: dict[str, Any]) -> Any:
    """Asks the API to undo a job. Returns the answer."""
    return org.client(Permission.MANAGE_ASSIGNMENTS).post(f"/v1/jobs/{job['id']}/undo")


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


def test_an_undo_is_a_job_that_closes_the_assignments_that_the_first_job_made(
    org: Org, worker: InProcessWorker, made: dict[str, Any]
) -> None:
    answer = undo(org, made)
    assert (answer.status_code, answer.json()["undoOf"]) == (202, made["id"])
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    worker.drain(org.id)
    assert codes(org, answer.json()) == dict.fromkeys(parties(3), "closed")
    assert {one["state"] for one in pages(org.client(), "/v1/assignments")} == {"closed"}
    assert read_job(org, made) == made, "the first job keeps its outcomes"


def test_a_job_is_undone_once(org: Org, worker: InProcessWorker, made: dict[str, Any]) -> None:
    first = undo(org, made)
    repeated = undo(org, made)
    worker.drain(org.id)
    with time_machine.travel(clock.now() + timedelta(days=15)):
        late = undo(org, made)
    assert {answer.json()["id"] for answer in (repeated, late)} == {first.json()["id"]}
    assert len(pages(org.client(), "/v1/jobs")) == 2


def test_two_undos_of_one_job_at_once_are_one_job(org: Org) -> None:
    """The second undo waits for the first, and then returns its job."""
    job_id = submit_to_workers(org, CHUNK)
    finish(org, claim(org))

    def undo_job(db: Session) -> tuple[Job, bool]:
        caller = Caller(org.id, ACTOR.id, frozenset({Permission.MANAGE_ASSIGNMENTS}))
        return verbs.undo_job(db, caller, job_id, workers=1, now=NOW)

    with org.transaction() as one:
        undoing, existed = undo_job(one)
        assert not existed
        with blocked(org, undo_job) as second:
            one.commit()
            twin, existed = second.result(5)
            assert (twin.id, existed) == (undoing.id, True)


def test_a_job_that_has_not_ended_cannot_be_undone(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-1")
    job = submit(org.client(), body(org.with_course(), "party-1"))
    assert refusal(undo(org, job)) == CANNOT_UNDO
    worker.drain(org.id)
    assert undo(org, job).status_code == 202


@pytest.mark.parametrize(("late", "status"), [(timedelta(0), 202), (timedelta(seconds=1), 409)])
def test_a_job_can_be_undone_for_14_days(org: Org, worker: InProcessWorker, late: timedelta, status: int) -> None:
    ended_at = clock.now().replace(microsecond=0)
    with time_machine.travel(ended_at, tick=False):
        org.with_parties("party-1")
        job = assign(org, worker, body(org.with_course(), "party-1"))
    with time_machine.travel(ended_at + timedelta(days=14) + late, tick=False):
        assert undo(org, job).status_code == status


def test_an_undo_cannot_be_undone(org: Org, worker: InProcessWorker, made: dict[str, Any]) -> None:
    undoing = undo(org, made).json()
    worker.drain(org.id)
    assert refusal(undo(org, undoing)) == CANNOT_UNDO
    assert len(pages(org.client(), "/v1/jobs")) == 2


def test_only_a_member_who_manages_assignments_undoes_a_job(org: Org, made: dict[str, Any]) -> None:
    without = org.client(Permission.ASSIGN, Permission.ADMIN, Permission.VIEW)
    assert without.post(f"/v1/jobs/{made['id']}/undo").status_code == 403
