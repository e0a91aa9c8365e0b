"""Chunks: a slice of a job's recipients is the unit of work, of claiming, and of failing."""

import uuid
from dataclasses import astuple, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, func, select

from shared.jobs.models import Job, JobChunk


@dataclass(frozen=True)
class Claim:
    """A chunk that this worker is about to work on. attempts: how often it has been begun, this time included."""

    job_id: uuid.UUID
    n: int
    attempts: int

    def row(self, org_id: str) -> ColumnElement[bool]:
        """The condition that finds the chunk's row."""
        return and_(JobChunk.org_id == org_id, JobChunk.job_id == self.job_id, JobChunk.n == self.n)


@dataclass(frozen=True)
class Chunk:
    """A chunk locked by this transaction. Its recipients stay in the database, where the work is done.

    size: how many recipients it has. first, last: the range of their ids, which no other chunk of the job has a part
    in: conditions on it keep every plan as small as the chunk, also while a new table has no statistics yet.
    """

    job: Job
    n: int
    attempts: int
    size: int
    first: str
    last: str

    def covers(self, entity_id: SQLColumnExpression[str]) -> ColumnElement[bool]:
        """The condition that an id lies in the chunk's range."""
        return and_(entity_id >= self.first, entity_id <= self.last)

    @property
    def recipients(self) -> Select[Any]:
        """Selects the ids of the recipients, one column, sorted."""
        return select(func.unnest(JobChunk.recipients).label("entity_id")).where(
            JobChunk.org_id == self.job.org_id, JobChunk.job_id == self.job.id, JobChunk.n == self.n
        )


@dataclass(frozen=True)
class Tally:
    """The number of recipients by outcome."""

    succeeded: int = 0
    unchanged: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.succeeded + self.unchanged + self.failed + self.cancelled

    def __add__(self, other: "Tally") -> "Tally":
        """The sums of both."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Tally(*(one + another for one, another in pairs))
