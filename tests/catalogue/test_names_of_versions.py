"""A course that is renamed changes what is published afterwards, and nothing that was bound to a version before."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.access import Permission
from tests.assignments.links import anybody, send
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.routes import operations
from tests.sessions.sitting import schedule
from tests.verification.holding import Held, hold
from tests.verification.test_credential import KEYS, configured

FORMER: dict[str, Any] = {"title": "Formerwell", "code": "FORMER-1", "description": "Formerly described"}
RENAMED = {"title": "Laterwell", "code": "LATER-1", "description": "Later described"}
ABOUT_COURSES = {
    "GET /v1/courses",
    "GET /v1/courses/{course_id}",
    "GET /v1/courses/{course_id}/versions",
    "GET /v1/assignments/summary",
}
"""The operations that show the names that a course has now: the list of its versions shows both, as CSV."""

NO_ID = "01990000-0000-7000-8000-000000000000"


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    """A licence of a course that will be renamed; a session, a job and an assignment are beside it."""
    held = hold(configured(org, KEYS["ES256"]), worker, **FORMER)
    schedule(held.org, held.course_id)
    return held


def answers(held: Held) -> Iterator[tuple[str, str]]:
    """Yields every answer of the API and of the public pages, as JSON, CSV or whatever it is, by its operation."""
    client = held.org.client(party="crew-1")

    def first(of: str) -> str:
        items = client.get(f"/v1/{of}").json()["items"]
        return str(items[0]["id"]) if items else NO_ID

    ids = {f"{noun}_id": first(f"{noun}s") for noun in ("job", "session", "assignment", "webhook")}
    ids |= {"course_id": held.course_id, "party_id": "crew-1", "folder_id": "crew", "licence_id": str(held.id)}
    ids["version_id"] = first(f"courses/{held.course_id}/versions")
    for operation in operations(held.org.app):
        if operation.method == "GET" and operation.inside <= ids.keys():
            for accepted in ("*/*", "text/csv"):
                yield str(operation), readable(operation.call(client, ids, headers={"Accept": accepted}))
    visitor = anybody(held.org)
    for accepted in ("text/html", "application/json"):
        yield "GET /verify/{code}", visitor.get(held.path, headers={"Accept": accepted}).text


def readable(answer: Any) -> str:
    if answer.headers.get("Content-Type", "").startswith("application/vc+jwt"):
        payload = answer.text.split(".")[1]
        return base64.urlsafe_b64decode(payload + "==").decode()
    return str(answer.text)


def showing(held: Held, names: dict[str, str]) -> set[str]:
    return {operation for operation, shown in answers(held) if any(name in shown for name in names.values())}


def rename(org: Org, course_id: str) -> None:
    answer = org.client(Permission.ADMIN).patch(f"/v1/courses/{course_id}", json=RENAMED)
    assert answer.status_code == 200, answer.text


def test_renaming_a_course_changes_no_answer_about_what_was_bound_before(held: Held) -> None:
    """Every operation of the API, so that a new one is tried by itself."""
    before = showing(held, FORMER)
    assert before >= {
        "GET /verify/{code}",
        "GET /v1/licences/{licence_id}/certificate",
        "GET /v1/licences/{licence_id}/credential",
        "GET /v1/sessions",
        "GET /v1/sessions/{session_id}",
        "GET /v1/sessions/{session_id}.ics",
        "GET /v1/courses/{course_id}/versions",
    }
    rename(held.org, held.course_id)
    assert showing(held, RENAMED) <= ABOUT_COURSES
    assert before - ABOUT_COURSES <= showing(held, FORMER)


def test_what_is_published_after_renaming_shows_the_new_names(held: Held) -> None:
    rename(held.org, held.course_id)
    held.org.publish(held.course_id, "v4")
    versions = held.org.client().get(f"/v1/courses/{held.course_id}/versions").json()["items"]
    assert [(one["title"], one["code"]) for one in versions] == [("Laterwell", "LATER-1"), ("Formerwell", "FORMER-1")]
    session = held.org.client().get(f"/v1/sessions/{schedule(held.org, held.course_id)}").json()
    assert session["courseTitle"] == "Laterwell"


def test_a_draft_has_no_names_of_its_own(org: Org) -> None:
    draft = org.client().post(f"/v1/courses/{org.with_course()}/versions", json={"label": "v2"}).json()
    assert (draft["title"], draft["code"]) == (None, None)


def test_a_session_link_shows_the_title_of_the_version_that_was_assigned(org: Org, worker: InProcessWorker) -> None:
    sent = send(org, worker)
    rename(org, sent.assignment()["courseId"])
    shown = anybody(org).get(sent.path).text
    assert "Hydrogen-sulfide response" in shown
    assert "Laterwell" not in shown


@pytest.mark.parametrize("column", ["title", "code", "description"])
@pytest.mark.parametrize("state", ["active", "superseded"])
def test_the_database_refuses_other_names_for_a_published_version(org: Org, column: str, state: str) -> None:
    course = org.with_course()
    if state == "superseded":
        org.publish(course, "v2")
    change = f"UPDATE course_version SET {column} = 'Another' WHERE org_id = :org AND state = :state"
    with org.transaction() as db, pytest.raises(IntegrityError, match="never changes"):
        db.execute(text(change), {"org": org.id, "state": state})


def test_a_process_of_the_former_release_publishes_with_the_names_too(org: Org) -> None:
    """It does not know the columns: a trigger fills them from the course as it is in that transaction."""
    course = org.with_course(**FORMER)
    draft = org.client().post(f"/v1/courses/{course}/versions", json={"label": "v2"}).json()
    rename(org, course)
    with org.transaction() as db:
        of = {"org": org.id, "id": draft["id"]}
        db.execute(text("UPDATE course_version SET state = 'superseded' WHERE org_id = :org AND state = 'active'"), of)
        publish = "UPDATE course_version SET state = 'active', published_at = now() WHERE org_id = :org AND id = :id"
        db.execute(text(publish), of)
        shown = db.execute(text("SELECT title, code, description FROM course_version ORDER BY label")).all()
    assert [tuple(row) for row in shown] == [tuple(FORMER.values()), tuple(RENAMED.values())]
