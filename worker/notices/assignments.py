"""The mails about assignments: assigned, reminded by a member, due soon, overdue."""

from shared.assignments import Assignment, AssignmentState, LinksNotConfigured
from shared.deliveries import DeliveryCode, Notice
from shared.directory import Party
from shared.settings import ASSIGNMENT_ID
from worker.notices.situation import OF_ONE_DAY, Case, Irrelevant, MailKind, Named, Situation


def _created(at: Situation, case: Case) -> Notice:
    found = _open(at, case)
    if found.row.job_id in at.unwanted:
        raise Irrelevant(DeliveryCode.NOT_WANTED)
    return _notice(at, case, found)


def _due_soon(at: Situation, case: Case) -> Notice:
    found = _due_as_before(at, case)
    if found.row.due_on < at.today:
        raise Irrelevant(DeliveryCode.STALE)
    return _notice(at, case, found)


def _overdue(at: Situation, case: Case) -> Notice:
    return _notice(at, case, _due_as_before(at, case))


def _reminded(at: Situation, case: Case) -> Notice:
    return _notice(at, case, _open(at, case))


KINDS = (
    MailKind("assignment.reminded", _reminded, stale_after=OF_ONE_DAY),
    MailKind("assignment.created", _created),
    MailKind("assignment.due_soon", _due_soon, stale_after=OF_ONE_DAY),
    MailKind("assignment.overdue", _overdue, stale_after=OF_ONE_DAY),
)


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
