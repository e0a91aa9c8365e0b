"""Invitations: the calendar file of a session as a part of a mail that calendars take in (iMIP, RFC 6047)."""

from shared.deliveries import mime


def invitation(file: bytes, name: str, address: str, *, cancels: bool) -> bytes:
    """Return a calendar file as an invitation of a party, or as a cancellation, to be a part of a mail."""
    from icalendar import Calendar  # imported here, because few mails are invitations, and it takes a tenth of a second

    from shared import calendars

    method = "CANCEL" if cancels else "REQUEST"
    calendar = Calendar.from_ical(file)
    calendar["METHOD"] = method
    for entry in calendar.walk("VEVENT"):
        attendee = calendars.participant(name, address)
        attendee.params["RSVP"] = "FALSE"
        entry.add("attendee", attendee)
        if cancels:
            entry["STATUS"] = "CANCELLED"
    return mime.text(
        calendar.to_ical().decode(),
        "calendar",
        parameters=f"; method={method}",
        disposition='attachment; filename="session.ics"',
    )
