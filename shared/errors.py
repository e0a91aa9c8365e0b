"""The errors that all modules share: each class has its problem slug, HTTP status and title.

Each noun adds its own by subclassing (`CourseNotPublished`). `api` turns any of them into an
`application/problem+json` response and the CLI into one sentence, without knowing the subclass.
A detail never quotes input: responses end up in logs, and inputs hold names.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Fault:
    """One place in the input that is wrong, and what would be valid there.

    pointer: a JSON pointer into the body (`/recipients/3/entityId`), or `?name` for a query parameter.
    """

    pointer: str
    detail: str


class Problem(Exception):
    """An error that is reported to the caller. detail: a sentence. extra: further members of the problem document."""

    slug: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str, *, errors: tuple[Fault, ...] = (), **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.extra = extra


class NotFound(Problem):
    """It does not exist, is another organization's, or is outside the caller's folders: the response is the same."""

    slug, status, title = "not-found", 404, "Not found"

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what} in your organization, or it is outside your scope.")


class OutOfScope(Problem):
    """An act on something of which the caller, limited to folders, sees only a part."""

    slug, status, title = "out-of-scope", 403, "Partly outside your scope"

    def __init__(self, what: str) -> None:
        super().__init__(f"A part of this {what} is about parties outside your folders, so you can only read it.")


class InvalidInput(Problem):
    """The request is well-formed, but values in it are invalid; `errors` name each place."""

    slug, status, title = "invalid-input", 422, "Invalid input"

    def __init__(self, *faults: Fault) -> None:
        super().__init__(
            faults[0].detail if len(faults) == 1 else f"{len(faults)} places need correcting.", errors=faults
        )


class Conflict(Problem):
    """The current state does not allow the request; subclasses say which state."""

    slug, status, title = "conflict", 409, "Conflict"


class Stale(Problem):
    """`If-Match` names a revision that is no longer the current one."""

    slug, status, title = "precondition-failed", 412, "Changed meanwhile"

    def __init__(self) -> None:
        super().__init__("Somebody changed it since you read it. Read it again and repeat your change.")


class Unavailable(Problem):
    """The service cannot answer at the moment; the same request may be sent again."""

    slug, status, title = "unavailable", 503, "Unavailable for the moment"
