"""What tests of sessions ask for, and how they carry it through."""

from typing import Any

from fastapi.testclient import TestClient

from tests.assignments.asking import pages, read_job, recipients
from tests.drain import Workshop
from tests.factories import Org

STARTS, ENDS = "2026-10-24T07:00:00Z", "2026-10-24T11:00:00Z"


def sitting(course_id: str, **fields: Any) -> dict[str, Any]:
    """A session of a course. Other fields as they stand on the wire."""
    given = {"mode": "in_person", "startsAt": STARTS, "endsAt": ENDS, "timeZone": "Europe/Oslo"}
    return {"courseId": course_id} | given | fields


def schedule(org: Org, course_id: str | None = None, **fields: Any) -> str:
    """Schedule a session, of a course of its own where none is named. Answers its id."""
    answer = org.client().post("/v1/sessions", json=sitting(course_id or org.with_course(), **fields))
    assert answer.status_code == 201, answer.text
    session_id: str = answer.json()["id"]
    return session_id


def read(org: Org, session_id: str) -> dict[str, Any]:
    """The session as it is now."""
    answer = org.client().get(f"/v1/sessions/{session_id}")
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = answer.json()
    return session


def add(org: Org, session_id: str, *party_ids: str, client: TestClient | None = None, **fields: Any) -> dict[str, Any]:
    """Put parties on the roster. Answers what became of them."""
    body = {"recipients": recipients(*party_ids), **fields}
    answer = (client or org.client()).post(f"/v1/sessions/{session_id}/roster", json=body)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def roster(org: Org, session_id: str, client: TestClient | None = None) -> dict[str, dict[str, Any]]:
    """The roster, by party."""
    items = pages(client or org.client(), f"/v1/sessions/{session_id}/roster", limit=500)
    return {item["entityId"]: item for item in items}


def outcomes(org: Org, session_id: str) -> dict[str, str | None]:
    """What the session brought each party."""
    return {party_id: entry["outcome"] for party_id, entry in roster(org, session_id).items()}


def attend(org: Org, session_id: str, party_id: str, attendance: str) -> None:
    """Say whether a party was there."""
    answer = org.client().put(f"/v1/sessions/{session_id}/roster/{party_id}", json={"attendance": attendance})
    assert answer.status_code == 200, answer.text
    assert answer.json()["attendance"] == attendance


def accept(org: Org, session_id: str, client: TestClient | None = None) -> dict[str, Any]:
    """Have the completion accepted. Answers the job."""
    answer = (client or org.client()).post(f"/v1/sessions/{session_id}/complete")
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    return job


def complete(org: Org, workshop: Workshop, session_id: str) -> dict[str, Any]:
    """Complete a session. Answers the job as it ended."""
    job = accept(org, session_id)
    workshop.drain(org.id)
    return read_job(org, job)


def completed(org: Org, workshop: Workshop, *party_ids: str, **fields: Any) -> str:
    """A session that these parties attended, completed. Other fields are the course's. Answers its id."""
    session_id = schedule(org, org.with_course(**fields))
    org.with_parties(*party_ids)
    add(org, session_id, *party_ids)
    complete(org, workshop, session_id)
    return session_id


def amend(
    org: Org, workshop: Workshop, session_id: str, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Amend a completed session. Answers the job as it ended."""
    body = {"add": recipients(*add), "remove": recipients(*remove), "reason": "The list was another day's"}
    answer = org.client().post(f"/v1/sessions/{session_id}/amend", json=body)
    assert answer.status_code == 202, answer.text
    workshop.drain(org.id)
    return read_job(org, answer.json())


def problem(answer: Any) -> tuple[int, str]:
    """The status and the slug of a refusal."""
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def pointers(answer: Any) -> list[str]:
    """The places that a refusal names."""
    assert answer.status_code == 422, answer.text
    return [error["pointer"] for error in answer.json()["errors"]]
