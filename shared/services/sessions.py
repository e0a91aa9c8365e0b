"""Sessions: schedule, list, get, change, cancel, complete and amend. Their rosters are in `rosters`.

The chunk work of a completion and of an amendment is here too, because it joins sessions, licences and assignments. It
takes their locks in the order of docs/locks.md.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from shared import access, assignments, jobs, licences, sessions
from shared.access import Caller, Permission
from shared.arrays import texts
from shared.assignments import Attended
from shared.jobs import Accepted, Chunk, Key, Kind, Tally, declare
from shared.licences import Earned
from shared.services.submitting import submit
from shared.services.verbs import verb
from shared.sessions import (
    AmendmentJob,
    AmendmentRequest,
    CompletionJob,
    Filters,
    SessionChanges,
    SessionRequest,
    TrainingSession,
)
from shared.settings import Settings

SEES = (Permission.VIEW, Permission.ADMIN)

Shown = Row[TrainingSession, str, str, int]
"""A session with its course's title, its version's label and the size of its roster in scope."""


def _complete(db: Session, chunk: Chunk, request: CompletionJob, now: datetime) -> Tally:
    """License the parties of a chunk that attended, and complete their open assignments of the version.

    Does nothing for parties that the session has licensed already.
    """
    attended = _attended_session(request)
    completion = sessions.plan_completion(db, chunk, request, licences.of_session(request.session_id))
    completed = assignments.complete_attended(db, chunk, attended, _rows(completion.to_license), now)
    granted = licences.grant(db, chunk, _earned(chunk, request), completion.to_license, now)
    assignments.record_attended(db, chunk, attended, completed, now)
    return sessions.store_completion_outcomes(db, chunk, completion, granted)


def _amend(db: Session, chunk: Chunk, request: AmendmentJob, now: datetime) -> Tally:
    """Amend the roster for a chunk of parties.

    Licenses the added parties and completes their assignments. Revokes the licences of removed parties and reopens the
    assignments that the session had completed.
    """
    attended, session_id, actor = _attended_session(request), request.session_id, chunk.job.actor
    assignments.lock_attended(db, chunk, attended)
    licensed = licences.of_session(session_id)
    amendment = sessions.plan_amendment(db, chunk, request, licensed)
    licences.lock_licences(db, chunk, request.course_id)
    completed = assignments.complete_attended(db, chunk, attended, _rows(amendment.to_add), now)
    reopened = assignments.reopen_attended(db, chunk, attended, amendment.to_remove)
    sessions.amend_roster(db, chunk, request, amendment, now)
    granted = licences.grant(db, chunk, _earned(chunk, request), amendment.to_add, now)
    to_remove = _rows(amendment.to_remove)
    licences.revoke_earned(db, chunk, session_id, request.reason, actor, now, of=to_remove)
    assignments.record_attended(db, chunk, attended, completed, now)
    assignments.record_reopened(db, chunk, attended, reopened, request.reason, now)
    return sessions.store_amendment_outcomes(db, chunk, amendment, granted, licensed)


COMPLETE = declare(
    Kind(
        name=sessions.COMPLETE,
        request=CompletionJob,
        work=_complete,
        needs=Permission.ADMIN,
        on_end=sessions.end_completion,
        made=licences.made_by,
        record="licence",
    )
)

AMEND = declare(
    Kind(
        name=sessions.AMEND,
        request=AmendmentJob,
        work=_amend,
        needs=Permission.ADMIN,
        made=licences.made_by,
        record="licence",
    )
)


@verb(Permission.ADMIN)
def schedule_session(db: Session, caller: Caller, body: SessionRequest, now: datetime) -> Shown:
    """Schedule a sitting of a course's active version, also in the past. Raises InvalidInput, CourseNotPublished."""
    session = sessions.schedule(db, body, caller.actor, now)
    return sessions.get(db, session.id, caller.folders)


@verb(*SEES)
def list_sessions(db: Session, caller: Caller, filters: Filters) -> Select[TrainingSession, str, str, int]:
    """Select the matching sessions by their start, the earliest first."""
    return sessions.list_sessions(db, filters, caller.folders)


@verb(*SEES)
def get_session(db: Session, caller: Caller, session_id: uuid.UUID) -> Shown:
    """Return one session. Raises NotFound."""
    return sessions.get(db, session_id, caller.folders)


