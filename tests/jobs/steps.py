"""The steps of a worker on a job, each in its own transaction, for the tests beside this module."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from shared import jobs
from shared.assignments import CreateJob
from shared.events import Actor
from shared.jobs import Claim, Job, JobChunk, Submission, Tally
from shared.services.assignments import CREATE
from tests.factories import Org

NOW = datetime(2126, 6, 1, 12, tzinfo=UTC)
"""A century ahead, so that `jobs.rescue` of another test does not find the jobs that these tests leave unfinished."""
CLAIM_SECONDS = 10.0
LATER = NOW + timedelta(seconds=CLAIM_SECONDS + 1)
ACTOR = Actor("member", "member-1")
WINDOW = 8
CHUNK = 250
"""Recipients in the smallest chunk."""


ANY_REQUEST = CreateJob(
    course_id=uuid.UUID(int=1),
    course_version_id=uuid.UUID(int=2),
    version_label="v1",
    recipients=0,
    folder_ids=[],
    reason="Any",
    due_on=None,
    notify=True,
    if_completed="assign",
)
"""No worker carries these jobs out, so the request does not matter."""


def submit(org: Org, size: int = 2 * CHUNK, at: datetime = NOW) -> uuid.UUID:
    """Submits a job in chunks of 250, in its own transaction. Returns its id."""
    with org.transaction() as db:
        return submit_in(db, size, at)[0].id


def submit_in(db: Session, size: int = CHUNK, at: datetime = NOW, **fields: Any) -> tuple[Job, bool]:
    """Submits a job in this transaction. Returns the job, and True if it existed before.

    The recipients are `00001`, `00002` and so on. They need not exist, because no handler works on them.
    fields: other fields of the submission.
    """
    ids = select(func.to_char(func.generate_series(1, literal(size)), "FM00000").label("id"))
    submission = Submission(kind=CREATE, request=ANY_REQUEST, actor=ACTOR, **fields)
    return jobs.submit(db, submission, ids, workers=64, now=at)


def claimed(org: Org, at: datetime = NOW, window: int = WINDOW) -> Claim | None:
    """Claims the next chunk, in its own transaction. Returns None if there is none."""
    with org.transaction() as db:
        return jobs.claim(db, at, CLAIM_SECONDS, window)


def claim(org: Org, at: datetime = NOW, window: int = WINDOW) -> Claim:
    """Claims the next chunk. Fails if there is none."""
    found = claimed(org, at, window)
    assert found is not None
    return found


def finish(org: Org, begun: Claim, tally: Callable[[int], Tally] = lambda size: Tally(succeeded=size)) -> None:
    """Locks and settles a chunk, in its own transaction. tally: makes the tally from the chunk's size."""
    with org.transaction() as db:
        chunk = jobs.lock(db, begun)
        assert chunk is not None
        jobs.finish(db, chunk, tally(chunk.size), NOW)


def isolate(org: Org, begun: Claim) -> None:
    """Splits a chunk, or reports its only recipient as failed."""
    with org.transaction() as db:
        jobs.isolate(db, begun, NOW)


def read(org: Org, job_id: uuid.UUID) -> Job:
    """The job, read again."""
    with org.transaction() as db:
        return jobs.get(db, job_id)


def chunks(org: Org, job_id: uuid.UUID) -> list[JobChunk]:
    """The job's chunks by number, read again."""
    with org.transaction() as db:
        return list(db.scalars(select(JobChunk).where(JobChunk.job_id == job_id).order_by(JobChunk.n)))


def states(org: Org, job_id: uuid.UUID) -> list[str]:
    """The states of the job's chunks, by number."""
    return [chunk.state for chunk in chunks(org, job_id)]


def cancel(org: Org, job_id: uuid.UUID) -> Job:
    """Cancels a job. Returns the job."""
    with org.transaction() as db:
        return jobs.cancel(db, job_id, ACTOR, NOW)


@contextmanager
def dying(org: Org) -> Iterator[Session]:
    """A transaction that is lost at the end of the block, because its worker dies."""
    with suppress(ConnectionAbortedError), org.transaction() as db:
        yield db
        raise ConnectionAbortedError
