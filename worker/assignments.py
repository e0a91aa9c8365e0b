"""What the workshop does about assignments: the work of one chunk of each kind of job."""

from sqlalchemy.orm import Session

from shared import assignments, clock
from shared.jobs import Chunk, Tally


def create(db: Session, chunk: Chunk) -> Tally:
    """Assign a course version to the recipients of a chunk."""
    return assignments.assign(db, chunk, clock.now())
