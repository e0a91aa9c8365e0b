"""What went wrong with a request, decided once for every door: any exception becomes a `Problem`.

The doors write the problem down, each in its own form. A problem never quotes the input and never shows an exception's
text: both hold names, and both end up in logs. FastAPI's own handler for bad input does echo it, and fails on NaN and
lone surrogates; hence these sentences.
"""

import re
import uuid
from typing import Any, ClassVar

import psycopg
import structlog
from fastapi.exceptions import RequestValidationError
from psycopg.errors import QueryCanceled
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from shared.database import ID_PATTERN
from shared.errors import Fault, InvalidInput, Problem, Unavailable

log = structlog.get_logger()

DATABASE_ERRORS = (OperationalError, psycopg.OperationalError, PoolTimeout)
"""The exceptions by which the database says that it does not answer."""

RETRY_AFTER_SECONDS = 2

_FIELD_NAME = re.compile(r"\w{1,64}", re.ASCII)


class DatabaseAway(Unavailable):
    """The database did not answer. The same request may be sent again."""


class InternalError(Problem):
    """A mistake of ours. incident: the number under which it stands in the log."""

    slug, status, title = "internal-error", 500, "Internal error"

    def __init__(self, incident: str) -> None:
        super().__init__(
            f"Something failed on our side; nothing was changed. Mention incident {incident} when you report it."
        )
        self.incident = incident


class HttpProblem(Problem):
    """What the server itself refuses: an address, a method, a body. Its headers go with the answer."""

    _TITLES: ClassVar = {
        400: ("bad-request", "Bad request"),
        404: ("not-found", "Not found"),
        405: ("method-not-allowed", "Method not allowed"),
        413: ("body-too-large", "Body too large"),
        415: ("unsupported-media-type", "Unsupported media type"),
    }
    _DETAILS: ClassVar = {
        404: "There is nothing at this address.",
        405: "This address does not take that method; the Allow header lists those it takes.",
        413: "The body is larger than 8 MiB; GET /v1/limits lists the limits.",
    }

    def __init__(self, error: HTTPException) -> None:
        super().__init__(self._DETAILS.get(error.status_code, str(error.detail)))
        # of the instance, unlike those of other problems
        self.slug, self.title = self._TITLES.get(error.status_code, ("http-error", "Error"))  # type: ignore[misc]
        self.status = error.status_code  # type: ignore[misc]
        self.headers = dict(error.headers or {})


def problem_of(error: Exception, route: str | None) -> Problem:
    """The problem that an exception is to the caller; an unexpected one is logged under an incident's number.

    route: the pattern of the address. The address itself may be a secret, and so stays out of the log.
    """
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return InvalidInput(*(_fault(item) for item in error.errors()[:100]))
        case HTTPException():
            return HttpProblem(error)
        case OperationalError() | psycopg.OperationalError() | PoolTimeout():
            log.warning("database did not answer", exc_info=error)
            return DatabaseAway(_why_away(error))
        case _:
            problem = InternalError(str(uuid.uuid4()))
            log.error("request failed", incident=problem.incident, route=route, exc_info=error)
            return problem


def headers_of(problem: Problem) -> dict[str, str]:
    """The headers that an answer with this problem has."""
    if isinstance(problem, HttpProblem):
        return problem.headers
    of_status = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(RETRY_AFTER_SECONDS)}}
    return of_status.get(problem.status, {})


def _why_away(error: Exception) -> str:
    if isinstance(getattr(error, "orig", error), QueryCanceled):
        return "This took too long and was given up; nothing was changed. Ask for less, or try again later."
    return "The database cannot be reached at the moment. The same request may be sent again."


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
