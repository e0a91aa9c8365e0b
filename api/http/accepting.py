"""The API's part after an answer: it wakes the workers for a job, or keeps PostgreSQL's statistics.

The wake-up is sent after the answer, so a slow Redis delays no request. By then the job is in PostgreSQL, and if the
wake-up is lost, `jobs.rescue` finds the job. The API sends it, because services know no broker.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import BackgroundTasks, Depends, Header, Request

from api.http.dependencies import CurrentCaller, CurrentParts, Db
from shared import statistics
from shared.broker import MOST_QUEUED_BY_REQUESTS
from shared.jobs import Job, JobAnswer, Key
from shared.services import jobs

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="A repeated request with the same key and body returns the same job.",
    ),
]


@dataclass(frozen=True)
class Acceptance:
    """A request that submits a job. workers: the number of processes that will share the work."""

    key: Key | None
    workers: int
    _db: Db
    _parts: CurrentParts
    _caller: CurrentCaller
    _after: BackgroundTasks

    def wake(self) -> None:
        """Wake the workers after the answer was sent."""
        self._after.add_task(self._parts.broker.nudge, "jobs.run", self._caller.org_id, most=MOST_QUEUED_BY_REQUESTS)

    def answer(self, job: Job) -> JobAnswer:
        """Return the answer for a job, with what the caller sees of it."""
        return jobs.show_job(self._db, self._caller, job)


async def _accepting(
    request: Request,
    after: BackgroundTasks,
    db: Db,
    caller: CurrentCaller,
    parts: CurrentParts,
    key: IdempotencyKey = None,
) -> Acceptance:
    known = None if key is None else Key(key, request.url.path)
    return Acceptance(known, parts.settings.worker_concurrency, db, parts, caller, after)


Accepting = Annotated[Acceptance, Depends(_accepting, scope="function")]


KeepStatistics = Callable[[int], None]


async def _keeping(after: BackgroundTasks, caller: CurrentCaller, parts: CurrentParts) -> KeepStatistics:
    return lambda written: after.add_task(statistics.keep, parts.database, caller.org_id, written)


Keeping = Annotated[KeepStatistics, Depends(_keeping)]
"""Called by a route that writes many rows, with their number: the statistics are kept after the answer."""
