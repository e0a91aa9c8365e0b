"""A chunk's way when something goes wrong: split until the bad recipient stands alone, or cancelled."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import jobs
from shared.jobs import ChunkState, JobOutcome, JobState, OutcomeCode, Tally
from tests.factories import Org
from tests.jobs.steps import (
    CHUNK,
    CLAIM_SECONDS,
    NOW,
    cancel,
    chunks,
    claim,
    dying,
    finish,
    isolate,
    read,
    states,
    submit,
)


class TestIsolate:
    def test_splits_into_eight_that_stand_for_the_whole(self, org: Org) -> None:
        job_id = submit(org)
        before = chunks(org, job_id)[0].recipients
        isolate(org, claim(org))
        first, second, *parts = chunks(org, job_id)
        assert (first.state, second.state) == (ChunkState.SPLIT, ChunkState.PENDING)
        assert len(parts) == 8
        assert [recipient for part in parts for recipient in part.recipients] == before
        assert {part.state for part in parts} == {ChunkState.PENDING}
        assert read(org, job_id).pending == 2 * CHUNK

    def test_a_part_of_what_killed_twice_is_split_after_one_more_death(self, org: Org) -> None:
        job_id = submit(org, CHUNK)
        for death in range(jobs.ATTEMPTS_BEFORE_SPLIT + 1):
            begun = claim(org, NOW + death * timedelta(seconds=CLAIM_SECONDS + 1))
        isolate(org, begun)
        assert {chunk.attempts for chunk in chunks(org, job_id)[1:]} == {jobs.ATTEMPTS_BEFORE_SPLIT - 1}

    def test_a_part_of_what_only_failed_begins_anew(self, org: Org) -> None:
        job_id = submit(org, CHUNK)
        isolate(org, claim(org))
        assert {chunk.attempts for chunk in chunks(org, job_id)[1:]} == {0}

    def test_two_at_once_number_their_parts_apart(self, org: Org) -> None:
        job_id = submit(org)
        one, other = claim(org), claim(org)
        isolate(org, one)
        isolate(org, other)
        assert [chunk.n for chunk in chunks(org, job_id)] == list(range(18))

    def test_reports_one_that_stands_alone(self, org: Org) -> None:
        job_id = submit(org, 1)
        isolate(org, claim(org))
        job = read(org, job_id)
        assert (job.state, job.failed) == (JobState.FAILED, 1)
        with org.transaction() as db:
            outcome = db.scalars(select(JobOutcome).where(JobOutcome.job_id == job_id)).one()
        assert (outcome.entity_id, outcome.code) == ("00001", OutcomeCode.PROCESSING_FAILED)

    def test_leaves_alone_what_somebody_holds(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        with org.transaction() as holder:
            assert jobs.lock(holder, begun) is not None
            isolate(org, begun)
        assert states(org, job_id) == [ChunkState.PENDING, ChunkState.PENDING]

    def test_leaves_alone_what_is_settled(self, org: Org) -> None:
        job_id = submit(org)
        begun = claim(org)
        finish(org, begun)
        isolate(org, begun)
        assert states(org, job_id) == [ChunkState.DONE, ChunkState.PENDING]


class TestCancel:
    def test_cancels_what_nobody_has_begun_at_once(self, org: Org) -> None:
        job_id = submit(org)
        assert cancel(org, job_id).state == JobState.CANCELLED
        job = read(org, job_id)
        assert (job.cancelled, job.pending, job.finished_at) == (2 * CHUNK, 0, NOW)
        assert states(org, job_id) == [ChunkState.CANCELLED] * 2

    def test_lets_what_is_held_end_first(self, org: Org) -> None:
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

    def test_is_ended_by_another_where_the_holder_died(self, org: Org) -> None:
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

    def test_takes_parts_that_a_split_left_behind(self, org: Org) -> None:
        job_id = submit(org, CHUNK)
        begun = claim(org)
        with org.transaction() as worker:
            assert jobs.lock(worker, begun) is not None
            assert cancel(org, job_id).state == JobState.CANCELLING
            jobs.isolate(worker, begun, NOW)
        with org.transaction() as db:
            jobs.end_cancelled(db, NOW)
        assert read(org, job_id).cancelled == CHUNK

    def test_a_claim_that_was_not_locked_yet_comes_to_nothing(self, org: Org) -> None:
        job_id = submit(org, CHUNK)
        begun = claim(org)
        assert cancel(org, job_id).state == JobState.CANCELLED
        with org.transaction() as db:
            assert jobs.lock(db, begun) is None

    def test_comes_too_late_for_a_job_that_has_ended(self, org: Org) -> None:
        job_id = submit(org, CHUNK)
        finish(org, claim(org))
        with pytest.raises(jobs.JobFinished):
            cancel(org, job_id)
        assert read(org, job_id).state == JobState.SUCCEEDED
