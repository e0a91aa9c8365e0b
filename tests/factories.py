"""What tests begin with: organizations, callers, a directory, a course. Each helper does one obvious thing."""

import secrets
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from api.service import Service
from shared import access, clock
from shared.access import Permission
from shared.events import Actor

OPERATOR = Actor("system", "tests")
EVERYTHING = tuple(Permission)


@dataclass(frozen=True)
class Org:
    """An organization, and the ways a test looks at it."""

    id: str
    app: FastAPI
    service: Service

    def transaction(self) -> AbstractContextManager[Session]:
        """A transaction for this organization, as the serving role."""
        return self.service.database.transaction(self.id)

    def token(
        self,
        *permissions: Permission,
        member: str = "member-1",
        party: str | None = None,
        folders: Collection[str] | None = None,
        ttl: int = 3600,
    ) -> str:
        """A token of one of its members."""
        return access.issue(
            self.service.settings,
            org_id=self.id,
            member_id=member,
            permissions=permissions,
            party_id=party,
            folders=folders,
            ttl_seconds=ttl,
        )

    def client(
        self,
        *permissions: Permission,
        member: str = "member-1",
        party: str | None = None,
        folders: Collection[str] | None = None,
    ) -> TestClient:
        """One of its members, calling the API. Without permissions named: with all of them."""
        token = self.token(*(permissions or EVERYTHING), member=member, party=party, folders=folders)
        client = TestClient(self.app, raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def stranger(self) -> TestClient:
        """A member without any permission."""
        client = TestClient(self.app, raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {self.token()}"
        return client

    def with_parties(self, *ids: str, folder: str | None = None) -> None:
        """Put active parties into the directory, into a folder if one is named."""
        folders = [folder] if folder else []
        parties = [{"entityId": party, "displayName": f"Party {party}", "folders": folders} for party in ids]
        answer = self.client(Permission.SYNC_DIRECTORY).put("/v1/parties", json={"parties": parties})
        assert answer.status_code == 200, answer.text

    def with_course(self, *, code: str | None = None, label: str = "v1.0", **fields: Any) -> str:
        """A course with one published version. Answers its id."""
        admin = self.client(Permission.ADMIN)
        body = {"title": "Hydrogen-sulfide response", "code": code or secrets.token_hex(4), "mode": "flex"} | fields
        course = admin.post("/v1/courses", json=body)
        assert course.status_code == 201, course.text
        course_id: str = course.json()["id"]
        self.publish(course_id, label)
        return course_id

    def publish(self, course_id: str, label: str) -> str:
        """Draft and publish a version of a course. Answers its id."""
        admin = self.client(Permission.ADMIN)
        draft = admin.post(f"/v1/courses/{course_id}/versions", json={"label": label})
        assert draft.status_code == 201, draft.text
        version_id: str = draft.json()["id"]
        published = admin.post(f"/v1/courses/{course_id}/versions/{version_id}/publish")
        assert published.status_code == 200, published.text
        return version_id


def add_org(app: FastAPI, service: Service, *, time_zone: str = "UTC") -> Org:
    """Add an organization with a random id."""
    org = Org(f"org-{secrets.token_hex(6)}", app, service)
    with org.transaction() as db:
        access.add_organization(db, name="Test", time_zone=time_zone, actor=OPERATOR, now=clock.now())
    return org


@dataclass
class Statements:
    """The SQL statements that were sent while somebody counted."""

    sent: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self.sent)


@contextmanager
def count_statements(engine: Engine) -> Iterator[Statements]:
    """Count the statements that this engine sends."""
    statements = Statements()

    def note(_: Any, __: Any, statement: str, parameters: Any, *rest: Any) -> None:
        statements.sent.append(statement)
        statements.parameters.append(parameters)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
