"""One call as steps, without sending anything: what to send, when to send it again, what its answer means.

Both clients run these steps, one waiting and one awaiting, so that neither can differ from the other.
"""

import random
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from rollcall_client import deprecation
from rollcall_client.operations import OPERATIONS, Operation

ATTEMPTS = 4
LONGEST_WAIT = 30.0
AGAIN = frozenset({408, 429, 502, 503, 504})
"""Statuses after which the same request is sent again."""


class ApiError(Exception):
    """The API has refused a request. problem: its problem document. request_id: names it in the service's log."""

    def __init__(self, status: int, problem: Mapping[str, Any], request_id: str | None, url: str = "") -> None:
        super().__init__(problem.get("detail") or f"{url} answered {status}, and not as Rollcall's API does.")
        self.status, self.problem, self.request_id, self.url = status, problem, request_id, url

    @property
    def slug(self) -> str:
        """The kind of the problem, such as `not-found`; empty if the answer is not Rollcall's."""
        return str(self.problem.get("type", "")).rpartition(":")[2]


class Unreachable(Exception):
    """No answer came, also after the last attempt."""


@dataclass(frozen=True)
class Sent:
    """A request to send. body: JSON; or bytes or a text, which are sent as they are. operation: its name here."""

    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    operation: str = ""

    @property
    def content(self) -> dict[str, Any]:
        """The body as the HTTP client takes it."""
        return {"content" if isinstance(self.body, bytes | str) else "json": self.body}

    @property
    def again(self) -> bool:
        """True if the request may be sent again: nothing is made twice."""
        return self.method != "POST" or "Idempotency-Key" in self.headers


Steps = Generator[Sent | float, httpx2.Response | httpx2.TransportError | None, Any]
"""Yields a request, to get its response or error, and seconds to wait. Returns the answer."""


def request(name: str, args: tuple[Any, ...], given: Mapping[str, Any]) -> Sent:
    """Return the request of an operation. args: values of its path, then its body. given: query and headers by name."""
    operation = OPERATIONS[name]
    inside = [part for part in operation.path.split("{") if "}" in part]
    rest = dict(given)
    values, body = list(args[: len(inside)]), args[len(inside) :]
    names = [part.partition("}")[0] for part in inside]
    values += [rest.pop(each) for each in names[len(values) :]]
    path = operation.path.format_map(dict(zip(names, map(_quoted, values), strict=True)))
    content = body[0] if body else rest.pop("body", None)
    return Sent(operation.method, path, _query(operation, rest), content, _headers(operation, rest), name)


def _query(operation: Operation, given: dict[str, Any]) -> dict[str, Any]:
    known = {name: operation.query[name] for name in list(given) if name in operation.query}
    return {known[name]: value for name in known if (value := given.pop(name)) is not None}


def _headers(operation: Operation, given: dict[str, Any]) -> dict[str, str]:
    headers = {"If-Match": given.pop("if_match")} if given.get("if_match") else {}
    if content_type := given.pop("content_type", None):
        headers["Content-Type"] = content_type
    if operation.once:
        headers["Idempotency-Key"] = given.pop("idempotency_key", None) or str(uuid.uuid4())
    unknown = sorted(set(given) - {"if_match", "idempotency_key"})
    if unknown:
        raise TypeError(f"there is no parameter {', '.join(unknown)}")
    return headers


def _quoted(value: Any) -> str:
    return quote(str(value), safe="")


def steps(sent: Sent) -> Steps:
    """Yield what to do for a call. Returns the JSON of the answer, its text if it is none, or None."""
    for attempt in range(1, ATTEMPTS + 1):
        got = yield sent
        last = attempt == ATTEMPTS
        if isinstance(got, httpx2.Response):
            deprecation.warn(sent.operation or f"{sent.method} {sent.path}", got.headers)
            if got.status_code not in AGAIN or last or not sent.again:
                return answer(got)
            yield pause(attempt, got.headers.get("Retry-After"))
        elif last or not (sent.again or isinstance(got, httpx2.ConnectError)):
            raise Unreachable(type(got).__name__) from got
        else:
            yield pause(attempt, None)
    raise AssertionError("unreachable")


def pause(attempt: int, retry_after: str | None) -> float:
    """Return the seconds to wait before the next attempt: as the service says, else longer each time."""
    if retry_after is not None and retry_after.isdecimal():
        return min(float(retry_after), LONGEST_WAIT)
    return min(0.2 * 2.0**attempt, LONGEST_WAIT) * (0.5 + random.random() / 2)  # noqa: S311


def answer(response: httpx2.Response) -> Any:
    """Return what an answer holds: JSON, a text, the bytes of another file, or None. Raises ApiError for a refusal."""
    kind = response.headers.get("content-type", "").partition(";")[0]
    if response.is_success and kind == "application/json":
        return response.json()
    if response.is_success:
        return (response.text if is_text(kind) else response.content) or None
    problem = response.json() if kind == "application/problem+json" else {}
    raise ApiError(response.status_code, problem, response.headers.get("X-Request-Id"), str(response.url))


def is_text(kind: str) -> bool:
    """True for a media type whose files are texts."""
    return kind.startswith("text/") or kind.endswith(("json", "jwt"))


def pages(name: str, args: tuple[Any, ...], given: Mapping[str, Any]) -> Generator[Sent, Any, None]:
    """Yield the request of each page. Send the page in to get the next."""
    cursor = None
    while True:
        page = yield request(name, args, {**given, "cursor": cursor})
        cursor = page["nextCursor"]
        if cursor is None:
            return
