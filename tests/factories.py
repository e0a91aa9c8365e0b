"""Test data: organizations, callers, parties, courses and versions. Each helper does one obvious thing.

Parties and courses are created by the functions of `shared`, which takes a third of the time of an API request.
"""

import json
import secrets
import uuid
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from api.console.visits import cookie_name
from api.http.parts import Parts
from shared import access, catalogue, clock, directory
from shared.access import Identity, Permission
from shared.directory import PartyRow
from shared.events import Actor
from shared.services import sign_ins

OPERATOR = Actor("system", "tests")
MEMBER = Actor("member", "member-1")
EVERYTHING = tuple(Permission)

OF_THIS_FILE: set[str] = set()
"""The organizations that the test file which is running has created. `tests/conftest.py` clears it before each file."""


@dataclass(frozen=True)
class Org:
    """An organization of a test: its transactions, tokens and API clients, and helpers that fill it."""

    id: str
    app: FastAPI
    parts: Parts

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a transaction for this organization with the role and the rights of the running service."""
        return self.parts.database.transaction(self.id)

    def token(
        self,
        *permissions: Permission,
        member: str = "member-1",
        party: str | None = None,
        folders: Collection[str] | None = None,
        ttl: int = 3600,
    ) -> str:
        """Issue a token for a member. party: the party that the member represents. folders: the scope, None for all."""
        return access.issue(
            self.parts.settings,
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
        """Return an API client signed in as a member, with these permissions, or with all if none is named."""
        token = self.token(*(permissions or EVERYTHING), member=member, party=party, folders=folders)
        client = TestClient(self.app, raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def visitor(
        self,
        *permissions: Permission,
        member: str = "member-1",
        party: str | None = None,
        folders: Collection[str] | None = None,
        authenticated_at: datetime | None = None,
        name: str | None = None,
    ) -> TestClient:
        """Return a browser signed in as a member, with these permissions, or with all if none is named.

        It sends what a browser sends from a page of the service, and follows no redirect.
        """
        now = clock.now()
        identity = Identity(
            issuer="https://login.example",
            subject=member,
            member_id=member,
            permissions=frozenset(permissions or EVERYTHING),
            authenticated_at=authenticated_at or now,
            party_id=party,
            folders=None if folders is None else frozenset(folders),
            name=name,
        )
        with self.transaction() as db:
            _, cookie = sign_ins.begin(db, identity, "Firefox on Linux", now)
        browser = TestClient(self.app, raise_server_exceptions=False, follow_redirects=False)
        browser.headers["Sec-Fetch-Site"] = "same-origin"
        browser.cookies.set(cookie_name(self.parts.settings), cookie)
        return browser

    def stranger(self) -> TestClient:
        """Return an API client signed in as a member without any permission."""
        client = TestClient(self.app, raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {self.token()}"
        return client

    def with_parties(self, *ids: str, folder: str | None = None) -> None:
        """Create active parties, in this folder if one is named."""
        folders = [folder] if folder else []
        rows = [PartyRow(entity_id=party, display_name=f"Party {party}", active=True, folders=folders) for party in ids]
        with self.transaction() as db:
            directory.put_parties(db, rows, MEMBER, clock.now())

    def with_course(self, *, code: str | None = None, label: str = "v1.0", **fields: Any) -> str:
        """Create a course with one published version. fields: as in the API's JSON. Returns the course's id."""
        body = {"title": "Hydrogen-sulfide response", "code": code or secrets.token_hex(4), "mode": "flex"} | fields
        with self.transaction() as db:
            request = catalogue.CourseRequest.model_validate_json(json.dumps(body))
            course_id = str(catalogue.create_course(db, request, MEMBER, clock.now()).id)
        self.publish(course_id, label)
        return course_id

    def publish(self, course_id: str, label: str) -> str:
        """Draft and publish a version of a course. Returns the version's id."""
        of = uuid.UUID(course_id)
        with self.transaction() as db:
            draft = catalogue.draft_version(db, of, catalogue.VersionRequest(label=label), MEMBER, clock.now())
            return str(catalogue.publish_version(db, of, draft.id, MEMBER, clock.now()).id)


def add_org(app: FastAPI, parts: Parts, *, time_zone: str = "UTC") -> Org:
    """Create an organization with a random id."""
    org = Org(f"org-{secrets.token_hex(6)}", app, parts)
    OF_THIS_FILE.add(org.id)
    with org.transaction() as db:
        access.add_organization(db, name="Test", time_zone=time_zone, actor=OPERATOR, now=clock.now())
    return org


@dataclass
class Statements:
    """The SQL statements that `count_statements` has recorded, with their parameters."""

    sent: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    @property
    def count(self) -> int:
        """The number of statements."""
        return len(self.sent)


@contextmanager
def count_statements(engine: Engine) -> Iterator[Statements]:
    """Record the statements that this engine sends during the block."""
    statements = Statements()

    def note(_: Any, __: Any, statement: str, parameters: Any, *rest: Any) -> None:
        statements.sent.append(statement)
        statements.parameters.append(parameters)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
