"""Every error as `application/problem+json` (RFC 9457): what is wrong, where, and what would be right.

Answers never quote the input and never show an exception's text: both hold names, and both end up in logs.
FastAPI's own handler for bad input does echo it, and fails on NaN and lone surrogates; hence these.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg.errors import QueryCanceled
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from shared.database import ID_PATTERN
from shared.errors import Fault, Problem

log = structlog.get_logger()

_FIELD_NAME = re.compile(r"\w{1,64}", re.ASCII)

TITLES = {
    400: ("bad-request", "Bad request"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "Method not allowed"),
    413: ("body-too-large", "Body too large"),
    415: ("unsupported-media-type", "Unsupported media type"),
}


DESCRIBED: dict[str, Any] = {
    "description": "A problem document (RFC 9457).",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": {"type": "string", "description": "`urn:rollcall:problem:<slug>`: branch on it."},
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
"""How the API's description shows every error answer."""


def install(app: FastAPI) -> None:
    """Make every error of this application a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid_input)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OperationalError, _database_away)
    app.add_exception_handler(psycopg.OperationalError, _database_away)
    app.add_exception_handler(PoolTimeout, _database_away)
    app.add_exception_handler(Exception, _unexpected)
    app.router.responses |= {"4XX": DESCRIBED, "5XX": DESCRIBED}


def answer(
    slug: str,
    title: str,
    status: int,
    detail: str,
    *,
    errors: tuple[Fault, ...] = (),
    headers: Mapping[str, str] | None = None,
    **extra: object,
) -> JSONResponse:
    """One problem document."""
    body: dict[str, Any] = {"type": f"urn:rollcall:problem:{slug}", "title": title, "status": status, "detail": detail}
    if errors:
        body["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in errors]
    return JSONResponse(body | extra, status, dict(headers or {}), media_type="application/problem+json")


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "2"}}.get(error.status)
    return answer(
        error.slug, error.title, error.status, error.detail, errors=error.errors, headers=headers, **error.extra
    )


async def _invalid_input(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = tuple(_fault(item) for item in error.errors()[:100])
    detail = faults[0].detail if len(faults) == 1 else f"{len(faults)} places need correcting."
    return answer("invalid-input", "Invalid input", 422, detail, errors=faults)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    slug, title = TITLES.get(error.status_code, ("http-error", "Error"))
    detail = {
        404: "There is nothing at this address.",
        405: "This address does not take that method; the Allow header lists those it takes.",
        413: "The body is larger than 8 MiB; GET /v1/limits lists the limits.",
    }.get(error.status_code, str(error.detail))
    return answer(slug, title, error.status_code, detail, headers=error.headers)


async def _database_away(_: Request, error: Exception) -> JSONResponse:
    log.warning("database did not answer", exc_info=error)
    if isinstance(getattr(error, "orig", error), QueryCanceled):
        detail = "This took too long and was given up; nothing was changed. Ask for less, or try again later."
    else:
        detail = "The database cannot be reached at the moment. The same request may be sent again."
    return answer("unavailable", "Unavailable for the moment", 503, detail, headers={"Retry-After": "2"})


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    incident = str(uuid.uuid4())
    route = request.scope.get("route")
    log.error("request failed", incident=incident, route=getattr(route, "path", None), exc_info=error)
    detail = f"Something failed on our side; nothing was changed. Mention incident {incident} when you report it."
    return answer("internal-error", "Internal error", 500, detail)


def _fault(error: dict[str, Any]) -> Fault:
    """A Pydantic error as a place and a sentence, without the input."""
    source, *path = error["loc"]
    if source == "query":
        pointer = f"?{path[0]}"
    elif source in ("header", "path"):
        pointer = f"{source}:{path[0]}"
    elif error["type"] == "json_invalid":
        pointer = ""
    else:
        if error["type"] == "extra_forbidden" and not _FIELD_NAME.fullmatch(str(path[-1])):
            path.pop()  # a name that no field could have is the sender's text, not a slip of the pen
        pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
    return Fault(pointer, _sentence(error))


def _sentence(error: dict[str, Any]) -> str:
    message: str = error["msg"]
    match error["type"]:
        case "missing":
            return "This is required."
        case "extra_forbidden":
            return "There is no such field."
        case "json_invalid":
            return f"The body is not valid JSON: {error.get('ctx', {}).get('error', 'it cannot be read')}."
        case "string_pattern_mismatch" if error.get("ctx", {}).get("pattern") == ID_PATTERN:
            return "Must be 1 to 64 characters of A-Z a-z 0-9 . _ : -"
    return message.removeprefix("Value error, ").rstrip(".") + "."
