"""Every operation of the API, for tests that must not forget one: listed and filled in from its own description."""

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
"""A text of each format."""


@dataclass(frozen=True)
class Operation:
    """One method of one address.

    body: the schema of its JSON body, if it takes one; needed: whether it must have one.
    inside, queries: the names of its parameters in the path and in the query.
    """

    method: str
    path: str
    body: Schema | None
    needed: bool
    inside: frozenset[str]
    queries: frozenset[str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def address(self, ids: Mapping[str, str]) -> str:
        """The path with these ids in it."""
        return self.path.format(**ids)

    def call(self, client: TestClient, ids: Mapping[str, str], query: str = "", **request: Any) -> Any:
        """Send it."""
        return client.request(self.method, f"{self.address(ids)}?{query}" if query else self.address(ids), **request)


def operations(app: FastAPI) -> list[Operation]:
    """Every operation under /v1, as the application documents it."""
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
                found.append(Operation(method.upper(), path, body, taken.get("required", False), inside, queries))
    return found


def resolved(schema: Any, document: Schema) -> Any:
    """A schema with what it refers to in its place."""
    if isinstance(schema, list):
        return [resolved(each, document) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolved(document["components"]["schemas"][name], document)
    return {key: resolved(value, document) for key, value in schema.items()}


def example(schema: Schema, ids: Mapping[str, str], name: str = "") -> Any:
    """The smallest value that a schema takes, with every id in it that there is a field for: ids by name of field."""
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
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return FORMATS.get(schema.get("format", ""), "x")


def _members(schema: Schema, ids: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Those that are needed and those with an id; where there are none, all, since most changes want at least one."""
    members = schema.get("properties", {})
    wanted = {
        name: member
        for name, member in members.items()
        if name in schema.get("required", ()) or mentions(member, ids, name)
    }
    for name, member in (wanted or members).items():
        yield name, example(member, ids, name)


def mentions(schema: Schema, ids: Mapping[str, str], name: str) -> bool:
    """Whether a field holds one of the ids, itself or inside."""
    inside = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]
    return (
        name in ids
        or name.removesuffix("s") in ids
        or any(mentions(each, ids, name.removesuffix("s")) for each in inside)
        or any(mentions(each, ids, inner) for inner, each in schema.get("properties", {}).items())
    )
