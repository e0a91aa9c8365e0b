"""A value of another type than a field or parameter takes is refused with its place, and never turned into another one.

The fields, parameters and their types come from the OpenAPI document, so that a new one is tested by itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ValidationError

from shared.directory import PartyRow
from shared.wire import Received
from tests.factories import Org
from tests.routes import Operation, Schema, example, operations, resolved
from tests.test_unknown_parameters import IDS

JSON_VALUES: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [False],
    "integer": [0, 1861920000],
    "number": [2.0],
    "string": ["true", "1"],
    "array": [[]],
    "object": [{}],
}
"""Values of each JSON type. Those that Pydantic would turn into another type are among them."""

BAD_TEXTS = {
    "date": [
        "1861920000",
        "0",
        "2026-11-26T00:00:00Z",
        "2026-11-26T00:00:00",
        "26.11.2026",
        "2026-1-1",
        "20261126",
        "",
    ],
    "date-time": ["1861920000", "2026-11-26", "2026-11-26T09:30:00", "2026-11-26 09:30:00Z", "2026-11-26T09:30Z", ""],
    "uuid": ["7", "", "not-a-uuid"],
}
"""Texts that are not of the format that the schema names."""

BAD_QUERIES = {
    "boolean": ["1", "0", "yes", "True", "on", ""],
    "integer": ["1.0", "1e1", " 1", "1_0", "true", "+1"],
    "number": ["1e1", "inf", "nan", "1_0", " 1", "true"],
    **BAD_TEXTS,
}
"""Texts in a query that are not of the type or format that the schema names."""

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Wrong:
    """One value of a wrong type in an otherwise well-formed body."""

    operation: Operation
    place: Place
    body: Any

    @property
    def pointer(self) -> str:
        return "".join(f"/{step}" for step in self.place)


def fields(schema: Schema, place: Place = ()) -> Iterator[tuple[Place, Schema]]:
    """Yield every field in a schema with its place, those in arrays and objects too."""
    for name, member in schema.get("properties", {}).items():
        yield (*place, name), member
        yield from fields(member, (*place, name))
    for one in schema.get("anyOf", ()):
        yield from fields(one, place)
    if "items" in schema:
        yield (*place, 0), schema["items"]
        yield from fields(schema["items"], (*place, 0))


def one_of(schema: Schema) -> list[Schema]:
    """Return the alternatives of a schema."""
    return [each for one in schema["anyOf"] for each in one_of(one)] if "anyOf" in schema else [schema]


def json_types(schema: Schema) -> set[str]:
    """Return the JSON types that a schema takes."""
    types = {one.get("type", "string") for one in one_of(schema)}
    return types | {"integer"} if "number" in types else types


def wrong_values(schema: Schema) -> Iterator[Any]:
    """Yield values of every JSON type that the schema does not take, and texts in another format than it names."""
    types = json_types(schema)
    for kind, values in JSON_VALUES.items():
        if kind not in types:
            yield from values
    formats = [one.get("format") for one in one_of(schema) if one.get("type", "string") == "string"]
    if len(formats) == 1:
        yield from BAD_TEXTS.get(formats[0] or "", [])


def with_value(body: Any, place: Place, schema: Schema, value: Any) -> Any:
    """Return a copy of a body with a value at a place. What is missing on the way is filled in from the schema."""
    if not place:
        return value
    step, *rest = place
    inner = next(one for one in one_of(schema) if ("items" if isinstance(step, int) else "properties") in one)
    if isinstance(step, int):
        return [with_value(None, tuple(rest), inner["items"], value)]
    body = body if isinstance(body, dict) else example(inner, {})
    member = inner["properties"][step]
    return body | {step: with_value(body.get(step), tuple(rest), member, value)}


def wrong_bodies(operation: Operation) -> Iterator[Wrong]:
    """Yield every wrong value of every field of an operation's body."""
    if operation.body is None:
        return
    body = next(one for one in one_of(operation.body) if one.get("type") != "null")
    for place, schema in fields(body):
        for value in wrong_values(schema):
            yield Wrong(operation, place, with_value(example(body, {}), place, body, value))


def _names(detail: str) -> list[str]:
    """Return the fields that the sentence of a bad row names, as pointers into the row; and the row itself."""
    return ["", *(f"/{name}" for name in re.findall(r"(\w+): ", detail))]


def refused_places(answer: Any) -> list[str]:
    """Return the pointers of a 422, or of the bad rows in the report of a list of parties."""
    errors: list[Any] = answer.json().get("errors", [])
    if answer.status_code == 200 and answer.request.url.path == "/v1/parties":
        return [f"/parties/{error['row'] - 1}{error['pointer']}" for error in errors]
    if answer.status_code == 200 and answer.request.url.path == "/v1/records/preview":
        rows = [row for each in answer.json()["outcomes"] if each["code"] == "invalid-row" for row in each["examples"]]
        return [f"/records/{row['row'] - 1}{name}" for row in rows for name in _names(row["detail"])]
    return [error["pointer"] for error in errors] if answer.status_code == 422 else []


