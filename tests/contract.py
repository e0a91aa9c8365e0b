"""The answers with problems, compared with the OpenAPI document while all other tests run."""

import json
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts

from api.http import documents
from api.http.contract import possible

as_it_is = documents.answer

PROTOCOL = frozenset(
    {"bad-request", "body-too-large", "http-error", "method-not-allowed", "request-timeout", "unsupported-media-type"}
)
"""Problems that any address may answer to what is hardly a request."""

known: dict[Any, set[str]] = {}


async def documented_answer(request: Request, error: Exception) -> JSONResponse:
    """Answer as the service does. An AssertionError, which becomes a 500, names a problem that is not documented."""
    answer = await as_it_is(request, error)
    route: Any = request.scope.get("route")
    if getattr(route, "include_in_schema", False) and request.url.path.startswith("/v1"):
        operation = request.method, route.path
        if operation not in known:
            contexts = iter_route_contexts(request.app.routes)
            known[operation] = possible(next(one for one in contexts if one.original_route is route))
        slug = json.loads(bytes(answer.body))["type"].rpartition(":")[2]
        assert slug in known[operation] | PROTOCOL, f"{request.method} {route.path} answers {slug}, undocumented"
    return answer
