"""Problems as `application/problem+json` (RFC 9457), with the place of each fault and what would be right.

This is the application's default. The console answers with pages instead, unless a program asks for JSON.
"""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

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


def install(app: FastAPI) -> None:
    """Answer every error of this application with a problem document."""
    for kind in (Problem, RequestValidationError, HTTPException, *DATABASE_ERRORS, Exception):
        app.add_exception_handler(kind, _answer)
    app.router.responses |= {"4XX": DESCRIBED, "5XX": DESCRIBED}


async def _answer(request: Request, error: Exception) -> JSONResponse:
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