@verb(*SEES)
def write_calendar(db: Session, caller: Caller, session_id: uuid.UUID, settings: Settings) -> bytes:
    """Return the session as a calendar file. A later file updates the same entry. Raises NotFound."""
    row = sessions.get(db, session_id, caller.folders)
    return sessions.calendar_file(
        row[0],
        row.course_title,
        row.version_label,
        organizer_name=access.get_organization(db).name,
        organizer_address=settings.sender_address,
    )


@verb(Permission.ADMIN)
def change_session(
    db: Session,
    caller: Caller,
    session_id: uuid.UUID,
    body: SessionChanges,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Change the given fields. Raises NotFound, OutOfScope, Stale, InvalidInput, SessionCompleted, SessionCancelled."""
    sessions.change(db, session_id, body, scope=caller.folders, expected=expected, actor=caller.actor, now=now)
    return sessions.get(db, session_id, caller.folders)


@verb(Permission.ADMIN)
def cancel_session(
    db: Session,
    caller: Caller,
    session_id: uuid.UUID,
    reason: str,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Cancel a session. Raises NotFound, OutOfScope, Stale, SessionCompleted, SessionCancelled."""
    sessions.cancel(db, session_id, reason, scope=caller.folders, expected=expected, actor=caller.actor, now=now)
    return sessions.get(db, session_id, caller.folders)


@verb(Permission.ADMIN)
def complete_session(
    db: Session, caller: Caller, session_id: uuid.UUID, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a job that licenses every party that attended, and freeze the roster. Repeated: the same job.

    Raises NotFound, OutOfScope, SessionCancelled, RosterEmpty.
    """
    if earlier := jobs.replayed(db, key, None):
        return earlier
    session = sessions.locked(db, session_id, caller.folders)
    sessions.need_whole(db, session_id, caller.folders)
    if session.completion_job_id is not None:
        return Accepted(jobs.get(db, session.completion_job_id), replayed=True)
    sessions.need_not_cancelled(session)
    zone = access.get_organization(db).time_zone
    request = CompletionJob(**sessions.completion_request(session, zone, now))
    roster = sessions.roster_of(session)
    accepted = submit(db, caller, COMPLETE, request, roster, key=key, scoped=False, workers=workers, now=now)
    if not accepted.replayed:
        sessions.begin_completion(db, session, accepted.job, caller.actor, now)
    return accepted


@verb(Permission.ADMIN)
def amend_session(
    db: Session,
    caller: Caller,
    session_id: uuid.UUID,
    body: AmendmentRequest,
    key: Key | None,
    *,
    workers: int,
    now: datetime,
) -> Accepted:
    """Submit a job that amends a completed session: it licenses added parties, and revokes licences of removed ones.

    Raises NotFound, OutOfScope, SessionNotCompleted, SessionCancelled, InvalidInput for a party in both lists.
    """
    if earlier := jobs.replayed(db, key, body):
        return earlier
    session = sessions.locked(db, session_id, caller.folders)
    sessions.need_whole(db, session_id, caller.folders)
    sessions.need_amendable(session)
    to_add, to_remove = sessions.amendment_lists(body.add, body.remove)
    zone = access.get_organization(db).time_zone
    listed = {"added": to_add} if len(to_add) < len(to_remove) else {"removed": to_remove}
    request = AmendmentJob(**sessions.completion_request(session, zone, now), reason=body.reason, **listed)
    recipients = _rows([*to_add, *to_remove])
    accepted = submit(db, caller, AMEND, request, recipients, key=key, body=body, workers=workers, now=now)
    if not accepted.replayed:
        counts = {"added": len(to_add), "removed": len(to_remove)}
        sessions.record_amendment(db, session, accepted.job, body.reason, counts, now)
    return accepted


def _rows(party_ids: Sequence[str]) -> Select[str]:
    """Select these ids from one array parameter.

    As the query that found them, they would be computed again by every statement, at a cost of the square of their
    number while the tables have no statistics.
    """
    return select(func.unnest(texts(party_ids)).label("entity_id"))


def _attended_session(request: CompletionJob) -> Attended:
    """The session as `shared.assignments` needs it."""
    return Attended(request.session_id, request.course_id, request.course_version_id, request.occurred_on)


def _earned(chunk: Chunk, request: CompletionJob) -> Earned:
    """The licences that the session earns, as they were fixed when the job was accepted."""
    return Earned(
        course_id=request.course_id,
        course_version_id=request.course_version_id,
        session_id=request.session_id,
        granted_at=request.granted_at,
        actor=chunk.job.actor,
        job_id=chunk.job.id,
    )
