"""Reading jobs, and what became of each of their recipients."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Uuid, func, literal, null, select, union_all
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.errors import NotFound
from shared.jobs.models import ChunkState, Job, JobChunk, JobOutcome, JobState, Outcome
from shared.jobs.outcomes import OutcomeCode


def get(db: Session, job_id: uuid.UUID, *, fresh: bool = False) -> Job:
    """One job. Raises NotFound. fresh: read again what this transaction has read before."""
    job = db.get(Job, (current_org(db), job_id), populate_existing=fresh)
    if job is None:
        raise NotFound("job")
    return job


def newest(db: Session, *, state: JobState | None = None, kind: str | None = None) -> Select[Job]:
    """Jobs, the newest first."""
    jobs = select(Job).where(Job.org_id == current_org(db))
    if state is not None:
        jobs = jobs.where(Job.state == state)
    if kind is not None:
        jobs = jobs.where(Job.kind == kind)
    return jobs.order_by(Job.id.desc())


def organizations_with_due_jobs(db: Session, quiet_since: datetime) -> list[str]:
    """Ids of the organizations with an unfinished job that nobody has served since. Asked for no organization."""
    return list(db.scalars(select(func.organizations_with_due_jobs(quiet_since))))


def counts(job: Job) -> dict[str, int]:
    """The sums of a job: total = succeeded + unchanged + failed + cancelled + pending."""
    return {name: getattr(job, name) for name in ("total", "succeeded", "unchanged", "failed", "cancelled", "pending")}


def results(job: Job, successes: Select[str, str, uuid.UUID], *, outcome: Outcome | None = None) -> Select[Any]:
    """Every recipient of a job with its outcome, by id. Each row: entity_id, outcome, code, record_id.

    successes: the records that the job made, as `entity_id, code, record_id`; the noun that owns them knows.
    Success is the record itself, other outcomes are stored, and chunks hold those whose turn never came.
    """
    of_job = (JobOutcome.org_id == job.org_id) & (JobOutcome.job_id == job.id)
    stored = select(JobOutcome.entity_id, JobOutcome.outcome, JobOutcome.code, JobOutcome.record_id).where(of_job)
    made = successes.subquery()
    succeeded = select(made.c.entity_id, literal(Outcome.SUCCEEDED), made.c.code, made.c.record_id)
    parts = {
        Outcome.SUCCEEDED: succeeded,
        Outcome.UNCHANGED: stored.where(JobOutcome.outcome == Outcome.UNCHANGED),
        Outcome.FAILED: stored.where(JobOutcome.outcome == Outcome.FAILED),
        Outcome.CANCELLED: _without_a_turn(job, ChunkState.CANCELLED, OutcomeCode.CANCELLED),
        Outcome.PENDING: _without_a_turn(job, ChunkState.PENDING, OutcomeCode.PENDING),
    }
    rows = union_all(*([parts[outcome]] if outcome else parts.values())).subquery("results")
    return select(rows).order_by(rows.c.entity_id)


def _without_a_turn(job: Job, state: ChunkState, code: OutcomeCode) -> Select[Any]:
    return select(func.unnest(JobChunk.recipients), literal(code.outcome), literal(code), null().cast(Uuid)).where(
        JobChunk.org_id == job.org_id, JobChunk.job_id == job.id, JobChunk.state == state
    )
