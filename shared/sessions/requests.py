"""The requests of jobs about sessions, one model for each kind: see `shared.jobs.JobRequest`."""

import uuid
from datetime import date, datetime
from typing import Annotated

from pydantic import PlainSerializer

from shared.jobs import JobRequest


class CompletionJob(JobRequest):
    """A job of kind `sessions.complete`: the session as it was when completion was accepted.

    granted_at: the `grantedAt` of every licence. occurred_on: the day the session ended, in the organization's zone.
    ends_at: the end of the sitting; None in jobs of the former release.
    """

    session_id: uuid.UUID
    course_id: uuid.UUID
    course_version_id: uuid.UUID
    granted_at: Annotated[datetime, PlainSerializer(datetime.isoformat)]
    occurred_on: date
    ends_at: Annotated[datetime, PlainSerializer(datetime.isoformat)] | None = None


class AmendmentJob(CompletionJob):
    """A job of kind `sessions.amend`. Its recipients are the parties to add and those to remove.

    after_revocation: also those whose licence of the session another member has revoked by hand.
    added, removed: only the shorter of the two lists is stored; all other recipients belong to the other list.
    """

    reason: str
    after_revocation: bool = False
    added: list[str] | None = None
    removed: list[str] | None = None
