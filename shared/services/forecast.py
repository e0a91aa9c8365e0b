"""The forecast: the licences that end in each period, and the seats of scheduled sessions."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from shared import access, catalogue, clock, licences, sessions
from shared.access import Caller, Permission
from shared.errors import Fault, InvalidInput, NotFound
from shared.periods import Period
from shared.services.verbs import verb
from shared.sessions import Seats


@dataclass(frozen=True)
class Expected:
    """One period, from starts_on to ends_on inclusive.

    lapses: the number of counting licences that end in it. seats: those of the sessions that start in it.
    """

    starts_on: date
    ends_on: date
    lapses: int
    seats: Seats


@dataclass(frozen=True)
class Forecast:
    """Consecutive periods in the organization's time zone, beginning with the present one."""

    time_zone: str
    periods: list[Expected]


@verb(Permission.VIEW, Permission.ADMIN)
def make_forecast(
    db: Session, caller: Caller, course_id: uuid.UUID | None, by: Period, periods: int, now: datetime
) -> Forecast:
    """Return a forecast. periods: their number, with the present one. course_id: None for all courses.

    Raises InvalidInput for an unknown course.
    """
    if course_id is not None:
        _need_course(db, course_id)
    zone = access.get_organization(db).time_zone
    first = by.first_day(clock.day_in(zone, now))
    days = [first + n * by.length for n in range(periods + 1)]
    when: dict[str, Any] = {
        "course_id": course_id,
        "zone": zone,
        "by": by,
        "since": _begin(first, zone),
        "until": _begin(days[-1], zone),
    }
    ending = licences.count_lapses(db, caller.folders, **when)
    offered = sessions.count_seats(db, caller.folders, **when)
    nothing = Seats(sessions=0, taken=0, free=0)
    expected = [
        Expected(day, following - timedelta(days=1), ending.get(day, 0), offered.get(day, nothing))
        for day, following in pairwise(days)
    ]
    return Forecast(zone, expected)


def _need_course(db: Session, course_id: uuid.UUID) -> None:
    try:
        catalogue.get_course(db, course_id)
    except NotFound:
        raise InvalidInput(Fault("?courseId", "There is no such course.")) from None


def _begin(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
