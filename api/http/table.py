"""The table of all routes: the route of a request is looked up by its method and path.

FastAPI and Starlette try one route after the other, each with a regular expression, which takes longer for a route of
the last router than all else together. The table is made from FastAPI's routes, and answers as they would: a path
without parameters before one with them, otherwise the first that matches. Whatever it does not find (an unknown
address, another method, the documentation) FastAPI's router answers.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute, RouteContext
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.plans import Plan, can_be_planned


class _Entry(NamedTuple):
    route: RouteContext
    app: ASGIApp


class Table:
    """An ASGI application that passes each request to its route. otherwise: gets the requests that no route takes."""

    def __init__(self, routes: Iterable[RouteContext], otherwise: ASGIApp) -> None:
        self._otherwise = otherwise
        self._plain: dict[tuple[str, str], _Entry] = {}
        self._with_parameters: dict[tuple[str, str], list[_Entry]] = {}
        for route in routes:
            if isinstance(route.original_route, APIRoute):
                self._add(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        entry = self._find(scope) if scope["type"] == "http" and not scope.get("root_path") else None
        await (self._otherwise if entry is None else entry.app)(scope, receive, send)

    def _add(self, route: RouteContext) -> None:
        planned = can_be_planned(route)
        entry = _Entry(route, Plan(route) if planned else AsyncExitStackMiddleware(route.app))
        path = route.path or ""
        for method in route.methods or ():
            if "{" in path:
                self._with_parameters.setdefault((method, _beginning(path)), []).append(entry)
            else:
                self._plain.setdefault((method, path), entry)

    def _find(self, scope: Scope) -> _Entry | None:
        """Return the entry for a request, and note it in the scope as FastAPI does."""
        method, path = scope["method"], scope["path"]
        entry, parameters = self._plain.get((method, path)), dict[str, Any]()
        if entry is None:
            for one in self._with_parameters.get((method, _beginning(path)), ()):
                if match := one.route.path_regex.match(path):
                    convertors = one.route.param_convertors
                    entry = one
                    parameters = {name: convertors[name].convert(value) for name, value in match.groupdict().items()}
                    break
        if entry is not None:
            route = entry.route.original_route
            scope.update(route=route, endpoint=entry.route.endpoint, path_params=parameters)
        return entry


def _beginning(path: str) -> str:
    """The first part of a path, or its first two parts under `/v1`. No parameter stands in it."""
    return "/".join(path.split("/", 3)[: 3 if path.startswith("/v1/") else 2])
