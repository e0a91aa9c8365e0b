"""The OpenAPI document, completed: everything that FastAPI cannot know is derived here, for every operation.

Nothing has to be declared for a new route: its operation id is the name of its function, its problems are found in the
code that it calls (`raising`), and its body gets an example (`examples`). A tag needs its line in `TAGS`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from pydantic.alias_generators import to_camel
from starlette.routing import BaseRoute

from api.http.contract import answers, bodies, schemas
from api.http.contract.raising import raised_by
from api.http.dependencies import Allow, caller
from api.http.deprecating import deprecation_of
from api.http.routing import is_list
from shared.settings import DEFAULT_PUBLIC_URL

BEARER = "token"
"""The name of the security scheme in the OpenAPI document."""

SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of your organization. `rollcall token --org ORG --member MEMBER` prints one for a trial.",
}

INTRODUCTION = """\
Assigns training to thousands of parties, records who completed what, and grants their licences.

- Errors are problem documents (RFC 9457). Programs branch on `type`; `/problems` describes each for people.
- Every answer has `X-Request-Id`. A request may send its own (1 to 64 of `A-Z a-z 0-9 . _ -`); the log has it too.
- A POST that makes something takes `Idempotency-Key`: send the same key again, and nothing is made twice.
- Lists have `nextCursor`: send it as `cursor` until it is null. `Accept: text/csv` streams every row.
- What is edited has an `ETag`: send it as `If-Match`, so that nobody overwrites a change that they have not seen.
- Answers may gain fields. A field or an operation is removed only after a year with the headers `Deprecation` and
  `Sunset` (RFC 9745, RFC 8594).
"""

TAGS = {
    "assignments": "Who must complete which course, until when; acts on one assignment or on thousands as a job.",
    "audit": "Events searched by subject, and the sealed head of the audit log.",
    "catalogue": "Courses and their versions: drafts, published, retired.",
    "deliveries": "Each event told to each receiver, by mail or webhook; what failed is sent again.",
    "directory": "Parties and folders, as their source system has them.",
    "events": "The feed of everything that happened, in order.",
    "jobs": "Work on many recipients: progress, results, cancel, retry, approve, undo.",
    "licences": "Who may do what until when: licences, their check, certificates, renewals to come.",
    "operations": "For operators: liveness, readiness, metrics.",
    "organization": "The caller, what is theirs, and the organization's settings and limits.",
    "packs": "Files of evidence for outsiders, with proofs.",
    "records": "Licences that were earned elsewhere or before.",
    "session tasks": "Completing on behalf of parties without an account, for the Public Sessions system.",
    "sessions": "Scheduled training, its roster and attendance.",
    "webhooks": "Addresses of other systems that are told events.",
}
"""The tags with their descriptions. A route with another tag fails the tests."""


def complete(document: dict[str, Any], routes: Sequence[BaseRoute], public_url: str) -> None:
    """Complete an OpenAPI document in place. public_url: the address of this deployment."""
    schemas.tidy(document)
    document["info"] |= {"description": INTRODUCTION, "contact": {"name": "Your operator of Rollcall"}}
    document["servers"] = [{"url": "/", "description": "The service that has sent you this document."}]
    if public_url != DEFAULT_PUBLIC_URL:
        document["servers"].append({"url": public_url, "description": "Its public address."})
    document["security"] = [{BEARER: []}]
    components = document.setdefault("components", {})
    components["securitySchemes"] = {BEARER: SCHEME}
    used = set[str]()
    for operation, route in _operations(document, routes):
        verbs = [one.verb for one in _calls(route) if isinstance(one, Allow) and one.verb is not None]
        operation["operationId"] = route.operation_id or to_camel(route.endpoint.__name__)
        used.update(operation.get("tags", ()))
        if caller not in _calls(route):
            operation["security"] = []
        if verbs:
            operation["x-permissions"] = [str(permission) for permission in verbs[0].any_of]
        if found := deprecation_of(route.endpoint):
            operation["description"] = f"{operation.get('description', '')}\n\n{found.sentence}".strip()
        bodies.add_example(operation, components)
        answers.name_statuses(operation, possible(route))
    answers.define(document)
    document["tags"] = [{"name": name, "description": TAGS.get(name, "")} for name in sorted(used)]


def possible(route: Any) -> set[str]:
    """Return the slugs of the problems that a route may answer with."""
    calls = _calls(route)
    slugs = {*answers.ALWAYS, *raised_by([route.endpoint, *calls])}
    if route.path.startswith("/v1"):
        slugs |= {"invalid-input"} if is_list(route) else {"invalid-input", "not-acceptable"}
    if caller in calls:
        slugs |= set(answers.SIGNED_IN)
    if route.body_field is not None or "requestBody" in (route.openapi_extra or {}):
        slugs |= set(answers.WITH_BODY)
    return slugs


def _operations(document: dict[str, Any], routes: Sequence[BaseRoute]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield each operation of the document with its route."""
    for route in iter_route_contexts(routes):
        if getattr(route, "dependant", None) is None or not route.include_in_schema:
            continue
        for method in sorted(route.methods or ()):
            operation = document["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None:
                yield operation, route


def _calls(route: Any) -> list[Any]:
    """The dependencies of a route, and theirs."""

    def within(dependant: Dependant) -> Iterator[Any]:
        for one in dependant.dependencies:
            yield one.call
            yield from within(one)

    return list(within(route.dependant))
