"""Connections to webhooks: kept for the next message if possible, and never if part of a response is unread."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import clock
from shared.deliveries import DeliveryCode, Line, Message, Reply, addresses, calling, connections, open_line
from tests.certificates import certificate_for
from tests.deliveries import receivers
from tests.deliveries.receivers import Answering, Receiver, receiver
from tests.deliveries.receiving import SECRET
from tests.waiting import within

TAKEN = DeliveryCode.DELIVERED


async def call(line: Line, url: str) -> Reply:
    """Send one message."""
    return await line.call(Message(url, "event-1", b"{}", [SECRET]), clock.now())


def calls(*urls: str, most: int = 8) -> list[Reply]:
    """Send messages one after the other."""

    async def all_of_them() -> list[Reply]:
        async with open_line(allow_private=True, most=most) as line:
            return [await call(line, url) for url in urls]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("answer", [receivers.well, receivers.status(500), receivers.status(200, X="y" * 1000)])
def test_a_connection_is_kept_for_the_next_message(answer: Answering) -> None:
    with receiver(answer) as server:
        calls(server.url, server.url, server.url)
        assert (len(server.bodies), server.connections) == (3, 1)


@pytest.mark.parametrize(
    "answer",
    [receivers.close, receivers.long, receivers.status(200, Connection="close")],
    ids=["close", "long", "said"],
)
def test_a_connection_that_the_receiver_ends_is_not_kept(answer: Answering) -> None:
    with receiver(answer) as server:

        async def twice() -> None:
            async with open_line(allow_private=True, most=8) as line:
                assert (await call(line, server.url)).code is TAKEN
                async with asyncio.timeout(5):
                    while any(one.free for one in line._idle):
                        await asyncio.sleep(0.01)
                assert (await call(line, server.url)).code is TAKEN

        asyncio.run(twice())
        assert (len(server.bodies), server.connections) == (2, 2)


def test_concurrent_calls_take_a_connection_each_and_leave_closed_ones() -> None:
    """Even while one call closes a connection that another would examine next."""
    with receiver(receivers.close) as server:

        async def in_waves() -> list[Reply]:
            async with open_line(allow_private=True, most=8) as line:
                for _ in range(5):
                    replies = await asyncio.gather(*(call(line, server.url) for _ in range(8)))
                    async with asyncio.timeout(5):
                        while any(one.free for one in line._idle):
                            await asyncio.sleep(0.01)
                return replies

        assert asyncio.run(in_waves()) == [Reply(TAKEN, 204)] * 8
        assert (len(server.bodies), server.connections) == (40, 40)


@pytest.mark.parametrize(("length", "code"), [(60_000, TAKEN), (200_000, DeliveryCode.CONNECTION_FAILED)])
def test_the_head_of_a_response_has_a_limit(length: int, code: DeliveryCode) -> None:
    with receiver(receivers.status(200, **{f"X-{n}": "y" * 20_000 for n in range(length // 20_000)})) as server:
        assert [reply.code for reply in calls(server.url)] == [code]


def test_a_connection_that_was_idle_for_too_long_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEPT_SECONDS", 0)
    with receiver() as server:
        assert [reply.code for reply in calls(server.url, server.url)] == [TAKEN] * 2
        assert server.connections == 2


def test_a_connection_whose_call_timed_out_is_not_used(
    released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its late response must not be taken for the response to the next message."""
    monkeypatch.setattr(calling, "CALL_SECONDS", 1)

    def once(handler: object, before: int) -> None:
        (receivers.hang(released) if before == 1 else receivers.well)(handler, before)  # type: ignore[arg-type]

    with receiver(once) as server:
        replies = calls(server.url, server.url, server.url)
        assert [reply.code for reply in replies] == [TAKEN, DeliveryCode.TIMED_OUT, TAKEN]
        assert server.connections == 2


def test_a_response_without_an_end_is_cut_off_at_once(released: threading.Event) -> None:
    """While the pool is still open: an unread connection must not fill up."""
    with receiver(receivers.endless(released)) as server:

        async def once() -> None:
            async with open_line(allow_private=True, most=8) as line:
                assert (await call(line, server.url)).code is TAKEN
                assert await asyncio.to_thread(within, 5, lambda: server.open == 0)

        asyncio.run(once())


def test_the_number_of_idle_connections_has_a_limit() -> None:
    """The connection that was used last is kept, whichever receiver it leads to."""
    with receiver() as first, receiver() as second:
        calls(first.url, second.url, first.url, first.url, most=1)
        assert (first.connections, second.connections) == (2, 1)


# --- over TLS


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver with a certificate for hook.example, which the client trusts. Every name resolves to it."""
    certificate = certificate_for("hook.example", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(addresses, "look_up", lambda host, port: ["127.0.0.1"])
    connections._tls.cache_clear()
    with receiver(certificate=certificate) as server:
        yield server
    connections._tls.cache_clear()


def test_a_receiver_with_a_trusted_certificate_for_its_name_is_called(secured: Receiver) -> None:
    right = secured.url.replace("127.0.0.1", "hook.example")
    assert calls(right, right) == [Reply(TAKEN, 204)] * 2
    assert secured.connections == 1


def test_a_handshake_that_takes_too_long_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "CALL_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def silent() -> bool:
            taken, _ = server.accept()
            with taken:
                taken.settimeout(5)
                while taken.recv(65536):
                    """Read without answering."""
                return True

        async def once() -> Reply:
            hung_up = asyncio.create_task(asyncio.to_thread(silent))
            async with open_line(allow_private=True, most=8) as line:
                reply = await call(line, f"https://127.0.0.1:{server.getsockname()[1]}/")
                assert await hung_up
                return reply

        assert asyncio.run(once()) == Reply(DeliveryCode.TIMED_OUT)


def test_a_receiver_without_such_a_certificate_gets_no_message(
    secured: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = secured.url.replace("127.0.0.1", "other.example")
    assert calls(wrong) == [Reply(DeliveryCode.CONNECTION_FAILED)]
    monkeypatch.delenv("SSL_CERT_FILE")
    connections._tls.cache_clear()
    assert calls(secured.url.replace("127.0.0.1", "hook.example")) == [Reply(DeliveryCode.CONNECTION_FAILED)]
    assert secured.bodies == []
