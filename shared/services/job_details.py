"""A job as people read it: its outcomes by code, the course that it is about, and what can be done about it now."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import events, jobs
from shared.access import Caller, Permission
from shared.jobs import REJECTED, CannotUndo, Job, JobAnswer, JobState, Outcome, OutcomeCode
from shared.pagination import count
from shared.services.catalogue import names_of_courses
from shared.services.deciders import may_approve, need_readable, needed_to_approve, needed_to_undo
from shared.services.jobs import SEES, list_results
from shared.services.naming import Names, names_of
from shared.services.sights import answer_of, get_seen, is_whole, job_of, sight_of
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


class Rejection(NamedTuple):
    """The rejection of a job. by: the subject of who rejected it, such as `member/<id>`."""

    by: str
    reason: str


@dataclass(frozen=True)
class JobDetails:
    """A job, its outcomes by code, and the acts that this caller can try now.

    names: of those who submitted and decided it, and of what its request names. course: label and title of the course
    in the request of the job, or of the job that it undoes; empty if that names none. due_on: the date in its request.
    own: the caller submitted it. approvers: the permissions that approving it needs; empty unless it waits. undone_by:
    the job that undoes this one. undoable: the number of records that an undo would look at, None if there can be no
    undo.
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
    own: bool
    approvers: tuple[str, ...]
    rejection: Rejection | None
    due_on: date | None


@verb(*SEES)
def get_job_details(db: Session, caller: Caller, job_id: uuid.UUID, now: datetime) -> JobDetails:
    """Return one job with everything that its page shows. Raises NotFound."""
    seen = get_seen(db, sight_of(caller), job_id)
    job, answer = job_of(seen), answer_of(caller, seen)
    needs = jobs.kind_of(job).needs
    need_readable(caller, job)
    kind, waits, own = jobs.kind_of(job), job.state == JobState.AWAITING_APPROVAL, job.actor == caller.actor
    undoing, rejection, asked = jobs.undo_of(db, job.id), _rejection(db, answer), answer.request
    about = jobs.get(db, job.undo_of).request if job.undo_of else asked
    due_on = asked.get("dueOn") or asked.get("set", {}).get("dueOn")
    return JobDetails(
        job=answer,
        names=names_of(db, caller, {*subjects_of(answer), *_further(answer, rejection)}),
        outcomes=_by_code(db, caller, job_id) if answer.counts.total else [],
        course=_course(db, caller, about),
        undone_by=undoing.id if undoing else None,
        undoable=None if undoing or not caller.may(needed_to_undo(job)) else _undoable(db, job, now),
        can_cancel=not job.has_ended and caller.may(needs, Permission.MANAGE_ASSIGNMENTS, Permission.ADMIN),
        can_retry=job.has_ended and answer.counts.failed > 0 and caller.may(needs),
        can_approve=waits and not own and is_whole(seen) and may_approve(caller, kind),
        own=own,
        approvers=needed_to_approve(kind) if waits else (),
        rejection=rejection,
        due_on=date.fromisoformat(due_on) if due_on else None,
    )


def subjects_of(job: JobAnswer) -> Iterator[str]:
    """Yield the subjects that say what a job is about and who submitted it, as `naming.names_of` takes them.

    A version rather than its course: it has the title as it was published.
    """
    yield f"{job.submitted_by.type}/{job.submitted_by.id}"
    asked = job.request
    if version_id := asked.get("courseVersionId"):
        yield f"version/{version_id}"
    elif course_id := asked.get("courseId"):
        yield f"course/{course_id}"
    yield from (f"party/{asked[name]}" for name in ("partyId", "into") if asked.get(name))


def _further(job: JobAnswer, rejection: Rejection | None) -> Iterator[str]:
    """Yield what only the page of the job names."""
    if job.approval:
        yield f"member/{job.approval.by}"
    if rejection:
        yield rejection.by
    yield from (f"folder/{one}" for one in job.request.get("folderIds", ()))


def _rejection(db: Session, job: JobAnswer) -> Rejection | None:
    """Return who rejected the job and why. Who may read the reason, in its error, may know whose it is."""
    if job.state != JobState.CANCELLED or not (job.error or "").startswith(REJECTED):
        return None
    told = events.Filters(subject=f"job/{job.id}", types=("job.rejected",))
    event = db.scalar(events.list_events(db, told).limit(1))
    return Rejection(f"{event.actor_type}/{event.actor_id}", (job.error or "")[len(REJECTED) :]) if event else None


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
