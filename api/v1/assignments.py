"""Assignments: submit, preview, list, summarize, read, edit, reassign, close. Completing is in `completions`."""

import uuid
from datetime import date
from functools import partial
from typing import Annotated, Literal

from fastapi import Query, Response, status

from api.http.accepting import Accepting
from api.http.dependencies import CurrentCaller, Db, Now, Today, allow
from api.http.files import AskedFile
from api.http.filtering import AssignmentFilters, AssignmentSort
from api.http.lists import AskedList
from api.http.once import ONCE
from api.http.routing import Router
from api.v1.etags import Expected, etag
from api.v1.jobs import answer_accepted
from shared.assignments import (
    AssignmentAnswer,
    AssignmentChanges,
    AssignmentRequest,
    Preview,
    ReasonRequest,
    ReassignRequest,
    Sort,
    SummaryAnswer,
    exported,
)
from shared.jobs import JobAnswer
from shared.services import assignments
from shared.services.assignments import Shown
from shared.wire import Answer, Listing

router = Router("/v1/assignments", "assignments")


class Summary(Answer):
    """One entry for each course or folder that has assignments."""

    by: str
    items: list[SummaryAnswer]


@router.post("", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(assignments.submit_assignments)])
def create_assignments(
    body: AssignmentRequest, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit a job that assigns a course's active version to parties. The version and the recipients are fixed now."""
    accepted = assignments.submit_assignments(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/preview", dependencies=[allow(assignments.preview_assignments)])
def preview_assignments(body: AssignmentRequest, db: Db, caller: CurrentCaller, now: Now) -> Preview:
    """Count the outcomes that a submission of this body would have now, with up to 20 examples of each."""
    return assignments.preview_assignments(db, caller, body, now)


@router.get("", dependencies=[allow(assignments.list_assignments)])
def list_assignments(
    asked: AskedList,
    filters: AssignmentFilters,
    sort: AssignmentSort = Sort.NEWEST,
) -> Listing[AssignmentAnswer]:
    """Assignments in the caller's scope. `Accept: text/csv` or XLSX sends every matching row."""
    rows = assignments.list_assignments(asked.db, asked.caller, filters, sort)
    return asked.page(
        rows,
        AssignmentAnswer,
        lambda row: AssignmentAnswer.fields(row, filters.today),
        name="assignments",
        exported=partial(exported, filters.today, sort),
    )


@router.get("/summary", dependencies=[allow(assignments.summarize_assignments)])
def summarize_assignments(
    db: Db,
    caller: CurrentCaller,
    now: Now,
    file: AskedFile,
    by: Annotated[
        Literal["course", "folder"], Query(description="Counts for each course, or for each folder.")
    ] = "course",
) -> Summary:
    """The number of assignments by state and of overdue ones, for each course or each folder in the caller's scope."""
    rows = assignments.summarize_assignments(db, caller, by, now)
    return file.whole(Summary(by=by, items=[SummaryAnswer.of(row) for row in rows]), SummaryAnswer)


@router.get("/{assignment_id}", dependencies=[allow(assignments.get_assignment)])
def read_assignment(
    assignment_id: uuid.UUID, db: Db, caller: CurrentCaller, today: Today, response: Response
) -> AssignmentAnswer:
    """One assignment in the caller's scope. Send its `ETag` as `If-Match` to change it."""
    return answer(assignments.get_assignment(db, caller, assignment_id), today, response)


@router.patch("/{assignment_id}", dependencies=[allow(assignments.edit_assignment)])
def change_assignment(
    assignment_id: uuid.UUID,
    body: AssignmentChanges,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    today: Today,
    now: Now,
    response: Response,
) -> AssignmentAnswer:
    """Change the due date or the reason of an open assignment. 412 when `If-Match` is stale."""
    return answer(assignments.edit_assignment(db, caller, assignment_id, body, expected, now), today, response)


@router.post("/{assignment_id}/reassign", dependencies=[allow(assignments.reassign_assignment), ONCE])
def reassign_assignment(
    assignment_id: uuid.UUID,
    body: ReassignRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    today: Today,
    now: Now,
    response: Response,
) -> AssignmentAnswer:
    """Close an open assignment, and make one of the same version for another party. Returns the new one."""
    other = assignments.reassign_assignment(db, caller, assignment_id, body, expected, now)
    response.headers["Location"] = f"/v1/assignments/{other[0].id}"
    return answer(other, today, response)


@router.post("/{assignment_id}/close", dependencies=[allow(assignments.close_assignment)])
def close_assignment(
    assignment_id: uuid.UUID,
    body: ReasonRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    today: Today,
    now: Now,
    response: Response,
) -> AssignmentAnswer:
    """Close an open assignment. Its party need not complete it any more."""
    closed = assignments.close_assignment(db, caller, assignment_id, body.reason, expected, now)
    return answer(closed, today, response)


def answer(shown: Shown, today: date, response: Response) -> AssignmentAnswer:
    """The answer with one assignment and its ETag. today: the organization's day."""
    response.headers["ETag"] = etag(shown[0].revision)
    return AssignmentAnswer.of(shown, today)
