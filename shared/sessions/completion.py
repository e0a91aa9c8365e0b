"""Completing and amending a session: the rules for accepting the job, and the change when a completion's job ends.

The chunk work is in `work`. Jobs also change licences and assignments: `shared/services/sessions.py` joins the nouns.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from shared import clock, events, jobs
from shared.database import current_org
from shared.errors import Conflict, Fault, InvalidInput
from shared.events import Actor, Fact
from shared.jobs import Job
from shared.sessions.actions import about, need_not_cancelled, touch
from shared.sessions.models import RosterEntry, SessionState, TrainingSession
from shared.sessions.requests import CompletionJob


class RosterEmpty(Conflict):
    """The roster has no party, so completing the session would license nobody."""

    slug, title = "roster-empty", "Roster empty"

    def __init__(self) -> None:
        super().__init__("The roster is empty; add the parties that attended, then complete the session.")


class SessionNotCompleted(Conflict):
    """Only a completed session is amended. Before its completion, the roster itself can be changed."""

    slug, title = "session-not-completed", "Session not completed"

    def __init__(self) -> None:
        super().__init__("The session is not completed yet; change its roster, or wait until its completion has ended.")


class SessionNotBegun(Conflict):
    """A session that lies in the future cannot be completed: nobody has attended it yet."""

    slug, title = "session-not-begun", "Session not begun"

    def __init__(self) -> None:
        super().__init__("The session has not begun; complete it when it has taken place, or correct its times first.")


def need_begun(session: TrainingSession, now: datetime) -> None:
    """Raise SessionNotBegun for a session that starts later than now."""
    if session.starts_at > now:
        raise SessionNotBegun


def roster_of(session: TrainingSession) -> Select[str]:
    """Select the parties on a session's roster, as a job's recipients."""
    return select(RosterEntry.party_id).where(
        RosterEntry.org_id == session.org_id, RosterEntry.session_id == session.id, RosterEntry.removed_at.is_(None)
    )


def completion_request(session: TrainingSession, time_zone: str, now: datetime) -> dict[str, Any]:
    """Return the fields of a `CompletionJob` for a session. time_zone: the organization's."""
    return {
        "session_id": session.id,
        "course_id": session.course_id,
        "course_version_id": session.course_version_id,
        "granted_at": now,
        "ends_at": session.ends_at,
        "occurred_on": clock.day_in(time_zone, min(session.ends_at, now)),
    }


def begin_completion(db: Session, session: TrainingSession, job: Job, actor: Actor, now: datetime) -> None:
    """Set a locked session to `completing` by this job, which freezes its roster. Raises RosterEmpty."""
    if job.total == 0:
        raise RosterEmpty
    session.state, session.completed_at, session.completion_job_id = SessionState.COMPLETING, now, job.id
    session.completed_by_type, session.completed_by_id = actor.type, actor.id
    touch(db, session, now)


def end_completion(db: Session, job: Job, request: CompletionJob, now: datetime) -> None:
    """Set the session to `completed` when its job ends, or back to `scheduled` if every recipient was cancelled.

    Does nothing for another job than the session's own, such as a retry.
    The transaction holds the event counter and then locks the session: see docs/locks.md.
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
            TrainingSession.id == request.session_id,
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
        details = {"grantedAt": request.granted_at.isoformat(), "counts": jobs.counts(job)}
        events.record(db, job.actor, now, Fact("session.completed", subject, data | details))


def need_amendable(session: TrainingSession) -> None:
    """Raise SessionCancelled or SessionNotCompleted unless the session is completed."""
    need_not_cancelled(session)
    if session.state != SessionState.COMPLETED:
        raise SessionNotCompleted


def amendment_lists(add: Sequence[str], remove: Sequence[str]) -> tuple[list[str], list[str]]:
    """Sort both lists and remove repetitions. Raises InvalidInput for a party that is in both."""
    both = set(add).intersection(remove)
    if both:
        places = [n for n, party_id in enumerate(remove) if party_id in both]
        twice = "This party is in `add` too; name it in one of the two."
        raise InvalidInput(*(Fault(f"/remove/{n}/entityId", twice) for n in places[:100]))
    return sorted(set(add)), sorted(set(remove))


def record_amendment(
    db: Session, session: TrainingSession, job: Job, reason: str, counts: dict[str, int], now: datetime
) -> None:
    """Record that an amendment of a locked session was accepted as a job. counts: `added` and `removed`."""
    touch(db, session, now)
    data = about(session) | {"jobId": str(job.id), "reason": reason} | counts
    events.record(db, job.actor, now, Fact("session.amended", f"session/{session.id}", data))
