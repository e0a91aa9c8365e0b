"""Jobs: their state, the outcome of each recipient, cancel and retry, approve and reject, undo."""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Annotated

from fastapi import Depends, Query, Request, Response, status
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.http.accepting import Acceptance, Accepting, Releasing
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, Turn, allow
from api.http.filtering import JobFilters
from api.http.lists import AskedList
from api.http.routing import Router
from api.http.waiting import CurrentWatch, Streaming, WaitSeconds, while_connected
from shared.assignments import BulkPreview, ReasonRequest
from shared.jobs import Accepted, Job, JobAnswer, Outcome, OutcomeCode, ResultAnswer, Seen
from shared.services import jobs
from shared.services.jobs import Waiting
from shared.services.sights import answer_of
from shared.wire import Listing, Received

router = Router("/v1/jobs", "jobs")

waits = Router("/v1/jobs", "jobs")
"""Routes that wait or stream. Many such requests come at once, so they share the check if training is available."""


class RetryRequest(Received):
    """The recipients that are retried. code: only those that failed with it; left out: all that failed."""

    code: OutcomeCode | None = None


def answer_accepted(accepted: Accepted, accepting: Acceptance, response: Response) -> JobAnswer:
    """Return the answer of a request that submitted a job, set its headers, and send the wake-up after the answer."""
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    if accepted.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    accepting.wake()
    return accepting.answer(accepted.job)


@router.get("", dependencies=[allow(jobs.list_jobs)])
def list_jobs(asked: AskedList, filters: JobFilters) -> Listing[JobAnswer]:
    """Jobs, the newest first. A caller limited to folders gets its own and those with a recipient in the folders."""
    rows = jobs.list_jobs(asked.db, asked.caller, *filters)
    return asked.page(rows, JobAnswer, partial(answer_of, asked.caller))


@waits.get("/{job_id}", dependencies=[allow(jobs.wait_for_job)], response_model=JobAnswer)
async def read_job(
    request: Request,
    job_id: uuid.UUID,
    caller: CurrentCaller,
    parts: CurrentParts,
    watch: CurrentWatch,
    wait: WaitSeconds,
) -> Response:
    """One job. With `wait`, the answer is sent as soon as the job has ended, or after that many seconds."""
    waiting = Waiting(parts.database, watch, parts.settings.features)
    seen = await while_connected(request, jobs.wait_for_job(waiting, caller, job_id, wait))
    answer = answer_of(caller, seen).model_dump_json()  # so FastAPI does not validate the answers of all who wait again
    return Response(answer, media_type="application/json")


async def _job(job_id: uuid.UUID, caller: CurrentCaller, parts: CurrentParts, watch: CurrentWatch) -> Job | Seen:
    """Return the job. As a dependency, because an unknown job must be refused before the stream begins."""
    return await jobs.wait_for_job(Waiting(parts.database, watch, parts.settings.features), caller, job_id, 0)


@waits.get("/{job_id}/stream", dependencies=[allow(jobs.follow_job), Streaming], response_class=EventSourceResponse)
async def stream_job(
    job: Annotated[Job | Seen, Depends(_job)],
    caller: CurrentCaller,
    parts: CurrentParts,
    watch: CurrentWatch,
    now: Now,
) -> AsyncIterator[ServerSentEvent]:
    """The job after each change, as server-sent events named `job`, until it has ended or an hour has passed.

    The stream also ends when its token expires.
    """
    sent = None
    waiting = Waiting(parts.database, watch, parts.settings.features)
    async with aclosing(jobs.follow_job(waiting, caller, job, now)) as found:  # type: ignore[type-var]
        async for one in found:
            answer = answer_of(caller, one)
            if answer != sent:
                yield ServerSentEvent(event="job", data=answer)
            sent = answer


@router.get("/{job_id}/results", dependencies=[allow(jobs.list_results)])
def read_results(
    asked: AskedList, job_id: uuid.UUID, outcome: Annotated[Outcome | None, Query()] = None
) -> Listing[ResultAnswer]:
    """Every recipient of the job with its outcome, by id. `Accept: text/csv` or XLSX sends all of them."""
    found = jobs.list_results(asked.db, asked.caller, job_id, outcome)
    answer = partial(ResultAnswer.fields, record=found.record)
    return asked.page(found.rows, ResultAnswer, answer, name=f"job-{job_id}")


@router.post("/{job_id}/cancel", dependencies=[allow(jobs.cancel_job)])
def cancel_job(job_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now) -> JobAnswer:
    """Cancel the recipients that no worker has begun with. 409 `job-finished` if the job has ended."""
    return jobs.show_job(db, caller, jobs.cancel_job(db, caller, job_id, now))


@router.post("/{job_id}/retry", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(jobs.retry_job)])
def retry_job(
    job_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    accepting: Accepting,
    now: Now,
    response: Response,
    body: RetryRequest | None = None,
) -> JobAnswer:
    """Submit a job of only the failed recipients, or of those that failed with one code. 409 `nothing-to-retry` if
    there are none.

    Asks again what submission asked: a course that was archived since, or a due date that has passed, is refused.
    """
    code = body.code if body else None
    accepted = jobs.retry_job(db, caller, job_id, workers=accepting.workers, now=now, key=accepting.key, code=code)
    return answer_accepted(accepted, accepting, response)


@router.post("/{job_id}/approve", dependencies=[allow(jobs.approve_job), Turn])
def approve_job(
    job_id: uuid.UUID, parts: CurrentParts, caller: CurrentCaller, accepting: Releasing, now: Now, response: Response
) -> JobAnswer:
    """Approve a job that waits for a second member. 403 `other-member-needed` for the member who submitted it.

    Asks again what submission asked. What no longer holds is refused as submission would refuse it; the job then still
    waits, with the reason in `error`.
    """
    return answer_accepted(jobs.approve_job(parts.database, caller, job_id, now), accepting, response)


@router.post("/{job_id}/reject", dependencies=[allow(jobs.reject_job)])
def reject_job(job_id: uuid.UUID, body: ReasonRequest, db: Db, caller: CurrentCaller, now: Now) -> JobAnswer:
    """Reject a job that waits for approval. All its recipients are cancelled."""
    return jobs.show_job(db, caller, jobs.reject_job(db, caller, job_id, body.reason, now))


@router.post("/{job_id}/undo", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(jobs.undo_job)])
def undo_job(
    job_id: uuid.UUID, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit a job that takes back what this one did to assignments, or what the completion of a session gave.

    What was changed since stays as it is. Possible for 14 days after the job's end, else 409
    `cannot-undo`. Repeated, it returns the same job.
    """
    accepted = jobs.undo_job(db, caller, job_id, workers=accepting.workers, now=now, key=accepting.key)
    return answer_accepted(accepted, accepting, response)


@router.post("/{job_id}/undo/preview", dependencies=[allow(jobs.preview_undo)])
def preview_undo(job_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now) -> BulkPreview:
    """Count what an undo would put back now, and what it would leave because it was changed since.

    With up to 20 parties of each. 409 `cannot-undo` if the job cannot be undone.
    """
    return jobs.preview_undo(db, caller, job_id, now)
