"""The sessions of one party: those on whose roster it is, with its own attendance and nothing of anybody else."""

from typing import Any, Self

from sqlalchemy import Label, Select, select
from sqlalchemy.orm import Session

from shared.catalogue import Content, content_of
from shared.sessions.models import Attendance, RosterEntry, SessionMode, SessionState, TrainingSession
from shared.sessions.queries import Filters, list_sessions
from shared.wire import Instant


class OwnSession(Content):
    """A session that the party is expected at. attendance: the party's own."""

    id: str
    course_id: str
    course_version_id: str
    version_label: str
    mode: SessionMode
    starts_at: Instant
    ends_at: Instant
    time_zone: str
    location: str | None
    join_url: str | None
    state: SessionState
    attendance: Attendance | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The answer for a row of `list_personal`."""
        session: TrainingSession = row[0]
        kept = ("mode", "starts_at", "ends_at", "time_zone", "location", "join_url", "state")
        own = {name: getattr(session, name) for name in kept} | {
            name: str(getattr(session, name)) for name in ("id", "course_id", "course_version_id")
        }
        return cls(
            **own,
            version_label=row.version_label,
            attendance=row.attendance,
            **dict(Content.model_validate(row)),
        )


def list_personal(db: Session, party_id: str) -> Select[*tuple[Any, ...]]:
    """Select the sessions of a party by their start: rows for `OwnSession.of`."""
    _, *content = content_of(TrainingSession)  # the rows have the title
    return list_sessions(db, Filters(party_id=party_id), None).add_columns(*content, attendance_of(party_id))


def attendance_of(party_id: str) -> Label[str | None]:
    """The attendance of a party at the session of each row of `list_sessions`, as the column `attendance`."""
    entry = RosterEntry.session_id == TrainingSession.id, RosterEntry.party_id == party_id
    attendance = select(RosterEntry.attendance).where(RosterEntry.org_id == TrainingSession.org_id, *entry)
    return attendance.correlate(TrainingSession).scalar_subquery().label("attendance")
