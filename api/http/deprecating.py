"""Operations that will be removed: declared once, on the route, and said in every answer and in the OpenAPI document.

    @router.get("/{course_id}/summary")
    @deprecated(since=date(2027, 1, 1), ends=date(2028, 1, 1), instead="Call `summarizeAssignments`.")
    def summarize_course(...)

The headers are those of RFC 9745 (`Deprecation`) and RFC 8594 (`Sunset`). Refusals have them too, also those that a
layer gives before the route is known, so they are added outside of all other layers.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any, TypeVar

from fastapi.routing import RouteContext
from starlette.datastructures import MutableHeaders
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST_DAYS = 365
"""An operation answers for at least so long after it was deprecated: docs/api.md."""

REFERENCE = "/docs"
"""The page that describes every operation, and so what replaces a deprecated one."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True)
class Deprecation:
    """since: the day from which it is announced. ends: the day from which it may be gone. instead: a sentence."""

    since: date
    ends: date
    instead: str

    def __post_init__(self) -> None:
        if (self.ends - self.since).days < LEAST_DAYS:
            raise ValueError(f"an operation must answer for at least {LEAST_DAYS} days after it was deprecated")

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every answer, besides the `Link` to the reference."""
        since, ends = (datetime.combine(day, time(), UTC) for day in (self.since, self.ends))
        return {"Deprecation": f"@{int(since.timestamp())}", "Sunset": format_datetime(ends, usegmt=True)}

    @property
    def sentence(self) -> str:
        """The end of the operation's description."""
        return f"Deprecated since {self.since}; it may be gone from {self.ends} on. {self.instead}"


LINK = f'<{REFERENCE}>; rel="deprecation"; type="text/html"'


def deprecated(*, since: date, ends: date, instead: str) -> Callable[[Endpoint], Endpoint]:
    """Declare that a route will be removed. Stands below the route's decorator. Raises ValueError if too soon.

    instead: a sentence that says what to call instead.
    """
    declared = Deprecation(since, ends, instead)

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.deprecation = declared  # type: ignore[attr-defined]
        return endpoint

    return declare


def deprecation_of(endpoint: Any) -> Deprecation | None:
    """Return what was declared for a route's function, if anything."""
    found: Deprecation | None = getattr(endpoint, "deprecation", None)
    return found


@dataclass(frozen=True)
class _Known:
    pattern: re.Pattern[str]
    methods: frozenset[str]
    plain: bool
    deprecation: Deprecation | None


class Deprecations:
    """A middleware: adds the headers to every answer of a deprecated operation."""

    def __init__(self, app: ASGIApp, routes: Iterable[RouteContext]) -> None:
        self._app = app
        known = [
            _Known(
                compile_path(str(one.path))[0],
                frozenset(one.methods or ()),
                "{" not in str(one.path),
                deprecation_of(one.endpoint),
            )
            for one in routes
        ]
        self._routes = sorted(known, key=lambda one: not one.plain)  # as `Table` finds them: plain paths come first
        self._deprecated = [one for one in known if one.deprecation is not None]

    @property
    def needed(self) -> bool:
        """True if a route is deprecated."""
        return bool(self._deprecated)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        found = self._find(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return

        async def send_announced(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers.update(found.headers)
                headers.append("Link", LINK)
            await send(message)

        await self._app(scope, receive, send_announced)

    def _find(self, scope: Scope) -> Deprecation | None:
        path, method = scope["path"], "GET" if scope["method"] == "HEAD" else scope["method"]
        if not any(method in one.methods and one.pattern.match(path) for one in self._deprecated):
            return None
        matching = (one for one in self._routes if method in one.methods and one.pattern.match(path))
        return next(matching).deprecation
