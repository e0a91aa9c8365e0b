"""The mails about assignments: assigned, changed, taken away, open again, reminded, due soon, overdue."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_

from shared import deliveries
from shared.assignments import Assignment, AssignmentState, reminders_by
from shared.deliveries import Columns, DeliveryCode, Notice
from shared.directory import Party
from shared.events import Event
from shared.settings import ASSIGNMENT_ID
from shared.signed_links import LinksNotConfigured
from worker.notices.situation import Case, Irrelevant, MailKind, Named, Situation


def _created(at: Situation, case: Case) -> Notice:
    found = _open(at, case)
    if found.row.job_id in at.unwanted:
        raise Irrelevant(DeliveryCode.NOT_WANTED)
    return _notice(at, case, found)


def _reminder(at: Situation, case: Case) -> Notice:
    """Before the due date or after it. It helps until the next reminder's day has come."""
    found = _due_as_before(at, case)
    assignment: Assignment = found.row
    assert assignment.due_on is not None
    days_over = (at.today - assignment.due_on).days
    over = case.event.type == "assignment.due_soon" and days_over > 0
    if over or reminders_by(days_over) > _number(case.event.data):
        raise Irrelevant(DeliveryCode.STALE)
    case.need_news(at, lambda data: (data["dueOn"], _number(data)))
    return _notice(at, case, found)


def _changed(at: Situation, case: Case) -> Notice:
    """Another due date."""
    _need_act_of_others(case)
    found = _open(at, case)
    due_on = case.event.data["dueOn"]
    if due_on != _text(found.row.due_on):
        raise Irrelevant(DeliveryCode.DUE_DATE_CHANGED)
    case.need_told(at)
    former = case.former(at, "dueOn")
    if former == due_on:
        raise Irrelevant(DeliveryCode.ALREADY_TOLD)
    return replace(_notice(at, case, found), former_due_on=None if former is None else date.fromisoformat(former))


def _taken_away(at: Situation, case: Case) -> Notice:
    """Closed, reassigned to another party, or moved to another course, which a notice of its own says."""
    _need_act_of_others(case)
    found = at.assignments[case.subject_id]
    assignment: Assignment = found.row
    if assignment.state == AssignmentState.COMPLETED or assignment.satisfied_by is not None:
        raise Irrelevant(DeliveryCode.ASSIGNMENT_COMPLETED)
    if assignment.state == AssignmentState.ASSIGNED or "mergedWith" in case.event.data:  # its twin is still open
        raise Irrelevant(DeliveryCode.ASSIGNMENT_OPEN)
    if case.need_told(at).type in _WITHDRAWALS:
        raise Irrelevant(DeliveryCode.ALREADY_TOLD)
    undone = "undoOf" in case.event.data  # its reason names a job, which says nothing to the party
    moved = at.replaced_for.get(assignment.id) == case.party.id
    kind = "assignment.closed" if moved else case.kind.type
    return Notice(kind, found.title, found.label, reason=None if undone else assignment.closure_reason)


def _reopened(at: Situation, case: Case) -> Notice:
    """To be done again, or after all."""
    _need_act_of_others(case)
    found = _open(at, case)
    told = case.need_told(at)
    closed_in_this_batch = any(event.type in _WITHDRAWALS for event in at.by_subject[case.event.subject])
    was_closed = closed_in_this_batch or case.event.data.get("former", {}).get("state") == AssignmentState.CLOSED
    if was_closed and told.type not in _WITHDRAWALS:
        raise Irrelevant(DeliveryCode.ALREADY_TOLD)  # the party never heard that it was closed
    return _notice(at, case, found)


def another_due_date(columns: Columns, meant: ColumnElement[bool]) -> Select[Any]:
    """Addressees: the party, if the due date has changed; else nobody."""
    former = Event.data["former"]
    changed = and_(former.has_key("dueOn"), former["dueOn"].is_distinct_from(Event.data["dueOn"]))
    return deliveries.the_party(columns, and_(meant, changed))


def _reminded(at: Situation, case: Case) -> Notice:
    return _notice(at, case, _open(at, case))


KINDS = (
    MailKind("assignment.created", _created),
    MailKind("assignment.reminded", _reminded),
    MailKind("assignment.changed", _changed, addressees=another_due_date, looks_back=True, corrects=True),
    MailKind("assignment.closed", _taken_away, looks_back=True, withdraws=True),
    MailKind("assignment.reassigned", _taken_away, looks_back=True, withdraws=True),
    MailKind("assignment.reopened", _reopened, looks_back=True, corrects=True),
    MailKind("assignment.due_soon", _reminder, looks_back=True),
    MailKind("assignment.overdue", _reminder, looks_back=True),
)
_WITHDRAWALS = frozenset(kind.type for kind in KINDS if kind.withdraws)


def _number(data: Mapping[str, Any]) -> int:
    """How many reminders of an assignment had come when one was recorded."""
    return reminders_by(data["daysOver"] if "daysOver" in data else -data["daysLeft"])


def _need_act_of_others(case: Case) -> None:
    if case.own_act:
        raise Irrelevant(DeliveryCode.OWN_ACT)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _open(at: Situation, case: Case) -> Named:
    """The assignment. Raises Irrelevant if it is not open any more."""
    found = at.assignments[case.subject_id]
    assignment: Assignment = found.row
    if assignment.state == AssignmentState.COMPLETED:
        raise Irrelevant(DeliveryCode.ASSIGNMENT_COMPLETED)
    if assignment.state == AssignmentState.CLOSED:
        reassigned = assignment.reassigned_to is not None
        raise Irrelevant(DeliveryCode.ASSIGNMENT_REASSIGNED if reassigned else DeliveryCode.ASSIGNMENT_CLOSED)
    return found


def _due_as_before(at: Situation, case: Case) -> Named:
    """The assignment. Raises Irrelevant if it is not open, or its due date is not that of the event any more."""
    found = _open(at, case)
    if found.row.due_on is None or case.event.data["dueOn"] != str(found.row.due_on):
        raise Irrelevant(DeliveryCode.DUE_DATE_CHANGED)
    return found


def _notice(at: Situation, case: Case, found: Named) -> Notice:
    assignment: Assignment = found.row
    return Notice(
        case.kind.type,
        found.title,
        found.label,
        link=_link(at, assignment, case.party),
        personal=case.party.member_id is None,
        reason=assignment.reason,
        due_on=assignment.due_on,
        days=None if assignment.due_on is None else (assignment.due_on - at.today).days,
    )


def _link(at: Situation, assignment: Assignment, party: Party) -> str | None:
    """The link to the training: for a party without an account a session link, for a member the product's page."""
    if party.member_id is not None:
        page = at.settings.member_url
        return None if page is None else page.replace(ASSIGNMENT_ID, str(assignment.id))
    try:
        return at.links.mint(assignment, at.now).url
    except LinksNotConfigured:
        return None
