"""Connections to webhooks: kept for the next message where that can be, and never where an answer is left over."""

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
    """One message."""
    return await line.call(Message(url, "event-1", b"{}", [SECRET]), clock.now())


def calls(*urls: str, most: int = 8) -> list[Reply]:
    """Messages one after the other."""

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
def test_one_that_is_at_its_end_is_not(answer: Answering) -> None:
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


def test_calls_at_once_take_a_connection_each_and_leave_those_that_are_at_their_end() -> None:
    """Also while one of them closes what another would have looked at next."""
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
def test_a_head_may_be_long_and_not_endless(length: int, code: DeliveryCode) -> None:
    with receiver(receivers.status(200, **{f"X-{n}": "y" * 20_000 for n in range(length // 20_000)})) as server:
        assert [reply.code for reply in calls(server.url)] == [code]


def test_one_that_lay_idle_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEPT_SECONDS", 0)
    with receiver() as server:
        assert [reply.code for reply in calls(server.url, server.url)] == [TAKEN] * 2
        assert server.connections == 2


def test_one_that_was_given_up_is_not(released: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would answer in the end is no answer to the next message."""
    monkeypatch.setattr(calling, "CALL_SECONDS", 1)

    def once(handler: object, before: int) -> None:
        (receivers.hang(released) if before == 1 else receivers.well)(handler, before)  # type: ignore[arg-type]

    with receiver(once) as server:
        told = calls(server.url, server.url, server.url)
        assert [reply.code for reply in told] == [TAKEN, DeliveryCode.TIMED_OUT, TAKEN]
        assert server.connections == 2


def test_an_answer_without_an_end_is_hung_up_on_at_once(released: threading.Event) -> None:
    """While other messages go on: nothing is left open that fills."""
    with receiver(receivers.endless(released)) as server:

        async def once() -> None:
            async with open_line(allow_private=True, most=8) as line:
                assert (await call(line, server.url)).code is TAKEN
                assert await asyncio.to_thread(within, 5, lambda: server.open == 0)

        asyncio.run(once())


def test_no_more_are_kept_than_there_may_be() -> None:
    """Of several receivers those that were called last."""
    with receiver() as first, receiver() as second:
        calls(first.url, second.url, first.url, first.url, most=1)
        assert (first.connections, second.connections) == (2, 1)


# --- over TLS


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that proves to be hook.example, to whoever trusts its certificate. Every name leads to it."""
    certificate = certificate_for("hook.example", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(addresses, "look_up", lambda host, port: ["127.0.0.1"])
    connections._tls.cache_clear()
    with receiver(certificate=certificate) as server:
        yield server
    connections._tls.cache_clear()


def test_a_receiver_proves_its_name(secured: Receiver) -> None:
    right = secured.url.replace("127.0.0.1", "hook.example")
    assert calls(right, right) == [Reply(TAKEN, 204)] * 2
    assert secured.connections == 1


def test_a_handshake_that_takes_too_long_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "CALL_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def silent() -> bool:
            taken, _ = server.accept()
            with taken:
                taken.settimeout(5)
                while taken.recv(65536):
                    """What it says is not answered."""
                return True

        async def once() -> Reply:
            hung_up = asyncio.create_task(asyncio.to_thread(silent))
            async with open_line(allow_private=True, most=8) as line:
                reply = await call(line, f"https://127.0.0.1:{server.getsockname()[1]}/")
                assert await hung_up
                return reply

        assert asyncio.run(once()) == Reply(DeliveryCode.TIMED_OUT)


def test_one_that_cannot_is_told_nothing(secured: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = secured.url.replace("127.0.0.1", "other.example")
    assert calls(wrong) == [Reply(DeliveryCode.CONNECTION_FAILED)]
    monkeypatch.delenv("SSL_CERT_FILE")
    connections._tls.cache_clear()
    assert calls(secured.url.replace("127.0.0.1", "hook.example")) == [Reply(DeliveryCode.CONNECTION_FAILED)]
    assert secured.bodies == []
