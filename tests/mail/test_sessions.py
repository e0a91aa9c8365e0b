"""Mails about sessions, with the calendar file that adds, moves and removes the appointment."""

from email.message import EmailMessage
from typing import Any

import pytest
import time_machine
from icalendar import Calendar

from tests.mail.correspondence import ADA, BOB, Correspondence, plain
from tests.sessions.sitting import add, complete, schedule

WHEN = {"startsAt": "2026-09-01T07:00:00Z", "endsAt": "2026-09-01T10:30:00Z", "timeZone": "Europe/Oslo"}
NOW = "2026-08-20T09:00:00Z"


def entry(mail: EmailMessage) -> tuple[str, Any]:
    """The method of the attached calendar file, and its only entry."""
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
        mails.add_parties(ADA | {"timeZone": "America/Chicago"}, BOB)
        session_id = schedule(mails.org, mails.org.with_course(), location="Rig school, room 4", **WHEN)
        add(mails.org, session_id, "ada")
        return session_id


def change(mails: Correspondence, session_id: str, **fields: Any) -> None:
    """Change a session through the API."""
    answer = mails.org.client().patch(f"/v1/sessions/{session_id}", json=fields)
    assert answer.status_code == 200, answer.text


def test_an_invitation_shows_the_time_in_the_partys_time_zone(mails: Correspondence, session: str) -> None:
    (mail,) = mails.deliver_at(NOW)
    assert mail["Subject"] == "Hydrogen-sulfide response: session on 1 September 2026"
    assert "When: Tuesday 1 September 2026, 02:00 to 05:30 (America/Chicago)" in plain(mail)
    assert "Where: Rig school, room 4" in plain(mail)
    method, event = entry(mail)
    assert (method, str(event["STATUS"])) == ("REQUEST", "CONFIRMED")
    assert str(event["ATTENDEE"]) == "mailto:ada@crew.example"
    assert str(event["ORGANIZER"]) == "mailto:rollcall@training.example"
    assert event["DTSTART"].dt.isoformat() == "2026-09-01T09:00:00+02:00"


def test_a_change_and_a_cancellation_update_the_same_calendar_entry(mails: Correspondence, session: str) -> None:
    with time_machine.travel(NOW, tick=False):
        (invitation,) = mails.deliver()
        change(mails, session, capacity=30)
        assert mails.deliver() == []  # neither time nor place has changed
        change(mails, session, location="Rig school, room 5")
        (moved,) = mails.deliver()
        answer = mails.org.client().post(f"/v1/sessions/{session}/cancel", json={"reason": "Trainer is ill"})
        assert answer.status_code == 200, answer.text
        (cancelled,) = mails.deliver()
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


def test_everybody_on_the_roster_gets_the_cancellation(mails: Correspondence, session: str) -> None:
    with time_machine.travel(NOW, tick=False):
        add(mails.org, session, "bob")
        assert len(mails.deliver()) == 2
        mails.org.client().post(f"/v1/sessions/{session}/cancel", json={"reason": "Trainer is ill"})
        assert sorted(mail["To"] for mail in mails.deliver()) == [
            "Ada Lindqvist <ada@crew.example>",
            "Bob Okafor <bob@crew.example>",
        ]


def test_a_party_taken_off_the_roster_gets_a_calendar_cancellation(mails: Correspondence, session: str) -> None:
    with time_machine.travel(NOW, tick=False):
        mails.deliver()
        assert mails.org.client().delete(f"/v1/sessions/{session}/roster/ada").status_code in (200, 204)
        (mail,) = mails.deliver()
    assert mail["Subject"] == "Hydrogen-sulfide response: you are not expected on 1 September 2026"
    assert entry(mail)[0] == "CANCEL"


def test_of_the_messages_about_added_removed_and_added_a_calendar_keeps_the_last(
    mails: Correspondence, session: str
) -> None:
    """All within a second. A calendar keeps the highest SEQUENCE of a UID, and the latest DTSTAMP of equal ones."""
    roster = f"/v1/sessions/{session}/roster"
    with time_machine.travel(NOW, tick=False):
        sent = mails.deliver()
        for act in (
            lambda: mails.org.client().delete(f"{roster}/ada"),
            lambda: add(mails.org, session, "ada"),
            lambda: mails.org.client().delete(f"{roster}/ada"),
            lambda: add(mails.org, session, "ada", "bob"),
        ):
            act()
            sent += [mail for mail in mails.deliver() if "Ada" in mail["To"]]
        file = Calendar.from_ical(mails.org.client().get(f"/v1/sessions/{session}.ics").content)
    entries = [entry(mail) for mail in sent]
    assert [method for method, _ in entries] == ["REQUEST", "CANCEL", "REQUEST", "CANCEL", "REQUEST"]
    assert len({str(event["UID"]) for _, event in entries}) == 1
    for numbers in ([event["SEQUENCE"] for _, event in entries], [event.DTSTAMP for _, event in entries]):
        assert numbers == sorted(set(numbers))
    (downloaded,) = file.events
    assert (downloaded["SEQUENCE"], downloaded.DTSTAMP) == (entries[-1][1]["SEQUENCE"], entries[-1][1].DTSTAMP)
    assert {str(event["ORGANIZER"].params["CN"]) for event in (downloaded, entries[-1][1])} == {"Test"}


