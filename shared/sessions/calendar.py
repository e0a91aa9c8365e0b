"""A session as a calendar file (RFC 5545). Importing a later one updates the entry in the calendar."""

from datetime import UTC

from icalendar import Calendar, Event

from shared import calendars
from shared.sessions.models import SessionState, TrainingSession


def calendar_file(
    session: TrainingSession, title: str, version_label: str, *, organizer_name: str, organizer_address: str
) -> bytes:
    """Return the file. UID is always the same; METHOD is CANCEL once the session is cancelled.

    SEQUENCE and DTSTAMP rise with every change of the session and of its roster. So of the messages to one party, who
    may be added, removed and added again, a calendar keeps the last, in whatever order they arrive.
    """
    cancelled = session.state == SessionState.CANCELLED
    starts, ends = calendars.moments(session.starts_at, session.ends_at, session.time_zone)
    entry = Event()
    entry.add("uid", f"session-{session.id}@rollcall")
    entry.add("sequence", session.revision - 1 + session.roster_revision)
    entry.add("dtstamp", (session.stamped_at or session.updated_at).astimezone(UTC))
    entry.add("created", session.created_at.astimezone(UTC))
    entry.add("last-modified", session.updated_at.astimezone(UTC))
    entry.add("organizer", calendars.participant(organizer_name, organizer_address))
    entry.add("dtstart", starts)
    entry.add("dtend", ends)
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
    if entry["dtstart"].params.get("TZID"):
        file.add_component(calendars.time_zone(session.time_zone, starts.year, ends.year))
    file.add_component(entry)
    written: bytes = file.to_ical()
    return written
