"""Jobs: the list, and the page of one job with its progress, outcomes and everything that can be done about it."""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.console.columns import Column
from api.console.forms import CurrentForm, FormAccepting, made_job
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.console.job_titles import KINDS, about, title_of
from api.console.listing import Choice, Filter, ListPage, choices_of, list_page
from api.console.rendering import fragment
from api.console.visits import RECENT, CurrentVisit, need_recent
from api.http.accepting import Releasing
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, Turn, allow
from api.http.filtering import JobFilters
from api.http.lists import AskedList
from api.http.waiting import CurrentWatch, Streaming
from shared.assignments import ReasonRequest
from shared.jobs import Job, JobAnswer, JobState, Outcome, OutcomeCode, ResultAnswer, Seen
from shared.services import job_details, jobs
from shared.services.jobs import Waiting
from shared.services.sights import answer_of
from shared.texts import N_

router = ConsoleRouter()

STATES = {
    "queued": N_("Queued"),
    "awaiting_approval": N_("Waits for approval"),
    "running": N_("Running"),
    "cancelling": N_("Being cancelled"),
    "succeeded": N_("Succeeded"),
    "partially_succeeded": N_("Succeeded in part"),
    "failed": N_("Failed"),
    "cancelled": N_("Cancelled"),
}

PAGE = ListPage(
    title=N_("Jobs"),
    template="jobs.html",
    address="/jobs",
    model=JobAnswer,
    named=job_details.subjects_of,
    columns=(
        Column("job", N_("Job")),
        Column("state", N_("State")),
        Column("people", N_("People"), "number"),
        Column("failed", N_("Failed"), "number wide"),
        Column("by", N_("By"), "wide"),
        Column("submitted", N_("Submitted"), "wide", zoned=True),
        Column("finished", N_("Finished"), "wide", zoned=True, usual=False),
    ),
    filters=(
        Filter("state", N_("State"), "choice", choices_of(JobState, STATES)),
        Filter("kind", N_("Kind"), "choice", tuple(Choice(*one) for one in KINDS.items())),
    ),
)

REMEDIES = {
    "party-not-found": N_("Works for those who are in the directory by now."),
    "party-inactive": N_("Works for those who are active again."),
    "out-of-scope": N_("Works for those who are in your folders by now."),
    "not-assigned": N_("Works for those who are assigned by now."),
    "assignment-closed": N_("Works for those whose assignment was reopened."),
    "several-open-versions": N_("Works once all but one of the open versions are closed."),
    "course-not-found": N_("Works once there is a course with this id or code."),
    "version-not-found": N_("Works once the course has a version with this label."),
    "licence-revoked": N_("Works only for another member, in a new amendment that says so."),
    "processing-failed": N_("Tries the same once more. If it fails again, report it."),
    "processing-interrupted": N_("Tries the same once more."),
}
"""The reason why a retry of the recipients that failed may succeed, by the code with which they failed."""
MENDED = N_("Works once what the code says was mended.")
"""The same for other codes."""

OUTCOMES = {
    "succeeded": N_("Succeeded"),
    "unchanged": N_("Unchanged"),
    "failed": N_("Failed"),
    "cancelled": N_("Cancelled"),
    "pending": N_("Not begun"),
}


@router.list_of("/jobs", jobs.list_jobs)
def show_list(request: Request, frame: CurrentFrame, asked: AskedList, filters: JobFilters) -> Response:
    """The list, or all of it as a file."""
    rows = jobs.list_jobs(asked.db, asked.caller, *filters)
    shown = partial(answer_of, asked.caller)
    return list_page(frame, request, asked, PAGE, rows, shown, kinds=KINDS, about=about)


