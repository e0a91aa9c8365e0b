"""The guard of webhook addresses: only public ones are called, in any notation, even if a name resolves differently."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_address

import httpcore2
import pytest

from shared import clock
from shared.deliveries import CALL_SECONDS, DeliveryCode, Message, Reply, addresses, check_url, open_line
from shared.errors import InvalidInput
from tests.deliveries.receivers import receiver
from tests.deliveries.receiving import SECRET

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "192.0.0.8",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]

WRITTEN_OTHERWISE = [
    "http://0x7f000001/",
    "http://2130706433/",
    "http://127.1/",
    "http://0177.0.0.1/",
    "http://[::ffff:7f00:1]/",
    "http://localhost/",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not addresses.is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(InvalidInput):
        check_url(f"http://{host}/", allow_private=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"])
def test_an_address_that_is_public_is_recognized(address: str) -> None:
    assert addresses.is_public(ip_address(address))


@pytest.mark.parametrize("url", WRITTEN_OTHERWISE)
def test_a_private_address_is_refused_in_any_notation(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url, allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://93.184.216.34/",
        "file:///etc/passwd",
        "gopher://93.184.216.34/",
        "//93.184.216.34/",
        "93.184.216.34",
        "https://",
        "https://user@93.184.216.34/",
        "https://user:password@93.184.216.34/",
        "https://93.184.216.34:99999/",
        "https://93.184.216.34/" + "a" * 2000,
        "https://93.184.216.34/\r\nX-Injected: 1",
        "",
    ],
)
def test_a_text_that_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_url(url, allow_private=True)
    assert "password" not in str(refused.value.errors).replace("or a password", "")


def test_an_address_is_stored_in_the_form_in_which_it_is_called() -> None:
    stored = check_url(" HTTPS://93.184.216.34:443/hook?key=1#part ", allow_private=False)
    assert stored == "https://93.184.216.34/hook?key=1"


def call(url: str, *, allow_private: bool) -> Reply:
    async def once() -> Reply:
        async with open_line(allow_private=allow_private, most=1) as line:
            return await line.call(Message(url, "event-1", b"{}", [SECRET]), clock.now())

    return asyncio.run(once())


def test_a_connection_to_a_private_address_is_refused() -> None:
    """Even if it was accepted when it was saved. The same call succeeds where private addresses are allowed."""
    with receiver() as server:
        assert call(server.url, allow_private=False) == Reply(DeliveryCode.ADDRESS_REFUSED)
        assert server.bodies == []
        assert call(server.url, allow_private=True) == Reply(DeliveryCode.DELIVERED, 204)


def resolver(*answers: list[str]) -> Callable[[str, int], list[str]]:
    """A resolver that returns the next of these answers at each call."""
    left = list(answers)
    return lambda host, port: left.pop(0)


def test_a_name_that_resolves_to_a_private_address_after_it_was_saved_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiver() as server:
        port = server.url.split(":")[2]
        monkeypatch.setattr(addresses, "look_up", resolver(["93.184.216.34"], ["127.0.0.1"]))
        url = check_url(f"http://rebinding.example:{port}", allow_private=False)
        assert call(url, allow_private=False) == Reply(DeliveryCode.ADDRESS_REFUSED)
        assert server.bodies == []


def test_a_connection_resolves_the_name_once_and_uses_that_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that would return 127.0.0.1 for the second query gets no second query."""
    asked: list[str] = []
    connected: list[str] = []

    def look_up(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    async def connect(self: object, host: str, port: int, timeout: float | None = None) -> None:
        connected.append(host)
        raise httpcore2.ConnectError("no network here")

    monkeypatch.setattr(addresses, "look_up", look_up)
    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect)
    assert call("http://rebinding.example/", allow_private=False) == Reply(DeliveryCode.CONNECTION_FAILED)
    assert (asked, connected) == (["rebinding.example"], ["93.184.216.34"])


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "look_up", lambda host, port: ["93.184.216.34", "127.0.0.1"])
    assert call("http://mixed.example/", allow_private=False) == Reply(DeliveryCode.ADDRESS_REFUSED)


def test_the_next_address_is_used_if_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as server:
        monkeypatch.setattr(addresses, "look_up", lambda host, port: ["127.0.0.2", "127.0.0.1"])
        assert call(server.url.replace("127.0.0.1", "two.example"), allow_private=True).status == 204
        assert server.headers[0]["host"].startswith("two.example:")


def test_a_name_that_does_not_resolve_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    monkeypatch.setattr(addresses, "look_up", fail)
    assert call("http://nobody.example/", allow_private=False) == Reply(DeliveryCode.ADDRESS_REFUSED)
    with pytest.raises(InvalidInput, match="cannot be called"):
        check_url("http://nobody.example/", allow_private=False)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would connect to any address on our behalf."""
    with receiver() as proxy, receiver() as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert call(server.url, allow_private=True).status == 204
        assert (len(proxy.bodies), len(server.bodies)) == (0, 1)


def test_time_limits_are_those_of_the_fault_model() -> None:
    assert (addresses.CONNECT_SECONDS, CALL_SECONDS) == (3, 15)
