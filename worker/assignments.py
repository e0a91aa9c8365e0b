"""What the workshop does about assignments: the work of one chunk of each kind of job."""

from sqlalchemy.orm import Session

from shared import assignments, clock
from shared.jobs import Chunk, Tally


def create(db: Session, chunk: Chunk) -> Tally:
    """Assign a course version to the recipients of a chunk."""
    return assignments.assign(db, chunk, clock.now())


def complete(db: Session, chunk: Chunk) -> Tally:
    """Complete the assignments that the recipients of a chunk mean."""
    return assignments.complete_chunk(db, chunk, clock.now())


def close(db: Session, chunk: Chunk) -> Tally:
    """Close the assignments of a chunk."""
    return assignments.close_chunk(db, chunk, clock.now())


def undo(db: Session, chunk: Chunk) -> Tally:
    """Take back what another job did to the assignments of a chunk."""
    return assignments.undo_chunk(db, chunk, clock.now())
