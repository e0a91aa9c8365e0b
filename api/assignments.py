"""Assignments at the front desk: submit, preview, list, read."""

import uuid
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request, Response, status
from sqlalchemy import Select
from sqlalchemy.orm import Session

from api.accepting import Accepting
from api.dependencies import (
    DEFAULT_LIMIT,
    CurrentCaller,
    CurrentOrganization,
    CurrentService,
    Cursor,
    Db,
    Limit,
    Now,
    Today,
    allow,
)
from api.etags import etag
from api.exports import csv_of, wants_csv
from api.routing import Router
from shared import assignments, catalogue, directory, jobs
from shared.access import Caller, Permission
from shared.assignments import (
    AssignmentAnswer,
    AssignmentRequest,
    AssignmentState,
    Filters,
    Preview,
    PreviewOutcome,
    Recipient,
    Sort,
    SummaryAnswer,
)
from shared.catalogue import CourseVersion
from shared.database import ID_PATTERN
from shared.errors import Fault, InvalidInput
from shared.jobs import JobAnswer, Submission
from shared.pagination import page
from shared.wire import Answer, Listing

router = Router("/v1/assignments", "assignments")

SEES = (Permission.VIEW, Permission.MANAGE_ASSIGNMENTS, Permission.ADMIN)


class NoRecipients(InvalidInput):
    """Every folder that was named is empty."""

    def __init__(self) -> None:
        super().__init__(Fault("/folderIds", "These folders have no parties, so there are no recipients."))


AssignmentsListing = Listing[AssignmentAnswer]


class Summary(Answer):
    """One entry for each course or folder that has assignments."""

    by: str
    items: list[SummaryAnswer]


@router.post("", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(Permission.ASSIGN)])
def submit(
    body: AssignmentRequest,
    db: Db,
    caller: CurrentCaller,
    organization: CurrentOrganization,
    accepting: Accepting,
    today: Today,
    now: Now,
) -> JobAnswer:
    """Assign a course's active version to parties, as a job. The version and the folders' members are fixed now."""
    request_hash = accepting.hash_of(body)
    if earlier := accepting.earlier(db, request_hash):
        return earlier
    version, recipients = _checked(db, body, caller, today)
    submission = Submission(
        kind="assignments.create",
        request=_request(body, version),
        actor=caller.actor,
        scope=caller.folders,
        key=accepting.key,
        request_hash=request_hash,
        change_limit=organization.change_limit,
    )
    job, replayed = jobs.submit(db, submission, recipients, workers=accepting.workers, now=now)
    if not replayed and job.total == 0:
        raise NoRecipients
    return accepting.answer(job, replayed=replayed)


@router.post("/preview", dependencies=[allow(Permission.ASSIGN)])
def preview(body: AssignmentRequest, db: Db, caller: CurrentCaller, today: Today) -> Preview:
    """What the same body would do if it were submitted now: counted by outcome, with up to 20 examples of each."""
    version, recipients = _checked(db, body, caller, today)
    wanted = assignments.Terms(
        course_id=version.course_id,
        course_version_id=version.id,
        reason=body.reason,
        due_on=body.due_on,
        skip_completed=body.if_completed == "skip",
        scope=caller.folders,
    )
    outcomes = [PreviewOutcome.model_validate(row) for row in assignments.counted(db, recipients, wanted)]
    total = sum(outcome.count for outcome in outcomes)
    if total == 0:
        raise NoRecipients
    return Preview(course_version_id=version.id, version_label=version.label, total=total, outcomes=outcomes)


def _checked(db: Session, body: AssignmentRequest, caller: Caller, today: date) -> tuple[CourseVersion, Select[str]]:
    """The version and the recipients that a body means. Raises InvalidInput, CourseNotPublished."""
    if body.due_on is not None and body.due_on < today:
        raise InvalidInput(Fault("/dueOn", "The due date may not lie in the past; today is the earliest."))
    version = catalogue.active_version(db, body.course_id)
    return version, named_recipients(db, body.recipients, body.folder_ids, caller)


