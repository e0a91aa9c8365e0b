"""The steps of the workers' side of jobs, each in a transaction of its own, for the tests beside this module."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from shared import jobs
from shared.assignments import CreateJob
from shared.events import Actor
from shared.jobs import Claim, Job, JobChunk, Submission, Tally
from shared.services.assignments import CREATE
from tests.factories import Org

NOW = datetime(2126, 6, 1, 12, tzinfo=UTC)
"""A century ahead, so that no rescue finds due what these tests leave unfinished."""
CLAIM_SECONDS = 10.0
LATER = NOW + timedelta(seconds=CLAIM_SECONDS + 1)
ACTOR = Actor("member", "member-1")
CHUNK = 250
"""The smallest chunk there is."""


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
"""What is done with recipients is the test's business, so the request does not matter."""


def submit(org: Org, size: int = 2 * CHUNK, at: datetime = NOW) -> uuid.UUID:
    """A job in chunks of 250, whose recipients need not exist: what is done with them is the test's business."""
    ids = select(func.to_char(func.generate_series(1, literal(size)), "FM00000").label("id"))
    with org.transaction() as db:
        submission = Submission(kind=CREATE, request=ANY_REQUEST, actor=ACTOR)
        return jobs.submit(db, submission, ids, workers=64, now=at)[0].id


def claimed(org: Org, at: datetime = NOW) -> Claim | None:
    """Claim the next chunk, in a transaction of its own."""
    with org.transaction() as db:
        return jobs.claim(db, at, CLAIM_SECONDS)


def claim(org: Org, at: datetime = NOW) -> Claim:
    """The same, where there is one."""
    found = claimed(org, at)
    assert found is not None
    return found


def finish(org: Org, begun: Claim, tally: Callable[[int], Tally] = lambda size: Tally(succeeded=size)) -> None:
    """Lock and settle a chunk, in a transaction of its own."""
    with org.transaction() as db:
        chunk = jobs.lock(db, begun)
        assert chunk is not None
        jobs.finish(db, chunk, tally(chunk.size), NOW)


def isolate(org: Org, begun: Claim) -> None:
    """Split or report a chunk."""
    with org.transaction() as db:
        jobs.isolate(db, begun, NOW)


def read(org: Org, job_id: uuid.UUID) -> Job:
    """The job as it is now."""
    with org.transaction() as db:
        return jobs.get(db, job_id)


def chunks(org: Org, job_id: uuid.UUID) -> list[JobChunk]:
    """The job's chunks as they are now, by number."""
    with org.transaction() as db:
        return list(db.scalars(select(JobChunk).where(JobChunk.job_id == job_id).order_by(JobChunk.n)))


def states(org: Org, job_id: uuid.UUID) -> list[str]:
    """The states of its chunks, by number."""
    return [chunk.state for chunk in chunks(org, job_id)]


def cancel(org: Org, job_id: uuid.UUID) -> Job:
    """Cancel a job. Answers it."""
    with org.transaction() as db:
        return jobs.cancel(db, job_id, ACTOR, NOW)


def free_places(org: Org, window: int, at: datetime = NOW) -> int:
    """How many more chunks may be begun."""
    with org.transaction() as db:
        return jobs.free_places(db, window, at, CLAIM_SECONDS)


@contextmanager
def dying(org: Org) -> Iterator[Session]:
    """A transaction whose worker dies at the end of the block."""
    with suppress(ConnectionAbortedError), org.transaction() as db:
        yield db
        raise ConnectionAbortedError
