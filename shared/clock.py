"""The only clock. Requests and tasks call it and pass the time on as `now`, so that tests can set it.

A worker also compares it with the database's clock: on a machine whose clock is wrong it would publish that licences
ended which are valid.
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones


def now() -> datetime:
    """Returns the current instant, aware, in UTC."""
    return datetime.now(UTC)


def in_json(instant: datetime) -> str:
    """Returns an instant of UTC as JSON has it, such as `2026-03-01T08:00:00Z`."""
    return instant.isoformat().replace("+00:00", "Z")


def day_in(zone: str, instant: datetime) -> date:
    """Returns the calendar day of an instant in an IANA time zone: business days are the organization's, not UTC's."""
    return instant.astimezone(ZoneInfo(zone)).date()


def begin_of(zone: str, day: date) -> datetime:
    """Returns the first instant of a day in an IANA time zone, which is not 00:00 where clocks are put forward then."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def instant_of(zone: str, moment: datetime | date | None) -> datetime | None:
    """Returns the instant of a moment: an instant as it is, of a day its first one in an IANA time zone."""
    return moment if moment is None or isinstance(moment, datetime) else begin_of(zone, moment)


def last_day_in(zone: str, until: datetime) -> date:
    """Returns the last day, in an IANA time zone, of what is over at `until`: of an end at midnight the day before."""
    return day_in(zone, until - timedelta(microseconds=1))


def is_whole_day(zone: str, at: datetime) -> bool:
    """True if a day begins at this instant, so that a day names it: nothing is lost by not naming the hour."""
    return begin_of(zone, day_in(zone, at)) == at


MOST_DIFFERENCE = timedelta(seconds=5)
"""Upper bound of the difference between this clock and the database's at which a worker still decides by its own."""


class ClockDiffers(Exception):
    """This machine's clock differs from the database's. The message is a sentence for the operator."""


class Timekeeper:
    """Compares this clock with the database's.

    The database is asked once. From then on its time is computed with the monotonic clock, which nobody can set, so a
    comparison costs nothing; and it is asked again before any refusal, because the machine may have slept.
    """

    def __init__(self, ask: Callable[[], datetime]) -> None:
        self._ask = ask
        self._asked: tuple[datetime, float] | None = None

    def check(self) -> None:
        """Raise ClockDiffers if the clocks differ by more than `MOST_DIFFERENCE`, else return."""
        if self._asked is None or abs(self._difference(*self._asked)) > MOST_DIFFERENCE:
            self._asked = self._ask(), time.monotonic()
        difference = self._difference(*self._asked)
        if abs(difference) > MOST_DIFFERENCE:
            self._asked = None
            seconds = difference.total_seconds()
            raise ClockDiffers(
                f"The clock of this machine is {abs(seconds):,.0f} s {'ahead of' if seconds > 0 else 'behind'} "
                "the database's; correct it, because due work is decided by time."
            )

    def _difference(self, asked: datetime, at: float) -> timedelta:
        return now() - asked - timedelta(seconds=time.monotonic() - at)


@cache
def time_zones() -> frozenset[str]:
    """Returns the names of all IANA time zones. Cached: finding them reads a directory of files, which takes 50 ms.

    `localtime` is left out: it means the zone that the machine is set to, and PostgreSQL has no zone of that name.
    """
    return frozenset(available_timezones()) - {"localtime"}
