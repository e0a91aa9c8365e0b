"""A wait ends with its token, with training and with its client."""

import asyncio
from typing import Any

import pytest
from anyio.to_thread import run_sync

from shared.access import Permission
from tests.factories import Org
from tests.jobs.holding import held, run


@pytest.mark.parametrize("ttl", [-5, 1])
def test_a_stream_ends_when_its_token_expires(org: Org, job: str, ttl: int) -> None:
    """Also if the token is accepted although it expired some seconds ago, because clocks differ."""
    client = org.client()
    client.headers["Authorization"] = f"Bearer {org.token(Permission.VIEW, ttl=ttl)}"
    answer = client.get(f"/v1/jobs/{job}/stream")
    assert (answer.status_code, answer.text.count("event: job")) == (200, 1)


def test_a_wait_ends_when_training_is_disabled(org: Org, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading checks it: what was allowed at the beginning may not be any more."""

    async def test() -> None:
        async with held(org, monkeypatch) as waits:
            await waits.hold(1, f"/v1/jobs/{job}?wait=20", org.token(Permission.VIEW))
            await waits.tick()
            await run_sync(lambda: org.client().put("/v1/availability", json={"enabled": False}).raise_for_status())
            with org.transaction() as db:
                db.connection().exec_driver_sql("UPDATE job SET progressed_at = now()")
            await waits.tick()
            assert [answer.status_code for answer in await waits.answers()] == [403]

    run(org, test)


def scope_of(org: Org, path: str, query: bytes) -> dict[str, Any]:
    """Returns the ASGI scope of a GET with every permission."""
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query,
        "http_version": "1.1",
        "headers": [(b"authorization", f"Bearer {org.token(*Permission)}".encode())],
        "scheme": "http",
        "client": ("test", 1),
        "server": ("test", 80),
    }


async def ask_and_go(org: Org, waits: Any, scope: dict[str, Any]) -> None:
    """Sends a request, and disconnects as soon as it waits."""
    gone = asyncio.Event()
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pass

    request = asyncio.create_task(org.app(scope, receive, send))
    async with asyncio.timeout(10):
        while not waits.waiting:
            await asyncio.sleep(0.005)
        await waits.settled()
        gone.set()
        await request


def test_a_client_that_goes_away_gives_its_share_back(org: Org, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a client that gives up and asks again soon has used up the share of its organization."""
    requests = ((f"/v1/jobs/{job}", b"wait=20"), (f"/v1/jobs/{job}/stream", b""), ("/v1/events", b"wait=20&after=99"))

    async def test() -> None:
        async with held(org, monkeypatch) as waits:
            for path, query in requests:
                await ask_and_go(org, waits, scope_of(org, path, query))
                shares = org.parts.shares
                assert (waits.waiting, dict(shares.waits._taken), dict(shares.streams._taken)) == (0, {}, {})

    run(org, test)
