"""Reading assignments: one, lists, counts, and the assignments of a job as the recipients of another one."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Subquery,
    Text,
    and_,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Session

from shared import catalogue, directory, jobs, statistics
from shared.arrays import is_one_of
from shared.assignments import finding
from shared.assignments.models import Assignment, AssignmentState
from shared.catalogue import Course, CourseVersion
from shared.database import current_org
from shared.directory import Folder, FolderMember
from shared.errors import NotFound
from shared.jobs import Job, JobOutcome, Outcome, OutcomeCode
from shared.pagination import Place, Rows, Sought


class Sort(StrEnum):
    """The order of a list: the newest first, or by due date."""

    NEWEST = "newest"
    DUE = "due"


@dataclass(frozen=True)
class Filters:
    """The conditions of a list. due_before, due_after: days, both exclusive. overdue: on `today`."""

    today: date
    course_id: uuid.UUID | None = None
    course_version_id: uuid.UUID | None = None
    folder_id: str | None = None
    party_id: str | None = None
    state: AssignmentState | None = None
    overdue: bool | None = None
    due_before: date | None = None
    due_after: date | None = None
    job_id: uuid.UUID | None = None


def list_assignments(db: Session, filters: Filters, scope: Collection[str] | None, sort: Sort = Sort.NEWEST) -> Rows:
    """Select assignments in the scope: rows of (Assignment, display_name, version_label)."""
    rows = _in_order(matching(db, filters, scope), sort)
    if filters.party_id is not None or (sort is Sort.NEWEST and _has_index(filters, scope)):
        return rows
    wanted = _wanted(filters, scope, sort)

    def find(db: Session, place: Place | None, most: int) -> Select[Assignment, str, str]:
        ids = finding.find(db, wanted, place, most)
        if ids is None:
            if filters.job_id is None:  # the few rows of a job are sorted
                statistics.read_in_order(db)
            return rows
        return _in_order(_shown(db, scope).where(is_one_of(Assignment.id, ids)), sort)

    org_id = current_org(db)
    return Sought(rows, find, lambda most: finding.counted(org_id, wanted, most))


def _has_index(filters: Filters, scope: Collection[str] | None) -> bool:
    """True if one index has the rows in the order of their age: all, those of a state, or of a version in a state."""
    given = {name for name, value in vars(filters).items() if value is not None and name != "today"}
    return scope is None and given in (set[str](), {"state"}, {"course_version_id", "state"})


def _in_order(rows: Select[Assignment, str, str], sort: Sort) -> Select[Assignment, str, str]:
    if sort is Sort.DUE:
        return rows.order_by(Assignment.due_key, Assignment.id)
    return rows.order_by(Assignment.id.desc())


def matching(db: Session, filters: Filters, scope: Collection[str] | None) -> Select[Assignment, str, str]:
    """Select all rows of a list, in no order."""
    rows = _shown(db, scope).where(*_conditions(filters))
    if filters.folder_id is None:
        return rows
    return rows.where(directory.in_scope(Assignment.party_id, [filters.folder_id]))


def _wanted(filters: Filters, scope: Collection[str] | None, sort: Sort) -> finding.Wanted:
    """Return the same conditions for `finding`. A folder of the scope makes the scope's other folders irrelevant."""
    folder_id, since, before = filters.folder_id, None, filters.due_before
    if filters.due_after is not None:
        since = min(filters.due_after, date.max - timedelta(days=1)) + timedelta(days=1)
        before = min(before or date.max, date.max)
    return finding.Wanted(
        today=filters.today,
        by_due=sort is Sort.DUE,
        course_id=filters.course_id,
        version_id=filters.course_version_id,
        job_id=filters.job_id,
        state=filters.state,
        overdue=filters.overdue,
        since=since,
        before=before,
        folders=scope if folder_id is None else [folder_id],
        scope=None if folder_id is None or scope is None or folder_id in scope else scope,
    )


def get(db: Session, assignment_id: uuid.UUID, scope: Collection[str] | None) -> Row[Assignment, str, str]:
    """Return one row as of `list_assignments`. Raises NotFound, also for an assignment outside the scope."""
    row = db.execute(_shown(db, scope).where(Assignment.id == assignment_id)).one_or_none()
    if row is None:
        raise NotFound("assignment")
    return row


def party_of(db: Session, assignment_id: uuid.UUID) -> str | None:
    """Return the id of the party of an assignment, None if there is no such assignment."""
    of = select(Assignment.party_id).where(Assignment.org_id == current_org(db), Assignment.id == assignment_id)
    return db.scalar(of)


def with_ids(org_id: str, assignment_ids: Collection[uuid.UUID]) -> tuple[ColumnElement[bool], ...]:
    """The conditions that an assignment has one of these ids."""
    return Assignment.org_id == org_id, is_one_of(Assignment.id, assignment_ids)


def is_overdue(assignment: Assignment, today: date) -> bool:
    """True if the assignment is open and was due before `today`, the organization's day."""
    due_on = assignment.due_on
    return due_on is not None and due_on < today and assignment.state == AssignmentState.ASSIGNED


def made_by(job: Job) -> Select[str, str, uuid.UUID]:
    """Select the assignments that a job made, as its successes: `entity_id, code, record_id`."""
    return select(
        Assignment.party_id.label("entity_id"),
        literal(OutcomeCode.CREATED, Text).label("code"),
        Assignment.id.label("record_id"),
    ).where(Assignment.org_id == job.org_id, Assignment.job_id == job.id)


