"""The errors everybody shares: each knows its problem slug, HTTP status and title.

Nouns add their own words (`CourseNotPublished`) by subclassing. The API turns any of them into an
`application/problem+json` answer, the CLI into one sentence; neither needs to know which one it was.
A detail never quotes what the caller sent: answers end up in logs, and inputs hold names.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Fault:
    """One place in the input that is wrong, and what would be right.

    pointer: a JSON pointer into the body (`/recipients/3/entityId`), or `?name` for a query parameter.
    """

    pointer: str
    detail: str


class Problem(Exception):
    """Something the caller can be told. `detail` is a sentence; `extra` are further members of the problem document."""

    slug: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str, *, errors: tuple[Fault, ...] = (), **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.extra = extra


class NotFound(Problem):
    """Not here, of another organization, or outside the caller's folders: the answer is the same for all three."""

    slug, status, title = "not-found", 404, "Not found"

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what} in your organization, or it is outside your scope.")


class InvalidInput(Problem):
    """The request can be understood but not accepted; `errors` name each place."""

    slug, status, title = "invalid-input", 422, "Invalid input"

    def __init__(self, *faults: Fault) -> None:
        super().__init__(
            faults[0].detail if len(faults) == 1 else f"{len(faults)} places need correcting.", errors=faults
        )


class Conflict(Problem):
    """The state of things does not allow it; subclasses say which state."""

    slug, status, title = "conflict", 409, "Conflict"


class Stale(Problem):
    """`If-Match` named a version that is no longer the current one."""

    slug, status, title = "precondition-failed", 412, "Changed meanwhile"

    def __init__(self) -> None:
        super().__init__("Somebody changed it since you read it. Read it again and repeat your change.")


class Unavailable(Problem):
    """The service cannot answer at this moment; the same request may be sent again."""

    slug, status, title = "unavailable", 503, "Unavailable for the moment"
