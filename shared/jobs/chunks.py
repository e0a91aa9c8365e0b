"""Chunks: slices of a job's recipients. A chunk is claimed, carried out and retried as a whole."""

import uuid
from dataclasses import astuple, dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, func, select, true

from shared.jobs.models import Job, JobChunk


@dataclass(frozen=True)
class Claim:
    """A chunk that this worker is about to lock.

    attempts: the number of its attempts, including this one. alone: True if it has one recipient. more: True if another
    worker can claim a chunk of the same organization now.
    """

    job_id: uuid.UUID
    n: int
    attempts: int
    alone: bool = field(default=False, compare=False)
    more: bool = field(default=False, compare=False)

    def row(self, org_id: str) -> ColumnElement[bool]:
        """The condition that finds the chunk's row."""
        return and_(JobChunk.org_id == org_id, JobChunk.job_id == self.job_id, JobChunk.n == self.n)


@dataclass(frozen=True)
class Chunk:
    """A chunk locked by this transaction. Its recipients stay in the database, where the work is done.

    size: the number of its recipients. first, last: the range of their ids. Ranges of a job's chunks do not overlap. A
    condition on the range keeps a query plan small, even while a new table has no statistics.
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
        """Select the ids of the recipients, one column, sorted."""
        return select(func.unnest(JobChunk.recipients).label("entity_id")).where(
            JobChunk.org_id == self.job.org_id, JobChunk.job_id == self.job.id, JobChunk.n == self.n
        )


@dataclass(frozen=True)
class Whole(Chunk):
    """Recipients in place of a chunk, for a preview: it decides by the functions of the work, and locks nothing."""

    selected: Select[str]

    def covers(self, _: SQLColumnExpression[str]) -> ColumnElement[bool]:
        """Always true."""
        return true()

    @property
    def recipients(self) -> Select[Any]:
        """Select the ids of the recipients, one column."""
        found = self.selected.order_by(None).subquery()
        return select(found.c[0].label("entity_id"))


def whole(job: Job, selected: Select[str]) -> Whole:
    """Return these recipients in place of a chunk of a job."""
    return Whole(job, n=0, attempts=0, size=0, first="", last="", selected=selected)


@dataclass(frozen=True)
class Tally:
    """The number of recipients by outcome."""

    succeeded: int = 0
    unchanged: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """The number of all recipients."""
        return self.succeeded + self.unchanged + self.failed + self.cancelled

    def __add__(self, other: "Tally") -> "Tally":
        """The sums of both."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Tally(*(one + another for one, another in pairs))
