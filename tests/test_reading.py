"""Requests that only read are answered on the event loop, each statement in one message: which ones, what they see."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from api.http.plans import can_be_planned
from api.http.routing import StrictRoute
from api.http.table import Table
from shared import statistics
from shared.database import Database, set_locally
from shared.directory import Party
from shared.reading import on_loop
from tests import counting
from tests.factories import Org
from tests.routes import lists, operations
from tests.test_answer_headers import IDS

IN_THREADS = {
    "/v1/jobs/{job_id}/stream",  # a stream
    "/v1/licences/{licence_id}/certificate",  # the others are not JSON, or not always
    "/v1/licences/{licence_id}/credential",
    "/v1/me/transcript",
    "/v1/packs/{pack_id}/file",
    "/v1/parties/{party_id}/transcript",
    "/v1/sessions/{session_id}.ics",
    "/v1/settings/certificate/logo",
}


def test_every_get_of_the_api_is_planned_but_for_those_that_are_named(app: FastAPI) -> None:
    gets = [
        one
        for one in iter_route_contexts(app.routes)
        if isinstance(one.original_route, StrictRoute) and one.methods == {"GET"} and one.include_in_schema
    ]
    assert len(gets) > 30
    assert {one.path for one in gets if not can_be_planned(one)} == IN_THREADS


def test_the_table_finds_the_route_that_the_framework_would_find(app: FastAPI) -> None:
    async def otherwise(*_: object) -> None: ...

    routes = list(iter_route_contexts(app.routes))
    table = Table(routes, otherwise)
    for operation in operations(app):
        path = operation.address({name: IDS.get(name, IDS["job_id"]) for name in operation.inside})
        first = next(
            one
            for one in routes
            if isinstance(one.original_route, APIRoute)
            and operation.method in (one.methods or ())
            and one.path_regex.match(path)
        )
        scope: dict[str, Any] = {"method": operation.method, "path": path}
        entry = table._find(scope)
        assert entry is not None, operation
        assert (entry.route.path, scope["route"]) == (first.path, first.original_route), operation
        assert scope["path_params"] == first.path_regex.match(path).groupdict(), operation
    assert table._find({"method": "GET", "path": "/v1/nothing"}) is None


def test_a_list_takes_no_thread(app: FastAPI, org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    client, threads = org.client(), list[Any]()

    async def refuse(_: Any, function: Callable[..., Any], *args: object, **options: object) -> None:
        threads.append(function)
        raise RuntimeError("a thread")

    monkeypatch.setattr("anyio._backends._asyncio.AsyncIOBackend.run_sync_in_worker_thread", refuse)
    for path in [one.path for one in lists(app)] + ["/v1/me", "/v1/limits", "/v1/settings", "/health/live"]:
        assert client.get(path).status_code == 200, path
    assert threads == []


def test_no_request_opens_a_transaction_on_the_event_loop(
    app: FastAPI, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait for PostgreSQL there, and with it all requests of the process."""
    client, transaction, waited = org.client(), Database.transaction, list[str]()

    @contextmanager
    def look(self: Database, org_id: str | None) -> Iterator[Session]:
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            waited.append(str(operation))
        with transaction(self, org_id) as db:
            yield db

    monkeypatch.setattr(Database, "transaction", look)
    for operation in operations(app):
        if not operation.path.endswith("/stream"):
            operation.call(client, {name: IDS.get(name, IDS["job_id"]) for name in operation.inside})
    assert waited == []


def on_session(org: Org, work: Callable[[Session], Any]) -> Any:
    """Call work with a session of the API that only reads, on an event loop. Returns its result."""

    def read() -> Any:
        with org.parts.database.reading(org.id) as db:
            return work(db)

    async def main() -> Any:
        return await on_loop(read)

    return anyio.run(main)


def test_a_session_that_only_reads_sees_its_organization_and_no_other(org: Org, other_org: Org) -> None:
    org.with_parties("party-1")
    other_org.with_parties("party-2")
    assert on_session(org, lambda db: list(db.scalars(select(Party.id)))) == ["party-1"]
    assert on_session(org, lambda db: db.scalar(text("SELECT current_user"))) == "rollcall_app"


@pytest.mark.parametrize("statement", [delete(Party), select(Party.id).with_for_update()])
def test_a_session_that_only_reads_refuses_writes_and_locks(org: Org, statement: Any) -> None:
    with pytest.raises(DBAPIError) as refused:
        on_session(org, lambda db: db.execute(statement))
    assert "read-only" in str(refused.value.orig)


def test_what_a_session_sets_holds_for_its_later_statements_and_for_no_other_session(org: Org) -> None:
    shown = text("SHOW enable_nestloop")

    def report(db: Session) -> list[Any]:
        before = db.scalar(shown)
        statistics.read_everything(db)
        return [before, db.scalar(shown), db.scalar(shown)]

    for _ in range(2):  # the second on the same connection
        assert on_session(org, report) == ["on", "off", "off"]
    with org.transaction() as db:
        set_locally(db, "enable_nestloop", "off")
        assert db.scalar(shown) == "off"


def test_what_a_request_reads_without_a_transaction_is_counted(org: Org) -> None:
    org.with_parties(*(f"party-{n}" for n in range(20)))
    with counting.reading(org.parts.database.engine) as reads:
        assert len(org.client().get("/v1/parties").json()["items"]) == 20
    assert reads.of("party") >= 20
    assert reads.of("organization") >= 1
