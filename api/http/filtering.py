"""The query parameters of lists, by noun. Both doors take the same ones, so that a page and the API's list agree."""

import re
import uuid
from datetime import UTC, date, datetime
from typing import Annotated, Literal, NamedTuple

from fastapi import Depends, Query
from pydantic import AwareDatetime

from api.http.dependencies import Now, Today, Zone
from shared import assignments, clock, events, licences, sessions
from shared.assignments import AssignmentState
from shared.database import ID_PATTERN
from shared.deliveries import Channel, DeliveryState, Which
from shared.errors import Fault, InvalidInput
from shared.jobs import JobState
from shared.licences import LicenceState
from shared.sessions import SessionMode, SessionState
from shared.wire import Id, Line, ReceivedMoment

AssignmentSort = Annotated[assignments.Sort, Query()]
LicenceSort = Annotated[licences.Sort, Query()]


MOMENT = "An instant, or a day: its beginning in the organization's zone."


async def _assignments(
    today: Today,
    course_id: Annotated[uuid.UUID | None, Query(alias="courseId")] = None,
    course_version_id: Annotated[uuid.UUID | None, Query(alias="courseVersionId")] = None,
    folder_id: Annotated[str | None, Query(alias="folderId", pattern=ID_PATTERN)] = None,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    state: Annotated[AssignmentState | None, Query()] = None,
    overdue: Annotated[bool | None, Query()] = None,
    due_before: Annotated[date | None, Query(alias="dueBefore")] = None,
    due_after: Annotated[date | None, Query(alias="dueAfter")] = None,
    job_id: Annotated[uuid.UUID | None, Query(alias="jobId")] = None,
) -> assignments.Filters:
    return assignments.Filters(
        today=today,
        course_id=course_id,
        course_version_id=course_version_id,
        folder_id=folder_id,
        party_id=party_id,
        state=state,
        overdue=overdue,
        due_before=due_before,
        due_after=due_after,
        job_id=job_id,
    )


AssignmentFilters = Annotated[assignments.Filters, Depends(_assignments, scope="function")]


async def _licences(
    now: Now,
    zone: Zone,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    course_id: Annotated[uuid.UUID | None, Query(alias="courseId")] = None,
    course_version_id: Annotated[uuid.UUID | None, Query(alias="courseVersionId")] = None,
    session_id: Annotated[uuid.UUID | None, Query(alias="sessionId")] = None,
    state: Annotated[LicenceState | None, Query()] = None,
    folder_id: Annotated[str | None, Query(alias="folderId", pattern=ID_PATTERN)] = None,
    expires_before: Annotated[ReceivedMoment | None, Query(alias="expiresBefore", description=MOMENT)] = None,
    expires_after: Annotated[ReceivedMoment | None, Query(alias="expiresAfter", description=MOMENT)] = None,
) -> licences.Filters:
    return licences.Filters(
        now=now,
        party_id=party_id,
        course_id=course_id,
        course_version_id=course_version_id,
        session_id=session_id,
        state=state,
        folder_id=folder_id,
        expires_before=clock.instant_of(zone, expires_before),
        expires_after=clock.instant_of(zone, expires_after),
    )


LicenceFilters = Annotated[licences.Filters, Depends(_licences, scope="function")]


async def _sessions(
    zone: Zone,
    course_id: Annotated[uuid.UUID | None, Query(alias="courseId")] = None,
    state: Annotated[SessionState | None, Query()] = None,
    mode: Annotated[SessionMode | None, Query()] = None,
    since: Annotated[
        ReceivedMoment | None, Query(alias="from", description=f"Sessions that start at this time or later. {MOMENT}")
    ] = None,
    until: Annotated[
        ReceivedMoment | None, Query(alias="to", description=f"Sessions that start before this time. {MOMENT}")
    ] = None,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
) -> sessions.Filters:
    return sessions.Filters(
        course_id=course_id,
        state=state,
        mode=mode,
        since=clock.instant_of(zone, since),
        until=clock.instant_of(zone, until),
        party_id=party_id,
    )


