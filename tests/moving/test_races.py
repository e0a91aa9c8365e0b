"""Races of merging with what else happens to a party: nothing is lost, and nothing is there twice."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from shared import clock, jobs
from tests.assignments.asking import assign, body, codes, pages, read_job
from tests.assignments.asking import submit as ask
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.moving.moving import approve, code, submit
from tests.racing import blocked
from tests.sessions.sitting import accept, add, held, schedule

CLAIM_SECONDS, WINDOW = 60.0, 8


def claim(org: Org) -> jobs.Claim:
    """Claims the next chunk, in a transaction of its own, as workers do."""
    with org.transaction() as db:
        claimed = jobs.claim(db, clock.now(), CLAIM_SECONDS, WINDOW)
    assert claimed is not None
    return claimed


def work(db: Session, claimed: jobs.Claim) -> None:
    """Does a chunk."""
    chunk = jobs.lock(db, claimed)
    assert chunk is not None
    jobs.finish(db, chunk, jobs.kind_of(chunk.job).carry_out(db, chunk, clock.now()), clock.now())


def open_ones(org: Org) -> list[str]:
    """The parties that have an open assignment."""
    return [one["party"]["entityId"] for one in pages(org.client(), "/v1/assignments", state="assigned")]


@pytest.mark.parametrize("of", ["old", "new"])
def test_a_merge_waits_for_an_insert_that_is_not_committed(org: Org, worker: InProcessWorker, of: str) -> None:
    """The assigning job has inserted and not committed. The merge finds its assignment, and it is there once."""
    org.with_parties("old", "new")
    course = org.with_course()
    assign(org, worker, body(course, "new" if of == "old" else "old"))
    assigning = ask(org.client(), body(course, of))
    inserting = claim(org)
    job = submit(org, "old", "merge", into="new")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs, "need_no_other_work", lambda *_: None)  # as if the other job came a moment later
        approve(org, job)
        merging = claim(org)
        with org.transaction() as db:
            work(db, inserting)
            with blocked(org, lambda other: work(other, merging)) as doing:
                db.commit()
                found = doing.exception()
    assert found is None or isinstance(found, jobs.NotYet | IntegrityError | OperationalError), found
    time_machine_free(org, worker)
    assert code(org, job) == "merged"
    assert codes(org, assigning) == {"new": "created"}
    assert open_ones(org) == ["new"]


def time_machine_free(org: Org, worker: InProcessWorker) -> None:
    """Lets a claim that was given up be claimed again, and drains."""
    with time_machine.travel(clock.now() + timedelta(seconds=2 * CLAIM_SECONDS), tick=False):
        worker.drain(org.id)


def test_a_job_that_assigns_while_the_merge_holds_the_party_finds_it_gone(org: Org, worker: InProcessWorker) -> None:
    """The insert waits for the lock of the party that goes, fails, and is tried again: the outcome names the id."""
    org.with_parties("old", "new")
    job = submit(org, "old", "merge", into="new")
    approve(org, job)
    merging = claim(org)
    assigning = ask(org.client(), body(org.with_course(), "old"))
    inserting = claim(org)
    with pytest.MonkeyPatch.context() as patched, org.transaction() as db:
        patched.setattr(jobs, "need_no_other_work", lambda *_: None)  # as if the other job came a moment later
        work(db, merging)
        with blocked(org, lambda other: work(other, inserting)) as doing:
            db.commit()
            assert isinstance(doing.exception(), IntegrityError)
    time_machine_free(org, worker)
    assert (code(org, job), codes(org, assigning)) == ("merged", {"old": "party-renumbered"})
    assert open_ones(org) == []


def test_a_merge_waits_while_another_job_has_the_party_to_do(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("old", "new")
    course = org.with_course()
    with time_machine.travel("2026-04-01T08:00:00Z", tick=False) as time:
        job = submit(org, "old", "merge", into="new")
        approve(org, job)
        assigning = ask(org.client(), body(course, "old"))
        with org.transaction() as db:
            db.execute(
                text("UPDATE job_chunk SET next_attempt_at = :later WHERE job_id = :job"),
                {"later": "2026-04-01T08:01:00Z", "job": assigning["id"]},
            )
        worker.drain(org.id)
        assert read_job(org, job)["state"] == "running"
        time.move_to("2026-04-01T08:02:00Z")
        worker.drain(org.id)
        time.move_to("2026-04-01T08:03:00Z")
        worker.drain(org.id)
    assert (code(org, job), codes(org, assigning)) == ("merged", {"new": "created"})
    assert open_ones(org) == ["new"]


def test_a_merge_waits_while_a_session_of_the_party_is_being_completed(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("old", "new")
    session_id = schedule(org)
    add(org, session_id, "old")
    start = clock.now()
    with time_machine.travel(start, tick=False) as time:
        job = submit(org, "old", "merge", into="new")
        completing = accept(org, session_id)
        with org.transaction() as db:
            db.execute(
                text("UPDATE job_chunk SET next_attempt_at = :later WHERE job_id = :job"),
                {"later": start + timedelta(minutes=1), "job": completing["id"]},
            )
        approve(org, job)
        worker.drain(org.id)
        assert read_job(org, job)["state"] == "running"
        for minute in (2, 3):
            time.move_to(start + timedelta(minutes=minute))
            worker.drain(org.id)
    assert code(org, job) == "merged"
    assert [len(found) for found in held(org).values()] == [1]
    assert held(org).keys() == {"new"}


def test_two_merges_into_each_other_end_with_one_of_them(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b")
    found = [submit(org, "a", "merge", into="b"), submit(org, "b", "merge", into="a")]
    for job in found:
        approve(org, job)
    worker.drain(org.id)
    assert sorted(code(org, job) for job in found) == ["merged", "party-renumbered"]
