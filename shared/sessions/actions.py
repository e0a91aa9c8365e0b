"""Scheduling, changing and cancelling one session. Rosters are in `rosters`, completing and amending in `completion`.

Every change of a session or its roster locks the session first, so that a second change sees the first one. A session
in state `completing` is never changed here, because the end of its job locks the row late: see docs/locks.md.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic.alias_generators import to_camel
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from shared import access, catalogue, events, locking
from shared.catalogue import Mode
from shared.database import current_org
from shared.errors import Conflict, Fault, InvalidInput
from shared.events import Actor, Fact
from shared.sessions.models import RosterEntry, SessionState, TrainingSession
from shared.sessions.queries import is_visible, need_whole
from shared.sessions.schemas import SessionChanges, SessionRequest


class SessionCompleted(Conflict):
    """The session's completion was accepted, so the session does not change, and its roster only by an amendment."""

    slug, title = "session-completed", "Session completed"

    def __init__(self) -> None:
        super().__init__("The session is completed, so it cannot be changed; its roster can be amended.")


class SessionCancelled(Conflict):
    """The session is cancelled."""

    slug, title = "session-cancelled", "Session cancelled"

    def __init__(self) -> None:
        super().__init__("The session is cancelled, so nothing can be done with it; schedule a new one.")


class SessionNotCancelled(Conflict):
    """Only a cancelled session can be reinstated."""

    slug, title = "session-not-cancelled", "Session not cancelled"

    def __init__(self) -> None:
        super().__init__("The session is not cancelled, so there is nothing to reinstate.")


EVENT_FIELDS = frozenset({"mode", "starts_at", "ends_at", "time_zone", "capacity"})
"""The fields of a session that its events contain. The location is free text, and the link lets anybody join."""


def schedule(db: Session, request: SessionRequest, actor: Actor, now: datetime) -> TrainingSession:
    """Schedule a sitting of the version that the request names, else of the course's active version.

    Raises InvalidInput, CourseNotPublished.
    """
    version = catalogue.active_version(db, request.course_id)
    if request.course_version_id is not None:
        version = catalogue.published_version(db, request.course_id, request.course_version_id)
    values = request.model_dump(exclude={"course_version_id"})
    _check(db, request.course_id, values)
    session = db.scalars(
        insert(TrainingSession)
        .values(
            **values,
            org_id=current_org(db),
            course_version_id=version.id,
            scheduled_by_type=actor.type,
            scheduled_by_id=actor.id,
            created_at=now,
            updated_at=now,
        )
        .returning(TrainingSession)
    ).one()
    data = about(session) | _event_data({name: values[name] for name in EVENT_FIELDS})
    events.record(db, actor, now, Fact("session.scheduled", f"session/{session.id}", data))
    return session


