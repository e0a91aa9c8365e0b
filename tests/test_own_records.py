"""A person without any permission reads what its party must do and has: with titles, summary and materials."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.assignments.asking import assign, body
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.sessions.sitting import add, attend, complete, schedule

MATERIALS = [
    {"documentId": "doc-1", "title": "H2S handbook", "url": "https://dms.example.org/1"},
    {"documentId": "doc-2", "title": "Muster stations", "url": None},
]


@pytest.fixture
def course(org: Org) -> str:
    """Returns a published course with a summary and materials, in an organization of two parties."""
    org.with_parties("anna", "ben")
    client = org.client()
    made = client.post("/v1/courses", json={"title": "H2S response", "code": "H2S", "mode": "flex"}).json()
    draft = {"label": "v3.2", "summary": "Recognise, leave, muster.", "materials": MATERIALS}
    version = client.post(f"/v1/courses/{made['id']}/versions", json=draft).json()
    assert client.post(f"/v1/courses/{made['id']}/versions/{version['id']}/publish").status_code == 200
    return str(made["id"])


def person(org: Org, party: str | None) -> TestClient:
    """Return a client without permissions that represents a party."""
    client = org.stranger()
    client.headers["Authorization"] = f"Bearer {org.token(member='m-1', party=party)}"
    return client


def items(client: TestClient, list_name: str) -> Any:
    answer = client.get(f"/v1/me/{list_name}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_person_reads_what_it_must_do_and_has_without_reading_the_catalogue(
    org: Org, worker: InProcessWorker, course: str
) -> None:
    session = schedule(org, course, location="Hall 2")
    add(org, session, "anna", "ben")
    attend(org, session, "ben", "absent")
    complete(org, worker, session)
    later = schedule(org, course, startsAt="2099-01-01T08:00:00Z", endsAt="2099-01-01T09:00:00Z")
    add(org, later, "anna")
    assign(org, worker, body(course, "anna", "ben", dueOn="2099-01-01"))
    anna = person(org, "anna")
    assert anna.get(f"/v1/courses/{course}").status_code == 403
    found = {name: items(anna, name) for name in ("assignments", "licences", "sessions")}
    assert [one["dueOn"] for one in found["assignments"]] == ["2099-01-01"]
    assert [one["state"] for one in found["licences"]] == ["active"]
    assert [(one["id"], one["state"], one["location"]) for one in found["sessions"]] == [
        (session, "completed", "Hall 2"),
        (later, "scheduled", None),
    ]
    read = {"courseTitle": "H2S response", "courseCode": "H2S", "versionLabel": "v3.2"}
    read |= {"summary": "Recognise, leave, muster.", "materials": MATERIALS}  # type: ignore[dict-item]
    for name, ones in found.items():
        for one in ones:
            assert {key: one[key] for key in read} == read, name


def test_a_person_sees_its_own_attendance_and_nobody_elses_sessions(org: Org, course: str) -> None:
    session, others = schedule(org, course), schedule(org, course)
    add(org, session, "anna", "ben")
    add(org, others, "ben")
    attend(org, session, "anna", "excused")
    (one,) = items(person(org, "anna"), "sessions")
    assert (one["id"], one["attendance"]) == (session, "excused")
    assert "rosterSize" not in one
    assert "ben" not in str(one)
    assert len(items(person(org, "ben"), "sessions")) == 2


@pytest.mark.parametrize("name", ["assignments", "licences", "sessions"])
def test_a_member_without_a_party_has_empty_lists(org: Org, name: str) -> None:
    assert items(person(org, None), name) == []


def test_a_persons_lists_have_pages(org: Org, course: str) -> None:
    for _ in range(3):
        add(org, schedule(org, course), "anna")
    client = person(org, "anna")
    first = client.get("/v1/me/sessions?limit=2").json()
    rest = client.get("/v1/me/sessions", params={"cursor": first["nextCursor"]}).json()
    assert (len(first["items"]), len(rest["items"]), rest["nextCursor"]) == (2, 1, None)
