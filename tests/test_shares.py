"""The share of one organization: waits, streams, heavy bodies, requests a second; and labels of metrics."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.http import limits, shares
from api.http.shares import HEAVY_BYTES, HEAVY_WORK_AT_ONCE, HeavyBodies, Rate, Share, TooManyRequests
from shared.access import Permission
from tests.assignments.asking import body, submit
from tests.factories import Org
from tests.routes import FORMATS, Operation, operations

ANY_ID = FORMATS["uuid"]


def ids(operation: Operation) -> dict[str, str]:
    return dict.fromkeys(operation.inside, ANY_ID)


def assert_refused(answer: Any, operation: object = "") -> None:
    assert (answer.status_code, answer.headers.get("retry-after")) == (429, "1"), (operation, answer.text)
    assert answer.json()["type"] == "urn:rollcall:problem:too-many-requests"


# --- waits and streams


@pytest.fixture
def job(org: Org) -> str:
    org.with_parties("party-1")
    found: str = submit(org.client(), body(org.with_course(), "party-1"))["id"]
    return found


def test_every_operation_that_waits_takes_a_share(org: Org, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated: a new parameter `wait` that takes no share is found here."""
    monkeypatch.setattr(org.parts.shares.waits, "most", 0)
    waiting = [one for one in operations(org.app) if "wait" in one.queries]
    assert len(waiting) >= 2
    for operation in waiting:
        assert_refused(operation.call(org.client(), {"job_id": job}, "wait=20"), operation)
        assert operation.call(org.client(), {"job_id": job}, "wait=0").status_code == 200


