"""What is coming: how many licences end when, and which seats scheduled sessions offer until then."""

import uuid
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from fastapi import Query

from api.dependencies import CurrentCaller, CurrentOrganization, Db, Today, allow
from api.routing import Router
from shared import catalogue, licences, sessions
from shared.access import Permission
from shared.errors import Fault, InvalidInput, NotFound
from shared.sessions import Seats
from shared.wire import Answer

router = Router("/v1/forecast", "licences")


class Period(StrEnum):
    """What is counted together: weeks from Monday, or calendar months."""

    WEEK = "week"
    MONTH = "month"

    @property
    def length(self) -> relativedelta:
        """From one period's first day to the next one's."""
        return relativedelta(weeks=1) if self is Period.WEEK else relativedelta(months=1)

    def first_day(self, day: date) -> date:
        """The first day of the period that a day belongs to."""
        return day - timedelta(days=day.weekday()) if self is Period.WEEK else day.replace(day=1)


class PeriodAnswer(Answer):
    """One period, days from `startsOn` to `endsOn`. lapses: licences that count and end in it.

    sessions, seatsTaken, seatsFree: of the sessions scheduled in it; seatsFree is null where one takes any number.
    """

    starts_on: date
    ends_on: date
    lapses: int
    sessions: int
    seats_taken: int
    seats_free: int | None


class Forecast(Answer):
    """Periods without a gap from the present one on, in the organization's time zone. courseId: null for all."""

    course_id: uuid.UUID | None
    by: Period
    time_zone: str
    periods: list[PeriodAnswer]


@router.get("", dependencies=[allow(Permission.VIEW, Permission.ADMIN)])
def forecast(
    db: Db,
    caller: CurrentCaller,
    organization: CurrentOrganization,
    today: Today,
    by: Period = Period.MONTH,
    course_id: Annotated[uuid.UUID | None, Query(alias="courseId")] = None,
    periods: Annotated[int, Query(ge=1, le=120, description="How many periods, the present one included.")] = 12,
) -> Forecast:
    """How many licences lapse when, and the seats on scheduled sessions. 422 for an unknown course."""
    if course_id is not None:
        try:
            catalogue.course(db, course_id)
        except NotFound:
            raise InvalidInput(Fault("?courseId", "There is no such course.")) from None
    first = by.first_day(today)
    days = [first + n * by.length for n in range(periods + 1)]
    zone = organization.time_zone
    when: dict[str, Any] = {
        "course_id": course_id,
        "zone": zone,
        "by": by,
        "since": _begin(first, zone),
        "until": _begin(days[-1], zone),
    }
    ending = licences.lapses(db, caller.folders, **when)
    offered = sessions.seats(db, **when)
    nothing = Seats(sessions=0, taken=0, free=0)
    answers = [
        _period(day, following, ending.get(day, 0), offered.get(day, nothing)) for day, following in pairwise(days)
    ]
    return Forecast(course_id=course_id, by=by, time_zone=zone, periods=answers)


def _begin(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def _period(day: date, following: date, lapses: int, offered: Seats) -> PeriodAnswer:
    return PeriodAnswer(
        starts_on=day,
        ends_on=following - timedelta(days=1),
        lapses=lapses,
        sessions=offered.sessions,
        seats_taken=offered.taken,
        seats_free=offered.free,
    )
