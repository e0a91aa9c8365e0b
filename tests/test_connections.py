"""The connections of a real server: how long a client may take, and how many there may be."""

import asyncio
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from anyio.to_thread import run_sync
from fastapi import FastAPI

from api.http import connections
from api.http.connections import allowance, guarded

HEAD = b"GET /health/live HTTP/1.1\r\nHost: test\r\n"
REQUEST = HEAD + b"\r\n"
SHORT = 0.3


@dataclass
class Site:
    """A served application. kind: the class of its connections."""

    address: tuple[str, int]
    kind: type[connections.Guarded]

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=10)


@contextmanager
def serving(app: Any, most: int = 100, **seconds: float) -> Iterator[Site]:
    kind = guarded(most, **({"head_seconds": SHORT, "unread_seconds": SHORT} | seconds))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, http=kind, log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Site(listening.getsockname(), kind)
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="module")
def site(app: FastAPI) -> Iterator[Site]:
    with serving(app) as made:
        yield made


def answered(client: socket.socket) -> bytes:
    """Send a whole request. Returns its answer."""
    client.sendall(REQUEST)
    return until(client, lambda data: b'{"status":"live"}' in data)


def until(client: socket.socket, wanted: Callable[[bytes], bool]) -> bytes:
    data = b""
    while not wanted(data):
        piece = client.recv(4096)
        assert piece, data
        data += piece
    return data


def ended(client: socket.socket) -> bool:
    """Wait until the server closes the connection."""
    try:
        while client.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def drip(client: socket.socket, byte: bytes) -> bool:
    """Send a byte again and again, each well within the time for a head, until the server has closed."""
    client.settimeout(SHORT / 6)
    for _ in range(100):
        try:
            client.sendall(byte)
            if not client.recv(4096):
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


@pytest.mark.parametrize("sent", [b"", b"G", HEAD], ids=["nothing", "a byte", "half a head"])
@pytest.mark.parametrize("former", [False, True], ids=["first", "after an answer"])
def test_a_connection_without_a_whole_head_is_closed(site: Site, sent: bytes, former: bool) -> None:
    with site.connect() as client:
        if former:
            assert answered(client).startswith(b"HTTP/1.1 200")
        client.sendall(sent)
        assert ended(client)


@pytest.mark.parametrize("former", [False, True], ids=["first", "after an answer"])
def test_a_head_that_drips_is_cut_off(site: Site, former: bool) -> None:
    with site.connect() as client:
        if former:
            answered(client)
        client.sendall(HEAD + b"X-Long: ")
        assert drip(client, b"x")


def test_a_body_that_drips_after_its_answer_is_cut_off(site: Site) -> None:
    with site.connect() as client:
        client.sendall(b"POST /v1/assignments HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n")
        until(client, lambda data: b"unauthenticated" in data)
        assert drip(client, b"x")


def test_half_of_a_second_request_behind_the_first_is_cut_off(site: Site) -> None:
    with site.connect() as client:
        client.sendall(REQUEST + HEAD)
        assert ended(client)


def test_an_answer_that_is_not_read_is_cut_off() -> None:
    """A stream that nobody reads fills the buffers, and then its connection is closed."""
    stopped = threading.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.create_task(receive())
        while not gone.done():
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            await asyncio.sleep(0)
        stopped.set()

    with serving(endless) as site, site.connect() as client:
        client.sendall(REQUEST)
        client.recv(1)
        assert stopped.wait(20)


def test_a_request_in_work_is_not_cut_off() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(SHORT * 3)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    with serving(slow) as site, site.connect() as client:
        client.sendall(REQUEST)
        assert until(client, lambda data: b"done" in data)


def test_beyond_the_limit_the_connection_that_has_been_silent_longest_is_closed(app: FastAPI) -> None:
    with serving(app, most=3, head_seconds=60) as site, ExitStack() as opened:
        silent = [opened.enter_context(site.connect()) for _ in range(3)]
        for client in silent:
            client.sendall(b"G")
        kept = opened.enter_context(site.connect())
        assert answered(kept).startswith(b"HTTP/1.1 200")
        assert ended(silent[0])
        for client in silent[1:]:
            client.settimeout(0.05)
            with pytest.raises(TimeoutError):
                client.recv(1)


def test_beyond_the_limit_of_busy_connections_the_newcomer_is_closed() -> None:
    busy, go = threading.Semaphore(0), threading.Event()

    async def held(scope: Any, receive: Any, send: Any) -> None:
        busy.release()
        await run_sync(go.wait, 20)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    with serving(held, most=2) as site, site.connect() as first, site.connect() as second:
        for client in (first, second):
            client.sendall(REQUEST)
            assert busy.acquire(timeout=10)
        with site.connect() as newcomer:
            assert ended(newcomer)
        go.set()
        for client in (first, second):
            assert until(client, lambda data: b"done" in data)


def test_a_process_accepts_no_more_connections_than_it_may_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = (1024, 4096)
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limit)
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: asked.append(given))
    assert allowance(2000) == 2000
    assert allowance(10_000) == 4096 - connections.OTHER_FILES
    assert asked == [(2000 + connections.OTHER_FILES, 4096), (4096, 4096)]
    assert allowance(500) == 500