def test_a_reinstated_session_invites_again_if_its_cancellation_was_told(mails: Correspondence, session: str) -> None:
    with time_machine.travel(NOW, tick=False):
        sent = mails.deliver()
        for told in (True, False):
            client = mails.org.client()
            assert client.post(f"/v1/sessions/{session}/cancel", json={"reason": "Storm"}).status_code == 200
            sent += mails.deliver() if told else []
            assert client.post(f"/v1/sessions/{session}/reinstate", json={"reason": "It blew over"}).status_code == 200
            sent += mails.deliver()
    entries = [entry(mail) for mail in sent]
    assert [(method, str(event["STATUS"])) for method, event in entries] == [
        ("REQUEST", "CONFIRMED"),
        ("CANCEL", "CANCELLED"),
        ("REQUEST", "CONFIRMED"),
    ]
    for numbers in ([event["SEQUENCE"] for _, event in entries], [event.DTSTAMP for _, event in entries]):
        assert numbers == sorted(set(numbers))
    assert [code for *_, code in mails.states()][-2:] == ["session-reinstated", "already-told"]


def test_a_party_taken_off_twice_is_told_once(mails: Correspondence, session: str) -> None:
    roster = f"/v1/sessions/{session}/roster"
    with time_machine.travel(NOW, tick=False):
        mails.deliver()
        mails.org.client().delete(f"{roster}/ada")
        assert len(mails.deliver()) == 1
        add(mails.org, session, "ada")
        mails.org.client().delete(f"{roster}/ada")
        assert mails.deliver() == []
    assert [code for *_, code in mails.states()][-2:] == ["not-on-roster", "already-told"]


def test_mails_about_a_roster_that_has_changed_since_are_suppressed(mails: Correspondence, session: str) -> None:
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


def test_a_session_that_is_over_or_cancelled_sends_no_invitation(mails: Correspondence, session: str) -> None:
    assert mails.deliver_at("2026-09-01T10:30:00Z") == []
    assert mails.states() == [("ada", "suppressed", "stale")]
    with time_machine.travel(NOW, tick=False):
        other = schedule(mails.org, mails.org.with_course(), **WHEN)
        add(mails.org, other, "bob")
        mails.org.client().post(f"/v1/sessions/{other}/cancel", json={"reason": "Trainer is ill"})
        mails.deliver()
    assert mails.server.mails == []
    assert [code for receiver, _, code in mails.states() if receiver == "bob"] == ["session-cancelled", "never-told"]


def test_an_invitation_to_a_past_session_is_suppressed(mails: Correspondence) -> None:
    with time_machine.travel("2026-09-01T12:00:00Z", tick=False):
        mails.add_parties(ADA)
        add(mails.org, schedule(mails.org, mails.org.with_course(), **WHEN), "ada")
        assert mails.deliver() == []
    assert mails.states() == [("ada", "suppressed", "session-over")]


def test_an_invitation_to_a_session_that_was_completed_before_its_end_is_suppressed(
    mails: Correspondence, session: str
) -> None:
    with time_machine.travel(NOW, tick=False):
        mails.plan()
        change(mails, session, startsAt="2026-08-20T08:00:00Z", endsAt="2026-08-20T12:00:00Z")
        complete(mails.org, mails.worker, session)
        mails.send()
    assert mails.states()[0] == ("ada", "suppressed", "session-over")


def test_a_reinstated_session_is_told_to_its_roster_and_adds_the_appointment_again(
    mails: Correspondence, session: str
) -> None:
    with time_machine.travel(NOW, tick=False):
        mails.deliver()
        client, one = mails.org.client(), f"/v1/sessions/{session}"
        assert client.post(f"{one}/cancel", json={"reason": "Storm"}).status_code == 200
        (cancellation,) = mails.deliver()
        assert client.post(f"{one}/reinstate", json={"reason": "It blew over"}).status_code == 200
        (mail,) = mails.deliver()
    assert mail["Subject"] == "Hydrogen-sulfide response: session on 1 September 2026 takes place after all"
    (method, event), (former, before) = entry(mail), entry(cancellation)
    assert (former, method, str(event["STATUS"])) == ("CANCEL", "REQUEST", "CONFIRMED")
    assert event["UID"] == before["UID"]
    assert event["SEQUENCE"] > before["SEQUENCE"]
