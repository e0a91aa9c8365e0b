"""The kinds of jobs that undo another job: one for each noun of recipients. The undone job's kind says what they do."""

from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from shared import jobs
from shared.access import Permission
from shared.assignments import UndoJob
from shared.jobs import KINDS, Chunk, Job, Kind, Tally, declare


def _undo(db: Session, chunk: Chunk, request: UndoJob, now: datetime) -> Tally:
    """Undo one chunk of a job, as the kind of that job declares."""
    undo = KINDS[request.undo_kind].undo
    assert undo is not None
    return undo.work(db, chunk, request, now)


def _undone(db: Session, job: Job, request: UndoJob, now: datetime) -> None:
    """Do what the kind of the undone job declares for the end of its undo."""
    undo = KINDS[request.undo_kind].undo
    if undo is not None and undo.on_end is not None:
        undo.on_end(db, job, jobs.get(db, request.undo_of), now)


def _begin_again(db: Session, job: Job, request: UndoJob, now: datetime) -> None:
    """Do at a retry what the kind of the undone job declares for the beginning of its undo. Raises CannotUndo."""
    undo = KINDS[request.undo_kind].undo
    if job.has_ended and undo is not None and undo.begin is not None:
        undo.begin(db, jobs.get(db, request.undo_of), now)


def _declared(noun: str, needs: Permission, record: Literal["assignment", "licence"]) -> Kind[UndoJob]:
    """Declare the kind `<noun>.undo`. They differ in what submitting needs and in the records that results name."""
    undoing = Kind(
        name=f"{noun}.undo",
        request=UndoJob,
        work=_undo,
        needs=needs,
        ask_again=_begin_again,
        on_end=_undone,
        record=record,
    )
    return declare(undoing)


UNDO: dict[str, Kind[UndoJob]] = {
    "assignment": _declared("assignments", Permission.MANAGE_ASSIGNMENTS, "assignment"),
    "party": _declared("sessions", Permission.ADMIN, "licence"),
    "licence": _declared("licences", Permission.ADMIN, "licence"),
    "record": _declared("records", Permission.ADMIN, "licence"),
    "parties": _declared("parties", Permission.SYNC_DIRECTORY, "assignment"),
}
"""The kinds of undoing jobs, by the noun of their recipients, or the one that the undone kind names."""
