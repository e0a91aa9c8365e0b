"""From where a request to a page may come: the service's own pages, under a name of the service's own.

A browser adds the cookie to whatever request a page asks for, also a page of somebody else. So a request that changes
something must come from a page of this service. And a page of somebody else can let its own name resolve to 127.0.0.1
(DNS rebinding), so a service on loopback answers only under the names of loopback, or under its public one.
"""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request

from shared.errors import Problem
from shared.settings import Settings

SAFE = ("GET", "HEAD")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The names of loopback in a `Host` header."""


class OtherOrigin(Problem):
    """A request that changes something comes from a page of another service, or does not say from where."""

    slug, status, title = "other-origin", 403, "This request did not come from a page of this service"

    def __init__(self) -> None:
        super().__init__("Nothing was changed. Open the page here and send it from there.")


class WrongHost(Problem):
    """The request names a host that this service, which listens on loopback, does not have."""

    slug, status, title = "wrong-host", 421, "Not an address of this service"

    def __init__(self) -> None:
        super().__init__("This service listens on this machine only; open it as 127.0.0.1 or localhost.")


def need_own_host(request: Request, settings: Settings) -> None:
    """Raise WrongHost if the request came over loopback under a name that is neither loopback's nor the public one."""
    if _is_loopback(listening(request)[0]):
        host = request.headers.get("host", "").lower()
        if not _names_loopback(host) and host != urlsplit(settings.public_url).netloc.lower():
            raise WrongHost


def need_own_origin(request: Request, settings: Settings) -> None:
    """Raise OtherOrigin for a request that may change something, unless a page of this service has sent it.

    `Sec-Fetch-Site` is a browser's own word, which no page can change. Browsers without it send `Origin`.
    """
    if request.method in SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        is_own = site in ("same-origin", "none")  # none: the person has typed or reloaded it
    else:
        is_own = request.headers.get("origin", "").lower() in _origins(request, settings)
    if not is_own:
        raise OtherOrigin


def is_on_loopback(settings: Settings) -> bool:
    """True if people open this service on the machine on which it runs: its public address is loopback's."""
    return _names_loopback(urlsplit(settings.public_url).netloc.lower())


def listening(request: Request) -> tuple[str, int | None]:
    """Return the address and port to which the request was sent, as the connection says."""
    server: Any = request.scope.get("server") or ("", None)
    return str(server[0]), server[1]


def _origins(request: Request, settings: Settings) -> set[str]:
    public = urlsplit(settings.public_url)
    found = {f"{public.scheme}://{public.netloc}".lower()}
    if _is_loopback(listening(request)[0]):
        host = request.headers.get("host", "").lower()
        if _names_loopback(host):
            found.add(f"http://{host}")
    return found


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:  # the path of a socket
        return False


def _names_loopback(host: str) -> bool:
    """True for a name of loopback, with or without a port."""
    name, _, _port = host.rpartition(":") if host.rpartition(":")[2].isdecimal() else (host, "", "")
    return name in LOOPBACK
