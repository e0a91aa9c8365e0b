"""A chunk that fails or is cancelled. A chunk that fails is split until it holds only the bad recipient."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from shared import jobs
from shared.jobs import ChunkState, JobOutcome, JobState, OutcomeCode, Tally
from tests.assignments.asking import body, codes
from tests.assignments.asking import submit as submit_assignments
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.faults.accounts import job_of
from tests.jobs.steps import (
    CHUNK,
    CLAIM_SECONDS,
    NOW,
    cancel,
    chunks,
    claim,
    claimed,
    dying,
    finish,
    isolate,
    read,
    states,
    submit,
)
from tests.racing import blocked


class TestIsolate:
    def test_a_split_makes_eight_parts_with_the_same_recipients(self, org: Org) -> None:
        job_id = submit(org)
        before = chunks(org, job_id)[0].recipients
        isolate(org, claim(org))
        first, second, *parts = chunks(org, job_id)
        assert (first.state, second.state) == (ChunkState.SPLIT, ChunkState.PENDING)
        assert len(parts) == 8
        assert [recipient for part in parts for recipient in part.recipients] == before
        assert {part.state for part in parts} == {ChunkState.PENDING}
        assert read(org, job_id).pending == 2 * CHUNK

    def test_a_part_of_a_chunk_that_killed_two_workers_is_split_after_one_more_death(self, org: Org) -> None:
        job_id = submit(org, CHUNK)
        for death in range(jobs.ATTEMPTS_BEFORE_SPLIT + 1):
            begun = claim(org, NOW + death * timedelta(seconds=CLAIM_SECONDS + 1))
        isolate(org, begun)
        assert {chunk.attempts for chunk in chunks(org, job_id)[1:]} == {jobs.ATTEMPTS_BEFORE_SPLIT - 1}

    def test_a_part_of_a_chunk_that_failed_has_no_attempts(self, org: Org) -> None:
        job_id = submit(org, CHUNK)
        isolate(org, claim(org))
        assert {chunk.attempts for chunk in chunks(org, job_id)[1:]} == {0}

    def test_two_splits_at_once_give_their_parts_different_numbers(self, org: Org) -> None:
        """The second split waits for the job's row, so it reads the highest number after the first has committed."""
        job_id = submit(org)
        first, second = claim(org), claim(org)
        with org.transaction() as one:
            jobs.isolate(one, first, NOW)
            with blocked(org, lambda other: jobs.isolate(other, second, NOW)) as splitting:
                one.commit()
                splitting.result(5)
        assert [chunk.n for chunk in chunks(org, job_id)] == list(range(18))

    def test_a_recipient_alone_in_a_failed_chunk_is_reported(self, org: Org) -> None:
        job_id = submit(org, 1)
        isolate(org, claim(org))
        job = read(org, job_id)
        assert (job.state, job.failed) == (JobState.FAILED, 1)
        with org.transaction() as db:
            outcome = db.scalars(select(JobOutcome).where(JobOutcome.job_id == job_id)).one()
        assert (outcome.entity_id, outcome.code) == ("00001", OutcomeCode.PROCESSING_FAILED)

    def test_a_locked_chunk_is_not_split(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        with org.transaction() as holder:
            assert jobs.lock(holder, begun) is not None
            isolate(org, begun)
        assert states(org, job_id) == [ChunkState.PENDING, ChunkState.PENDING]

    def test_a_settled_chunk_is_not_split(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        finish(org, begun)
        isolate(org, begun)
        assert states(org, job_id) == [ChunkState.DONE, ChunkState.PENDING]


class TestInterrupted:
    """A single recipient whose worker is killed: it may be a restart, so it has more attempts, with pauses."""

    def test_the_pause_after_an_attempt_that_died_doubles(self, org: Org) -> None:
        submit(org, 1)
        at = NOW
        for attempt in range(jobs.ATTEMPTS_ALONE):
            assert claim(org, at).attempts == attempt + 1
            pause = timedelta(seconds=CLAIM_SECONDS * 2**attempt)
            assert claimed(org, at + pause - timedelta(milliseconds=1)) is None
            at += max(pause, timedelta(seconds=CLAIM_SECONDS + 1))

    def test_a_chunk_of_several_recipients_has_no_pause(self, org: Org) -> None:
        submit(org, CHUNK)
        for death in range(3):
            assert claim(org, NOW + death * timedelta(seconds=CLAIM_SECONDS + 1)).attempts == death + 1

    @pytest.mark.parametrize("attempts", [5, 2], ids=["guarded", "control"])
    def test_a_recipient_whose_worker_is_killed_four_times_is_not_blamed(
        self, org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch, attempts: int
    ) -> None:
        monkeypatch.setattr(jobs, "ATTEMPTS_ALONE", attempts)
        job = self._after_deaths(4, org, worker, monkeypatch)
        worker.drain(org.id)
        assert (job_of(org, job["id"]).state == JobState.SUCCEEDED) is (attempts == 5)

    def test_a_recipient_whose_worker_is_killed_five_times_is_given_up_and_told_apart(
        self, org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = self._after_deaths(5, org, worker, monkeypatch)
        worker.drain(org.id)
        assert codes(org, job) == {"party-1": "processing-interrupted"}

    @staticmethod
    def _after_deaths(count: int, org: Org, worker: InProcessWorker, patch: pytest.MonkeyPatch) -> dict[str, Any]:
        """Submit a job for one party, and let so many workers die at it. Returns the job."""
        from worker import app
        from worker import jobs as tasks

        patch.setattr(tasks, "config", app.config.model_copy(update={"job_claim_seconds": 1e-6}))
        org.with_parties("party-1")
        job = submit_assignments(org.client(), body(org.with_course(), "party-1"))
        with patch.context() as dying_workers:
            dying_workers.setattr(tasks, "_attempt", lambda *_: None)
            for _ in range(count):
                worker.deliver("jobs.run_chunk", org.id)
        return job


class TestCancel:
    def test_chunks_without_a_claim_are_cancelled_at_once(self, org: Org) -> None:
        job_id = submit(org)
        assert cancel(org, job_id).state == JobState.CANCELLED
        job = read(org, job_id)
        assert (job.cancelled, job.pending, job.finished_at) == (2 * CHUNK, 0, NOW)
        assert states(org, job_id) == [ChunkState.CANCELLED] * 2

    def test_a_locked_chunk_ends_before_its_job_is_cancelled(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        with org.transaction() as worker:
            chunk = jobs.lock(worker, begun)
            assert chunk is not None
            cancelled = cancel(org, job_id)
            assert (cancelled.state, cancelled.cancelled) == (JobState.CANCELLING, CHUNK)
            jobs.finish(worker, chunk, Tally(succeeded=CHUNK), NOW)
        job = read(org, job_id)
        assert (job.state, job.succeeded, job.cancelled) == (JobState.CANCELLED, CHUNK, CHUNK)

    def test_another_worker_ends_the_cancelled_job_of_a_dead_worker(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        with dying(org) as worker:
            assert jobs.lock(worker, begun) is not None
            cancel(org, job_id)
        assert read(org, job_id).state == JobState.CANCELLING
        with org.transaction() as db:
            jobs.end_cancelled(db, NOW)
        job = read(org, job_id)
        assert (job.state, job.cancelled) == (JobState.CANCELLED, 2 * CHUNK)

    def test_the_parts_of_a_split_are_cancelled_too(self, org: Org) -> None:
        job_id = submit(org, CHUNK)
        begun = claim(org)
        with org.transaction() as worker:
            assert jobs.lock(worker, begun) is not None
            assert cancel(org, job_id).state == JobState.CANCELLING
            jobs.isolate(worker, begun, NOW)
        with org.transaction() as db:
            jobs.end_cancelled(db, NOW)
        assert read(org, job_id).cancelled == CHUNK

    def test_a_claimed_chunk_without_a_lock_is_cancelled(self, org: Org) -> None:
        job_id = submit(org, CHUNK)
        begun = claim(org)
        assert cancel(org, job_id).state == JobState.CANCELLED
        with org.transaction() as db:
            assert jobs.lock(db, begun) is None

    def test_a_job_that_has_ended_is_not_cancelled(self, org: Org) -> None:
        job_id = submit(org, CHUNK)
        finish(org, claim(org))
        with pytest.raises(jobs.JobFinished):
            cancel(org, job_id)
        assert read(org, job_id).state == JobState.SUCCEEDED
