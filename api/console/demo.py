"""Where the demo's page of personas may be shown, and its address for the pages that lead to it."""

from urllib.parse import urlencode

from fastapi import Request

from api.console.origins import LOOPBACK, is_on_loopback, listening
from api.http.parts import Parts
from shared.services import personas


def organization_to_enter(request: Request, made: Parts) -> str | None:
    """Return the organization that a persona may enter by this request, or None if it may enter none."""
    address, port = listening(request)
    host = request.headers.get("host", "").lower()
    names = {f"{name}:{port}" for name in LOOPBACK} | (set(LOOPBACK) if port == 80 else set())
    is_here = address in ("127.0.0.1", "::1") and host in names
    is_forwarded = any(name == "forwarded" or name.startswith("x-forwarded-") for name in request.headers)
    if not is_here or is_forwarded or not is_on_loopback(made.settings):
        return None
    return personas.demo_organization(made.embedded_in)


def address_of_personas(following: str, again: bool = False) -> str:
    """Return the address of the page of personas. following: the page to go on to. again: although signed in."""
    return f"/personas?{urlencode({'next': following, **({'again': '1'} if again else {})})}"