SessionFilters = Annotated[sessions.Filters, Depends(_sessions, scope="function")]


class OfJobs(NamedTuple):
    """The conditions of a list of jobs. kind: the name of a kind."""

    state: JobState | None
    kind: str | None


async def _jobs(
    state: Annotated[JobState | None, Query()] = None,
    kind: Annotated[str | None, Query(pattern=r"^[a-z_.]{1,64}$")] = None,
) -> OfJobs:
    return OfJobs(state, kind)


JobFilters = Annotated[OfJobs, Depends(_jobs)]


class OfParties(NamedTuple):
    """The conditions of a list of parties. q: beginnings of words."""

    folder_id: str | None
    active: bool | None
    q: str | None


async def _parties(
    folder_id: Annotated[Id | None, Query(alias="folderId")] = None,
    active: Annotated[bool | None, Query()] = None,
    q: Annotated[Line | None, Query(description="Beginnings of words of the name or the id.")] = None,
) -> OfParties:
    return OfParties(folder_id, active, q)


PartyFilters = Annotated[OfParties, Depends(_parties)]


class OfCourses(NamedTuple):
    """The conditions of a list of courses. archived: these instead of the others."""

    q: str | None
    archived: bool


async def _courses(
    q: Annotated[Line | None, Query(description="A part of the title, or the beginning of the code.")] = None,
    archived: Annotated[bool, Query(description="Archived courses instead of the others.")] = False,
) -> OfCourses:
    return OfCourses(q, archived)


CourseFilters = Annotated[OfCourses, Depends(_courses)]


async def _deliveries(
    job_id: Annotated[uuid.UUID | None, Query(alias="jobId")] = None,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    state: Annotated[DeliveryState | None, Query()] = None,
    channel: Annotated[Channel | None, Query()] = None,
    webhook_id: Annotated[uuid.UUID | None, Query(alias="webhookId")] = None,
) -> Which:
    return Which(job_id, party_id, state, channel, webhook_id)


DeliveryFilters = Annotated[Which, Depends(_deliveries)]


_EVENT_TYPE = re.compile(r"[a-z_]+\.[a-z_]+")


def event_types(listed: str | None) -> list[str]:
    """Return the event types of a parameter `types`, which are separated by commas. Raises InvalidInput."""
    wanted = [name.strip() for name in listed.split(",")] if listed is not None else []
    if not all(_EVENT_TYPE.fullmatch(name) for name in wanted):
        raise InvalidInput(Fault("?types", "List event types separated by commas, such as assignment.created."))
    return wanted


def _in_utc(given: datetime | None) -> datetime | None:
    """Return an instant in UTC, because PostgreSQL refuses offsets of 16 hours and more, which RFC 3339 allows.

    At the ends of the calendar, where the instant has no day in UTC, return the first or the last one there is.
    """
    try:
        return None if given is None else given.astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if given and given.year == 1 else datetime.max.replace(tzinfo=UTC)


async def _events(
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    actor_type: Annotated[Literal["member", "party", "system"] | None, Query(alias="actorType")] = None,
    actor_id: Annotated[str | None, Query(alias="actorId", pattern=ID_PATTERN)] = None,
    subject: Annotated[str | None, Query(max_length=200, description="Such as assignment/<id>.")] = None,
    types: Annotated[str | None, Query(max_length=2000, description="Event types, comma separated.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Events recorded at this time or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Events recorded before this time.")] = None,
) -> events.Filters:
    wanted = event_types(types)
    if subject is not None and not re.fullmatch(r"[a-z_]+/[A-Za-z0-9._:-]+", subject):
        raise InvalidInput(Fault("?subject", "A subject is a noun and an id, such as party/p-17."))
    return events.Filters(party_id, actor_type, actor_id, subject, wanted, _in_utc(since), _in_utc(until))


EventFilters = Annotated[events.Filters, Depends(_events)]
