"""Exceptions as problems: the `Problem` that each exception of a request becomes. Each door renders it in its own form.

A problem never contains the input or the text of an exception, because both may contain names and end up in logs.
FastAPI's own handler for bad input repeats the input, and fails on NaN and lone surrogates, so it is replaced.
"""

import re
import uuid
from typing import Any, ClassVar
from urllib.parse import urlencode

import psycopg
import structlog
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from structlog.contextvars import get_contextvars

from api.http.shares import TooManyRequests
from shared import outages
from shared.database import ID_PATTERN
from shared.directory import PartyRenumbered
from shared.errors import Fault, InvalidInput, Problem, Unavailable

log = structlog.get_logger()

DATABASE_ERRORS = (OperationalError, psycopg.OperationalError, PoolTimeout, *outages.MISTAKEN_FOR_BUGS)
"""The exceptions of a database that does not answer."""

RETRY_AFTER_SECONDS = 2

_FIELD_NAME = re.compile(r"\w{1,64}", re.ASCII)


class DatabaseAway(Unavailable):
    """The database did not answer. The request may be repeated."""


class InternalError(Problem):
    """An unexpected exception. incident: the id of its log entry."""

    slug, status, title = "internal-error", 500, "Internal error"

    def __init__(self, incident: str) -> None:
        super().__init__(
            f"Something failed on our side; nothing was changed. Mention incident {incident} when you report it."
        )
        self.incident = incident


class UnsupportedForm(Problem):
    """The body is not the form of a page."""

    slug, status, title = "unsupported-media-type", 415, "Not a form"


class HttpProblem(Problem):
    """A refusal by the web framework, such as of an address, a method or a body, with the framework's headers."""

    _TITLES: ClassVar = {
        400: ("bad-request", "Bad request"),
        404: ("not-found", "Not found"),
        405: ("method-not-allowed", "Method not allowed"),
        408: ("request-timeout", "Request timed out"),
        413: ("body-too-large", "Body too large"),
        415: ("unsupported-media-type", "Unsupported media type"),
    }
    _DETAILS: ClassVar = {
        404: "There is nothing at this address. No address has a slash at its end.",
        405: "This address does not take that method; the Allow header lists those it takes.",
        408: "The body did not arrive in time.",
        413: "The body is larger than 8 MiB; GET /v1/limits lists the limits.",
    }

    def __init__(self, error: HTTPException) -> None:
        super().__init__(self._DETAILS.get(error.status_code, str(error.detail)))
        # attributes of the instance, not of the class as in other problems
        self.slug, self.title = self._TITLES.get(error.status_code, ("http-error", "Error"))  # type: ignore[misc]
        self.status = error.status_code  # type: ignore[misc]
        self.headers = dict(error.headers or {})


def problem_of(error: Exception, route: str | None) -> Problem:
    """Return the problem of an exception. An unexpected exception is logged with the id of the incident.

    route: the pattern of the address. The address itself may be a secret, so it is not logged.
    """
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return InvalidInput(*(_fault(item) for item in error.errors()[:100]))
        case HTTPException():
            return HttpProblem(error)
        case _ if isinstance(error, DATABASE_ERRORS):
            log.warning("database did not answer", exc_info=error)
            return DatabaseAway(outages.reason(error))
        case _:
            problem = InternalError(get_contextvars().get("request") or str(uuid.uuid4()))
            log.error("request failed", incident=problem.incident, route=route, exc_info=error)
            return problem


def headers_of(problem: Problem, request: Request | None = None) -> dict[str, str]:
    """Return the headers of an answer with this problem. request: the one that it answers, if known."""
    if isinstance(problem, PartyRenumbered):
        return {} if request is None else {"Location": present_address(request, problem)}
    if isinstance(problem, HttpProblem):
        return problem.headers
    if isinstance(problem, TooManyRequests):
        return {"Retry-After": str(problem.retry_after)}
    of_status = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(RETRY_AFTER_SECONDS)}}
    return of_status.get(problem.status, {})


def present_address(request: Request, problem: PartyRenumbered) -> str:
    """Return the address of a request with the present id of a party in place of its former one."""
    path = getattr(request.scope.get("route"), "path", request.url.path)
    for name, value in request.path_params.items():
        path = path.replace(f"{{{name}}}", problem.entity_id if value == problem.former_id else str(value))
    query = [
        (name, problem.entity_id if (name, value) == ("partyId", problem.former_id) else value)
        for name, value in request.query_params.multi_items()
    ]
    return f"{path}?{urlencode(query)}" if query else path


def _fault(error: dict[str, Any]) -> Fault:
    """Return the fault of a Pydantic error: a place and a sentence, without the input."""
    source, *path = error["loc"]
    if source == "query":
        pointer = f"?{path[0]}"
    elif source in ("header", "path"):
        pointer = f"{source}:{path[0]}"
    elif error["type"] == "json_invalid":
        pointer = ""
    else:
        if error["type"] == "extra_forbidden" and not _FIELD_NAME.fullmatch(str(path[-1])):
            path.pop()  # not a misspelled field but free text, which is not repeated
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
