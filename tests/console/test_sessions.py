"""The pages of sessions: schedule one, fill its roster, record attendance at the door, complete it, amend it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared import clock
from shared.access import Permission
from tests.console.test_licences import form_of
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.sessions.sitting import add, attend, complete, completed, outcomes, read, roster, schedule

PLACE = {"location": "Deck 2", "joinUrl": "", "capacity": "3"}


@pytest.fixture
def browser(org: Org) -> TestClient:
    """A member of the staff."""
    return org.visitor()


@pytest.fixture
def session_id(org: Org) -> str:
    """A session that has begun, with three parties on its roster."""
    org.with_parties("crew-1", "crew-2", "crew-3", folder="deck")
    made = schedule(org, org.with_course(label="v3.2"))
    add(org, made, "crew-1", "crew-2", "crew-3")
    return made


def sent(course_id: str, **fields: str) -> dict[str, str]:
    """The form that schedules a session."""
    times = {"startsAt": "2026-10-24T09:00", "endsAt": "2026-10-24T13:00", "timeZone": "Europe/Oslo"}
    return {"formKey": "key-1", "courseId": course_id, "mode": "in_person"} | times | PLACE | fields


def test_a_session_is_scheduled_in_the_time_of_its_zone(org: Org, browser: TestClient) -> None:
    course_id = org.with_course()
    assert 'value="UTC"' in browser.get(f"/sessions/new?courseId={course_id}").text
    address = browser.post("/sessions/new", data=sent(course_id)).headers["Location"]
    session = read(org, address.rpartition("/")[2])
    assert (session["startsAt"], session["endsAt"]) == ("2026-10-24T07:00:00Z", "2026-10-24T11:00:00Z")
    assert (session["capacity"], session["location"], session["joinUrl"]) == (3, "Deck 2", None)
    page = browser.get(address).text
    assert "09:00" in page
    assert "(Europe/Oslo)" in page
    assert "Nobody is on the roster yet" in page
    assert "Deck 2" in browser.get("/sessions").text
    calendar = browser.get(f"{address}.ics")
    assert calendar.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "BEGIN:VEVENT" in calendar.text


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"endsAt": "2026-10-24T08:00"}, "endsAt"),
        ({"startsAt": "tomorrow"}, "startsAt"),
        ({"startsAt": "2026-03-29T02:30"}, "startsAt"),
        ({"timeZone": "Oslo"}, "timeZone"),
        ({"capacity": "many"}, "capacity"),
        ({"mode": ""}, "mode"),
    ],
    ids=["end before start", "no time", "skipped by the clocks", "no zone", "no number", "no mode"],
)
def test_a_session_that_cannot_be_scheduled_names_the_field(
    org: Org, browser: TestClient, fields: dict[str, str], wrong: str
) -> None:
    answer = browser.post("/sessions/new", data=sent(org.with_course(), **fields))
    assert answer.status_code == 422
    assert f'<a href="#{wrong}">' in answer.text
    assert 'value="Deck 2"' in answer.text


def test_a_session_is_completed_at_the_door_and_its_licences_are_seen(
    org: Org, worker: InProcessWorker, browser: TestClient, session_id: str
) -> None:
    address = f"/sessions/{session_id}"
    page = browser.get(f"{address}/door").text
    assert "0 of 3 recorded" in page
    assert 'aria-pressed="true"' not in page
    for party, attendance in (("crew-1", "attended"), ("crew-2", "absent")):
        answer = browser.post(f"{address}/door/{party}", data={"attendance": attendance})
        assert answer.headers["Location"] == f"{address}/door#at-{party}"
    assert "2 of 3 recorded" in browser.get(f"{address}/door").text
    assert roster(org, session_id)["crew-3"]["attendance"] is None

    page = browser.get(f"{address}/complete").text
    assert "2 people are counted as attended" in page
    assert "For 1 of them no attendance is recorded" in page
    assert "1 person gets nothing" in page
    assert "it lasts 12 calendar months" in page
    answer = browser.post(f"{address}/complete", data={"formKey": "key-2"})
    worker.drain(org.id)
    assert "3 of 3" in browser.get(answer.headers["Location"]).text
    assert outcomes(org, session_id) == {"crew-1": "licensed", "crew-2": "not-attended", "crew-3": "licensed"}
    page = browser.get(address).text
    licences = re.findall(r'href="(/licences/[^"?]+)"', page)
    assert len(licences) == 2
    assert "Party crew-1" in browser.get(licences[0]).text
    assert "Take off" not in page
    assert browser.get(f"/licences?sessionId={session_id}").text.count('href="/licences/0') == 2
    assert browser.post(f"{address}/door/crew-1", data={"attendance": "absent"}).status_code == 409


def test_the_page_of_a_person_says_how_it_was_with_them_at_a_completed_session(
    org: Org, worker: InProcessWorker, browser: TestClient, session_id: str
) -> None:
    assert "Scheduled" in sessions_of(browser, "crew-1")
    attend(org, session_id, "crew-2", "absent")
    attend(org, session_id, "crew-3", "excused")
    complete(org, worker, session_id)
    for party_id, said in {"crew-1": "Attended", "crew-2": "Did not attend", "crew-3": "Excused"}.items():
        part = sessions_of(browser, party_id)
        assert re.findall(r'class="state [^"]*">([^<]+)<', part) == [said]
        assert f'href="/sessions/{session_id}"' in part
    shown = browser.get(f"/sessions/{session_id}").text
    assert re.findall(r'class="state[^"]*">(Excused|Did not attend|Licensed)<', shown).count("Excused") == 1
    job = org.client().get("/v1/jobs?kind=sessions.complete").json()["items"][0]["id"]
    assert "The party was absent or excused." in browser.get(f"/jobs/{job}").text


def sessions_of(browser: TestClient, party_id: str) -> str:
    """The sessions on the page of a person."""
    found = re.search(
        r'<section[^>]*aria-labelledby="sessions".*?</section>', browser.get(f"/parties/{party_id}").text, re.DOTALL
    )
    assert found
    return found.group()


def test_a_roster_is_filled_by_folder_by_ids_and_from_a_search(org: Org, browser: TestClient) -> None:
    org.with_parties("crew-1", "crew-2", folder="deck")
    org.with_parties("cook-1", "cook-2")
    session_id = schedule(org, org.with_course(), capacity=3)
    address = f"/sessions/{session_id}"
    assert 'name="found" type="checkbox" value="cook-1"' in browser.get(f"{address}/add?q=cook").text
    chosen = {"folderIds": "deck", "recipients": "nobody, cook-1", "found": "cook-2"}
    answer = browser.post(f"{address}/add", data=chosen)
    assert answer.status_code == 200
    assert "3 people were added" in answer.text
    assert "2 were not added" in answer.text
    assert "The roster is full" in answer.text
    assert roster(org, session_id).keys() == {"cook-1", "cook-2", "crew-1"}
    answer = browser.post(f"{address}/roster/cook-1/remove", data={})
    assert answer.headers["Location"] == f"{address}#roster"
    assert browser.post(f"{address}/add", data={"recipients": "crew-2"}).headers["Location"] == address
    assert roster(org, session_id).keys() == {"cook-2", "crew-1", "crew-2"}
    assert browser.post(f"{address}/add", data={"recipients": " "}).status_code == 422


def test_a_session_is_moved_cancelled_and_reinstated(org: Org, browser: TestClient, session_id: str) -> None:
    address = f"/sessions/{session_id}"
    fields = form_of(browser.get(f"{address}/edit").text) | {"mode": "in_person"}
    assert fields["startsAt"] == "2026-10-24T09:00"
    moved = fields | {"startsAt": "2026-10-24T10:00", "location": "Deck 3"}
    assert browser.post(f"{address}/edit", data=moved).headers["Location"] == address
    session = read(org, session_id)
    assert (session["startsAt"], session["location"]) == ("2026-10-24T08:00:00Z", "Deck 3")
    assert browser.post(f"{address}/edit", data=moved).status_code == 412

    revision = form_of(browser.get(address).text)["revision"]
    assert browser.post(f"{address}/cancel", data={"revision": revision, "reason": ""}).status_code == 422
    assert browser.post(f"{address}/cancel", data={"revision": revision, "reason": "Storm"}).status_code == 303
    page = browser.get(address).text
    assert "<q>Storm</q>" in page
    assert "At the door" not in page
    revision = form_of(page)["revision"]
    assert browser.post(f"{address}/reinstate", data={"revision": revision, "reason": "Calm"}).status_code == 303
    assert read(org, session_id)["state"] == "scheduled"


def test_another_zone_moves_the_session_to_the_same_time_there(org: Org, browser: TestClient, session_id: str) -> None:
    address = f"/sessions/{session_id}/edit"
    fields = form_of(browser.get(address).text) | {"mode": "in_person"}
    browser.post(address, data=fields | {"timeZone": "Asia/Tokyo"})
    assert read(org, session_id)["startsAt"] == "2026-10-24T00:00:00Z"


def test_a_session_that_cannot_be_completed_says_why(org: Org, browser: TestClient) -> None:
    course_id = org.with_course()
    org.with_parties("crew-1")
    later = schedule(org, course_id, startsAt="2099-01-01T08:00:00Z", endsAt="2099-01-01T09:00:00Z")
    assert "Nobody is on the roster" in browser.get(f"/sessions/{later}/complete").text
    add(org, later, "crew-1")
    page = browser.get(f"/sessions/{later}/complete").text
    assert "has not begun yet" in page
    assert "Complete for" not in page
    assert browser.post(f"/sessions/{later}/complete", data={"formKey": "key-3"}).status_code == 409
    assert f'href="/sessions/{later}/complete"' not in browser.get(f"/sessions/{later}").text


def test_a_completed_session_is_amended_with_a_reason(org: Org, worker: InProcessWorker, browser: TestClient) -> None:
    org.with_parties("late-1")
    session_id = completed(org, worker, "crew-1", "crew-2")
    address = f"/sessions/{session_id}/amend"
    asked = {"formKey": "key-4", "add": "late-1", "remove.ticked": "crew-1", "reason": ""}
    refused = browser.post(address, data=asked)
    assert refused.status_code == 422
    assert re.search(r'value="crew-1" checked', refused.text)
    answer = browser.post(address, data=asked | {"reason": "The list was another day's"})
    assert answer.status_code == 303
    worker.drain(org.id)
    assert outcomes(org, session_id) == {"crew-1": "removed", "crew-2": "licensed", "late-1": "licensed"}
    assert "Taken off" in browser.get(f"/sessions/{session_id}").text


def test_a_viewer_sees_a_session_and_is_offered_nothing(org: Org, session_id: str) -> None:
    page = org.visitor(Permission.VIEW).get(f"/sessions/{session_id}").text
    assert "Party crew-1" in page
    for act in ("/door", "/complete", "/edit", "/add", "/remove", "/cancel"):
        assert f"/sessions/{session_id}{act}" not in page
    assert org.visitor(Permission.VIEW).get(f"/sessions/{session_id}/door").status_code == 403


def test_the_list_of_sessions_takes_days(org: Org, browser: TestClient, session_id: str) -> None:
    found: dict[str, Any] = {
        query: session_id in browser.get(f"/sessions?{query}").text
        for query in ("from=2026-10-24&to=2026-10-25", "from=2026-10-25", "to=2026-10-24")
    }
    assert list(found.values()) == [True, False, False]


def test_a_name_is_found_at_the_door_and_the_way_back_keeps_the_search(
    org: Org, session_id: str, browser: TestClient
) -> None:
    found = browser.get(f"/sessions/{session_id}/door?q=crew-2").text
    assert "Party crew-2" in found
    assert "Party crew-1" not in found
    sent = {"attendance": "absent", "q": "crew-2", "cursor": ""}
    answer = browser.post(f"/sessions/{session_id}/door/crew-2", data=sent)
    assert answer.headers["Location"] == f"/sessions/{session_id}/door?q=crew-2#at-crew-2"
    assert "Nobody on the roster has this name" in browser.get(f"/sessions/{session_id}/door?q=nobody").text


def test_taking_licences_back_by_an_amendment_needs_a_recent_sign_in(org: Org, worker: InProcessWorker) -> None:
    session_id = completed(org, worker, "crew-1", "crew-2")
    address, old = f"/sessions/{session_id}/amend", clock.now() - timedelta(minutes=6)
    late = org.visitor(member="second", authenticated_at=old)
    sent = {"formKey": "key-1", "add": "crew-1", "reason": "Signed the paper list"}
    assert late.post(address, data=sent).status_code == 303
    refused = late.post(address, data=sent | {"add": "", "remove": "crew-2", "formKey": "key-2"})
    assert refused.status_code == 401
    assert "not older than 5 minutes" in refused.text
    recent = org.visitor(member="second").post(address, data=sent | {"add": "", "remove": "crew-2", "formKey": "key-2"})
    assert recent.status_code == 303


def test_staff_finds_the_undo_of_a_completion_on_the_sessions_page_and_may_do_it(
    org: Org, worker: InProcessWorker
) -> None:
    session_id = completed(org, worker, "crew-1")
    staff = org.visitor(Permission.VIEW, Permission.ADMIN)
    job_id = read(org, session_id)["completion"]["jobId"]
    page = staff.get(f"/sessions/{session_id}").text
    assert f'href="/jobs/{job_id}/undo">Undo the completion' in page
    assert "Undo the completion" not in org.visitor(Permission.VIEW).get(f"/sessions/{session_id}").text
    assert staff.post(f"/jobs/{job_id}/undo", data={"formKey": "key-1"}).status_code == 303
    worker.drain(org.id)
    assert read(org, session_id)["state"] == "scheduled"


def test_the_entry_of_sessions_opens_with_one_that_has_begun_and_waits_to_be_completed(
    org: Org, worker: InProcessWorker, browser: TestClient, session_id: str
) -> None:
    entry = re.search(r'href="(/sessions[^"]*)"', browser.get("/overview").text)
    assert entry is not None
    assert f'href="/sessions/{session_id}"' in browser.get(entry[1]).text
    complete(org, worker, session_id)
    assert f'href="/sessions/{session_id}"' not in browser.get(entry[1]).text


def test_filters_that_are_set_are_told_with_days_as_they_are_written_and_names_for_ids(
    browser: TestClient, session_id: str
) -> None:
    def chips(address: str) -> str:
        return browser.get(address).text.partition('class="chips"')[2].partition("</ul>")[0]

    assert "From: 24 October 2031" in chips("/sessions?from=2031-10-24")
    assert "Person: Party crew-1" in chips("/sessions?partyId=crew-1")
    told = chips(f"/licences?sessionId={session_id}&partyId=nobody")
    assert "Session: Hydrogen-sulfide response" in told
    assert "Person: nobody" in told
    assert "Since: 24 Oct" in chips("/audit?since=2031-10-24T00:00:00Z")
