"""The catalogue's JSON."""

import uuid
from typing import Annotated, Self

from pydantic import AfterValidator, Field, HttpUrl, TypeAdapter, field_validator

from shared.catalogue.models import (
    Course,
    CourseVersion,
    EarlyRenewal,
    LicenceEnds,
    LicenceFrom,
    LicenceOn,
    Mode,
    VersionState,
)
from shared.wire import Answer, Instant, Line, LongText, Received

LICENCE_MONTHS = 12
"""The default duration of a licence: a year."""
MAX_LICENCE_MONTHS = 1200
"""A century. More is a typing error, and after the year 9999 no date can be computed."""

_HTTP = TypeAdapter(HttpUrl)


def _web_address(value: str) -> str:
    """Accept http and https only, because pages show the address as a link. Returns it exactly as it was sent."""
    _HTTP.validate_python(value)
    if not value.isprintable():
        raise ValueError("must be an http or https address on one line")
    return value


WebAddress = Annotated[str, Field(max_length=2000, json_schema_extra={"format": "uri"}), AfterValidator(_web_address)]
LicenceMonths = Annotated[int, Field(ge=1, le=MAX_LICENCE_MONTHS)]
RenewalDays = Annotated[int, Field(ge=1, le=3650)]


class Material(Received):
    """A document in the DMS that belongs to a version. url: where it can be read, http or https."""

    document_id: Line
    title: Line
    url: WebAddress | None = None


Materials = Annotated[list[Material], Field(max_length=100)]


class CourseRequest(Received):
    """A new course. licence_months: calendar months; null: the course grants no licence.

    renewal_window_days, early_renewal: a renewal in these last days of a licence restarts the period at once, or keeps
    the anniversary. renew_before_days: how many days before the end the holder is assigned the course again.
    licence_from, licence_ends: when a licence begins and ends. renewable_days: for so many days after the end a renewal
    keeps the anniversary too; nobody is licensed in them.
    newer_satisfies: completing a version closes the party's open assignments of older versions.
    """

    title: Line
    code: Line
    description: LongText | None = None
    mode: Mode
    licence_months: LicenceMonths | None = LICENCE_MONTHS
    licence_on: LicenceOn = LicenceOn.SESSION
    renewal_window_days: RenewalDays | None = None
    early_renewal: EarlyRenewal = EarlyRenewal.RESETS
    renew_before_days: RenewalDays | None = None
    licence_from: LicenceFrom = LicenceFrom.GRANTED
    licence_ends: LicenceEnds = LicenceEnds.INSTANT
    renewable_days: RenewalDays | None = None
    newer_satisfies: bool = True


class CourseChanges(Received):
    """Changes of a course: only the given fields change. Null clears a field that a new course may leave out.

    Changes apply to licences granted from then on, `renewBeforeDays` also to existing licences.
    """

    title: Line | None = None
    code: Line | None = None
    description: LongText | None = None
    mode: Mode | None = None
    licence_months: LicenceMonths | None = None
    licence_on: LicenceOn | None = None
    renewal_window_days: RenewalDays | None = None
    early_renewal: EarlyRenewal | None = None
    renew_before_days: RenewalDays | None = None
    licence_from: LicenceFrom | None = None
    licence_ends: LicenceEnds | None = None
    renewable_days: RenewalDays | None = None
    newer_satisfies: bool | None = None

    @field_validator(
        "title",
        "code",
        "mode",
        "licence_on",
        "early_renewal",
        "licence_from",
        "licence_ends",
        "newer_satisfies",
        mode="before",
    )
    @classmethod
    def _keep(cls, value: object) -> object:
        return _not_null(value)


class VersionRequest(Received):
    """A draft of a course version. retired: no draft, but a version for records of the past, which never changes."""

    label: Line
    summary: LongText | None = None
    materials: Materials = Field(default_factory=list)
    retired: bool = False


class VersionChanges(Received):
    """Changes of a draft: only the given fields change. Null clears `summary`."""

    label: Line | None = None
    summary: LongText | None = None
    materials: Materials | None = None

    @field_validator("label", "materials", mode="before")
    @classmethod
    def _keep(cls, value: object) -> object:
        return _not_null(value)


class ActiveVersion(Answer):
    """The version of a course to which new assignments and sessions are bound."""

    id: uuid.UUID
    label: str
    published_at: Instant


class CourseAnswer(Answer):
    """A course. active_version: null until its first version is published."""

    id: uuid.UUID
    title: str
    code: str
    description: str | None
    mode: Mode
    licence_months: int | None
    licence_on: LicenceOn
    renewal_window_days: int | None
    early_renewal: EarlyRenewal
    renew_before_days: int | None
    licence_from: LicenceFrom
    licence_ends: LicenceEnds
    renewable_days: int | None
    newer_satisfies: bool
    active_version: ActiveVersion | None
    created_at: Instant
    updated_at: Instant
    archived_at: Instant | None

    @classmethod
    def of(cls, course: Course, active: CourseVersion | None) -> Self:
        """Returns the answer for one row of `catalogue.list_courses`."""
        return cls(
            id=course.id,
            title=course.title,
            code=course.code,
            description=course.description,
            mode=Mode(course.mode),
            licence_months=course.licence_months,
            licence_on=LicenceOn(course.licence_on),
            renewal_window_days=course.renewal_window_days,
            early_renewal=EarlyRenewal(course.early_renewal),
            renew_before_days=course.renew_before_days,
            licence_from=LicenceFrom(course.licence_from),
            licence_ends=LicenceEnds(course.licence_ends),
            renewable_days=course.renewable_days,
            newer_satisfies=course.newer_satisfies,
            active_version=None if active is None else ActiveVersion.model_validate(active),
            created_at=course.created_at,
            updated_at=course.updated_at,
            archived_at=course.archived_at,
        )


class MaterialAnswer(Answer):
    """A document in the DMS that belongs to a version."""

    document_id: str
    title: str
    url: str | None = None


class VersionAnswer(Answer):
    """A version. published_by: the member who published it.

    title, code: the course's when this version was published, null before. Whatever shows who was trained in it shows
    these.
    """

    id: uuid.UUID
    course_id: uuid.UUID
    label: str
    summary: str | None
    materials: list[MaterialAnswer]
    state: VersionState
    created_at: Instant
    published_at: Instant | None
    published_by: str | None
    title: str | None
    code: str | None


def _not_null(value: object) -> object:
    if value is None:
        raise ValueError("cannot be cleared; leave it out to keep it")
    return value
