"""Sessions: schedule, list, get, change, cancel, complete and amend. Their rosters are in `rosters`.

The chunk work of a completion and of an amendment is here too, because it joins sessions, licences and assignments. It
takes their locks in the order of docs/locks.md.
"""

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

from shared import access, sessions
from shared.access import Caller, Permission
from shared.services.verbs import verb
from shared.sessions import (
    Filters,
    SessionChanges,
    SessionRequest,
    TrainingSession,
)
from shared.settings import Settings

SEES = (Permission.VIEW, Permission.ADMIN)

Shown = Row[TrainingSession, str, str, int, int]
"""A session, its course's title, its version's label, its roster's size in scope, how many have no attendance."""


@verb(Permission.ADMIN)
def schedule_session(db: Session, caller: Caller, body: SessionRequest, now: datetime) -> Shown:
    """Schedule a sitting of a course's active version, also in the past. Raises InvalidInput, CourseNotPublished."""
    session = sessions.schedule(db, body, caller.actor, now)
    return sessions.get(db, session.id, caller.folders)


@verb(*SEES)
def list_sessions(db: Session, caller: Caller, filters: Filters) -> Select[TrainingSession, str, str, int, int]:
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
def reinstate_session(
    db: Session,
    caller: Caller,
    session_id: uuid.UUID,
    reason: str,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Schedule a cancelled session again. Raises NotFound, OutOfScope, Stale, SessionNotCancelled, InvalidInput."""
    sessions.reinstate(db, session_id, reason, scope=caller.folders, expected=expected, actor=caller.actor, now=now)
    return sessions.get(db, session_id, caller.folders)
