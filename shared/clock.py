"""The only clock. Code that needs the time is given it as `now`, and edges ask here, so that tests can move it."""

from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def day_in(zone: str, instant: datetime) -> date:
    """The calendar day of an instant in an IANA time zone: business days are the organization's, not UTC's."""
    return instant.astimezone(ZoneInfo(zone)).date()


@cache
def time_zones() -> frozenset[str]:
    """The names of all IANA time zones. Kept: to find out reads a directory of files, which takes 50 ms.

    Without `localtime`: that is what a machine happens to be set to, and PostgreSQL knows no zone of that name.
    """
    return frozenset(available_timezones()) - {"localtime"}