def named_recipients(db: Session, recipients: list[Recipient], folder_ids: list[str], caller: Caller) -> Select[str]:
    """The parties that a body names one by one and by folder. Raises InvalidInput for a folder that is not there."""
    check_folders(db, folder_ids, caller)
    named = [recipient.entity_id for recipient in recipients]
    return directory.recipients(party_ids=named, folder_ids=folder_ids)


def check_folders(db: Session, folder_ids: list[str], caller: Caller) -> None:
    """Raise InvalidInput for each of the folders that is not there, or outside the caller's scope."""
    missing = set(directory.missing_folders(db, folder_ids, caller.folders))
    if missing:
        raise InvalidInput(
            *(
                Fault(f"/folderIds/{n}", "There is no such folder, or it is outside your scope.")
                for n, folder_id in enumerate(folder_ids)
                if folder_id in missing
            )
        )


def _request(body: AssignmentRequest, version: CourseVersion) -> dict[str, Any]:
    """What the job remembers of the request; the recipients themselves are in its chunks."""
    return {
        "courseId": str(body.course_id),
        "courseVersionId": str(version.id),
        "versionLabel": version.label,
        "recipients": len(body.recipients),
        "folderIds": body.folder_ids,
        "reason": body.reason,
        "dueOn": body.due_on.isoformat() if body.due_on else None,
        "notify": body.notify,
        "ifCompleted": body.if_completed,
    }


def _filters(
    today: Today,
    course_id: Annotated[uuid.UUID | None, Query(alias="courseId")] = None,
    course_version_id: Annotated[uuid.UUID | None, Query(alias="courseVersionId")] = None,
    folder_id: Annotated[str | None, Query(alias="folderId", pattern=ID_PATTERN)] = None,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    state: Annotated[AssignmentState | None, Query()] = None,
    overdue: Annotated[bool | None, Query()] = None,
    due_before: Annotated[date | None, Query(alias="dueBefore")] = None,
    due_after: Annotated[date | None, Query(alias="dueAfter")] = None,
    job_id: Annotated[uuid.UUID | None, Query(alias="jobId")] = None,
) -> Filters:
    return Filters(
        today=today,
        course_id=course_id,
        course_version_id=course_version_id,
        folder_id=folder_id,
        party_id=party_id,
        state=state,
        overdue=overdue,
        due_before=due_before,
        due_after=due_after,
        job_id=job_id,
    )


@router.get("", dependencies=[allow(*SEES)])
def list_assignments(
    db: Db,
    caller: CurrentCaller,
    service: CurrentService,
    request: Request,
    filters: Annotated[Filters, Depends(_filters, scope="function")],
    sort: Annotated[Sort, Query()] = Sort.NEWEST,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Any:
    """Assignments in the caller's scope. `Accept: text/csv` streams every matching row."""
    rows = assignments.listed(db, filters, caller.folders, sort)
    if wants_csv(request):
        as_answer = lambda row: AssignmentAnswer.of(row, filters.today)  # noqa: E731
        return csv_of(AssignmentAnswer, as_answer, rows, service, caller, name="assignments")
    found = page(db, rows, limit=limit, cursor=cursor)
    items = [AssignmentAnswer.of(row, filters.today) for row in found.items]
    return AssignmentsListing(items=items, next_cursor=found.next_cursor)


@router.get("/summary", dependencies=[allow(*SEES)])
def summarize(
    db: Db,
    caller: CurrentCaller,
    today: Today,
    by: Annotated[Literal["course", "folder"], Query(description="What to count by.")] = "course",
) -> Summary:
    """The coordinator's report: counts by state and overdue, for each course or each folder in scope."""
    rows = assignments.summary(db, by, today, caller.folders)
    return Summary(by=by, items=[SummaryAnswer.of(row) for row in rows])


@router.get("/{assignment_id}", dependencies=[allow(*SEES)])
def read_assignment(
    assignment_id: uuid.UUID, db: Db, caller: CurrentCaller, today: Today, response: Response
) -> AssignmentAnswer:
    """One assignment in the caller's scope. Its ETag goes into the If-Match of a change."""
    row = assignments.get(db, assignment_id, caller.folders)
    response.headers["ETag"] = etag(row[0].revision)
    return AssignmentAnswer.of(row, today)
