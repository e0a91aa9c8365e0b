"""A chunk's way when all goes well: claimed, locked, finished, or put back; and whose turn it is.

In process and on the real database, with transactions opened side by side where two workers would meet.
"""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shared import jobs
from shared.events import Event
from shared.jobs import ChunkState, Claim, JobState, Tally
from tests.factories import Org
from tests.jobs.steps import (
    ACTOR,
    CHUNK,
    CLAIM_SECONDS,
    LATER,
    NOW,
    chunks,
    claim,
    claimed,
    dying,
    finish,
    free_places,
    read,
    states,
    submit,
)
from tests.racing import blocked


class TestClaim:
    def test_counts_the_attempt_and_starts_the_job(self, org: Org) -> None:
        job_id = submit(org)
        assert claim(org) == Claim(job_id, 0, attempts=1)
        job = read(org, job_id)
        assert (job.state, job.started_at, job.progressed_at) == (JobState.RUNNING, NOW, NOW)
        assert [chunk.attempts for chunk in chunks(org, job_id)] == [1, 0]

    def test_leaves_alone_what_was_begun_a_moment_ago(self, org: Org) -> None:
        submit(org)
        assert [claim(org).n, claim(org).n, claimed(org)] == [0, 1, None]

    def test_takes_up_what_was_begun_long_ago_and_is_held_by_nobody(self, org: Org) -> None:
        job_id = submit(org)
        claim(org)
        claim(org)
        assert claim(org, LATER) == Claim(job_id, 0, attempts=2)

    def test_leaves_alone_what_somebody_holds_however_long(self, org: Org) -> None:
        submit(org)
        begun = claim(org)
        with org.transaction() as db:
            assert jobs.lock(db, begun) is not None
            assert claim(org, LATER).n == 1
            assert claimed(org, LATER) is None

    def test_takes_turns_so_that_nobody_who_looks_for_work_holds_what_another_has_claimed(self, org: Org) -> None:
        """Without turns the second would lock the first one's chunk, to see that it is taken, and keep it from it."""
        submit(org)
        with org.transaction() as one:
            begun = jobs.claim(one, NOW, CLAIM_SECONDS)
            assert begun is not None
            with blocked(org, lambda other: jobs.claim(other, NOW, CLAIM_SECONDS)) as claiming:
                one.commit()
                another = claiming.result(5)
        assert another is not None
        assert [begun.n, another.n] == [0, 1]

    def test_serves_the_job_that_was_served_least_recently(self, org: Org) -> None:
        first, second = submit(org), submit(org, at=NOW + timedelta(seconds=1))
        turns = [claim(org, NOW + timedelta(seconds=2 + n)).job_id for n in range(4)]
        assert turns == [first, second, first, second]

    def test_sees_no_job_of_another_organization(self, org: Org, other_org: Org) -> None:
        submit(other_org)
        assert claimed(org) is None

    def test_begins_nothing_of_a_job_that_is_being_cancelled(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        with org.transaction() as holder:
            assert jobs.lock(holder, begun) is not None
            with org.transaction() as db:
                jobs.cancel(db, job_id, ACTOR, NOW)
        assert claimed(org, LATER) is None


class TestLock:
    def test_is_given_to_one_of_two_and_the_other_does_not_wait(self, org: Org) -> None:
        submit(org)
        begun = claim(org)
        with org.transaction() as one, org.transaction() as other:
            assert jobs.lock(one, begun) is not None
            assert jobs.lock(other, begun) is None

    def test_is_free_again_when_its_transaction_dies(self, org: Org) -> None:
        submit(org)
        begun = claim(org)
        with dying(org) as db:
            assert jobs.lock(db, begun) is not None
        with org.transaction() as db:
            assert jobs.lock(db, begun) is not None

    def test_is_not_given_for_what_is_settled(self, org: Org) -> None:
        submit(org)
        begun = claim(org)
        finish(org, begun)
        with org.transaction() as db:
            assert jobs.lock(db, begun) is None

    def test_says_what_the_chunk_covers(self, org: Org) -> None:
        submit(org)
        claim(org)
        with org.transaction() as db:
            chunk = jobs.lock(db, claim(org))
            assert chunk is not None
            assert (chunk.size, chunk.first, chunk.last) == (CHUNK, "00251", "00500")
            assert list(db.scalars(chunk.recipients)) == [f"{n:05}" for n in range(251, 501)]


class TestFinish:
    def test_adds_up_and_ends_the_job_with_its_last_chunk(self, org: Org) -> None:
        job_id = submit(org)
        finish(org, claim(org), lambda size: Tally(succeeded=size - 1, unchanged=1))
        job = read(org, job_id)
        assert (job.state, job.succeeded, job.unchanged, job.pending) == ("running", 249, 1, 250)
        finish(org, claim(org))
        job = read(org, job_id)
        assert (job.state, job.succeeded, job.pending, job.finished_at) == ("succeeded", 499, 0, NOW)
        assert states(org, job_id) == [ChunkState.DONE, ChunkState.DONE]
        with org.transaction() as db:
            ending = db.scalars(select(Event).where(Event.type == "job.finished")).one()
        assert ending.subject == f"job/{job_id}"
        assert ending.data["counts"] == jobs.counts(job)

    @pytest.mark.parametrize(("failed", "state"), [(1, "partially_succeeded"), (CHUNK, "failed")])
    def test_says_how_it_went(self, org: Org, failed: int, state: str) -> None:
        job_id = submit(org, CHUNK)
        finish(org, claim(org), lambda size: Tally(succeeded=size - failed, failed=failed))
        assert read(org, job_id).state == state

    def test_refuses_outcomes_that_do_not_add_up(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        with pytest.raises(RuntimeError, match="250 recipients went in, 249 outcomes came out"):
            finish(org, begun, lambda size: Tally(succeeded=size - 1))
        assert read(org, job_id).pending == 2 * CHUNK

    def test_the_database_refuses_more_outcomes_than_recipients(self, org: Org) -> None:
        job_id = submit(org, CHUNK + 1)
        begun = claim(org)
        with org.transaction() as db:
            chunk = jobs.lock(db, begun)
            assert chunk is not None
        finish(org, begun)
        with pytest.raises(IntegrityError, match="counts_positive"), org.transaction() as db:
            jobs.finish(db, chunk, Tally(succeeded=CHUNK), NOW)  # its lock was lost long ago
        assert read(org, job_id).succeeded == CHUNK


class TestRelease:
    def test_does_not_count_the_attempt(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        with org.transaction() as db:
            jobs.release(db, begun)
        assert [chunk.attempts for chunk in chunks(org, job_id)] == [0, 0]
        assert claim(org).n == 1, "and it is not begun again at once"

    def test_leaves_alone_what_is_settled(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        finish(org, begun)
        with org.transaction() as db:
            jobs.release(db, begun)
        assert chunks(org, job_id)[0].attempts == 1


class TestFreePlaces:
    def test_are_no_more_than_the_window_and_no_more_than_wait(self, org: Org) -> None:
        submit(org, 3 * CHUNK)
        assert [free_places(org, window) for window in (1, 2, 5)] == [1, 2, 3]
        claim(org)
        assert [free_places(org, window) for window in (1, 2, 5)] == [0, 1, 2]

    def test_come_back_when_a_claim_is_old(self, org: Org) -> None:
        submit(org)
        claim(org)
        claim(org)
        assert (free_places(org, 2), free_places(org, 2, LATER)) == (0, 2)