def test_every_stream_takes_a_share(org: Org, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(org.parts.shares.streams, "most", 0)
    streams = [
        path
        for path, methods in org.app.openapi()["paths"].items()
        if "text/event-stream" in methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
    ]
    assert streams == ["/v1/jobs/{job_id}/stream"]
    for path in streams:
        assert_refused(org.client().get(path.format(job_id=job)), path)


@pytest.mark.parametrize("rest", ["?wait=0.01", "/stream"])
def test_a_share_is_given_back_at_the_end(org: Org, job: str, rest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = org.parts.shares.streams if rest == "/stream" else org.parts.shares.waits
    monkeypatch.setattr(taken, "most", 1)
    monkeypatch.setattr("shared.services.jobs.STREAM_SECONDS", 0)
    for _ in range(3):
        assert org.client().get(f"/v1/jobs/{job}{rest}").status_code == 200
        assert not taken._taken


def test_a_share_is_of_one_organization() -> None:
    share = Share(2, "things")
    with share.taken("a"), share.taken("a"):
        with pytest.raises(TooManyRequests, match="has 2 things at once"), share.taken("a"):
            pass
        with share.taken("b"):
            pass
    with share.taken("a"):
        pass
    assert not share._taken


# --- requests at once


def test_every_operation_counts_among_the_requests_of_its_organization(
    org: Org, other_org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generated. Without it, slow requests of one organization could take all connections."""
    monkeypatch.setattr(org.parts.shares.requests, "most", 0)
    for operation in operations(org.app):
        assert_refused(operation.call(org.client(), ids(operation)), operation)


def test_a_request_counts_until_its_answer_is_sent_whatever_the_answer(org: Org, job: str) -> None:
    share, client = org.parts.shares.requests, org.client()
    for path in ("/v1/limits", f"/v1/jobs/{job}", f"/v1/jobs/{ANY_ID}", "/v1/parties?x=1", f"/v1/jobs/{job}?wait=0.01"):
        client.get(path)
        assert not share._taken, path
    assert client.get("/v1/assignments", headers={"Accept": "text/csv"}).status_code == 200
    assert not share._taken

    async def counted() -> dict[str, int]:
        return dict(share._taken)

    with client.stream("GET", f"/v1/jobs/{job}/stream") as answer:
        next(answer.iter_lines())
        assert client.portal is not None
        while_sent = client.portal.call(counted)
    assert while_sent in ({org.id: 1}, {})  # the test client reads a stream as a whole before it hands it on
    assert not share._taken


# --- requests a second


def test_requests_a_second_are_limited_only_where_it_is_set(
    org: Org, other_org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert org.client().get("/v1/limits").json()["requestsPerSecond"] is None
    monkeypatch.setattr(shares, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    monkeypatch.setattr(org.parts.shares, "rate", Rate(3))
    assert [org.client().get("/v1/limits").status_code for _ in range(3)] == [200] * 3
    assert_refused(org.client().get("/v1/limits"))
    assert other_org.client().get("/v1/limits").json()["requestsPerSecond"] == 3
    monkeypatch.setattr(shares, "time", SimpleNamespace(monotonic=lambda: 1000.4))
    assert [org.client().get("/v1/limits").status_code for _ in range(2)] == [200, 429]


# --- heavy bodies


def bodies(app: FastAPI) -> Iterator[Operation]:
    """Every operation that takes a body."""
    for operation in operations(app):
        if operation.body is not None or (operation.method, operation.path) == ("PUT", "/v1/parties"):
            yield operation


def test_every_heavy_body_takes_a_share_before_it_is_read(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated. 429 comes instead of the 422 or 415 that the body would get."""
    monkeypatch.setattr(org.parts.shares.heavy.share, "most", 0)
    found = list(bodies(org.app))
    assert len(found) > 20
    for operation in found:
        heavy = operation.call(org.client(), ids(operation), content=b" " * (HEAVY_BYTES + 1))
        assert_refused(heavy, operation)
        light = operation.call(org.client(), ids(operation), content=b" " * 10)
        assert light.status_code != 429, operation


def test_a_body_of_unknown_length_is_heavy(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(org.parts.shares.heavy.share, "most", 0)
    assert_refused(org.client().post("/v1/assignments/preview", content=iter([b"{}"])))


def test_heavy_bodies_of_an_organization_are_read_one_at_a_time() -> None:
    heavy, order = HeavyBodies(), []

    async def one(org_id: str, name: str, go: asyncio.Event) -> None:
        async with heavy.reading(org_id):
            order.append(name)
            await go.wait()

    async def test() -> None:
        go = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for org_id, name in (("a", "a1"), ("a", "a2"), ("b", "b1")):
                tasks.create_task(one(org_id, name, go))
            while len(order) < 2:
                await asyncio.sleep(0)
            assert order == ["a1", "b1"]
            go.set()
        assert (order, heavy._of_organization, dict(heavy.share._taken)) == (["a1", "b1", "a2"], {}, {})

    asyncio.run(test())


def test_a_heavy_body_that_arrives_slowly_holds_up_only_its_own_organization() -> None:
    """The turns of all are taken after the body was read: here three organizations read, and one works."""
    heavy = HeavyBodies()

    async def test() -> None:
        async with heavy.reading("a"), heavy.reading("b"), heavy.reading("c"), asyncio.timeout(5), heavy.working():
            pass

    asyncio.run(test())


def test_only_so_many_heavy_bodies_of_all_are_worked_on_at_a_time() -> None:
    heavy, at_once = HeavyBodies(), []

    async def one() -> None:
        async with heavy.working():
            at_once.append(HEAVY_WORK_AT_ONCE - heavy._of_all.value)
            await asyncio.sleep(0)

    async def test() -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(10):
                tasks.create_task(one())

    asyncio.run(test())
    assert max(at_once) == HEAVY_WORK_AT_ONCE


# --- slow bodies


@contextmanager
def requested(org: Org, method: str, path: str, length: int) -> Iterator[Callable[[Callable[[], Awaitable[Any]]], int]]:
    """Yields a call of the application, whose body is received by a function. It returns the status."""
    headers = {
        "authorization": f"Bearer {org.token(*Permission)}",
        "content-type": "application/json",
        "content-length": str(length),
    }
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "http_version": "1.1",
        "scheme": "http",
        "client": ("test", 1),
        "server": ("test", 80),
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    def call(receive: Callable[[], Awaitable[Any]]) -> int:
        client: TestClient = org.client()
        assert client.portal is not None
        client.portal.call(org.app, dict(scope), receive, send)
        status: int = sent[0]["status"]
        return status

    yield call


@pytest.mark.parametrize("length", [100, HEAVY_BYTES + 1])
def test_a_body_that_does_not_arrive_ends_its_request_and_meanwhile_holds_no_transaction(
    org: Org, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generated, for every operation that takes a body."""
    monkeypatch.setattr(limits, "PIECE_SECONDS", 0.01)
    pool: Any = org.parts.database.engine.pool
    held: list[int] = []

    async def never() -> Any:
        held.append(pool.checkedout())
        await asyncio.sleep(60)

    for operation in bodies(org.app):
        with requested(org, operation.method, operation.address(ids(operation)), length) as call:
            assert call(never) == 408, operation
    assert set(held) == {0}


def test_a_body_that_drips_ends_its_request(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)

    async def drip() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    with requested(org, "POST", "/v1/assignments/preview", 10_000) as call:
        assert call(drip) == 408


# --- metrics


def test_unknown_methods_and_addresses_share_one_label(org: Org) -> None:
    client = TestClient(org.app)

    def series() -> set[str]:
        lines = client.get("/metrics").text.splitlines()
        return {line.rpartition(" ")[0] for line in lines if not line.startswith("#")}

    def odd(n: int) -> None:
        client.request(f"M{n}" * 100, "/v1/me")
        client.request("GET", f"/nothing/{n}")
        client.request(f"X{n}", f"/nothing/{n}", headers={"X-Method": json.dumps(n)})

    odd(0)
    series()
    before = series()
    for n in range(1, 20):
        odd(n)
    assert series() == before
    assert any('method="other"' in line for line in before)
