"""Requests about sessions, and the answers to them, for tests of any noun."""

from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import select

from shared.licences import Licence
from tests.assignments.asking import pages, read_job, recipients
from tests.drain import InProcessWorker
from tests.factories import Org

STARTS, ENDS = "2026-10-24T07:00:00Z", "2026-10-24T11:00:00Z"


def sitting(course_id: str, **fields: Any) -> dict[str, Any]:
    """The body of a new session of a course. fields: other fields, named as in JSON."""
    given = {"mode": "in_person", "startsAt": STARTS, "endsAt": ENDS, "timeZone": "Europe/Oslo"}
    return {"courseId": course_id} | given | fields


def schedule(org: Org, course_id: str | None = None, **fields: Any) -> str:
    """Schedules a session, of a new course if none is named. Returns its id."""
    answer = org.client().post("/v1/sessions", json=sitting(course_id or org.with_course(), **fields))
    assert answer.status_code == 201, answer.text
    session_id: str = answer.json()["id"]
    return session_id


def read(org: Org, session_id: str) -> dict[str, Any]:
    """The session, read again."""
    answer = org.client().get(f"/v1/sessions/{session_id}")
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = answer.json()
    return session


def add(org: Org, session_id: str, *party_ids: str, client: TestClient | None = None, **fields: Any) -> dict[str, Any]:
    """Adds parties to the roster. Returns the counts and the refusals."""
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
    """The outcome of each party on the roster."""
    return {party_id: entry["outcome"] for party_id, entry in roster(org, session_id).items()}


def attend(org: Org, session_id: str, party_id: str, attendance: str) -> None:
    """Records the attendance of a party."""
    answer = org.client().put(f"/v1/sessions/{session_id}/roster/{party_id}", json={"attendance": attendance})
    assert answer.status_code == 200, answer.text
    assert answer.json()["attendance"] == attendance


def accept(org: Org, session_id: str, client: TestClient | None = None) -> dict[str, Any]:
    """Submits the completion of a session. Returns the job."""
    answer = (client or org.client()).post(f"/v1/sessions/{session_id}/complete")
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    return job


def complete(org: Org, worker: InProcessWorker, session_id: str) -> dict[str, Any]:
    """Completes a session. Returns the finished job."""
    job = accept(org, session_id)
    worker.drain(org.id)
    return read_job(org, job)


def completed(org: Org, worker: InProcessWorker, *party_ids: str, **fields: Any) -> str:
    """Completes a session that these parties attended. fields: those of its course. Returns the session's id."""
    session_id = schedule(org, org.with_course(**fields))
    org.with_parties(*party_ids)
    add(org, session_id, *party_ids)
    complete(org, worker, session_id)
    return session_id


def amend(
    org: Org, worker: InProcessWorker, session_id: str, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Amends a completed session. Returns the finished job."""
    body = {"add": recipients(*add), "remove": recipients(*remove), "reason": "The list was another day's"}
    answer = org.client().post(f"/v1/sessions/{session_id}/amend", json=body)
    assert answer.status_code == 202, answer.text
    worker.drain(org.id)
    return read_job(org, answer.json())


def held(org: Org) -> dict[str, list[Licence]]:
    """Every party's licences, the oldest first."""
    found: dict[str, list[Licence]] = {}
    with org.transaction() as db:
        for licence in db.scalars(select(Licence).order_by(Licence.id)):
            found.setdefault(licence.party_id, []).append(licence)
    return found


def problem(answer: Any) -> tuple[int, str]:
    """The status and the problem slug of a refusal."""
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def pointers(answer: Any) -> list[str]:
    """The fields that a refusal names."""
    assert answer.status_code == 422, answer.text
    return [error["pointer"] for error in answer.json()["errors"]]


def granted(org: Org, session_id: str) -> dict[str, Licence]:
    """The licences of a session by party. Fails if a party has two."""
    with org.transaction() as db:
        found = list(db.scalars(select(Licence).where(Licence.session_id == session_id)))
    assert len({licence.party_id for licence in found}) == len(found)
    return {licence.party_id: licence for licence in found}
