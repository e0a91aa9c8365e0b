"""The only clock. Requests and tasks call it and pass the time on as `now`, so that tests can set it."""

from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones


def now() -> datetime:
    """Returns the current instant, aware, in UTC."""
    return datetime.now(UTC)


def day_in(zone: str, instant: datetime) -> date:
    """Returns the calendar day of an instant in an IANA time zone: business days are the organization's, not UTC's."""
    return instant.astimezone(ZoneInfo(zone)).date()


@cache
def time_zones() -> frozenset[str]:
    """Returns the names of all IANA time zones. Cached: finding them reads a directory of files, which takes 50 ms.

    `localtime` is left out: it means the zone that the machine is set to, and PostgreSQL has no zone of that name.
    """
    return frozenset(available_timezones()) - {"localtime"}
