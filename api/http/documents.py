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


def install(app: FastAPI) -> None:
    """Answer every error of this application with a problem document."""
    for kind in (Problem, RequestValidationError, HTTPException, *DATABASE_ERRORS, Exception):
        app.add_exception_handler(kind, answer)
    app.router.responses |= {"4XX": {}}  # else FastAPI would describe its own 422; `contract` names the statuses


async def answer(request: Request, error: Exception) -> JSONResponse:
    """Answer an error with a problem document."""
    return document(problem_of(error, getattr(request.scope.get("route"), "path", None)), request)


def document(problem: Problem, request: Request | None = None) -> JSONResponse:
    """Return the answer with a problem document. request: the one that it answers, if known."""
    body: dict[str, Any] = {
        "type": f"urn:rollcall:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in problem.errors]
    return JSONResponse(
        body | problem.extra, problem.status, headers_of(problem, request), media_type="application/problem+json"
    )
