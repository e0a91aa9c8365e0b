"""The API's part after an answer: it wakes the workers for a job, or keeps PostgreSQL's statistics.

The wake-up is sent after the answer, so a slow Redis delays no request. By then the job is in PostgreSQL, and if the
wake-up is lost, `jobs.rescue` finds the job. The API sends it, because services know no broker.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import BackgroundTasks, Depends

from api.http.dependencies import CurrentCaller, CurrentParts, Db
from api.http.once import JobKey
from shared import statistics
from shared.broker import MOST_QUEUED_BY_REQUESTS
from shared.jobs import Job, JobAnswer, Key
from shared.services import jobs


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


async def _releasing(after: BackgroundTasks, db: Db, caller: CurrentCaller, parts: CurrentParts) -> Acceptance:
    return Acceptance(None, parts.settings.worker_concurrency, db, parts, caller, after)


Releasing = Annotated[Acceptance, Depends(_releasing, scope="function")]
"""For a route that lets a job go on which was submitted before."""


async def _accepting(released: Releasing, key: JobKey) -> Acceptance:
    return replace(released, key=key)


Accepting = Annotated[Acceptance, Depends(_accepting, scope="function")]
"""For a route that submits a job: once for each `Idempotency-Key`."""


KeepStatistics = Callable[[int], None]


async def _keeping(after: BackgroundTasks, caller: CurrentCaller, parts: CurrentParts) -> KeepStatistics:
    return lambda written: after.add_task(statistics.keep, parts.database, caller.org_id, written)


Keeping = Annotated[KeepStatistics, Depends(_keeping)]
"""Called by a route that writes many rows, with their number: the statistics are kept after the answer."""
