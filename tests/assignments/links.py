"""A party with an open assignment, and the session link with which it can complete the assignment."""

from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient

from shared.access import Permission
from tests.drain import InProcessWorker
from tests.factories import Org

PARTY = "crew-1"
NAME = "Ada Lindqvist"


@dataclass(frozen=True)
class Sent:
    """An assignment and its session link. url: the address of the link, with the host."""

    org: Org
    assignment_id: str
    url: str

    @property
    def path(self) -> str:
        """The address without the host."""
        return self.url.removeprefix(self.org.parts.settings.public_url)

    @property
    def token(self) -> str:
        """The secret part."""
        return self.path.removeprefix("/s/")

    def assignment(self) -> dict[str, Any]:
        """The assignment, read by a coordinator."""
        read: dict[str, Any] = self.org.client().get(f"/v1/assignments/{self.assignment_id}").json()
        return read

    def events(self) -> list[dict[str, Any]]:
        """The events of the assignment."""
        items = self.org.client().get("/v1/events", params={"limit": 500}).json()["items"]
        return [item for item in items if item["subject"] == f"assignment/{self.assignment_id}"]

    def change(self, what: str, **body: Any) -> None:
        """Completes, closes, reassigns or reopens the assignment, by a coordinator."""
        answer = self.org.client().post(f"/v1/assignments/{self.assignment_id}/{what}", json=body)
        assert answer.status_code == 200, answer.text


def anybody(org: Org) -> TestClient:
    """A client without an account, as a party with a browser."""
    return TestClient(org.app, raise_server_exceptions=False, follow_redirects=False)


def assign(org: Org, worker: InProcessWorker, course_id: str, party_id: str = PARTY, due_on: str | None = None) -> str:
    """Assigns a course to a party. Returns the assignment's id."""
    body = {
        "courseId": course_id,
        "recipients": [{"entityType": "party", "entityId": party_id}],
        "reason": "Refresh",
        "dueOn": due_on,
    }
    job = org.client().post("/v1/assignments", json=body)
    assert job.status_code == 202, job.text
    worker.drain(org.id)
    (item,) = org.client().get("/v1/assignments", params={"jobId": job.json()["id"]}).json()["items"]
    assignment_id: str = item["id"]
    return assignment_id


def send(org: Org, worker: InProcessWorker, *, due_on: str | None = "2099-06-15", **version: Any) -> Sent:
    """Assigns a course to a party and mints its session link. version: fields of the version besides the label."""
    party = {"entityId": PARTY, "displayName": NAME}
    org.client(Permission.SYNC_DIRECTORY).put("/v1/parties", json={"parties": [party]})
    course_id = org.with_course(label="v3.1")
    admin = org.client(Permission.ADMIN)
    draft = admin.post(f"/v1/courses/{course_id}/versions", json={"label": "v3.2"} | version)
    assert draft.status_code == 201, draft.text
    admin.post(f"/v1/courses/{course_id}/versions/{draft.json()['id']}/publish")
    assignment_id = assign(org, worker, course_id, due_on=due_on)
    minted = org.client(Permission.COMPLETE).post(f"/v1/assignments/{assignment_id}/session-link")
    assert minted.status_code == 200, minted.text
    return Sent(org, assignment_id, minted.json()["url"])
