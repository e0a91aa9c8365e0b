"""What every request that starts a job has in common: its idempotency key, its 202, and the wake-up after it.

The wake-up is sent after the answer, so a slow or absent Redis delays nobody: the job is in PostgreSQL by then,
and `jobs.rescue` finds it without any message.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import BackgroundTasks, Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from api.dependencies import CurrentCaller, CurrentService
from shared import jobs
from shared.jobs import Job, JobAnswer

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="The same key and body give the same job, however often they are sent.",
    ),
]


@dataclass(frozen=True)
class Acceptance:
    """One request on its way to becoming a job. workers: processes that will share the work."""

    key: str | None
    path: str
    org_id: str
    workers: int
    response: Response
    after: BackgroundTasks
    service: CurrentService

    def hash_of(self, body: BaseModel | None = None) -> str | None:
        """The hash that tells a repeated request from a reused key. body: None where the address says it all."""
        if self.key is None:
            return None
        return jobs.request_hash(self.path, None if body is None else body.model_dump(mode="json"))

    def earlier(self, db: Session, hash: str | None) -> JobAnswer | None:
        """The answer this key was given before, if any. Raises IdempotencyKeyReused."""
        job = jobs.replayed(db, self.key, hash)
        return None if job is None else self.answer(job, replayed=True)

    def answer(self, job: Job, *, replayed: bool = False) -> JobAnswer:
        """The 202 with its Location, and the wake-up once the answer is out."""
        self.response.headers["Location"] = f"/v1/jobs/{job.id}"
        if replayed:
            self.response.headers["Idempotent-Replayed"] = "true"
        self.after.add_task(self.service.broker.send, "jobs.run", self.org_id)
        return JobAnswer.of(job)


async def _accepting(
    request: Request,
    response: Response,
    after: BackgroundTasks,
    caller: CurrentCaller,
    service: CurrentService,
    key: IdempotencyKey = None,
) -> Acceptance:
    workers = service.settings.worker_concurrency
    return Acceptance(key, request.url.path, caller.org_id, workers, response, after, service)


Accepting = Annotated[Acceptance, Depends(_accepting)]
