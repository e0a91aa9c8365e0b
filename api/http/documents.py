"""Problems as `application/problem+json` (RFC 9457), with the place of each fault and what would be right.

This is the application's default. The console answers with pages instead, unless a program asks for JSON.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from api.http.dependencies import caller
from api.http.problems import DATABASE_ERRORS, headers_of, problem_of
from shared.errors import Problem

DESCRIBED: dict[str, Any] = {
    "description": "A problem document (RFC 9457).",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": {"type": "string", "description": "`urn:rollcall:problem:<slug>`. Programs branch on it."},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string", "description": "A sentence for people."},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["pointer", "detail"],
                            "properties": {
                                "pointer": {
                                    "type": "string",
                                    "description": "A JSON pointer into the body; `?name` for a query parameter.",
                                },
                                "detail": {"type": "string"},
                            },
                        },
                    },
                },
            }
        }
    },
}
"""The description of every error answer in the OpenAPI document."""


BEARER = "token"
"""The name of the security scheme in the OpenAPI document."""

_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of your organization. `rollcall token --org ORG --member MEMBER` prints one for a trial.",
}


def secured(described: dict[str, Any], routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Add the security scheme to an OpenAPI document. Operations that ask for no caller need no token."""
    described.setdefault("components", {})["securitySchemes"] = {BEARER: _SCHEME}
    described["security"] = [{BEARER: []}]
    for route in iter_route_contexts(routes):
        dependant = getattr(route, "dependant", None)
        if dependant is not None and caller not in {one.call for one in _flattened(dependant)}:
            for operation in described["paths"].get(route.path, {}).values():
                operation["security"] = []
    return described


def _flattened(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _flattened(one)


def install(app: FastAPI) -> None:
    """Answer every error of this application with a problem document."""
    for kind in (Problem, RequestValidationError, HTTPException, *DATABASE_ERRORS, Exception):
        app.add_exception_handler(kind, answer)
    app.router.responses |= {"4XX": DESCRIBED, "5XX": DESCRIBED}


async def answer(request: Request, error: Exception) -> JSONResponse:
    """Answer an error with a problem document."""
    return document(problem_of(error, getattr(request.scope.get("route"), "path", None)))


def document(problem: Problem) -> JSONResponse:
    """Return the answer with a problem document."""
    body: dict[str, Any] = {
        "type": f"urn:rollcall:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in problem.errors]
    return JSONResponse(
        body | problem.extra, problem.status, headers_of(problem), media_type="application/problem+json"
    )
