"""Turns of requests: an organization that asks much keeps no other one waiting for a connection or a thread."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import jwt
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.http import turns
from api.http.turns import Turns
from shared import clock
from shared.access import Permission
from shared.assignments import SessionLinks
from shared.database import Database
from shared.licences import CertificateLinks
from shared.services import verification
from tests.architecture.test_routes import PUBLIC
from tests.factories import Org
from tests.jobs.holding import run
from tests.routes import FORMATS, Operation, example, operations

EXPORTS = {"Accept": "text/csv, application/x-ndjson"}


async def asked(made: Turns, org_id: str, served: list[str], name: str = "") -> None:
    """Wait for a turn, and note who was served."""
    async with made.taken(org_id):
        served.append(name or org_id)
        await asyncio.sleep(0)


async def soon() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_an_organization_holds_at_most_three_quarters_of_the_turns() -> None:
    async def test() -> None:
        made, served = Turns(8), list[str]()
        async with AsyncExitStack() as held:
            for _ in range(6):
                await held.enter_async_context(made.taken("busy"))
            waiting = [asyncio.create_task(asked(made, "busy", served)) for _ in range(100)]
            await soon()
            assert not served
            await asyncio.wait_for(asked(made, "other", served), 5)
            assert served == ["other"]
        await asyncio.wait_for(asyncio.gather(*waiting), 5)
        assert (made._free, made._held, made._waiting) == (8, {}, {})

    asyncio.run(test())


def test_the_organization_with_the_fewest_turns_is_served_next_and_its_own_requests_in_order() -> None:
    async def test() -> None:
        made, served = Turns(3), list[str]()
        async with AsyncExitStack() as held:
            for org_id in ("calm", "busy", "busy"):  # given back from the last one on
                await held.enter_async_context(made.taken(org_id))
            names = ["busy-1", "busy-2", "calm-1", "calm-2", "new-1"]
            waiting = [asyncio.create_task(asked(made, name.partition("-")[0], served, name)) for name in names]
            await soon()
            assert served == []
        await asyncio.wait_for(asyncio.gather(*waiting), 5)
        assert served[:3] == ["new-1", "busy-1", "calm-1"]

    asyncio.run(test())


@pytest.mark.parametrize("served_meanwhile", [True, False])
def test_a_request_that_goes_away_while_it_waits_loses_no_turn(served_meanwhile: bool) -> None:
    async def test() -> None:
        made = Turns(1)
        async with made.taken("one"):
            waiting = asyncio.create_task(asked(made, "other", []))
            await soon()
            if not served_meanwhile:
                waiting.cancel()
                await soon()
        if served_meanwhile:
            waiting.cancel()  # its turn has come, and it has not run yet
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        await asyncio.wait_for(asked(made, "third", []), 5)
        assert (made._free, made._held, made._waiting) == (1, {}, {})

    asyncio.run(test())


@asynccontextmanager
async def all_held(made: Turns, org: Org) -> AsyncIterator[None]:
    """Hold all turns that the organization may have."""
    async with AsyncExitStack() as held:
        for _ in range(made.most):
            await held.enter_async_context(made.taken(org.id))
        yield


def client_of(org: Org) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=org.app)
    return httpx2.AsyncClient(
        transport=transport,
        base_url="http://test",
        headers={"Authorization": f"Bearer {org.token(*Permission)}"},
        timeout=30,
    )


def test_requests_of_one_organization_keep_no_other_one_waiting(org: Org, other_org: Org) -> None:
    async def test() -> None:
        async with client_of(org) as busy, client_of(other_org) as other:
            async with all_held(turns.transactions(org.parts), org):
                waiting = [asyncio.create_task(busy.get("/v1/parties")) for _ in range(100)]
                await soon()
                assert (await asyncio.wait_for(other.get("/v1/parties"), 30)).status_code == 200
                assert not any(one.done() for one in waiting)
            assert {one.status_code for one in await asyncio.gather(*waiting)} == {200}

    run(org, test)


Taken = list[tuple[Turns, str]]

LOGOUT = "/sign-in/logout/{org_id}"
"""The only one of these addresses that takes no GET."""

OF_NO_ROW = ("{name}", "{slug}")
"""The places in addresses that name no row: a file of the reference, and a problem."""


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    """The turns that were taken, each with its organization."""
    found: Taken = []
    take = Turns.taken

    def noted(made: Turns, org_id: str) -> Any:
        found.append((made, org_id))
        return take(made, org_id)

    monkeypatch.setattr(Turns, "taken", noted)
    return found


def of_sort(app: FastAPI, wanted: Callable[[Operation], bool]) -> list[Operation]:
    found = [one for one in operations(app) if wanted(one)]
    assert found
    return found


def test_every_address_without_sign_in_that_reads_the_database_takes_a_turn_of_visitors(
    org: Org, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all addresses that name a row. Health checks and metrics take none, because they must not wait."""
    opened: list[Any] = []
    transaction = Database.transaction

    def noted(database: Database, org_id: str | None) -> Any:
        opened.append(org_id)
        return transaction(database, org_id)

    monkeypatch.setattr(Database, "transaction", noted)
    monkeypatch.setattr(verification, "CredentialKeys", lambda _: None)  # profiles are there only with a key
    made: Any = type("A", (), {"id": uuid.uuid4(), "link_epoch": 0, "org_id": org.id, "party_id": "anna"})
    links = {
        path: of(org.parts.settings).mint(made(), clock.now()).url.rpartition("/")[2]
        for path, of in (("/s/{token}", SessionLinks), ("/c/{token}", CertificateLinks))
    }
    ids = {"code": "0" * 16, "org_id": org.id}
    visitor, read = TestClient(org.app, raise_server_exceptions=False), set()
    rows = {path for path in PUBLIC if "{" in path and not any(name in path for name in OF_NO_ROW)}
    for path in rows:
        opened.clear()
        taken.clear()
        ids["token"] = links.get(path.removesuffix("/pdf"), "")
        if path == LOGOUT:
            visitor.post(path.format(**ids), data={"logout_token": jwt.encode({"iss": "x"}, "k" * 32)})
        else:
            visitor.get(path.format(**ids), params={"until": "1"}, follow_redirects=False)
        if opened:
            read.add(path)
            assert [holder for _, holder in taken] == [""], path
    assert read == rows


