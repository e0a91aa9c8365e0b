"""A visit: one request of a person to a page, with the sign-in that its cookie names.

Pages take cookies and ignore `Authorization`; `/v1` takes bearer tokens and ignores cookies. From here on both are the
same: a visit sets the request's caller, so that a page reads and writes by the same dependencies as the API.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from anyio.to_thread import run_sync
from fastapi import Depends, Request, Response

from api.console.origins import SAFE, is_on_loopback, need_own_host, need_own_origin
from api.http.dependencies import admit, parts
from api.http.parts import Parts
from shared import clock
from shared.access import ATTEMPT_SECONDS, NOTED_EVERY, RECENT_SIGN_IN, Caller, Organization
from shared.errors import Problem
from shared.services import sign_ins
from shared.services.sign_ins import FoundSignIn
from shared.settings import Settings
from shared.texts import N_

HOME = "/training"
"""The page to which a sign-in leads that began nowhere else."""
DONE = "/sign-in/done"
"""The page after a sign-in in a second window: the first one still has what was typed."""


LONGEST_NEXT = 2000
"""Characters of the page to come back to: the cookie of an attempt has room for no more."""


class SignInNeeded(Problem):
    """The page needs a sign-in. address: of the page to sign in, which leads back to the page that was asked for."""

    slug, status, title = "sign-in-needed", 401, N_("Please sign in")

    def __init__(self, request: Request) -> None:
        super().__init__(N_("You are not signed in, or your sign-in has ended. Nothing was changed."))
        self.address = self._page(own_path(request))

    @staticmethod
    def _page(following: str) -> str:
        return f"/sign-in?next={quote(following, safe='')}"


class SignInNotRecent(SignInNeeded):
    """The act needs a sign-in that is not older than 5 minutes."""

    slug, title = "sign-in-not-recent", N_("Please sign in again")

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.detail = N_("This needs a sign-in that is not older than 5 minutes. Nothing was changed.")

    @staticmethod
    def _page(following: str) -> str:
        return f"/sign-in?again=1&next={quote(following, safe='')}"


@dataclass(frozen=True)
class Visit:
    """A person's request to a page. name: for display. organization: belongs to no session.

    language: of the party that the person represents, if that has one.
    """

    caller: Caller
    organization: Organization
    sign_in_id: uuid.UUID
    name: str
    language: str | None
    authenticated_at: datetime
    begun_at: datetime

    def is_recent(self, now: datetime) -> bool:
        """True if the person proved who it is a moment ago."""
        return now - self.authenticated_at <= RECENT_SIGN_IN


async def visit(request: Request) -> Visit:
    """Return the visit, and make its caller that of the request. It costs one query.

    Raises WrongHost, OtherOrigin, SignInNeeded, TooManyRequests.
    """
    made, now = await parts(request), clock.now()
    need_own_host(request, made.settings)
    need_own_origin(request, made.settings)
    cookie = request.cookies.get(cookie_name(made.settings))
    found = await sign_ins.find(made.database, cookie, now) if cookie else None
    if found is None:
        raise SignInNeeded(request)
    caller = await admit(request, found.sign_in.caller)
    await _note_use(request, made, caller, found, now)
    known = Visit(
        caller,
        found.organization,
        found.sign_in.id,
        found.sign_in.name or caller.member_id,
        found.language,
        found.sign_in.authenticated_at,
        found.sign_in.begun_at,
    )
    request.state.organization, request.state.visit = found.organization, known
    return known


async def _known(request: Request) -> Visit:
    known: Visit = request.state.visit
    return known


CurrentVisit = Annotated[Visit, Depends(_known)]
"""The visit, for a route whose class has called `visit`."""


def need_recent(request: Request, visit: Visit, now: datetime) -> None:
    """Raise SignInNotRecent unless the person proved who it is a moment ago: for an act that needs it only at times."""
    if not visit.is_recent(now):
        raise SignInNotRecent(request)


async def _recent(request: Request, visit: CurrentVisit) -> None:
    need_recent(request, visit, clock.now())


RECENT: Any = Depends(_recent)
"""For a route that needs a recent sign-in. Raises SignInNotRecent."""


async def _note_use(request: Request, made: Parts, caller: Caller, found: FoundSignIn, now: datetime) -> None:
    """Note a use by the person. What the browser fetches by itself is none: a page in view would never be idle."""
    by_itself = request.headers.get("sec-fetch-dest") == "empty" and request.method in SAFE
    if by_itself or "prefetch" in request.headers.get("sec-purpose", ""):
        return
    if now - found.sign_in.last_used_at >= NOTED_EVERY:
        await run_sync(lambda: sign_ins.note_use(made.database, caller, found.sign_in.id, now))


# --- the cookie


def cookie_name(settings: Settings) -> str:
    """Return the name of the cookie. `__Host-` binds it to this host and to HTTPS, which loopback does not have."""
    return "rollcall" if is_on_loopback(settings) else "__Host-rollcall"


def set_cookie(response: Response, settings: Settings, value: str) -> None:
    """Give the browser the cookie of a sign-in, until it is closed. Scripts cannot read it."""
    response.set_cookie(
        cookie_name(settings), value, path="/", secure=not is_on_loopback(settings), httponly=True, samesite="lax"
    )


def delete_cookie(response: Response, settings: Settings) -> None:
    """Let the browser forget its cookie."""
    response.delete_cookie(
        cookie_name(settings), path="/", secure=not is_on_loopback(settings), httponly=True, samesite="lax"
    )


ATTEMPTS = 20
"""Cookies of attempts that a browser may have. Of more, the oldest are forgotten: headers must not grow without end."""


def attempt_cookie(settings: Settings, state: str) -> str:
    """Return the name of the cookie of one attempt, which its state names."""
    return f"{_attempts(settings)}{''.join(letter for letter in state if letter.isalnum())[:16]}"


def set_attempt(request: Request, response: Response, settings: Settings, state: str, kept: str) -> None:
    """Let the browser keep the secrets of an attempt for as long as it may take."""
    secure = not is_on_loopback(settings)
    others = [name for name in request.cookies if name.startswith(_attempts(settings))]
    for name in others[: max(0, len(others) - ATTEMPTS + 1)]:
        response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
    name = attempt_cookie(settings, state)
    response.set_cookie(name, kept, max_age=ATTEMPT_SECONDS, path="/", secure=secure, httponly=True, samesite="lax")


def delete_attempt(response: Response, settings: Settings, state: str) -> None:
    """Let the browser forget an attempt."""
    name, secure = attempt_cookie(settings, state), not is_on_loopback(settings)
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")


def _attempts(settings: Settings) -> str:
    return f"{cookie_name(settings)}-attempt-"


# --- the way back


def own_path(request: Request) -> str:
    """Return the path and query of the page that was asked for; for a form, the page that says to go on with it."""
    if request.method not in SAFE:
        return DONE
    path, query = quote(request.scope["path"]), request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def read_next(value: str | None) -> str:
    """Return the page to go to after signing in: a path of this service, never another address. Else the overview."""
    if not value or len(value) > LONGEST_NEXT or not value.isascii() or not value.isprintable() or "\\" in value:
        return HOME
    address = urlsplit(value)
    is_path = value.startswith("/") and not value.startswith("//") and not address.scheme and not address.netloc
    return value if is_path else HOME
