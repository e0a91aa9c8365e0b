"""The columns of assignments in an export: the fields of `AssignmentAnswer`, as expressions."""

from datetime import date

from sqlalchemy import and_, case, func, literal, null, select
from sqlalchemy.types import Text

from shared import directory
from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.queries import Sort
from shared.catalogue import Course, CourseVersion
from shared.exporting import Exported

_COURSE = and_(Course.org_id == Assignment.org_id, Course.id == Assignment.course_id)

_WORDS = {
    "party.entityType",
    "state",
    "assignedBy.type",
    "completion.method",
    "completion.by.type",
    "completion.linkMintedBy.type",
    "closure.by.type",
}


def exported(today: date, sort: Sort) -> Exported:
    """Returns how a list of assignments is exported. today: the organization's day."""
    a = Assignment
    is_open, done, closed = (a.state == state for state in AssignmentState)
    minted = case((and_(done, a.link_minted_by.is_not(None)), a.link_minted_by))
    cells = {
        "id": a.id,
        "courseId": a.course_id,
        "courseTitle": func.coalesce(CourseVersion.title, select(Course.title).where(_COURSE).scalar_subquery()),
        "courseCode": func.coalesce(CourseVersion.code, select(Course.code).where(_COURSE).scalar_subquery()),
        "courseVersionId": a.course_version_id,
        "versionLabel": CourseVersion.label,
        "party.entityType": literal("party", Text),
        "party.entityId": a.party_id,
        "party.displayName": directory.name_of(a.org_id, a.party_id).element,
        "reason": a.reason,
        "dueOn": a.due_on,
        "state": a.state,
        "overdue": and_(is_open, func.coalesce(a.due_on < today, False)),
        "assignedBy.type": a.assigned_by_type,
        "assignedBy.id": a.assigned_by_id,
        "assignedAt": a.assigned_at,
        "jobId": a.job_id,
        "completion.method": case((done, a.completion_method)),
        "completion.by.type": case((done, a.completed_by_type)),
        "completion.by.id": case((done, a.completed_by_id)),
        "completion.completedAt": case((done, a.completed_at)),
        "completion.occurredOn": case((done, a.occurred_on)),
        "completion.note": case((done, a.completion_note)),
        "completion.linkMintedBy.type": case((minted.is_not(None), literal("member", Text)), else_=null()),
        "completion.linkMintedBy.id": minted,
        "closure.by.type": case((closed, a.closed_by_type)),
        "closure.by.id": case((closed, a.closed_by_id)),
        "closure.closedAt": case((closed, a.closed_at)),
        "closure.reason": case((closed, a.closure_reason)),
        "closure.reassignedTo": case((closed, a.reassigned_to)),
    }
    if sort is Sort.DUE:
        return Exported(cells, _WORDS, (a.due_key, a.id), descending=False)
    return Exported(cells, _WORDS, (a.id,), descending=True)