def _shown(db: Session, scope: Collection[str] | None) -> Select[Assignment, str, str]:
    rows = _with_names().where(Assignment.org_id == current_org(db))
    return rows if scope is None else rows.where(directory.in_scope(Assignment.party_id, scope))


@cache
def _with_names() -> Select[Assignment, str, str]:
    """Select the rows of a list, of all organizations. Built once: that takes a tenth of the time of a request."""
    org_id = Assignment.org_id
    return select(
        Assignment, directory.name_of(org_id, Assignment.party_id), CourseVersion.label.label("version_label")
    ).outerjoin(CourseVersion, catalogue.is_version(org_id, Assignment.course_version_id))


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    equal = {
        Assignment.course_id: filters.course_id,
        Assignment.course_version_id: filters.course_version_id,
        Assignment.party_id: filters.party_id,
        Assignment.state: filters.state,
        Assignment.job_id: filters.job_id,
    }
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if filters.due_before is not None:
        conditions.append(Assignment.due_on < filters.due_before)
    if filters.due_after is not None:
        conditions.append(Assignment.due_on > filters.due_after)
    if filters.overdue is not None:
        late = and_(
            Assignment.state == AssignmentState.ASSIGNED, func.coalesce(Assignment.due_on < filters.today, False)
        )
        conditions.append(late if filters.overdue else ~late)
    return conditions


def select_recipients(
    db: Session, filters: Filters, scope: Collection[str] | None, states: Collection[AssignmentState] = ()
) -> Select[str]:
    """Select the ids of the matching assignments, as a job's recipients. states: only these, if any are given."""
    rows = matching(db, filters, scope).with_only_columns(cast(Assignment.id, Text))
    return rows.where(Assignment.state.in_(sorted(states))) if states else rows


def completed_by(job: Job) -> Select[str]:
    """Select the ids of the assignments that a job completed, as recipients of another job."""
    return select(cast(JobOutcome.record_id, Text)).where(
        JobOutcome.org_id == job.org_id, JobOutcome.job_id == job.id, JobOutcome.outcome == Outcome.SUCCEEDED
    )


def created_by(job: Job) -> Select[str]:
    """Select the ids of the assignments that a job made, as recipients of another job."""
    return select(cast(Assignment.id, Text)).where(Assignment.org_id == job.org_id, Assignment.job_id == job.id)


def results_by_party(rows: Select[*tuple[Any, ...]], scope: Collection[str] | None) -> Select[*tuple[Any, ...]]:
    """Replace the recipient of each result by its party, for a job whose recipients are assignments.

    An assignment that does not exist or is outside the scope stays as it is.
    """
    return jobs.results_by_party(rows, Assignment, directory.in_scope(Assignment.party_id, scope))


def summarize(db: Session, by: str, today: date, scope: Collection[str] | None) -> list[Row[Any]]:
    """Return counts by course or by folder: rows of (id, name, assigned, completed, closed, overdue), by name.

    A party in several folders counts in each of them. today: the organization's day.

    Each version or party is counted first, from an index that has all that is asked; these few are then joined.
    """
    org_id = current_org(db)
    counted = _counted(Assignment.course_version_id if by == "course" else Assignment.party_id, org_id, today, scope)
    sums = [cast(func.sum(counted.c[name]), BigInteger).label(name) for name in _COUNTS]
    if by == "course":
        version = and_(CourseVersion.org_id == org_id, CourseVersion.id == counted.c.of)
        course = and_(Course.org_id == org_id, Course.id == CourseVersion.course_id)
        grouped: Select[*tuple[Any, ...]] = (
            select(Course.id, Course.title, *sums)
            .select_from(counted)
            .join(CourseVersion, version)
            .join(Course, course)
            .group_by(Course.id, Course.title)
            .order_by(Course.title, Course.id)
        )
    else:
        member = and_(FolderMember.org_id == org_id, FolderMember.party_id == counted.c.of)
        folder = and_(Folder.org_id == org_id, Folder.id == FolderMember.folder_id)
        if scope is not None:
            folder = and_(folder, is_one_of(FolderMember.folder_id, scope))
        grouped = (
            select(Folder.id, Folder.name, *sums)
            .select_from(counted)
            .join(FolderMember, member)
            .join(Folder, folder)
            .group_by(Folder.id, Folder.name)
            .order_by(Folder.name, Folder.id)
        )
    statistics.read_everything(db)
    return list(db.execute(grouped))


_COUNTS = ("assigned", "completed", "closed", "overdue")


def _counted(of: Any, org_id: str, today: date, scope: Collection[str] | None) -> Subquery:
    """Count the assignments of each version or party, as `of` and the counts. The due key is in the indexes."""
    open_one = Assignment.state == AssignmentState.ASSIGNED
    counts = (
        func.count().filter(open_one),
        func.count().filter(Assignment.state == AssignmentState.COMPLETED),
        func.count().filter(Assignment.state == AssignmentState.CLOSED),
        func.count().filter(open_one, Assignment.due_key < today),
    )
    rows = select(of.label("of"), *(count.label(name) for count, name in zip(counts, _COUNTS, strict=True)))
    rows = rows.where(Assignment.org_id == org_id).group_by(of)
    if scope is not None:
        rows = rows.where(directory.in_folders(Assignment.party_id, scope))
    return rows.subquery("counted")
