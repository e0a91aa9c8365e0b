"""A job as people read it: its outcomes by code, the course that it is about, and what can be done about it now."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import jobs
from shared.access import Caller, Permission
from shared.jobs import CannotUndo, Job, JobAnswer, JobState, Outcome, OutcomeCode
from shared.pagination import count
from shared.services.catalogue import names_of_courses
from shared.services.deciders import may_decide, need_readable, needed_to_undo
from shared.services.jobs import SEES, list_results
from shared.services.naming import Names, names_of
from shared.services.sights import answer_of, get_seen, job_of, sight_of
from shared.services.verbs import verb


@dataclass(frozen=True)
class Counted:
    """The number of a job's recipients with one code. detail: a sentence of the code, for people."""

    outcome: Outcome
    code: OutcomeCode
    number: int

    @property
    def detail(self) -> str:
        """One sentence for people."""
        return self.code.detail


@dataclass(frozen=True)
class JobDetails:
    """A job, its outcomes by code, and the acts that this caller can try now.

    names: of those who submitted and approved it. course: title and code of the course in the job's request, empty if
    it names none. undone_by: the job that undoes this one. undoable: the number of records that an undo would look at,
    None if there can be no undo.
    """

    job: JobAnswer
    names: Names
    outcomes: list[Counted]
    course: tuple[str, ...]
    undone_by: uuid.UUID | None
    undoable: int | None
    can_cancel: bool
    can_retry: bool
    can_approve: bool


@verb(*SEES)
def get_job_details(db: Session, caller: Caller, job_id: uuid.UUID, now: datetime) -> JobDetails:
    """Return one job with everything that its page shows. Raises NotFound."""
    seen = get_seen(db, sight_of(caller), job_id)
    job, answer = job_of(seen), answer_of(caller, seen)
    needs = jobs.kind_of(job).needs
    need_readable(caller, job)
    decides = may_decide(caller, jobs.kind_of(job))
    undoing = jobs.undo_of(db, job.id)
    return JobDetails(
        job=answer,
        names=names_of(db, caller, _actors(answer)),
        outcomes=_by_code(db, caller, job_id) if answer.counts.total else [],
        course=_course(db, caller, answer.request),
        undone_by=undoing.id if undoing else None,
        undoable=None if undoing or not caller.may(needed_to_undo(job)) else _undoable(db, job, now),
        can_cancel=not job.has_ended and caller.may(needs, Permission.MANAGE_ASSIGNMENTS, Permission.ADMIN),
        can_retry=job.has_ended and answer.counts.failed > 0 and caller.may(needs),
        can_approve=job.state == JobState.AWAITING_APPROVAL and decides and caller.may(needs),
    )


def _actors(job: JobAnswer) -> list[str]:
    approval = [f"member/{job.approval.by}"] if job.approval else []
    return [f"{job.submitted_by.type}/{job.submitted_by.id}", *approval]


def _by_code(db: Session, caller: Caller, job_id: uuid.UUID) -> list[Counted]:
    rows = list_results(db, caller, job_id, None).rows.order_by(None).subquery()
    grouped = select(rows.c.outcome, rows.c.code, func.count()).group_by(rows.c.outcome, rows.c.code)
    found = [Counted(Outcome(outcome), OutcomeCode(code), number) for outcome, code, number in db.execute(grouped)]
    order = list(Outcome)
    return sorted(found, key=lambda one: (order.index(one.outcome), -one.number))


def _course(db: Session, caller: Caller, request: dict[str, Any]) -> tuple[str, ...]:
    course_id, version_id = request.get("courseId"), request.get("courseVersionId")
    ids = ({uuid.UUID(course_id)} if course_id else set(), {uuid.UUID(version_id)} if version_id else set())
    names = names_of_courses(db, caller, *ids) if any(ids) else {}
    return names.get(str(version_id)) or (("", *names[str(course_id)]) if str(course_id) in names else ())


def _undoable(db: Session, job: Job, now: datetime) -> int | None:
    """Return the number of records that an undo would look at, None if the job cannot be undone now."""
    undo = jobs.kind_of(job).undo
    if undo is None:
        return None
    try:
        jobs.need_undoable(job, now)
    except CannotUndo:
        return None
    return count(db, undo.recipients(job))[0] or None
