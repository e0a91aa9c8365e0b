"""The overview of an organization for one caller, and the choices and suggestions of the pages' forms and filters."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, ScalarSelect, exists, select
from sqlalchemy.orm import Session

from shared import catalogue, directory, jobs, sessions
from shared.access import Caller, Permission
from shared.assignments import Assignment
from shared.catalogue import Course
from shared.database import current_org
from shared.deliveries import DeliveryState, Which
from shared.directory import Party
from shared.jobs import Job, JobAnswer, JobState
from shared.pagination import count
from shared.periods import Period
from shared.services import deliveries as delivering
from shared.services import jobs as working
from shared.services.assignments import CREATE, summarize_assignments
from shared.services.deciders import may_approve
from shared.services.forecast import Forecast, make_forecast
from shared.services.job_details import subjects_of
from shared.services.naming import Names, names_of
from shared.services.sights import answer_of, is_whole, sight_of
from shared.services.verbs import verb
from shared.sessions import Filters, SessionState

MONTHS = 13
"""Months of the forecast, with the present one: a licence of a year that is granted today ends in the last."""

UNDER_WAY = (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING)

MOST_JOBS = 5
"""Jobs that the overview names. Its number of them counts all."""

MOST_SUGGESTED = 12
"""Reasons that a form suggests."""


class Beginning(NamedTuple):
    """The first three steps of an organization: True for each that was taken."""

    people: bool
    course: bool
    assignment: bool


@dataclass
class Overview:
    """An organization as one caller may see it. None: of what the caller may not see.

    courses: rows of (id, title, assigned, completed, closed, overdue). to_approve: jobs that wait for a second member,
    of others than the caller, which the caller may approve. dead: deliveries that were given up. to_complete: sessions
    that have begun. beginning: None once something was assigned. names: of those who submitted these jobs, and of what
    they are about.
    """

    courses: list[Row[Any]] | None = None
    forecast: Forecast | None = None
    jobs: list[JobAnswer] = field(default_factory=list)
    jobs_under_way: int | None = None
    to_approve: list[JobAnswer] | None = None
    dead: int | None = None
    to_complete: int | None = None
    beginning: Beginning | None = None
    names: Names = field(default_factory=dict)


@verb()
def get_overview(db: Session, caller: Caller, now: datetime) -> Overview:
    """Return the overview: of each part what the caller's permissions allow."""
    found = Overview()
    if summarize_assignments.may(caller):
        found.courses = summarize_assignments(db, caller, "course", now)
        if not found.courses:
            found.beginning = _beginning(db)
    if make_forecast.may(caller):
        found.forecast = make_forecast(db, caller, None, Period.MONTH, MONTHS, now)
    if working.list_jobs.may(caller):
        _add_jobs(db, caller, found)
    if delivering.summarize_deliveries.may(caller):
        found.dead = delivering.summarize_deliveries(db, caller, Which(state=DeliveryState.DEAD)).dead
    if caller.may(Permission.ADMIN):
        begun = Filters(state=SessionState.SCHEDULED, until=now)
        found.to_complete = count(db, sessions.list_sessions(db, begun, caller.folders))[0]
    return found


def _add_jobs(db: Session, caller: Caller, found: Overview) -> None:
    """Add the jobs under way, and those that this caller may be the second member for."""
    sight = sight_of(caller)

    def seen(*states: JobState) -> Any:
        rows = jobs.list_jobs(db).where(Job.state.in_(states))
        return rows if sight is None else jobs.list_seen(rows, sight)

    running = seen(*UNDER_WAY)
    found.jobs_under_way = count(db, running)[0]
    if found.jobs_under_way:
        found.jobs = [_job_answer(caller, row) for row in db.execute(running.limit(MOST_JOBS))]
    if decided := [name for name, kind in jobs.KINDS.items() if may_approve(caller, kind)]:
        others = seen(JobState.AWAITING_APPROVAL).where(Job.submitted_by_id != caller.member_id, Job.kind.in_(decided))
        rows = [row[0] if len(row) == 1 else row for row in db.execute(others.limit(MOST_JOBS))]
        found.to_approve = [answer_of(caller, one) for one in rows if is_whole(one)]
    shown = [*found.jobs, *(found.to_approve or ())]
    found.names = names_of(db, caller, {subject for one in shown for subject in subjects_of(one)})


def _job_answer(caller: Caller, row: Any) -> JobAnswer:
    return answer_of(caller, row[0] if len(row) == 1 else row)


def _beginning(db: Session) -> Beginning:
    org_id = current_org(db)
    people, course, assignment = (exists().where(one.org_id == org_id) for one in (Party, Course, Assignment))
    return Beginning(*db.execute(select(people, course, assignment)).one())


# --- choices of filters and forms


@verb()
def course_choices(db: Session, _: Caller) -> ScalarSelect[Any]:
    """Return a subquery with the courses that a filter offers, as pairs of id and title. Every member may know them."""
    return catalogue.as_choices(db)


@verb()
def folder_choices(db: Session, caller: Caller) -> ScalarSelect[Any]:
    """Return a subquery with the folders in the caller's scope, as pairs of id and name."""
    return directory.as_choices(db, caller.folders)


@verb()
def published_courses(db: Session, _: Caller) -> list[tuple[str, str]]:
    """Return the courses that can be assigned, as pairs of id and name."""
    return db.scalar(select(catalogue.as_choices(db, published=True))) or []


class Choices(NamedTuple):
    """The choices of the form that assigns: pairs of id and name, and reasons that were used before."""

    courses: list[tuple[str, str]]
    folders: list[tuple[str, str]]
    reasons: list[str]


@verb(Permission.ASSIGN)
def assignment_choices(db: Session, caller: Caller) -> Choices:
    """Return the choices for assigning."""
    found = db.execute(select(catalogue.as_choices(db, published=True), directory.as_choices(db, caller.folders))).one()
    return Choices(found[0] or [], found[1] or [], own_reasons(db, caller, CREATE.name))


@verb()
def own_reasons(db: Session, caller: Caller, kind: str) -> list[str]:
    """Return the reasons of the caller's own latest jobs of a kind, each once. Those of others may quote a person."""
    reasons = db.scalars(
        select(Job.request["reason"].astext)
        .where(Job.org_id == current_org(db), Job.submitted_by_id == caller.member_id, Job.kind == kind)
        .order_by(Job.id.desc())
        .limit(200)
    )
    return list(dict.fromkeys(one for one in reasons if one))[:MOST_SUGGESTED]
