"""A form that was sent, kept on the page that asks to sign in: nothing is lost, and nothing is stored.

A form that is sent without a sign-in, or without a recent one, is answered with a page that has its fields, hidden.
The person signs in in a second window and sends it from there. Storing it here instead would need an owner, and nobody
is signed in; keeping it in the browser would need a script.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import Request

from api.console.visits import SignInNeeded

FORM = "application/x-www-form-urlencoded"
MOST_KEPT = 1024 * 1024
"""Bytes of a form that are kept. Anybody can send one, so it is not read for ever."""


@dataclass(frozen=True)
class Kept:
    """A form to send again. fields: names and values, in their order; None for a form that cannot be kept."""

    address: str
    fields: list[tuple[str, str]] | None
    sign_in: str


async def keep(request: Request, needed: SignInNeeded) -> Kept:
    """Return what was sent, to be sent again after signing in."""
    query = request.scope["query_string"].decode("latin-1")
    address = f"{request.scope['path']}?{query}" if query else request.scope["path"]
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "0")
    if kind != FORM or not length.isdecimal() or int(length) > MOST_KEPT or "transfer-encoding" in request.headers:
        return Kept(address, None, needed.address)
    try:
        fields = parse_qsl(
            (await request.body()).decode(errors="replace"), keep_blank_values=True, max_num_fields=20_000
        )
    except ValueError:
        return Kept(address, None, needed.address)
    return Kept(address, [(name, value.replace("\0", "")) for name, value in fields], needed.address)
