"""Every POST that makes something makes it once for an `Idempotency-Key`: a repetition is answered with what was made.

The operations come from the OpenAPI document. A new POST takes the key and has a case here, or is listed with the
reason why it needs none.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from shared import clock
from shared.deliveries import Delivery, DeliveryState
from shared.jobs import Job
from tests.assignments.asking import assign, body, pages, recipients
from tests.deliveries.receiving import plan, record, webhook
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.sessions.sitting import add as add_to_roster
from tests.sessions.sitting import completed, schedule, sitting
from tests.traces import stored

WITHOUT_A_KEY = {
    "POST /v1/licences/check": "reads",
    "POST /v1/assignments/preview": "reads",
    "POST /v1/policies/simulate": "reads",
    "POST /v1/records/preview": "reads",
    "POST /v1/records/repair": "reads",
    "POST /v1/parties/repair": "reads",
    "POST /v1/packs/preview": "reads",
    "POST /v1/parties/{party_id}/merge/preview": "reads",
    "POST /v1/parties/{party_id}/renumber/preview": "reads",
    "POST /v1/assignments/change/preview": "reads",
    "POST /v1/licences/revoke/preview": "reads",
    "POST /v1/assignments/close/preview": "reads",
    "POST /v1/assignments/reopen/preview": "reads",
    "POST /v1/assignments/remind/preview": "reads",
    "POST /v1/assignments/complete/preview": "reads",
    "POST /v1/jobs/{job_id}/undo/preview": "reads",
    "POST /v1/sessions/{session_id}/reinstate": "changes a state; repeated: 409",
    "POST /v1/parties/{party_id}/erase": "repeated: the same answer",
    "POST /v1/courses/{course_id}/archive": "repeated: the same answer",
    "POST /v1/courses/{course_id}/versions/{version_id}/publish": "repeated: the same answer",
    "POST /v1/assignments/{assignment_id}/complete": "changes a state; repeated: 409",
    "POST /v1/assignments/{assignment_id}/reopen": "changes a state; repeated: 409",
    "POST /v1/assignments/{assignment_id}/close": "changes a state; repeated: 409",
    "POST /v1/session-tasks/complete": "repeated by the same session: the same answer",
    "POST /v1/sessions/{session_id}/cancel": "changes a state; repeated: 409",
    "POST /v1/sessions/{session_id}/roster": "repeated: counts who is there already",
    "POST /v1/jobs/{job_id}/cancel": "changes a state; repeated: the same answer, or 409",
    "POST /v1/jobs/{job_id}/approve": "changes a state; repeated: 409",
    "POST /v1/jobs/{job_id}/reject": "changes a state; repeated: 409",
    "POST /v1/webhooks/{webhook_id}/test": "makes nothing: it calls the receiver each time",
    "POST /v1/licences/{licence_id}/revoke": "changes a state; repeated: 409",
}
"""The operations that make nothing which a repetition would make twice, each with the reason."""

KEY = {"Idempotency-Key": "run-1"}
REASON = {"reason": "The list was another day's"}


class World(NamedTuple):
    """An organization with parties, and a worker."""

    org: Org
    worker: InProcessWorker

    def assigned(self, *party_ids: str) -> dict[str, Any]:
        """Assign a new course to parties. Returns the finished job."""
        return assign(self.org, self.worker, body(self.org.with_course(), *party_ids))

    @property
    def assignment(self) -> str:
        """The id of an open assignment of the party anna."""
        self.assigned("anna")
        found = {one["party"]["entityId"]: one["id"] for one in pages(self.org.client(), "/v1/assignments")}
        return str(found["anna"])

    @property
    def licence(self) -> str:
        """The id of a licence of the party anna."""
        completed(self.org, self.worker, "anna")
        return str(self.org.client().get("/v1/licences?partyId=anna").json()["items"][0]["id"])


Asked = tuple[str, dict[str, Any] | None]


def roster(world: World) -> Asked:
    session = schedule(world.org)
    add_to_roster(world.org, session, "anna")
    return f"/v1/sessions/{session}/complete", None


def dead(world: World, *, one: bool) -> Asked:
    """A dead delivery to a webhook."""
    webhook(world.org)
    record(world.org, "anna")
    plan(world.org)
    with world.org.transaction() as db:
        state = {"state": DeliveryState.DEAD, "code": "gave-up", "settled_at": clock.now()}
        dead = db.scalars(update(Delivery).values(**state).returning(Delivery.id)).all()
    return (f"/v1/deliveries/{dead[0]}/redeliver", None) if one else ("/v1/deliveries/resend", {"state": "dead"})


CASES: dict[str, Callable[[World], Asked]] = {
    "POST /v1/courses": lambda world: ("/v1/courses", {"title": "Lifting", "code": "L-1", "mode": "flex"}),
    "POST /v1/courses/{course_id}/versions": lambda world: (
        f"/v1/courses/{world.org.with_course()}/versions",
        {"label": "v2"},
    ),
    "POST /v1/records": lambda world: (
        "/v1/records",
        {"records": [{"partyId": "anna", "courseId": world.org.with_course(), "completedOn": "2025-01-01"}]},
    ),
    "POST /v1/packs": lambda world: ("/v1/packs", {"filter": {"all": True}, "on": "2026-01-01"}),
    "POST /v1/parties/{party_id}/merge": lambda world: ("/v1/parties/anna/merge", {"into": "ben", **REASON}),
    "POST /v1/parties/{party_id}/renumber": lambda world: (
        "/v1/parties/anna/renumber",
        {"entityId": "anna-2", **REASON},
    ),
    "POST /v1/assignments": lambda world: ("/v1/assignments", body(world.org.with_course(), "anna", "ben")),
    "POST /v1/assignments/complete": lambda world: (
        "/v1/assignments/complete",
        {"assignmentIds": [world.assignment]},
    ),
    "POST /v1/assignments/close": lambda world: (
        "/v1/assignments/close",
        {"assignmentIds": [world.assignment], **REASON},
    ),
    "POST /v1/assignments/change": lambda world: (
        "/v1/assignments/change",
        {"assignmentIds": [world.assignment], "set": {"dueOn": "2099-01-01"}, "why": "Moved"},
    ),
    "POST /v1/assignments/reopen": lambda world: (
        "/v1/assignments/reopen",
        {"assignmentIds": [world.assignment], **REASON},
    ),
    "POST /v1/assignments/remind": lambda world: ("/v1/assignments/remind", {"assignmentIds": [world.assignment]}),
    "POST /v1/assignments/{assignment_id}/reassign": lambda world: (
        f"/v1/assignments/{world.assignment}/reassign",
        {"recipient": recipients("ben")[0], **REASON},
    ),
    "POST /v1/assignments/{assignment_id}/session-link": lambda world: (
        f"/v1/assignments/{world.assignment}/session-link",
        None,
    ),
    "POST /v1/licences/revoke": lambda world: ("/v1/licences/revoke", {"licenceIds": [world.licence], **REASON}),
    "POST /v1/licences/{licence_id}/certificate-link": lambda world: (
        f"/v1/licences/{world.licence}/certificate-link",
        None,
    ),
    "POST /v1/sessions": lambda world: ("/v1/sessions", sitting(world.org.with_course())),
    "POST /v1/sessions/{session_id}/complete": roster,
    "POST /v1/sessions/{session_id}/amend": lambda world: (
        f"/v1/sessions/{completed(world.org, world.worker, 'anna')}/amend",
        {"add": recipients("ben"), **REASON},
    ),
    "POST /v1/jobs/{job_id}/retry": lambda world: (f"/v1/jobs/{world.assigned('anna', 'nobody')['id']}/retry", None),
    "POST /v1/jobs/{job_id}/undo": lambda world: (f"/v1/jobs/{world.assigned('anna')['id']}/undo", None),
    "POST /v1/webhooks": lambda world: (
        "/v1/webhooks",
        {"url": "https://93.184.216.34/hook", "types": ["party.changed"]},
    ),
    "POST /v1/webhooks/{webhook_id}/rotate": lambda world: (f"/v1/webhooks/{webhook(world.org)}/rotate", None),
    "POST /v1/webhooks/{webhook_id}/replay": lambda world: (
        f"/v1/webhooks/{webhook(world.org)}/replay",
        {"fromSequence": 1},
    ),
    "POST /v1/deliveries/resend": lambda world: dead(world, one=False),
    "POST /v1/deliveries/{delivery_id}/redeliver": lambda world: dead(world, one=True),
    "POST /v1/sweeps": lambda world: ("/v1/sweeps", None),
}
"""How to make something with each operation that takes the key: an address and a body."""


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """Returns an organization with three parties."""
    org.with_parties("anna", "ben", "carl", folder="crew")
    return World(org, worker)


def test_every_post_takes_the_key_or_is_listed_with_its_reason(app: FastAPI) -> None:
    takes, without = set[str](), set[str]()
    for path, methods in app.openapi()["paths"].items():
        for operation in [methods["post"]] if "post" in methods else []:
            named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}
            (takes if "Idempotency-Key" in named else without).add(f"POST {path}")
    assert without == WITHOUT_A_KEY.keys()
    assert takes == CASES.keys(), "an operation that takes the key needs a case"


@pytest.mark.parametrize("operation", CASES)
def test_a_repeated_request_makes_nothing_and_is_answered_with_what_was_made(world: World, operation: str) -> None:
    address, sent = CASES[operation](world)
    client = world.org.client()
    given: Any = {} if sent is None else {"json": sent}
    first = client.post(address, headers=KEY, **given)
    assert first.status_code in (200, 201, 202), first.text
    assert "Idempotent-Replayed" not in first.headers
    made = stored(world.org)
    again = client.post(address, headers=KEY, **given)
    assert (again.headers.get("Idempotent-Replayed"), again.status_code) == ("true", 202 if is_job(first) else 200)
    assert stored(world.org) == made
    assert again.json() == without_secrets(first.json())
    if is_job(first):
        assert keys_of_jobs(world.org, first.json()["id"]) == ["run-1"], "for processes of the former release"
    elsewhere = client.post("/v1/courses", headers=KEY, json={"title": "X", "code": "X-1", "mode": "flex"})
    assert (elsewhere.status_code, problem(elsewhere)) == (422, "idempotency-key-reused")
    assert stored(world.org) == made


def keys_of_jobs(org: Org, job_id: str) -> list[str | None]:
    """Return the key in the job's own row."""
    with org.transaction() as db:
        return list(db.scalars(select(Job.idempotency_key).where(Job.id == job_id)))


def is_job(answer: Any) -> bool:
    """True if the answer is a job."""
    return answer.status_code == 202 and "counts" in answer.json()


def problem(answer: Any) -> str:
    """Return the slug of a problem."""
    return str(answer.json()["type"].rpartition(":")[2])


def without_secrets(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as a repetition shows it."""
    shown = {name: value for name, value in answer.items() if name not in ("secret", "formerSecretUntil")}
    return shown | {"url": None} if shown.keys() == {"url", "expiresAt"} else shown