def test_every_export_reads_each_page_with_a_turn(org: Org, taken: Taken) -> None:
    """Generated. The request takes one turn, and every page of its export another. The feed's CSV is a single page."""
    ids, exports = dict.fromkeys(("job_id", "session_id", "webhook_id", "course_id"), FORMATS["uuid"]), 0
    for operation in of_sort(org.app, lambda one: one.method == "GET" and "limit" in one.queries):
        if "wait" in operation.queries:
            continue
        taken.clear()
        answer = operation.call(org.client(), ids, headers=EXPORTS)
        if answer.status_code == 200 and "json" not in answer.headers["content-type"].replace("ndjson", ""):
            exports += 1
            assert len(taken) >= 2, operation
            assert {org_id for _, org_id in taken} == {org.id}
    assert exports >= 3


def test_an_export_waits_for_its_turn_without_a_thread(org: Org, other_org: Org) -> None:
    """It begins when a turn is free, and exports of one organization leave turns to others."""

    async def test() -> None:
        async with client_of(org) as busy, client_of(other_org) as other:
            async with all_held(turns.transactions(org.parts), org):
                found = [asyncio.create_task(busy.get("/v1/assignments", headers=EXPORTS)) for _ in range(60)]
                await soon()
                assert (await asyncio.wait_for(other.get("/v1/assignments", headers=EXPORTS), 30)).status_code == 200
                assert not any(one.done() for one in found)
            answers = await asyncio.wait_for(asyncio.gather(*found), 60)
            assert {one.text.partition(",")[0] for one in answers} == {"id"}

    run(org, test)


def test_every_operation_that_looks_up_an_address_takes_a_turn_for_it(org: Org, taken: Taken) -> None:
    """Generated: every operation with an address in its body. Names whose servers do not answer hold threads."""
    own: list[Turns] = []

    async def find() -> None:
        own.append(turns.lookups())  # they belong to the application's loop

    run(org, find)
    for operation in of_sort(org.app, lambda one: "url" in (one.body or {}).get("properties", {})):
        taken.clear()
        body = example(operation.body or {}, {}) | {"url": "http://localhost/hook"}
        answer = operation.call(org.client(), {"webhook_id": FORMATS["uuid"]}, json=body)
        assert answer.status_code in (404, 422), answer.text
        assert [org_id for made, org_id in taken if made is own[0]] == [org.id], operation
