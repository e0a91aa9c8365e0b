"""A session as a calendar file (RFC 5545). Importing a later one updates the entry in the calendar."""

from datetime import UTC
from zoneinfo import ZoneInfo

from shared.sessions.models import SessionState, TrainingSession


def calendar_file(session: TrainingSession, title: str, version_label: str) -> bytes:
    """Return the file. UID is always the same, SEQUENCE rises with every change, METHOD is CANCEL once it is cancelled.

    Times are in the session's time zone. The file has the zone's rules, so that daylight saving time is right.
    """
    from icalendar import Calendar, Event  # imported here, because it would be a fifteenth of every API process's start

    cancelled = session.state == SessionState.CANCELLED
    zone = ZoneInfo(session.time_zone)
    entry = Event()
    entry.add("uid", f"session-{session.id}@rollcall")
    entry.add("sequence", session.revision - 1)
    entry.add("dtstamp", session.updated_at.astimezone(UTC))
    entry.add("created", session.created_at.astimezone(UTC))
    entry.add("last-modified", session.updated_at.astimezone(UTC))
    entry.add("dtstart", session.starts_at.astimezone(zone))
    entry.add("dtend", session.ends_at.astimezone(zone))
    entry.add("summary", f"{title} {version_label}")
    entry.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    if session.location is not None:
        entry.add("location", session.location)
    if session.join_url is not None:
        entry.add("url", session.join_url)
        entry.add("description", session.join_url)
    file = Calendar()
    file.add("prodid", "-//Rollcall//Sessions//EN")
    file.add("version", "2.0")
    file.add("method", "CANCEL" if cancelled else "PUBLISH")
    file.add_component(entry)
    file.add_missing_timezones()
    written: bytes = file.to_ical()
    return written
