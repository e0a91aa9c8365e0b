"""Scheduling, changing, cancelling and listing sessions, and their calendar files."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from icalendar import Calendar

from tests.assignments.asking import pages
from tests.factories import Org
from tests.feed import recorded
from tests.sessions.sitting import ENDS, STARTS, add, pointers, problem, read, schedule, sitting


def test_a_session_is_bound_to_the_active_version(org: Org) -> None:
    course = org.with_course(title="Working at height", label="v1")
    session_id = schedule(org, course, location="Forus, hall 2", capacity=40)
    org.publish(course, "v2")
    session = read(org, session_id)
    assert session | {"createdAt": None, "updatedAt": None, "courseVersionId": None} == {
        "id": session_id,
        "courseId": course,
        "courseTitle": "Working at height",
        "courseVersionId": None,
        "versionLabel": "v1",
        "mode": "in_person",
        "startsAt": STARTS,
        "endsAt": ENDS,
        "timeZone": "Europe/Oslo",
        "location": "Forus, hall 2",
        "joinUrl": None,
        "capacity": 40,
        "rosterSize": 0,
        "unrecorded": 0,
        "state": "scheduled",
        "scheduledBy": {"type": "member", "id": "member-1"},
        "createdAt": None,
        "updatedAt": None,
        "completion": None,
        "cancellation": None,
    }
    (event,) = recorded(org, "session.scheduled")
    assert (event.subject, event.data["startsAt"]) == (f"session/{session_id}", "2026-10-24T07:00:00+00:00")
    assert "Forus" not in str(event.data)


def test_a_session_may_be_scheduled_in_the_past(org: Org) -> None:
    session_id = schedule(org, startsAt="1999-12-31T22:00:00Z", endsAt="2000-01-01T02:00:00Z")
    assert read(org, session_id)["startsAt"] == "1999-12-31T22:00:00Z"


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"mode": "flex"}, "/mode"),
        ({"mode": "by post"}, "/mode"),
        ({"mode": "online"}, "/mode"),
        ({"endsAt": STARTS}, "/endsAt"),
        ({"startsAt": "2026-10-24T07:00:00"}, "/startsAt"),
        ({"timeZone": "Europe/Atlantis"}, "/timeZone"),
        ({"timeZone": "x" * 65}, "/timeZone"),
        ({"timeZone": "localtime"}, "/timeZone"),
        ({"capacity": 0}, "/capacity"),
        ({"joinUrl": "javascript:alert(1)"}, "/joinUrl"),
        ({"joinUrl": "ftp://example.com/"}, "/joinUrl"),
        ({"location": " "}, "/location"),
        ({"courseId": "01990000-0000-7000-8000-000000000000"}, "/courseId"),
        ({"room": "7"}, "/room"),
    ],
)
def test_a_wrong_field_of_a_session_is_named(org: Org, fields: dict[str, Any], at: str) -> None:
    course = org.with_course(mode="in_person")
    answer = org.client().post("/v1/sessions", json=sitting(course, **fields))
    assert pointers(answer) == [at]
    if at == "/mode" and fields["mode"] == "online":
        assert "in_person" in answer.json()["detail"]


@pytest.mark.parametrize("mode", ["online", "in_person"])
def test_a_session_of_a_flex_course_has_either_mode(org: Org, mode: str) -> None:
    assert read(org, schedule(org, mode=mode))["mode"] == mode


def test_a_session_of_an_unpublished_or_archived_course_is_refused(org: Org) -> None:
    client = org.client()
    draft = client.post("/v1/courses", json={"title": "T", "code": "C", "mode": "flex"}).json()["id"]
    answer = client.post("/v1/sessions", json=sitting(draft))
    assert problem(answer) == (422, "course-not-published")
    archived = org.with_course()
    client.post(f"/v1/courses/{archived}/archive")
    assert pointers(client.post("/v1/sessions", json=sitting(archived))) == ["/courseId"]


def test_a_change_of_a_session_records_the_former_values(org: Org) -> None:
    session_id = schedule(org, joinUrl="https://meet.example/secret-1", location="Forus")
    client, path = org.client(), f"/v1/sessions/{session_id}"
    tag = client.get(path).headers["etag"]
    changes = {"startsAt": "2026-10-24T08:00:00Z", "joinUrl": "https://meet.example/secret-2", "capacity": None}
    answer = client.patch(path, json=changes, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["startsAt"]) == (200, "2026-10-24T08:00:00Z")
    assert answer.headers["etag"] != tag
    (event,) = recorded(org, "session.changed")
    assert (event.data["changed"], event.data["former"]) == (
        ["joinUrl", "startsAt"],
        {"startsAt": "2026-10-24T07:00:00+00:00"},
    )
    assert problem(client.patch(path, json=changes, headers={"If-Match": tag})) == (412, "precondition-failed")
    assert client.patch(path, json=changes).headers["etag"] == answer.headers["etag"]
    assert len(recorded(org, "session.changed")) == 1


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({}, ""),
        ({"startsAt": None}, "/startsAt"),
        ({"startsAt": ENDS}, "/endsAt"),
        ({"endsAt": STARTS}, "/endsAt"),
        ({"mode": "online"}, "/mode"),
        ({"timeZone": "Mars"}, "/timeZone"),
        ({"capacity": 1}, "/capacity"),
    ],
)
def test_a_change_is_checked_against_the_unchanged_fields(org: Org, changes: dict[str, Any], at: str) -> None:
    org.with_parties("party-1", "party-2")
    session_id = schedule(org, org.with_course(mode="in_person"))
    add(org, session_id, "party-1", "party-2")
    before = read(org, session_id)
    answer = org.client().patch(f"/v1/sessions/{session_id}", json=changes)
    assert pointers(answer) == [at]
    if at == "/capacity":
        assert "2 parties" in answer.json()["detail"]
    assert read(org, session_id) == before


def test_a_session_can_be_changed_after_its_course_changed_its_mode(org: Org) -> None:
    course = org.with_course(mode="flex")
    session_id = schedule(org, course)
    org.client().patch(f"/v1/courses/{course}", json={"mode": "online"})
    assert org.client().patch(f"/v1/sessions/{session_id}", json={"location": "Sola"}).status_code == 200


def test_a_cancelled_session_is_neither_changed_nor_cancelled_again(org: Org) -> None:
    session_id = schedule(org)
    client, path = org.client(), f"/v1/sessions/{session_id}"
    answer = client.post(f"{path}/cancel", json={"reason": "Storm"})
    assert (answer.json()["state"], answer.json()["cancellation"]["reason"]) == ("cancelled", "Storm")
    assert problem(client.post(f"{path}/cancel", json={"reason": "Again"})) == (409, "session-cancelled")
    assert problem(client.patch(path, json={"capacity": 3})) == (409, "session-cancelled")
    assert [event.data["reason"] for event in recorded(org, "session.cancelled")] == ["Storm"]


def test_sessions_are_listed_by_start_and_can_be_filtered(org: Org) -> None:
    org.with_parties("party-1")
    course = org.with_course()
    days = {
        day: schedule(org, course, startsAt=f"2026-05-{day:02}T08:00:00Z", endsAt="2026-06-01T08:00:00Z", mode=mode)
        for day, mode in ((3, "online"), (1, "in_person"), (2, "online"))
    }
    other = schedule(org)
    add(org, days[2], "party-1")
    client = org.client()
    client.post(f"/v1/sessions/{days[3]}/cancel", json={"reason": "x"})

    def found(**filters: str) -> list[str]:
        return [one["id"] for one in pages(client, "/v1/sessions", limit=1, **filters)]

    assert found() == [days[1], days[2], days[3], other]
    assert found(courseId=course) == [days[1], days[2], days[3]]
    assert found(state="cancelled") == [days[3]]
    assert found(mode="online") == [days[2], days[3]]
    assert found(partyId="party-1") == [days[2]]
    assert found(**{"from": "2026-05-02T08:00:00Z", "to": "2026-05-03T08:00:00Z"}) == [days[2]]
    assert pointers(client.get("/v1/sessions", params={"from": "yesterday"})) == ["?from"]


@pytest.mark.parametrize(
    ("method", "rest", "sent"),
    [("PATCH", "", {"location": "Sola"}), ("POST", "/cancel", {"reason": "Storm"})],
    ids=["change", "cancel"],
)
def test_a_change_with_a_stale_etag_is_refused(org: Org, method: str, rest: str, sent: dict[str, Any]) -> None:
    session_id = schedule(org)
    client, path = org.client(), f"/v1/sessions/{session_id}"
    stale = {"If-Match": client.get(path).headers["etag"]}
    assert client.patch(path, json={"capacity": 3}).status_code == 200
    before = read(org, session_id)
    assert problem(client.request(method, f"{path}{rest}", json=sent, headers=stale)) == (412, "precondition-failed")
    assert read(org, session_id) == before


# --- calendar files


def calendar(org: Org, session_id: str) -> Any:
    answer = org.client().get(f"/v1/sessions/{session_id}.ics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    return Calendar.from_ical(answer.content)


def test_the_calendar_file_of_a_changed_session_updates_the_same_entry(org: Org) -> None:
    course = org.with_course(title="Høyde; wind, rope", label="v1")
    session_id = schedule(org, course, location="Forus, hall 2", joinUrl="https://meet.example/1")
    first = calendar(org, session_id).events[0]
    org.client().patch(f"/v1/sessions/{session_id}", json={"location": "Sola"})
    second = calendar(org, session_id).events[0]
    assert (first["uid"], second["sequence"]) == (second["uid"], first["sequence"] + 1)
    assert (first["summary"], first["location"], second["location"]) == (
        "Høyde; wind, rope v1",
        "Forus, hall 2",
        "Sola",
    )
    assert (first["url"], first["status"]) == ("https://meet.example/1", "CONFIRMED")


def test_calendar_times_are_in_the_sessions_zone_across_a_change_of_clocks(org: Org) -> None:
    """Clocks in Oslo are put back in the night to 25 October 2026, so the session lasts an hour longer."""
    session_id = schedule(org, startsAt="2026-10-24T20:00:00Z", endsAt="2026-10-25T06:00:00Z")
    file = calendar(org, session_id)
    entry = file.events[0]
    starts, ends = entry.start, entry.end
    assert (starts.isoformat(), ends.isoformat()) == ("2026-10-24T22:00:00+02:00", "2026-10-25T07:00:00+01:00")
    assert ends.astimezone(ZoneInfo("UTC")) - starts.astimezone(ZoneInfo("UTC")) == timedelta(hours=10)
    assert entry["dtstart"].params["TZID"] == "Europe/Oslo"
    assert [zone.tz_name for zone in file.timezones] == ["Europe/Oslo"]


def test_the_calendar_file_names_the_organization_as_organizer(org: Org) -> None:
    """RFC 5546 asks every calendar file with a METHOD for one; some calendars refuse to import it without."""
    organizer = calendar(org, schedule(org)).events[0]["organizer"]
    assert (str(organizer), organizer.params["CN"]) == ("mailto:rollcall@localhost", "Test")


def test_the_number_and_the_time_of_the_calendar_file_rise_with_every_change_of_the_roster(org: Org) -> None:
    """Also within a second, and the session's ETag stays as it is."""
    org.with_parties("party-1", "party-2")
    with time_machine.travel("2026-05-01T08:00:00Z", tick=False):
        session_id = schedule(org)
        path = f"/v1/sessions/{session_id}"
        client = org.client()
        tag = client.get(path).headers["etag"]
        found = [calendar(org, session_id).events[0]]
        for act in (
            lambda: add(org, session_id, "party-1", "party-2"),
            lambda: client.delete(f"{path}/roster/party-1"),
            lambda: add(org, session_id, "party-1"),
        ):
            act()
            found.append(calendar(org, session_id).events[0])
        assert client.get(path).headers["etag"] == tag
        add(org, session_id, "party-1")  # is there already
        client.put(f"{path}/roster/party-1", json={"attendance": "absent"})
        assert calendar(org, session_id).events[0]["sequence"] == found[-1]["sequence"]
        client.patch(path, json={"location": "Sola"})
        found.append(calendar(org, session_id).events[0])
    assert [entry["sequence"] for entry in found] == [0, 1, 2, 3, 4]
    stamps = [entry.DTSTAMP for entry in found]
    assert stamps == sorted(set(stamps))


def test_the_calendar_file_of_a_cancelled_session_removes_the_entry(org: Org) -> None:
    session_id = schedule(org)
    before = calendar(org, session_id)
    org.client().post(f"/v1/sessions/{session_id}/cancel", json={"reason": "Storm"})
    after = calendar(org, session_id)
    assert (before["method"], after["method"], after.events[0]["status"]) == ("PUBLISH", "CANCEL", "CANCELLED")
    assert after.events[0]["uid"] == before.events[0]["uid"]
    assert after.events[0]["sequence"] > before.events[0]["sequence"]
