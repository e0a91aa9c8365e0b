"""The forecast: how many licences end when, and which seats scheduled sessions offer until then."""

import uuid
from datetime import date
from typing import Annotated

from fastapi import Query

from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.routing import Router
from shared.services.forecast import Expected, Period, make_forecast
from shared.wire import Answer

router = Router("/v1/forecast", "licences")


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

    @classmethod
    def of(cls, expected: Expected) -> "PeriodAnswer":
        """The answer for one period."""
        return cls(
            starts_on=expected.starts_on,
            ends_on=expected.ends_on,
            lapses=expected.lapses,
            sessions=expected.seats.sessions,
            seats_taken=expected.seats.taken,
            seats_free=expected.seats.free,
        )


class Forecast(Answer):
    """Periods without a gap from the present one on, in the organization's time zone. courseId: null for all."""

    course_id: uuid.UUID | None
    by: Period
    time_zone: str
    periods: list[PeriodAnswer]


@router.get("", dependencies=[allow(make_forecast)])
def forecast(
    db: Db,
    caller: CurrentCaller,
    now: Now,
    by: Period = Period.MONTH,
    course_id: Annotated[uuid.UUID | None, Query(alias="courseId")] = None,
    periods: Annotated[int, Query(ge=1, le=120, description="How many periods, the present one included.")] = 12,
) -> Forecast:
    """How many licences lapse when, and the seats on scheduled sessions. 422 for an unknown course."""
    made = make_forecast(db, caller, course_id, by, periods, now)
    answers = [PeriodAnswer.of(one) for one in made.periods]
    return Forecast(course_id=course_id, by=by, time_zone=made.time_zone, periods=answers)
