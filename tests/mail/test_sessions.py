"""What parties are told of sessions, with the calendar entry that makes, moves and takes out the appointment."""

from email.message import EmailMessage
from typing import Any

import pytest
import time_machine
from icalendar import Calendar

from tests.mail.telling import ADA, BOB, Correspondence, plain
from tests.sessions.sitting import add, schedule

WHEN = {"startsAt": "2026-09-01T07:00:00Z", "endsAt": "2026-09-01T10:30:00Z", "timeZone": "Europe/Oslo"}
NOW = "2026-08-20T09:00:00Z"


def entry(mail: EmailMessage) -> tuple[str, Any]:
    """The method of the attached calendar file, and its entry."""
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert part.get_filename() == "session.ics"
    calendar = Calendar.from_ical(part.get_content())
    assert part.get_param("method") == str(calendar["METHOD"])
    (event,) = calendar.walk("VEVENT")
    return str(calendar["METHOD"]), event


@pytest.fixture
def session(mails: Correspondence) -> str:
    """A session in Oslo with Ada, who lives in Houston, on its roster."""
    with time_machine.travel(NOW, tick=False):
        mails.know(ADA | {"timeZone": "America/Chicago"}, BOB)
        session_id = schedule(mails.org, mails.org.with_course(), location="Rig school, room 4", **WHEN)
        add(mails.org, session_id, "ada")
        return session_id


def change(mails: Correspondence, session_id: str, **fields: Any) -> None:
    """Have a coordinator change it."""
    answer = mails.org.client().patch(f"/v1/sessions/{session_id}", json=fields)
    assert answer.status_code == 200, answer.text


def test_an_invitation_tells_the_time_where_the_party_is(mails: Correspondence, session: str) -> None:
    (mail,) = mails.tell_at(NOW)
    assert mail["Subject"] == "Hydrogen-sulfide response: session on 1 September 2026"
    assert "When: Tuesday 1 September 2026, 02:00 to 05:30 (America/Chicago)" in plain(mail)
    assert "Where: Rig school, room 4" in plain(mail)
    method, event = entry(mail)
    assert (method, str(event["STATUS"])) == ("REQUEST", "CONFIRMED")
    assert str(event["ATTENDEE"]) == "mailto:ada@crew.example"
    assert str(event["ORGANIZER"]) == "mailto:rollcall@training.example"
    assert event["DTSTART"].dt.isoformat() == "2026-09-01T09:00:00+02:00"


def test_a_move_and_a_cancellation_are_the_same_entry(mails: Correspondence, session: str) -> None:
    with time_machine.travel(NOW, tick=False):
        (invitation,) = mails.tell()
        change(mails, session, capacity=30)
        assert mails.tell() == []  # neither time nor place
        change(mails, session, location="Rig school, room 5")
        (moved,) = mails.tell()
        answer = mails.org.client().post(f"/v1/sessions/{session}/cancel", json={"reason": "Trainer is ill"})
        assert answer.status_code == 200, answer.text
        (cancelled,) = mails.tell()
    entries = [entry(mail) for mail in (invitation, moved, cancelled)]
    assert [method for method, _ in entries] == ["REQUEST", "REQUEST", "CANCEL"]
    assert len({str(event["UID"]) for _, event in entries}) == 1
    numbers = [event["SEQUENCE"] for _, event in entries]
    assert numbers == sorted(set(numbers))
    assert moved["Subject"] == "Hydrogen-sulfide response: session changed, now on 1 September 2026"
    assert "Where: Rig school, room 5" in plain(moved)
    assert cancelled["Subject"] == "Hydrogen-sulfide response: session on 1 September 2026 cancelled"
    assert "Reason: Trainer is ill" in plain(cancelled)
    assert str(entries[2][1]["STATUS"]) == "CANCELLED"


def test_everybody_on_the_roster_hears_of_a_cancellation(mails: Correspondence, session: str) -> None:
    with time_machine.travel(NOW, tick=False):
        add(mails.org, session, "bob")
        assert len(mails.tell()) == 2
        mails.org.client().post(f"/v1/sessions/{session}/cancel", json={"reason": "Trainer is ill"})
        assert sorted(mail["To"] for mail in mails.tell()) == [
            "Ada Lindqvist <ada@crew.example>",
            "Bob Okafor <bob@crew.example>",
        ]


def test_who_is_taken_off_gets_the_entry_taken_out(mails: Correspondence, session: str) -> None:
    with time_machine.travel(NOW, tick=False):
        mails.tell()
        assert mails.org.client().delete(f"/v1/sessions/{session}/roster/ada").status_code in (200, 204)
        (mail,) = mails.tell()
    assert mail["Subject"] == "Hydrogen-sulfide response: you are not expected on 1 September 2026"
    assert entry(mail)[0] == "CANCEL"


def test_what_became_untrue_before_it_was_sent(mails: Correspondence, session: str) -> None:
    with time_machine.travel(NOW, tick=False):
        mails.org.client().delete(f"/v1/sessions/{session}/roster/ada")
        add(mails.org, session, "ada")
        add(mails.org, session, "bob")
        mails.org.client().delete(f"/v1/sessions/{session}/roster/bob")
        mails.plan()
        mails.send()
    assert [mail["To"] for mail in mails.server.mails] == ["Ada Lindqvist <ada@crew.example>"]
    assert [code for receiver, _, code in mails.states() if receiver == "ada"] == [
        "told-by-another",
        "on-roster-again",
        "delivered",
    ]
    assert [code for receiver, _, code in mails.states() if receiver == "bob"] == ["not-on-roster", "never-told"]


def test_a_session_that_is_over_or_cancelled_invites_nobody(mails: Correspondence, session: str) -> None:
    assert mails.tell_at("2026-09-01T10:30:00Z") == []
    assert mails.states() == [("ada", "suppressed", "stale")]
    with time_machine.travel(NOW, tick=False):
        other = schedule(mails.org, mails.org.with_course(), **WHEN)
        add(mails.org, other, "bob")
        mails.org.client().post(f"/v1/sessions/{other}/cancel", json={"reason": "Trainer is ill"})
        mails.tell()
    assert mails.server.mails == []
    assert [code for receiver, _, code in mails.states() if receiver == "bob"] == ["session-cancelled", "never-told"]


def test_an_invitation_to_the_past_is_none(mails: Correspondence) -> None:
    with time_machine.travel("2026-09-01T12:00:00Z", tick=False):
        mails.know(ADA)
        add(mails.org, schedule(mails.org, mails.org.with_course(), **WHEN), "ada")
        assert mails.tell() == []
    assert mails.states() == [("ada", "suppressed", "session-over")]
