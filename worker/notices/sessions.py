"""The mails about sessions: invited, changed, cancelled, reinstated, off the roster. Each has the calendar file."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Uuid, and_, cast, func, select
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.types import Text

from shared.deliveries import Columns, DeliveryCode, Notice
from shared.events import Event
from shared.sessions import RosterEntry, SessionState, TrainingSession
from worker.notices.situation import Case, Irrelevant, MailKind, Named, Situation


def the_roster(columns: Columns, meant: ColumnElement[bool]) -> Select[Any]:
    """Addressees: every party on the roster of the event's session."""
    session_id = sql_case(
        (Event.subject.like("session/%"), cast(func.substr(Event.subject, len("session/") + 1), Uuid))
    )
    of_session = and_(RosterEntry.org_id == Event.org_id, RosterEntry.session_id == session_id)
    return select(*columns(RosterEntry.party_id)).join_from(Event, RosterEntry, of_session).where(meant)


def the_roster_of_a_move(columns: Columns, meant: ColumnElement[bool]) -> Select[Any]:
    """Addressees: every party on the roster, if the time or the place has changed; else nobody."""
    time_and_place = array(["startsAt", "endsAt", "timeZone", "mode", "location", "joinUrl"])
    return the_roster(columns, and_(meant, Event.data["changed"].has_any(cast(time_and_place, ARRAY(Text)))))


def _invitation(at: Situation, case: Case) -> Notice:
    found = _not_cancelled(at, case)
    _need_on_roster(at, case)
    return _notice(at, case, found)


def _cancelled(at: Situation, case: Case) -> Notice:
    found = _not_over(at, case)
    if found.row.state != SessionState.CANCELLED:
        raise Irrelevant(DeliveryCode.SESSION_REINSTATED)
    _need_on_roster(at, case)
    _need_invited(at, case)
    return _notice(at, case, found)


def _reinstated(at: Situation, case: Case) -> Notice:
    """Told unless the party still has its invitation: then it never heard that the session was cancelled."""
    told = case.told(at)
    if told and told[-1].type not in _WITHDRAWALS:
        raise Irrelevant(DeliveryCode.ALREADY_TOLD)
    return _invitation(at, case)


def _removed(at: Situation, case: Case) -> Notice:
    found = _not_cancelled(at, case)
    if _on_roster(at, case):
        raise Irrelevant(DeliveryCode.ON_ROSTER_AGAIN)
    _need_invited(at, case)
    return _notice(at, case, found)


KINDS = (
    MailKind("session.roster_added", _invitation),
    MailKind("session.changed", _invitation, addressees=the_roster_of_a_move),
    MailKind("session.reinstated", _reinstated, addressees=the_roster, looks_back=True),
    MailKind("session.cancelled", _cancelled, addressees=the_roster, looks_back=True, withdraws=True),
    MailKind("session.roster_removed", _removed, looks_back=True, withdraws=True),
)
_WITHDRAWALS = frozenset(kind.type for kind in KINDS if kind.withdraws)


def _not_over(at: Situation, case: Case) -> Named:
    """The session. Raises Irrelevant if it is over or is being completed."""
    found = at.sessions[case.subject_id]
    session: TrainingSession = found.row
    if session.ends_at <= at.now or session.state in (SessionState.COMPLETING, SessionState.COMPLETED):
        raise Irrelevant(DeliveryCode.SESSION_OVER)
    return found


def _not_cancelled(at: Situation, case: Case) -> Named:
    """The session. Raises Irrelevant if it is over or cancelled."""
    found = _not_over(at, case)
    if found.row.state == SessionState.CANCELLED:
        raise Irrelevant(DeliveryCode.SESSION_CANCELLED)
    return found


def _on_roster(at: Situation, case: Case) -> bool:
    return (case.subject_id, case.party.id) in at.rosters


def _need_on_roster(at: Situation, case: Case) -> None:
    if not _on_roster(at, case):
        raise Irrelevant(DeliveryCode.NOT_ON_ROSTER)


def _need_invited(at: Situation, case: Case) -> None:
    """Raise Irrelevant if the party got no invitation, or it was withdrawn already."""
    if case.need_told(at).type in _WITHDRAWALS:
        raise Irrelevant(DeliveryCode.ALREADY_TOLD)


def _notice(at: Situation, case: Case, found: Named) -> Notice:
    session: TrainingSession = found.row
    cancels = case.kind.withdraws
    return Notice(
        case.kind.type,
        found.title,
        found.label,
        link=None if cancels else session.join_url,
        reason=session.cancellation_reason,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        location=session.location,
        join_url=None if cancels else session.join_url,
        calendar=at.calendar_of(found),
        cancels=cancels,
    )
