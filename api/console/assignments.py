"""The list of assignments, with its filters, and as a file."""

from operator import attrgetter
from typing import Any, NamedTuple

from fastapi import Request, Response

from api.console.bulk import ON_ASSIGNMENTS
from api.console.columns import Column
from api.console.frame import ConsoleRouter, CurrentFrame
from api.console.listing import Filter, ListPage, choices_of, list_page
from api.http.filtering import AssignmentFilters, AssignmentSort
from api.http.lists import AskedList
from shared.assignments import AssignmentAnswer, AssignmentState, Sort
from shared.services import assignments, overview
from shared.texts import N_

router = ConsoleRouter()

STATES = {"assigned": N_("Open"), "completed": N_("Completed"), "closed": N_("Closed")}
SORTS = {"newest": N_("Newest first"), "due": N_("By due date")}


class Listed(NamedTuple):
    """An assignment with the title that the version had when it was published."""

    assignment: AssignmentAnswer
    course_title: str | None


PAGE = ListPage(
    title=N_("Assignments"),
    template="assignments.html",
    address="/assignments",
    model=AssignmentAnswer,
    record=attrgetter("assignment"),
    id=attrgetter("assignment.id"),
    called=attrgetter("assignment.party.display_name"),
    settled=lambda item: item.assignment.state != AssignmentState.ASSIGNED,
    columns=(
        Column("person", N_("Person")),
        Column("id", N_("Id"), usual=False),
        Column("course", N_("Course")),
        Column("reason", N_("Reason"), "wide"),
        Column("assigned", N_("Assigned"), "wide", zoned=True, usual=False),
        Column("due", N_("Due"), "later"),
        Column("completed", N_("Completed"), "wide", zoned=True, usual=False),
        Column("state", N_("State")),
    ),
    filters=(
        Filter("courseId", N_("Course"), "choice", offered=0),
        Filter("folderId", N_("Folder"), "choice", offered=1),
        Filter("state", N_("State"), "choice", choices_of(AssignmentState, STATES)),
        Filter("dueBefore", N_("Due before"), "day"),
        Filter("dueAfter", N_("Due after"), "day"),
        Filter("sort", N_("Order"), "order", choices_of(Sort, SORTS)),
        Filter("overdue", N_("Only overdue"), "flag"),
        Filter("partyId", N_("Person"), "hidden"),
        Filter("jobId", N_("Job"), "hidden"),
        Filter("courseVersionId", N_("Version"), "hidden"),
    ),
)


@router.list_of("/assignments", assignments.list_assignments)
def show(
    request: Request,
    frame: CurrentFrame,
    asked: AskedList,
    filters: AssignmentFilters,
    sort: AssignmentSort = Sort.NEWEST,
) -> Response:
    """The list, or all of it as a file."""
    db, caller = asked.db, asked.caller
    rows = assignments.list_assignments(db, caller, filters, sort, titled=True)

    def answer(row: Any) -> Listed:
        return Listed(AssignmentAnswer.of(row, filters.today), row.course_title)

    offered = overview.course_choices(db, caller), overview.folder_choices(db, caller)
    return list_page(frame, request, asked, PAGE, rows, answer, *offered, acts=ON_ASSIGNMENTS.allowed(frame))
