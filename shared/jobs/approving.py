"""A large job waits for the decision of a second member: approve, or reject."""

import uuid
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared import events
from shared.access import Permission
from shared.database import current_org
from shared.errors import Conflict, NotFound, Problem
from shared.events import Actor, Fact
from shared.jobs.chunks import Tally
from shared.jobs.kinds import kind_of
from shared.jobs.models import Job, JobState
from shared.jobs.queries import get
from shared.jobs.settling import cancel_unbegun, settle

REJECTED = "Rejected: "
"""How the `error` of a rejected job begins; its reason follows."""


class NotAwaitingApproval(Conflict):
    """Only a job that waits for approval can be approved or rejected."""

    slug, title = "not-awaiting-approval", "Not awaiting approval"

    def __init__(self) -> None:
        super().__init__("The job does not wait for approval.")


class OtherMemberNeeded(Problem):
    """Two members must agree to a large change. The member who submitted the job cannot approve it."""

    slug, status, title = "other-member-needed", 403, "Another member must approve"

    def __init__(self, permission: Permission) -> None:
        super().__init__(f"You submitted this job, so another member with {permission} must approve it.")


class Refused(Exception):
    """An approval was refused, because a submission of the job would be refused now. problem: the reason."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def approve(
    db: Session,
    job_id: uuid.UUID,
    actor: Actor,
    now: datetime,
    need_acceptable: Callable[[Session, Job, datetime], None] | None = None,
) -> Job:
    """Queue a job that waits for approval. Raises NotFound, NotAwaitingApproval, OtherMemberNeeded, Refused.

    need_acceptable: raises the problem that a submission of the job would raise now.
    """
    job = _lock_awaiting(db, job_id)
    if job.actor == actor:
        of_directory = kind_of(job).needs is Permission.SYNC_DIRECTORY
        raise OtherMemberNeeded(Permission.SYNC_DIRECTORY if of_directory else Permission.MANAGE_ASSIGNMENTS)
    if need_acceptable is not None:
        try:
            need_acceptable(db, job, now)
        except Problem as problem:
            raise Refused(problem) from problem
    events.record(db, actor, now, Fact("job.approved", f"job/{job_id}"))
    job.state, job.progressed_at = JobState.QUEUED, now
    job.approved_by, job.approved_at, job.error = actor.id, now, None
    db.flush()
    return get(db, job_id, fresh=True)


def note_refusal(db: Session, job_id: uuid.UUID, problem: Problem) -> None:
    """Write into a job that still waits for approval why its approval was refused."""
    db.execute(
        update(Job)
        .where(Job.org_id == current_org(db), Job.id == job_id, Job.state == JobState.AWAITING_APPROVAL)
        .values(error=f"Approval refused: {problem.detail}")
    )


def reject(db: Session, job_id: uuid.UUID, reason: str, actor: Actor, now: datetime) -> Job:
    """Cancel all recipients of a job that waits for approval. Raises NotFound, NotAwaitingApproval."""
    job = _lock_awaiting(db, job_id)
    events.record(db, actor, now, Fact("job.rejected", f"job/{job_id}", {"reason": reason}))
    job.error = f"{REJECTED}{reason}"
    db.flush()
    settle(db, job_id, Tally(cancelled=cancel_unbegun(db, job_id)), now)
    return get(db, job_id, fresh=True)


def _lock_awaiting(db: Session, job_id: uuid.UUID) -> Job:
    """Lock the event counter, then a job that waits for approval: see docs/locks.md. Returns the job."""
    events.lock_counter(db)
    job = db.scalar(
        select(Job)
        .where(Job.org_id == current_org(db), Job.id == job_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if job is None:
        raise NotFound("job")
    if job.state != JobState.AWAITING_APPROVAL:
        raise NotAwaitingApproval
    return job
