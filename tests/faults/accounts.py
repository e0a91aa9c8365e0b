"""The checks after any fault: the job has ended, and every recipient, assignment and event exists exactly once."""

import uuid

from sqlalchemy import Row, func, select, text

from shared import assignments, jobs
from shared.jobs import Job, JobState
from tests.factories import Org
from tests.waiting import within

_OF_JOB = text("""
    WITH made AS (SELECT * FROM assignment WHERE org_id = :org AND job_id = :job),
         told AS (SELECT * FROM event
                  WHERE org_id = :org AND type = 'assignment.created' AND data->>'jobId' = CAST(:job AS text))
    SELECT (SELECT count(*) FROM made) AS assignments,
           (SELECT count(DISTINCT party_id) FROM made) AS parties,
           (SELECT count(*) FROM told) AS events,
           (SELECT count(*) FROM (
                SELECT 'assignment/' || id, party_id FROM made INTERSECT SELECT subject, party_id FROM told
            ) AS both_say) AS told,
           (SELECT count(*) FROM event
                WHERE org_id = :org AND type = 'job.finished' AND subject = :subject) AS endings,
           (SELECT count(*) FROM job_chunk
                WHERE org_id = :org AND job_id = :job AND state = 'pending') AS open_chunks
""")

_OF_STREAM = text("""
    SELECT count(*) AS events, min(sequence) AS first, max(sequence) AS last,
           (SELECT last_sequence FROM event_stream WHERE org_id = :org) AS counter
    FROM event WHERE org_id = :org
""")


def job_of(org: Org, job_id: str) -> Job:
    """Returns the job as it is now."""
    with org.transaction() as db:
        return jobs.get(db, uuid.UUID(job_id))


def ended(org: Org, job_id: str) -> bool:
    """True if the job is in a final state."""
    return JobState(job_of(org, job_id).state).final


def halfway(org: Org, job_id: str) -> bool:
    """True if a part of the job is done and a part is pending."""
    job = job_of(org, job_id)
    return 0 < job.pending < job.total


def stuck(org: Org, job_id: str, *, for_seconds: float) -> bool:
    """True if the job does not end within that time, as a negative control expects."""
    return not within(for_seconds, lambda: ended(org, job_id))


def accounted(org: Org, job_id: str, *, seconds: float = 60) -> Job:
    """Wait for the job's end and check every invariant. Returns the job."""
    assert within(seconds, lambda: ended(org, job_id)), _state(job_of(org, job_id))
    job = job_of(org, job_id)
    assert job.pending == 0, _state(job)
    made = of_job(org, job_id)
    assert (made.assignments, made.parties) == (job.succeeded, job.succeeded), "each success is one assignment"
    assert (made.events, made.told) == (job.succeeded, job.succeeded), "each assignment has one event"
    assert (made.endings, made.open_chunks) == (1, 0)
    assert outcomes(org, job) == (job.total, job.total), "each recipient has one outcome"
    assert_without_holes(org)
    return job


def of_job(org: Org, job_id: str) -> Row[int, int, int, int, int, int]:
    """Returns the counts of a job's rows: assignments, parties, events, told (assignments with their event), endings,
    open_chunks."""
    with org.transaction() as db:
        return db.execute(_OF_JOB, {"org": org.id, "job": uuid.UUID(job_id), "subject": f"job/{job_id}"}).one()


def outcomes(org: Org, job: Job) -> tuple[int, int]:
    """Returns the number of rows in a job's results, and the number of recipients in them."""
    with org.transaction() as db:
        rows = jobs.list_results(job, assignments.made_by(job)).order_by(None).subquery()
        count, distinct = db.execute(select(func.count(), func.count(rows.c[0].distinct())).select_from(rows)).one()
        return count, distinct


def assert_without_holes(org: Org) -> None:
    """Assert that the organization's events are numbered 1..n, and that its counter is n."""
    with org.transaction() as db:
        stream = db.execute(_OF_STREAM, {"org": org.id}).one()
    assert (stream.first, stream.last, stream.counter) == (1, stream.events, stream.events)


def _state(job: Job) -> str:
    return f"{job.state}: {jobs.counts(job)}"
