"""Jobs and their results in answers of the API."""

import uuid
from typing import Any, Literal

from shared.jobs.kinds import KINDS
from shared.jobs.models import Job, JobState, Outcome
from shared.jobs.outcomes import OutcomeCode
from shared.jobs.queries import counts
from shared.jobs.sight import Seen, seen_counts
from shared.wire import Answer, Fields, Instant


class JobCounts(Answer):
    """The number of recipients by outcome: total = succeeded + unchanged + failed + cancelled + pending."""

    total: int
    succeeded: int
    unchanged: int
    failed: int
    cancelled: int
    pending: int


class SubmittedBy(Answer):
    """The actor: a member or the system."""

    type: str
    id: str


class Approval(Answer):
    """The approval of a large job by a second member."""

    by: str
    at: Instant


QUOTES_NOBODY = frozenset(
    (
        "afterRevocation",
        "by",
        "courseId",
        "courseVersionId",
        "dueOn",
        "grantedAt",
        "ifCompleted",
        "ifLicensed",
        "notify",
        "occurredOn",
        "sessionId",
        "undoKind",
        "undoOf",
        "versionLabel",
        "versions",
    )
)
"""The fields of requests that a caller sees who is limited to folders and sees only a part of the job."""


class JobAnswer(Answer):
    """A job. For a caller limited to folders: of the recipients in them.

    request: the request, with everything that was fixed at submission. retryOf, undoOf: the job that this one retries
    or undoes. error: the reason of a rejection, or why an approval was refused; that job still waits.
    """

    id: uuid.UUID
    kind: str
    state: JobState
    counts: JobCounts
    request: dict[str, Any]
    submitted_by: SubmittedBy
    submitted_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    retry_of: uuid.UUID | None
    undo_of: uuid.UUID | None
    approval: Approval | None
    error: str | None

    @classmethod
    def of_seen(cls, seen: Seen, own: bool) -> "JobAnswer":
        """The answer for what a caller limited to folders sees of a job. own: True if the caller submitted it.

        The request of a kind that needs two members names a party or an id that is no recipient, and may be outside.
        """
        job, counted, whole = seen
        answer = cls.of(job)
        answer.counts = JobCounts(**seen_counts(counted))
        if not (whole or own) or KINDS[job.kind].by_two:
            answer.request = {name: value for name, value in job.request.items() if name in QUOTES_NOBODY}
            answer.error = None
        return answer

    @classmethod
    def of(cls, job: Job) -> "JobAnswer":
        """The answer for a job's row, for a caller who sees all parties."""
        return cls(
            id=job.id,
            kind=job.kind,
            state=JobState(job.state),
            counts=JobCounts(**counts(job)),
            request=job.request,
            submitted_by=SubmittedBy(type=job.submitted_by_type, id=job.submitted_by_id),
            submitted_at=job.submitted_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            retry_of=job.retry_of,
            undo_of=job.undo_of,
            approval=Approval(by=job.approved_by, at=job.approved_at) if job.approved_by and job.approved_at else None,
            error=job.error,
        )


class ResultAnswer(Answer):
    """The outcome of one recipient. row, line: of an import, its place; null for other recipients.

    entityId: the party; empty for a row in which no id of a party could be read.
    assignmentId, licenceId: the record that the outcome is about, which the job or an earlier one may have made.
    """

    entity_id: str
    outcome: Outcome
    code: OutcomeCode
    detail: str
    assignment_id: uuid.UUID | None
    licence_id: uuid.UUID | None
    row: int | None = None
    line: int | None = None

    @staticmethod
    def fields(row: Any, record: Literal["assignment", "licence"] = "assignment") -> Fields:
        """The fields for a row of `jobs.list_results`. record: the noun of the job's records."""
        entity_id, *place = row.entity_id.split(" ")
        return {
            "entityId": entity_id,
            "outcome": row.outcome,
            "code": row.code,
            "detail": row.detail or OutcomeCode(row.code).detail,
            "assignmentId": row.record_id if record == "assignment" else None,
            "licenceId": row.record_id if record == "licence" else None,
            "row": int(place[0]) if place else None,
            "line": int(place[1]) if len(place) > 1 else None,
        }

    @classmethod
    def of(cls, row: Any, record: Literal["assignment", "licence"] = "assignment") -> "ResultAnswer":
        """The answer for a row of `jobs.list_results`. record: the noun of the job's records."""
        return cls.model_validate(cls.fields(row, record))
