"""The only clock. Code that needs the time is given it as `now`, and edges ask here, so that tests can move it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def day_in(zone: str, instant: datetime) -> date:
    """The calendar day of an instant in an IANA time zone: business days are the organization's, not UTC's."""
    return instant.astimezone(ZoneInfo(zone)).date()
