"""The guard against server-side request forgery (SSRF): a webhook may only lead to the public internet.

A host name is resolved once, all its addresses must be public, and the connection is made to one of these addresses.
A check before the call would leave a second lookup, which can return another address (DNS rebinding). So the guard is
in the network backend, where connections begin.

Written by hand: neither httpx2 nor standardwebhooks has such a guard, and the lists of `ipaddress` (`is_global`) differ
between Python versions.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import anyio
import httpcore2
import httpx2
from anyio.to_thread import run_sync

from shared.errors import Fault, InvalidInput

CONNECT_SECONDS = 3.0
"""Time limit for resolving the name and trying all its addresses."""

LONGEST_URL = 2000

_NOT_PUBLIC_4 = [
    ip_network(one) for one in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")
]
_PUBLIC_6 = ip_network("2000::/3")
_NOT_PUBLIC_6 = [ip_network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]


class AddressRefused(Exception):
    """The name resolves to an address that must not be called, or to none. The message never contains the name."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """True if an address belongs to the public internet. An IPv4-mapped address is judged by its IPv4 address.

    Some Python versions miss special networks in `is_global`, hence our own lists. IPv6 counts only within 2000::/3
    (global unicast), without networks that embed IPv4 addresses: 6to4 and Teredo. NAT64 lies outside of 2000::/3.
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        return address in _PUBLIC_6 and address.is_global and not any(address in one for one in _NOT_PUBLIC_6)
    return address.is_global and not address.is_multicast and not any(address in one for one in _NOT_PUBLIC_4)


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host name. Raises OSError."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def checked(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses to connect to. Raises AddressRefused unless all of them may be called."""
    try:
        found = look_up(host, port)
    except (OSError, UnicodeError):
        raise AddressRefused("The name cannot be resolved.") from None
    if not found:
        raise AddressRefused("The name has no address.")
    if not allow_private and not all(is_public(ip_address(one)) for one in found):
        raise AddressRefused("The name leads to an address that is not on the public internet.")
    return found


def check_url(url: str, *, allow_private: bool, pointer: str = "/url") -> str:
    """The normalized address of a webhook. Raises InvalidInput.

    Resolves the host name, which may take seconds, so it must not be called inside a transaction.
    """
    try:
        parsed = httpx2.URL(url.strip())
    except (httpx2.InvalidURL, ValueError):
        raise InvalidInput(Fault(pointer, "This is not an address; an example is https://example.com/hook.")) from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidInput(Fault(pointer, "The address must begin with https:// or http:// and name a server."))
    if parsed.userinfo:
        raise InvalidInput(Fault(pointer, "The address must not hold a user name or a password."))
    if not 1 <= port_of(parsed) <= 65535:
        raise InvalidInput(Fault(pointer, "The port must be between 1 and 65535."))
    if len(str(parsed)) > LONGEST_URL:
        raise InvalidInput(Fault(pointer, f"The address is longer than {LONGEST_URL} characters."))
    try:
        checked(parsed.host, port_of(parsed), allow_private=allow_private)
    except AddressRefused as error:
        raise InvalidInput(Fault(pointer, f"This address cannot be called. {error}")) from None
    return str(parsed.copy_with(fragment=None))


def port_of(url: httpx2.URL) -> int:
    """The port of an address, or the default port of its scheme."""
    return {"http": 80, "https": 443}[url.scheme] if url.port is None else url.port


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects an HTTP client to public addresses only. TLS still verifies the host name."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._connect = httpcore2.AnyIOBackend()
        self._lookups = anyio.CapacityLimiter(16)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - required by the interface; CONNECT_SECONDS applies instead
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that accepts. Raises AddressRefused, TimeoutError, httpcore2.ConnectError."""
        with anyio.fail_after(CONNECT_SECONDS):
            addresses = await run_sync(
                lambda: checked(host, port, allow_private=self._allow_private),
                abandon_on_cancel=True,
                limiter=self._lookups,
            )
            for address in addresses[:-1]:
                try:
                    return await self._connect.connect_tcp(address, port, CONNECT_SECONDS / 2)
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                    continue
            return await self._connect.connect_tcp(addresses[-1], port, CONNECT_SECONDS)