def change(
    db: Session,
    session_id: uuid.UUID,
    changes: SessionChanges,
    *,
    scope: Collection[str] | None,
    expected: Collection[int] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Change the given fields of a scheduled session. Does nothing if they have these values already.

    expected: the revisions that the caller may have read, None for any. Raises NotFound, OutOfScope, Stale,
    SessionCompleted, SessionCancelled, InvalidInput.
    """
    session = locked_whole(db, session_id, scope, expected=expected)
    need_scheduled(session)
    catalogue.need_not_archived(db, session.course_id, pointer="")
    given = changes.model_dump(exclude_unset=True)
    former = {name: getattr(session, name) for name, value in given.items() if getattr(session, name) != value}
    if not former:
        return
    new = {name: given[name] for name in former}
    _check(db, session.course_id, {"starts_at": session.starts_at, "ends_at": session.ends_at} | new)
    if new.get("capacity") is not None and (there := size(db, session_id)) > new["capacity"]:
        raise InvalidInput(Fault("/capacity", f"The roster has {there} parties, so the capacity cannot be below that."))
    for name, value in new.items():
        setattr(session, name, value)
    touch(db, session, now)
    former_fields = {name: value for name, value in former.items() if name in EVENT_FIELDS}
    data = about(session) | {"changed": sorted(map(to_camel, former)), "former": _event_data(former_fields)}
    events.record(db, actor, now, Fact("session.changed", f"session/{session.id}", data))


def cancel(
    db: Session,
    session_id: uuid.UUID,
    reason: str,
    *,
    scope: Collection[str] | None,
    expected: Collection[int] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Cancel a scheduled session. Raises NotFound, OutOfScope, Stale, SessionCompleted, SessionCancelled."""
    session = locked_whole(db, session_id, scope, expected=expected)
    need_scheduled(session)
    session.state, session.cancelled_at, session.cancellation_reason = SessionState.CANCELLED, now, reason
    touch(db, session, now)
    data = about(session) | {"reason": reason}
    events.record(db, actor, now, Fact("session.cancelled", f"session/{session.id}", data))


def reinstate(
    db: Session,
    session_id: uuid.UUID,
    reason: str,
    *,
    scope: Collection[str] | None,
    expected: Collection[int] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Schedule a cancelled session again, with the roster that it had.

    Raises NotFound, OutOfScope, Stale, SessionNotCancelled, InvalidInput for an archived course.
    """
    session = locked_whole(db, session_id, scope, expected=expected)
    if session.state != SessionState.CANCELLED:
        raise SessionNotCancelled
    catalogue.need_not_archived(db, session.course_id, pointer="")
    session.state, session.cancelled_at, session.cancellation_reason = SessionState.SCHEDULED, None, None
    touch(db, session, now)
    data = about(session) | {"reason": reason}
    events.record(db, actor, now, Fact("session.reinstated", f"session/{session.id}", data))


def locked(
    db: Session, session_id: uuid.UUID, scope: Collection[str] | None, *, expected: Collection[int] | None = None
) -> TrainingSession:
    """Lock a session until the end of this transaction, and return it. Raises NotFound, Stale.

    scope: the caller's folders, None for all. A session of which only a part is in them is returned too; an act on all
    of it calls `locked_whole`. Other transactions may still insert licences that refer to it.
    """
    one = select(TrainingSession).where(
        TrainingSession.org_id == current_org(db), TrainingSession.id == session_id, is_visible(scope)
    )
    return locking.locked(db, one, "session", expected=expected, key_share=True)


def locked_whole(
    db: Session, session_id: uuid.UUID, scope: Collection[str] | None, *, expected: Collection[int] | None = None
) -> TrainingSession:
    """Lock a session as `locked` does, for an act on all of it. Raises NotFound, Stale, OutOfScope."""
    session = locked(db, session_id, scope, expected=expected)
    need_whole(db, session_id, scope)
    return session


def need_not_cancelled(session: TrainingSession) -> None:
    """Raise SessionCancelled if the session is cancelled."""
    if session.state == SessionState.CANCELLED:
        raise SessionCancelled


def need_scheduled(session: TrainingSession) -> None:
    """Raise SessionCompleted or SessionCancelled unless the session is scheduled."""
    need_not_cancelled(session)
    if session.state != SessionState.SCHEDULED:
        raise SessionCompleted


def touch(db: Session, session: TrainingSession, now: datetime) -> None:
    """Write the session's changes as its next revision."""
    _stamp(session, now)
    session.revision += 1
    session.updated_at = now
    db.flush()


def touch_roster(db: Session, session: TrainingSession, now: datetime) -> None:
    """Note that parties were added to the roster or removed. The session itself stays as it is, with its revision."""
    _stamp(session, now)
    session.roster_revision += 1
    db.flush()


def _stamp(session: TrainingSession, now: datetime) -> None:
    """Note when the calendar file changes: at least a second later than before, because it is written in seconds."""
    session.stamped_at = max(now, (session.stamped_at or session.updated_at) + timedelta(seconds=1))


def about(session: TrainingSession) -> dict[str, Any]:
    """The fields that every event about a session has."""
    return {"courseId": str(session.course_id), "courseVersionId": str(session.course_version_id)}


def size(db: Session, session_id: uuid.UUID) -> int:
    """Return the number of parties on the roster."""
    entries = select(func.count()).where(
        RosterEntry.org_id == current_org(db), RosterEntry.session_id == session_id, RosterEntry.removed_at.is_(None)
    )
    return db.scalar(entries) or 0


def _check(db: Session, course_id: uuid.UUID, values: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a mode that the course does not allow, an unknown zone, or an end not after the start."""
    if "mode" in values:
        mode = catalogue.courses_by_id(db, [course_id])[course_id].mode
        if mode not in (Mode.FLEX, values["mode"]):
            raise InvalidInput(Fault("/mode", f"The course's mode is {mode}, so the session must be {mode} too."))
    if "time_zone" in values:
        access.check_time_zone(values["time_zone"], "/timeZone")
    if values["ends_at"] <= values["starts_at"]:
        raise InvalidInput(Fault("/endsAt", "The end must come after the start."))


def _event_data(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of columns as fields of an event."""
    return {
        to_camel(name): value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }
