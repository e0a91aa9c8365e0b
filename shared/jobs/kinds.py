"""Kinds of job. The declaration of a kind names its request, its chunk work, and what happens at its end and undo.

A kind is declared in `shared/services`, beside the verb that submits it, because its work may join several nouns. The
declaration also registers the kind: the API, the workers and `retry` find it by the name in the job's row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared.access import Permission
from shared.jobs.chunks import Chunk, Tally
from shared.jobs.models import Job
from shared.jobs.outcomes import OutcomeCode
from shared.jobs.requests import JobRequest, Recipients

R = TypeVar("R", bound=JobRequest)

Work = Callable[[Session, Chunk, R, datetime], Tally]
"""The work of one chunk, in the transaction that settles it. Called with the chunk, the job's request and the time."""


Foreseen = list[tuple[str, OutcomeCode]]
"""The code that each recipient would have now, with the id that a preview names it by."""


@dataclass(frozen=True)
class Undo:
    """The undo of a kind's jobs.

    recipients: selects what the job changed, as the recipients of the undoing job: ids of assignments, parties or rows.
    work: undoes one chunk of them; its request names the job that is undone. by: the noun of the recipients.
    noun: of the undoing kind `<noun>.undo`; None: that for its recipients.
    begin: called with the job to undo before its undo is submitted; it may lock rows, and raises CannotUndo.
    on_end: called with the job that was undone, in the transaction that ended the undoing job, with the event counter
    locked.
    foresee: returns what the undo of a job would do to each recipient now, with its party; it raises CannotUndo as
    `begin` does.
    """

    recipients: Callable[[Job], Select[str]]
    work: Work[Any]
    foresee: Callable[[Session, Job], Foreseen]
    by: Recipients = "assignment"
    noun: str | None = None
    begin: Callable[[Session, Job, datetime], None] | None = None
    on_end: Callable[[Session, Job, Job, datetime], None] | None = None


@dataclass(frozen=True)
class Kind(Generic[R]):
    """One kind of job.

    name: published, never renamed. request: the model of the job's request. needs: the permission that submitting
    needs; a caller who approves, retries or cancels such a job needs it too.
    on_end: called in the transaction that ended the job, with the event counter locked.
    ask_again: asks again what submission asked, when a job is approved or retried; it raises the problem that a
    submission would raise now. At an approval it may lock no row, because the event counter is locked. None: nothing
    that a job of this kind asked can have changed.
    by_two: a second member approves every job of the kind, whatever its size.
    largest_chunk: upper bound of the recipients of a chunk, for a kind that takes long for each. None: `LARGEST_CHUNK`.
    made: selects the records that the job made, as `entity_id, code, record_id`; each is a success. None: successes are
    stored outcomes. record: the noun of the records that results name. undo: None for a kind that cannot be undone.
    """

    name: str
    request: type[R]
    work: Work[R]
    needs: Permission
    on_end: Callable[[Session, Job, R, datetime], None] | None = None
    made: Callable[[Job], Select[*tuple[Any, ...]]] | None = None
    record: Literal["assignment", "licence"] = "assignment"
    undo: Undo | None = None
    ask_again: Callable[[Session, Job, R, datetime], None] | None = None
    by_two: bool = False
    largest_chunk: int | None = None

    def request_of(self, job: Job) -> R:
        """The job's request."""
        return self.request.model_validate(job.request)

    def need_acceptable(self, db: Session, job: Job, now: datetime) -> None:
        """Raise the problem that submitting the job's request would raise now."""
        if self.ask_again is not None:
            self.ask_again(db, job, self.request_of(job), now)

    def carry_out(self, db: Session, chunk: Chunk, now: datetime) -> Tally:
        """Do the work of one chunk."""
        return self.work(db, chunk, self.request_of(chunk.job), now)


KINDS: dict[str, Kind[Any]] = {}
"""Every declared kind, by its name. Complete once `shared.services` is imported."""


def declare(kind: Kind[R]) -> Kind[R]:
    """Register a kind by its name, and return it. Raises ValueError if the name is taken."""
    if KINDS.setdefault(kind.name, kind) is not kind:
        raise ValueError(f"the kind of job {kind.name} is declared twice")
    return kind


def kind_of(job: Job) -> Kind[Any]:
    """The kind of a job."""
    return KINDS[job.kind]


def call_on_end(db: Session, job: Job, now: datetime) -> None:
    """Call the kind's `on_end` if the job has ended. Call this in the transaction that settled the job."""
    kind = kind_of(job)
    if job.has_ended and kind.on_end is not None:
        kind.on_end(db, job, kind.request_of(job), now)