@router.get("/jobs/{job_id}", dependencies=[allow(job_details.get_job_details)])
def show(
    job_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The page of one job."""
    found = job_details.get_job_details(db, caller, job_id, now)
    return frame.page(
        "job.html",
        details=found,
        job=found.job,
        form=form,
        title=title_of(found.job, found.names, found.course),
        outcomes=OUTCOMES,
        remedies=REMEDIES,
        mended=MENDED,
    )


async def _job(job_id: uuid.UUID, caller: CurrentCaller, parts: CurrentParts, watch: CurrentWatch) -> Job | Seen:
    """Return the job. As a dependency, because an unknown job must be refused before the stream begins."""
    return await jobs.wait_for_job(Waiting(parts.database, watch, parts.settings.features), caller, job_id, 0)


@router.get(
    "/jobs/{job_id}/progress", dependencies=[allow(jobs.follow_job), Streaming], response_class=EventSourceResponse
)
async def stream(
    job: Annotated[Job | Seen, Depends(_job)],
    frame: CurrentFrame,
    caller: CurrentCaller,
    parts: CurrentParts,
    watch: CurrentWatch,
    now: Now,
) -> AsyncIterator[ServerSentEvent]:
    """The progress of the job after each change, as the part of its page that shows it. Ends with the event `ended`."""
    waiting = Waiting(parts.database, watch, parts.settings.features)
    async with aclosing(jobs.follow_job(waiting, caller, job, now)) as found:  # type: ignore[type-var]
        async for one in found:
            answer = answer_of(caller, one)
            yield ServerSentEvent(
                event="ended" if answer.state.final else "progress",
                data=fragment("console/parts/job.html", "progress", frame.words, answer, OUTCOMES),
            )


RESULTS = ListPage(
    title=N_("Outcomes of the job"),
    template="results.html",
    address="",
    model=ResultAnswer,
    named=lambda one: [f"party/{one.entity_id}"],
    columns=(Column("person", N_("Person")), Column("outcome", N_("Outcome")), Column("why", N_("Why"))),
    filters=(Filter("outcome", N_("Outcome"), "choice", choices_of(Outcome, OUTCOMES)),),
)


@router.list_of("/jobs/{job_id}/results", jobs.list_results)
def show_results(
    request: Request, job_id: uuid.UUID, frame: CurrentFrame, asked: AskedList, outcome: Outcome | None = None
) -> Response:
    """Every recipient of a job with its outcome, or all of them as a file."""
    found = jobs.list_results(asked.db, asked.caller, job_id, outcome)
    page = replace(RESULTS, address=f"/jobs/{job_id}/results")
    answer = partial(ResultAnswer.of, record=found.record)
    return list_page(frame, request, asked, page, found.rows, answer, job_id=job_id, outcomes=OUTCOMES)


# --- acts. Each form stands on the job's page, which shows what was refused.

_ON_ITS_PAGE = form_of("/jobs/{job_id}")


@router.post("/jobs/{job_id}/cancel", dependencies=[allow(jobs.cancel_job), _ON_ITS_PAGE])
def cancel(job_id: uuid.UUID, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Cancel what no worker has begun."""
    jobs.cancel_job(db, caller, job_id, now)
    return _back(job_id)


@router.post("/jobs/{job_id}/retry", dependencies=[allow(jobs.retry_job), _ON_ITS_PAGE])
def retry(
    job_id: uuid.UUID,
    form: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    accepting: FormAccepting,
    now: Now,
    response: Response,
) -> Response:
    """Submit a job of the failed recipients, or of those that failed with one code."""
    code = next((one for one in OutcomeCode if one == form.text("code")), None)
    accepted = jobs.retry_job(db, caller, job_id, workers=accepting.workers, now=now, key=accepting.key, code=code)
    return made_job(response, accepted, accepting)


@router.get("/jobs/{job_id}/undo", dependencies=[allow(jobs.preview_undo)])
def show_undo(
    job_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The page before an undo: what would be put back, and what was changed since and stays."""
    preview = jobs.preview_undo(db, caller, job_id, now)
    details = job_details.get_job_details(db, caller, job_id, now)
    title = title_of(details.job, details.names, details.course)
    return frame.page("undo.html", title=title, job=details.job, preview=preview, form=form)


@router.post("/jobs/{job_id}/undo", dependencies=[allow(jobs.undo_job), _ON_ITS_PAGE])
def undo(
    request: Request,
    job_id: uuid.UUID,
    visit: CurrentVisit,
    _: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    accepting: FormAccepting,
    now: Now,
    response: Response,
) -> Response:
    """Submit a job that takes back what this one did. One that revokes licences needs a recent sign-in."""
    if jobs.revokes_by_undo(db, caller, job_id):
        need_recent(request, visit, now)
    accepted = jobs.undo_job(db, caller, job_id, workers=accepting.workers, now=now, key=accepting.key)
    return made_job(response, accepted, accepting)


@router.post("/jobs/{job_id}/approve", dependencies=[allow(jobs.approve_job), RECENT, _ON_ITS_PAGE, Turn])
def approve(
    job_id: uuid.UUID,
    _: CurrentForm,
    parts: CurrentParts,
    caller: CurrentCaller,
    accepting: Releasing,
    now: Now,
) -> Response:
    """Approve a job that waits for a second member."""
    jobs.approve_job(parts.database, caller, job_id, now)
    accepting.wake()
    return _back(job_id)


@router.post("/jobs/{job_id}/reject", dependencies=[allow(jobs.reject_job), RECENT, _ON_ITS_PAGE])
def reject(job_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Reject a job that waits for a second member."""
    jobs.reject_job(db, caller, job_id, form.read(ReasonRequest).reason, now)
    return _back(job_id)


def _back(job_id: uuid.UUID) -> RedirectResponse:
    return RedirectResponse(f"/jobs/{job_id}", 303)
