"""A chunk without any failure: claimed, locked, finished or released; and the order in which jobs are served.

The tests run in this process on the real database. Where two workers meet, their transactions are open side by side.
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
    WINDOW,
    chunks,
    claim,
    claimed,
    dying,
    finish,
    read,
    states,
    submit,
)
from tests.racing import blocked


class TestClaim:
    def test_a_claim_counts_the_attempt_and_starts_the_job(self, org: Org) -> None:
        job_id = submit(org)
        assert claim(org) == Claim(job_id, 0, attempts=1)
        job = read(org, job_id)
        assert (job.state, job.started_at, job.progressed_at) == (JobState.RUNNING, NOW, NOW)
        assert [chunk.attempts for chunk in chunks(org, job_id)] == [1, 0]

    def test_a_chunk_with_a_fresh_claim_is_not_claimed_again(self, org: Org) -> None:
        submit(org)
        assert [claim(org).n, claim(org).n, claimed(org)] == [0, 1, None]

    def test_an_unlocked_chunk_with_an_old_claim_is_claimed_again(self, org: Org) -> None:
        job_id = submit(org)
        claim(org)
        claim(org)
        assert claim(org, LATER) == Claim(job_id, 0, attempts=2)

    def test_a_locked_chunk_is_not_claimed_however_old_its_claim_is(self, org: Org) -> None:
        submit(org)
        begun = claim(org)
        with org.transaction() as db:
            assert jobs.lock(db, begun) is not None
            assert claim(org, LATER).n == 1
            assert claimed(org, LATER) is None

    def test_claims_of_an_organization_take_turns(self, org: Org) -> None:
        """A claim that waits for its turn holds no chunk.

        Otherwise it could hold the chunk that the claim before it has just taken, and that worker would skip its own
        chunk until the claim expires.
        """
        job_id = submit(org)
        with org.transaction() as one:
            begun = jobs.claim(one, NOW, CLAIM_SECONDS, WINDOW)
            assert begun is not None
            with blocked(org, lambda other: jobs.claim(other, NOW, CLAIM_SECONDS, WINDOW)) as claiming:
                with org.transaction() as db:
                    assert jobs.lock(db, Claim(job_id, 1, attempts=1)), "the claim that waits holds the next chunk"
                one.commit()
                another = claiming.result(5)
        assert another is not None
        assert [begun.n, another.n] == [0, 1]

    def test_the_job_that_was_served_least_recently_is_served_first(self, org: Org) -> None:
        first, second = submit(org), submit(org, at=NOW + timedelta(seconds=1))
        turns = [claim(org, NOW + timedelta(seconds=2 + n)).job_id for n in range(4)]
        assert turns == [first, second, first, second]

    def test_a_job_of_another_organization_is_not_claimed(self, org: Org, other_org: Org) -> None:
        submit(other_org)
        assert claimed(org) is None

    def test_a_job_that_is_being_cancelled_is_not_claimed(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        with org.transaction() as holder:
            assert jobs.lock(holder, begun) is not None
            with org.transaction() as db:
                jobs.cancel(db, job_id, ACTOR, NOW)
        assert claimed(org, LATER) is None


class TestLock:
    def test_the_second_of_two_workers_gets_no_lock_and_does_not_wait(self, org: Org) -> None:
        submit(org)
        begun = claim(org)
        with org.transaction() as one, org.transaction() as other:
            assert jobs.lock(one, begun) is not None
            assert jobs.lock(other, begun) is None

    def test_a_lock_is_free_again_when_its_transaction_dies(self, org: Org) -> None:
        submit(org)
        begun = claim(org)
        with dying(org) as db:
            assert jobs.lock(db, begun) is not None
        with org.transaction() as db:
            assert jobs.lock(db, begun) is not None

    def test_a_settled_chunk_is_not_locked(self, org: Org) -> None:
        submit(org)
        begun = claim(org)
        finish(org, begun)
        with org.transaction() as db:
            assert jobs.lock(db, begun) is None

    def test_a_locked_chunk_knows_its_size_its_range_and_its_recipients(self, org: Org) -> None:
        submit(org)
        claim(org)
        with org.transaction() as db:
            chunk = jobs.lock(db, claim(org))
            assert chunk is not None
            assert (chunk.size, chunk.first, chunk.last) == (CHUNK, "00251", "00500")
            assert list(db.scalars(chunk.recipients)) == [f"{n:05}" for n in range(251, 501)]


class TestFinish:
    def test_tallies_add_up_and_the_last_chunk_ends_the_job(self, org: Org) -> None:
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
    def test_the_final_state_follows_from_the_failed_recipients(self, org: Org, failed: int, state: str) -> None:
        job_id = submit(org, CHUNK)
        finish(org, claim(org), lambda size: Tally(succeeded=size - failed, failed=failed))
        assert read(org, job_id).state == state

    def test_a_tally_that_does_not_add_up_is_refused(self, org: Org) -> None:
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
            jobs.finish(db, chunk, Tally(succeeded=CHUNK), NOW)  # the lock ended with the first transaction
        assert read(org, job_id).succeeded == CHUNK


class TestRelease:
    def test_a_released_attempt_does_not_count(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        with org.transaction() as db:
            jobs.release(db, begun)
        assert [chunk.attempts for chunk in chunks(org, job_id)] == [0, 0]

    def test_a_released_chunk_is_claimed_again_at_once(self, org: Org) -> None:
        """Its claim has ended, so nobody waits until it expires."""
        submit(org)
        begun = claim(org)
        with org.transaction() as db:
            jobs.release(db, begun)
        assert claim(org) == begun

    def test_a_chunk_that_is_released_with_a_pause_is_claimed_after_it(self, org: Org) -> None:
        submit(org, CHUNK)
        begun = claim(org)
        with org.transaction() as db:
            jobs.release(db, begun, NOW + timedelta(seconds=2))
        assert claimed(org, NOW + timedelta(seconds=1)) is None
        assert claim(org, NOW + timedelta(seconds=2)) == begun

    def test_a_settled_chunk_is_not_released(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        finish(org, begun)
        with org.transaction() as db:
            jobs.release(db, begun)
        assert chunks(org, job_id)[0].attempts == 1


class TestWindow:
    """An organization has at most `window` chunks in progress: claims that are young, and chunks that are locked."""

    def test_no_more_chunks_than_the_window_are_claimed(self, org: Org) -> None:
        submit(org, 4 * CHUNK)
        found = [claimed(org, window=3) for _ in range(4)]
        assert [None if one is None else (one.n, one.more) for one in found] == [(0, True), (1, True), (2, False), None]

    def test_a_settled_chunk_makes_room(self, org: Org) -> None:
        submit(org, 3 * CHUNK)
        begun = claim(org, window=1)
        assert claimed(org, window=1) is None
        finish(org, begun)
        assert claim(org, window=1).n == 1

    def test_the_chunk_of_a_dead_worker_takes_up_no_place(self, org: Org) -> None:
        submit(org, 3 * CHUNK)
        claim(org, window=1)
        assert [claim(org, LATER, window=2).n, claim(org, LATER, window=2).n] == [0, 1]

    def test_a_locked_chunk_takes_up_its_place_however_old_its_claim_is(self, org: Org) -> None:
        submit(org, 3 * CHUNK)
        begun = claim(org)
        with org.transaction() as db:
            assert jobs.lock(db, begun) is not None
            assert claimed(org, LATER, window=1) is None
            assert claim(org, LATER, window=2).n == 1
