"""The forecast: the licences that end in each period, and the seats of scheduled sessions."""

import uuid
from datetime import date
from typing import Annotated

from fastapi import Query

from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.routing import Router
from shared.periods import Period
from shared.services.forecast import Expected, make_forecast
from shared.wire import Answer

router = Router("/v1/forecast", "licences")


class PeriodAnswer(Answer):
    """One period, from `startsOn` to `endsOn` inclusive. lapses: the number of licences that end in it.

    sessions, seatsTaken, seatsFree: of the sessions that start in it. seatsFree: null if one of them has no capacity.
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
    """Consecutive periods in the organization's time zone, beginning with the present one. courseId: null for all."""

    course_id: uuid.UUID | None
    by: Period
    time_zone: str
    periods: list[PeriodAnswer]


@router.get("", dependencies=[allow(make_forecast)])
def read_forecast(
    db: Db,
    caller: CurrentCaller,
    now: Now,
    by: Period = Period.MONTH,
    course_id: Annotated[uuid.UUID | None, Query(alias="courseId")] = None,
    periods: Annotated[int, Query(ge=1, le=120, description="The number of periods, with the present one.")] = 12,
) -> Forecast:
    """The licences that end in each period, and the seats of scheduled sessions. 422 for an unknown course."""
    made = make_forecast(db, caller, course_id, by, periods, now)
    answers = [PeriodAnswer.of(one) for one in made.periods]
    return Forecast(course_id=course_id, by=by, time_zone=made.time_zone, periods=answers)