@pytest.fixture(scope="module")
def all_operations(app: FastAPI) -> list[Operation]:
    """Returns every operation under /v1."""
    return operations(app)


READ_BY_THE_SAME_FUNCTION = {"POST /v1/records", "POST /v1/records/repair", "POST /v1/parties/repair"}
"""Operations whose bad rows fail alone, and that read them as a preview or a synchronisation does."""


def test_every_field_refuses_values_of_another_type_with_their_place(org: Org, all_operations: list[Operation]) -> None:
    client, tried, taken = org.client(), set(), []
    for operation in all_operations:
        if str(operation) in READ_BY_THE_SAME_FUNCTION:
            continue
        for wrong in wrong_bodies(operation):
            pointers = refused_places(operation.call(client, IDS, json=wrong.body))
            tried.add((str(operation), wrong.pointer))
            if wrong.pointer not in pointers:
                taken.append((str(operation), wrong.pointer, wrong.body, pointers))
    assert not taken
    assert {("PUT /v1/settings", "/changeLimit"), ("POST /v1/assignments", "/recipients/0/entityId")} <= tried


def parameters(app: FastAPI) -> Iterator[tuple[Operation, str, Schema]]:
    """Yield every query parameter of every operation, with its schema."""
    document = app.openapi()
    for operation in operations(app):
        described = document["paths"][operation.path][operation.method.lower()].get("parameters", [])
        for one in described:
            if one["in"] == "query":
                yield operation, one["name"], resolved(one["schema"], document)


def bad_queries(schema: Schema) -> list[str]:
    """Return texts that are not of the parameter's type; none if it takes any text."""
    kinds = {one.get("format") or one["type"] for one in one_of(schema) if one["type"] != "null"}
    if any("enum" in one for one in one_of(schema)):
        return ["no-such-value", ""]
    (kind, *others) = sorted(kinds)
    return [] if others else BAD_QUERIES.get(kind, [])


def test_every_parameter_refuses_a_text_of_another_form_with_its_name(app: FastAPI, org: Org) -> None:
    client, tried = org.client(), set()
    for operation, name, schema in parameters(app):
        body = {} if operation.body is None else {"json": example(operation.body, {})}
        for text in bad_queries(schema):
            answer = client.request(operation.method, operation.address(IDS), params={name: text}, **body)
            pointers = [error["pointer"] for error in answer.json().get("errors", [])]
            assert (str(operation), name, text, answer.status_code) == (str(operation), name, text, 422)
            assert f"?{name}" in pointers, (str(operation), text)
            tried.add(schema.get("format") or schema.get("type") or "optional")
    assert {"boolean", "integer", "number", "optional"} <= tried


def test_a_parameter_that_takes_one_value_refuses_two(app: FastAPI, org: Org) -> None:
    client = org.client()
    for operation, name, schema in parameters(app):
        if "array" not in json_types(schema):
            text = str(example(schema, {}))
            body = {} if operation.body is None else {"json": example(operation.body, {})}
            answer = operation.call(client, IDS, f"{name}={text}&{name}={text}", **body)
            assert (str(operation), name, answer.status_code) == (str(operation), name, 422)
            assert {"pointer": f"?{name}", "detail": "Send this parameter once."} in answer.json()["errors"]


def test_a_party_in_json_is_as_strict_and_a_cell_of_a_file_is_text(org: Org) -> None:
    client = org.client()
    for value in (0, 1, "true", "no", 1.0):
        row = {"entityId": "anna", "displayName": "Anna", "active": value}
        answer = client.put("/v1/parties", json={"parties": [row]}).json()
        assert [error["pointer"] for error in answer["errors"]] == ["/active"], value
    table = "entityId,displayName,active\nben,Ben,FALSE\ncara,Cara,yes\ndan,Dan,perhaps\n"
    answer = client.put("/v1/parties", content=table, headers={"Content-Type": "text/csv"}).json()
    assert [(error["entityId"], error["pointer"]) for error in answer["errors"]] == [("dan", "/active")]
    active = {party["entityId"]: party["active"] for party in client.get("/v1/parties").json()["items"]}
    assert active == {"ben": False, "cara": True}


def test_a_model_that_is_strict_keeps_its_description() -> None:
    described = PartyRow.model_json_schema()["properties"]
    assert described["active"]["type"] == "boolean"


class Made(Received):
    """A made-up body for the control."""

    count: int | None = None


class Loose(BaseModel):
    """The same body without the base class."""

    count: int | None = None


@pytest.mark.parametrize("value", [False, "1", 1.0])
def test_a_body_without_the_base_class_would_take_another_type(value: object) -> None:
    """The control: what the base class refuses, Pydantic takes."""
    given: Mapping[str, object] = {"count": value}
    Loose.model_validate(given)
    with pytest.raises(ValidationError):
        Made.model_validate(given)
