"""The end of a session, and its correction: what the front desk accepts as jobs, and how a job's end ends a session.

What the jobs do is in `work`; they also touch licences and assignments, so that `worker/sessions.py` puts it together.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared import events, jobs
from shared.arrays import texts
from shared.database import current_org
from shared.errors import Conflict, Fault, InvalidInput
from shared.events import Actor, Fact
from shared.jobs import Job, Submission
from shared.sessions.actions import SessionCancelled, about, locked, touch
from shared.sessions.models import RosterEntry, SessionState, TrainingSession
from shared.sessions.queries import AMEND, COMPLETE


class RosterEmpty(Conflict):
    """Nobody was expected, so nobody can be licensed."""

    slug, title = "roster-empty", "Roster empty"

    def __init__(self) -> None:
        super().__init__("The roster is empty; add whoever was there, then complete the session.")


class SessionNotCompleted(Conflict):
    """Before completion there is nothing to amend: the roster itself can be changed."""

    slug, title = "session-not-completed", "Session not completed"

    def __init__(self) -> None:
        super().__init__("The session is not completed yet; change its roster, or wait until its completion has ended.")


def complete(
    db: Session,
    session_id: uuid.UUID,
    actor: Actor,
    *,
    occurred_on: Any,
    key: str | None,
    request_hash: str | None,
    change_limit: int | None,
    workers: int,
    now: datetime,
) -> tuple[Job, bool]:
    """Accept the completion of a session as a job, and freeze its roster. Answers the job and whether it was there.

    occurred_on: says of an instant which day of the organization it was. `now` becomes the `grantedAt` of every
    licence. Raises NotFound, SessionCancelled, RosterEmpty, IdempotencyKeyReused.
    """
    session = locked(db, session_id)
    if session.completion_job_id is not None:
        return jobs.get(db, session.completion_job_id), True
    if session.state == SessionState.CANCELLED:
        raise SessionCancelled
    request = _request(session, now, occurred_on(min(session.ends_at, now)))
    submission = Submission(COMPLETE, request, actor, key=key, request_hash=request_hash, change_limit=change_limit)
    entries = select(RosterEntry.party_id).where(
        RosterEntry.org_id == session.org_id, RosterEntry.session_id == session_id, RosterEntry.removed_at.is_(None)
    )
    job, replayed = jobs.submit(db, submission, entries, workers=workers, now=now)
    if replayed:
        return job, True
    if job.total == 0:
        raise RosterEmpty
    session.state, session.completed_at, session.completion_job_id = SessionState.COMPLETING, now, job.id
    session.completed_by_type, session.completed_by_id = actor.type, actor.id
    touch(db, session, now)
    return job, False


def completion_ended(db: Session, job: Job, now: datetime) -> None:
    """The job of a completion has ended, and the session with it; or without anything done it is scheduled again.

    Comes with the event counter held, for a row that nobody holds who waits for that. A retry's end changes nothing.
    """
    nothing_done = job.cancelled == job.total
    values: dict[Any, Any] = {TrainingSession.state: SessionState.COMPLETED}
    if nothing_done:
        cleared = ("completed_at", "completed_by_type", "completed_by_id", "completion_job_id")
        values = {TrainingSession.state: SessionState.SCHEDULED} | {
            getattr(TrainingSession, name): None for name in cleared
        }
    session = db.scalar(
        update(TrainingSession)
        .where(
            TrainingSession.org_id == current_org(db),
            TrainingSession.id == uuid.UUID(job.request["sessionId"]),
            TrainingSession.state == SessionState.COMPLETING,
            TrainingSession.completion_job_id == job.id,
        )
        .values({**values, TrainingSession.revision: TrainingSession.revision + 1, TrainingSession.updated_at: now})
        .returning(TrainingSession)
        .execution_options(populate_existing=True)
    )
    if session is None:
        return
    subject = f"session/{session.id}"
    data = about(session) | {"jobId": str(job.id)}
    if nothing_done:
        events.record(db, job.actor, now, Fact("session.completion_withdrawn", subject, data))
    else:
        told = {"grantedAt": job.request["grantedAt"], "counts": jobs.counts(job)}
        events.record(db, job.actor, now, Fact("session.completed", subject, data | told))


def amend(
    db: Session,
    session_id: uuid.UUID,
    *,
    add: Sequence[str],
    remove: Sequence[str],
    reason: str,
    submission: Submission,
    occurred_on: Any,
    workers: int,
    now: datetime,
) -> tuple[Job, bool]:
    """Accept a correction of a completed session's roster as a job. Answers the job and whether it was there.

    submission: who asks, in which scope, with which key; its kind and request are set here. The request lists only
    the shorter of the two lists, for the job's recipients are both. Raises NotFound, SessionNotCompleted,
    SessionCancelled, InvalidInput for a party in both lists, IdempotencyKeyReused.
    """
    session = locked(db, session_id)
    if session.state == SessionState.CANCELLED:
        raise SessionCancelled
    if session.state != SessionState.COMPLETED:
        raise SessionNotCompleted
    both = set(add).intersection(remove)
    if both:
        places = [n for n, party_id in enumerate(remove) if party_id in both]
        twice = "This party is to be added too; name it in one of the two."
        raise InvalidInput(*(Fault(f"/remove/{n}/entityId", twice) for n in places[:100]))
    adding, removing = sorted(set(add)), sorted(set(remove))
    listed = {"added": adding} if len(adding) < len(removing) else {"removed": removing}
    request = _request(session, now, occurred_on(min(session.ends_at, now))) | {"reason": reason} | listed
    asked = replace(submission, kind=AMEND, request=request)
    recipients = select(func.unnest(texts([*adding, *removing])).label("entity_id"))
    job, replayed = jobs.submit(db, asked, recipients, workers=workers, now=now)
    if not replayed:
        touch(db, session, now)
        data = about(session) | {"jobId": str(job.id), "reason": reason}
        counts = {"added": len(adding), "removed": len(removing)}
        events.record(db, submission.actor, now, Fact("session.amended", f"session/{session_id}", data | counts))
    return job, replayed


def _request(session: TrainingSession, granted_at: datetime, occurred_on: date) -> dict[str, Any]:
    """What a job must know of its session, as it is now."""
    return {
        "sessionId": str(session.id),
        "courseId": str(session.course_id),
        "courseVersionId": str(session.course_version_id),
        "grantedAt": granted_at.isoformat(),
        "occurredOn": occurred_on.isoformat(),
    }
