"""Licences whose dates follow from a policy, in an organization in Oslo, and what the check says of them."""

from datetime import UTC, datetime
from typing import Any

from shared.access import Permission
from tests.assignments.asking import pages
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.sessions.sitting import add, complete, schedule

ZONE = "Europe/Oslo"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SITTING = {"startsAt": "2026-02-20T07:00:00Z", "endsAt": "2026-02-20T10:30:00Z"}


def trained(org: Org, worker: InProcessWorker, course: str) -> dict[str, Any]:
    """Complete a session of ten days ago. Returns the licence."""
    session_id = schedule(org, course, timeZone=ZONE, **SITTING)
    add(org, session_id, "a")
    complete(org, worker, session_id)
    return latest(org)


def latest(org: Org) -> dict[str, Any]:
    found: dict[str, Any] = pages(org.client(), "/v1/licences")[0]
    return found


def check(org: Org, course: str, at: str | None = None) -> dict[str, Any]:
    params = {"partyId": "a", "courseId": course} | ({} if at is None else {"at": at})
    answer = org.client(Permission.CHECK_LICENCES).get("/v1/licences/check", params=params)
    assert answer.status_code == 200, answer.text
    many = {"partyIds": ["a"], "courseIds": [course]} | ({} if at is None else {"at": at})
    (item,) = org.client(Permission.CHECK_LICENCES).post("/v1/licences/check", json=many).json()["items"]
    found: dict[str, Any] = answer.json()
    assert found == {name: value for name, value in item.items() if name not in ("partyId", "courseId", "renumberedTo")}
    return found


def reason(org: Org, course: str, at: str) -> str:
    return str(check(org, course, at)["reason"])
