"""The answers of each operation: named statuses with the problems behind them, and the headers of answers.

Some problems can meet every request and are named by rule: a token is missing, the body is too large, the database is
away. The others come from the code of the operation.
"""

from collections import defaultdict
from typing import Any

from pydantic.alias_generators import to_pascal

from shared import problems

PROBLEM_JSON = "application/problem+json"

ALWAYS = ("internal-error", "unavailable")
SIGNED_IN = ("unauthenticated", "permission-denied", "organization-unknown", "too-many-requests")
WITH_BODY = ("request-timeout", "body-too-large", "unsupported-media-type")

PROBLEM = {
    "type": "object",
    "description": "A problem document (RFC 9457). Some have further members, which their page describes.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "`urn:rollcall:problem:<slug>`. Programs branch on it."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
    "additionalProperties": True,
}

FAULT = {
    "type": "object",
    "description": "One place in the request that is wrong.",
    "required": ["pointer", "detail"],
    "properties": {
        "pointer": {"type": "string", "description": "A JSON pointer into the body; `?name` for a query parameter."},
        "detail": {"type": "string", "description": "What would be right."},
    },
}

HEADERS: dict[str, Any] = {
    "X-Request-Id": {
        "description": "The id of this request in the service's log: your own, if you sent one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "ETag": {"description": "Send it as `If-Match` to change what you have read.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before the request is sent again.", "schema": {"type": "integer"}},
    "Location": {"description": "The address of what was made.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true` on the answer to a repeated request: nothing was made anew.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "WWW-Authenticate": {"description": "The kind of token that is needed.", "schema": {"type": "string"}},
}

OF_DEPRECATED: dict[str, Any] = {
    "Deprecation": {
        "description": "Since when the operation is deprecated, in seconds since 1970 (RFC 9745).",
        "schema": {"type": "string", "pattern": "^@[0-9]+$"},
    },
    "Sunset": {"description": "From when on it may be gone (RFC 8594).", "schema": {"type": "string"}},
    "Link": {
        "description": 'The page that says what replaces it, with `rel="deprecation"`.',
        "schema": {"type": "string"},
    },
}
"""Headers of every answer of a deprecated operation."""

OF_STATUS = {"401": ["WWW-Authenticate"], "429": ["Retry-After"], "503": ["Retry-After"]}
"""Headers that answers with a status have."""


def name_statuses(operation: dict[str, Any], slugs: set[str]) -> None:
    """Replace FastAPI's ranges of statuses by named ones. slugs: of the problems that the operation may answer with."""
    answers = operation["responses"]
    for general in ("4XX", "5XX", "422", "default"):
        answers.pop(general, None)
    by_status: dict[str, set[str]] = defaultdict(set)
    for slug in slugs & problems.KNOWN.keys():
        by_status[str(problems.KNOWN[slug].status)].add(slug)
    for status, possible in by_status.items():
        answers.setdefault(status, _refusal(sorted(possible)))
    _add_headers(operation)
    operation["responses"] = dict(sorted(answers.items()))


def define(document: dict[str, Any]) -> None:
    """Add what the answers refer to: the schema of a problem, an example of each, the headers, and the refusals."""
    components = document["components"]
    every = [known.example() for known in problems.KNOWN.values()]
    components.setdefault("schemas", {}).update(Problem=PROBLEM | {"examples": every}, Fault=FAULT)
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    announced = any(each.get("deprecated") for each in operations)
    components["headers"] = HEADERS | (OF_DEPRECATED if announced else {})
    components["examples"], components["responses"] = {}, {}
    for operation in operations:
        for status, answer in operation["responses"].items():
            examples = answer.get("content", {}).get(PROBLEM_JSON, {}).get("examples")
            if examples and operation.get("deprecated"):  # with headers of its own, so other operations cannot share it
                components["examples"] |= {slug: _example(problems.KNOWN[slug]) for slug in examples}
            elif examples:
                name = "Or".join(to_pascal(slug.replace("-", "_")) for slug in examples)
                components["responses"][name] = answer
                components["examples"] |= {slug: _example(problems.KNOWN[slug]) for slug in examples}
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}


def _refusal(slugs: list[str]) -> dict[str, Any]:
    return {
        "description": "; ".join(f"{problems.KNOWN[slug].title} (`{slug}`)" for slug in slugs) + ".",
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {slug: {"$ref": f"#/components/examples/{slug}"} for slug in slugs},
            }
        },
    }


def _example(known: problems.Known) -> dict[str, Any]:
    return {"summary": known.title, "description": known.means, "value": known.example()}


def _add_headers(operation: dict[str, Any]) -> None:
    """Name the headers of each answer."""
    parameters = {one["name"] for one in operation.get("parameters", ())}
    for status, answer in operation["responses"].items():
        names = ["X-Request-Id", *OF_STATUS.get(status, ()), *(OF_DEPRECATED if operation.get("deprecated") else ())]
        if status < "300":
            names += ["ETag"] if "If-Match" in parameters and status == "200" else []
            names += ["Location"] if status in ("201", "202") else []
            names += ["Idempotent-Replayed"] if "Idempotency-Key" in parameters else []
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names} | answer.get(
            "headers", {}
        )
