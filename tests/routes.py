"""Every operation under /v1, read from the OpenAPI document: generated tests include a new route by themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

Schema = Mapping[str, Any]

FORMATS = {
    "date": "2099-01-01",
    "date-time": "2099-01-01T00:00:00Z",
    "uri": "https://example.com/",
    "uuid": "01990000-0000-7000-8000-000000000000",
}
"""An example value for each string format."""

NAMED = {"timeZone": "UTC"}
"""Values of fields whose schema does not say what is accepted."""


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    body: the schema of the JSON body, or None; needed: True if the body is required.
    inside, queries: the names of the parameters in the path and in the query. is_list: True if it answers with `items`.
    """

    method: str
    path: str
    body: Schema | None
    needed: bool
    inside: frozenset[str]
    queries: frozenset[str]
    is_list: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def address(self, ids: Mapping[str, str]) -> str:
        """Return the path with these ids filled in."""
        missing = sorted(self.inside - ids.keys())
        assert not missing, f"{self}: the test's ids need one for {missing}"
        return self.path.format(**ids)

    def call(self, client: TestClient, ids: Mapping[str, str], query: str = "", **request: Any) -> Any:
        """Send a request of this operation. ids: values of the path parameters. query: without the question mark."""
        return client.request(self.method, f"{self.address(ids)}?{query}" if query else self.address(ids), **request)


def operations(app: FastAPI) -> list[Operation]:
    """Return every operation under /v1 of the application's OpenAPI document."""
    document = app.openapi()
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/v1"):
                taken = operation.get("requestBody", {})
                content = taken.get("content", {}).get("application/json")
                body = None if content is None else resolved(content["schema"], document)
                inside, queries = (
                    frozenset(one["name"] for one in operation.get("parameters", []) if one["in"] == where)
                    for where in ("path", "query")
                )
                needed = taken.get("required", False)
                is_list = method == "get" and "items" in _answer(operation, document).get("properties", {})
                found.append(Operation(method.upper(), path, body, needed, inside, queries, is_list))
    return found


def _answer(operation: Schema, document: Schema) -> Schema:
    content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    found: Schema = resolved(content.get("schema", {}), document)
    return found


def lists(app: FastAPI) -> list[Operation]:
    """Return every operation that pages through a list and needs no id in its path."""
    paged = {"limit", "cursor"}
    return [one for one in operations(app) if one.method == "GET" and paged <= one.queries and not one.inside]


def resolved(schema: Any, document: Schema) -> Any:
    """Return a schema in which each `$ref` is replaced by what it refers to."""
    if isinstance(schema, list):
        return [resolved(each, document) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolved(document["components"]["schemas"][name], document)
    return {key: resolved(value, document) for key, value in schema.items()}


def example(schema: Schema, ids: Mapping[str, str], name: str = "") -> Any:
    """Return a small value that the schema accepts. ids: values by name of field; such fields are always included."""
    if name in ids:
        return ids[name]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], ids, name)
    match schema.get("type"):
        case "object":
            return dict(_members(schema, ids))
        case "array":
            return [example(schema["items"], ids, name.removesuffix("s"))]
        case "integer" | "number":
            return int(schema.get("minimum", 1))  # the document writes 1 as 1.0, which is no integer here
        case "boolean":
            return True
        case _:
            return NAMED.get(name) or FORMATS.get(schema.get("format", ""), "x")


def _members(schema: Schema, ids: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield required fields and those with an id; or all if there are none, as most changes need at least one."""
    members = schema.get("properties", {})
    wanted = {
        name: member
        for name, member in members.items()
        if name in schema.get("required", ()) or mentions(member, ids, name)
    }
    for name, member in (wanted or members).items():
        yield name, example(member, ids, name)


def mentions(schema: Schema, ids: Mapping[str, str], name: str) -> bool:
    """True if the field, or a field inside it, has one of the ids."""
    inside = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]
    return (
        name in ids
        or name.removesuffix("s") in ids
        or any(mentions(each, ids, name.removesuffix("s")) for each in inside)
        or any(mentions(each, ids, inner) for inner, each in schema.get("properties", {}).items())
    )
