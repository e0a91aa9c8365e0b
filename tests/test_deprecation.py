"""Deprecated operations say so in every answer and in the OpenAPI document, and no other operation does."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from openapi_spec_validator import validate
from pydantic import BaseModel

from api.app import create_app
from api.http.dependencies import MAX_BODY_BYTES, allow
from api.http.deprecating import deprecated, deprecation_of
from api.http.routing import Router
from shared.access import Permission
from tests.factories import Org
from tests.routes import operations
from tests.test_answer_headers import IDS

HEADERS = {"deprecation": "@1798761600", "sunset": "Sat, 01 Jan 2028 00:00:00 GMT"}
LINK = '</docs>; rel="deprecation"; type="text/html"'


class Thing(BaseModel):
    """A thing."""

    name: str


def old() -> Router:
    """Routes of which some are deprecated."""
    router = Router("/v1/old-things", "catalogue")
    ends = deprecated(since=date(2027, 1, 1), ends=date(2028, 1, 1), instead="Call `listCourses`.")

    @router.get("/young", dependencies=[allow()])
    def read_young_thing() -> Thing:
        """Return a thing that stays."""
        return Thing(name="young")

    @router.get("/{thing_id}", dependencies=[allow()])
    @ends
    def read_old_thing(thing_id: str) -> Thing:
        """Return a thing."""
        if thing_id == "broken":
            raise RuntimeError("made up")
        return Thing(name=thing_id)

    @router.put("/{thing_id}", dependencies=[allow()])
    @ends
    def put_old_thing(thing_id: str, thing: Thing) -> Thing:
        """Put a thing."""
        return thing

    @router.delete("/{thing_id}", status_code=204, dependencies=[allow()])
    def remove_old_thing(thing_id: str) -> None:
        """Remove a thing."""

    return router


@pytest.fixture
def aging(org: Org) -> FastAPI:
    """The application with such routes besides its own."""
    app = create_app(replace(org.parts))
    app.include_router(old())
    return app


def signed_in(app: FastAPI, org: Org) -> TestClient:
    """Return a client of this application with every permission."""
    headers = {"Authorization": f"Bearer {org.token(*Permission)}"}
    return TestClient(app, headers=headers, raise_server_exceptions=False)


def announced(answer: Any) -> bool:
    """Return True for an answer with all three headers, False for one with none of them."""
    found = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
    links = [each for each in answer.headers.get_list("link", split_commas=True) if "deprecation" in each]
    assert (found, links) in [(HEADERS, [LINK]), ({}, [])]
    return bool(found)


def declared(app: FastAPI) -> set[str]:
    """Return the operations that are declared as deprecated."""
    return {
        f"{method} {route.path}"
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
        if deprecation_of(route.endpoint)
    }


def answering(app: FastAPI, client: TestClient) -> set[str]:
    """Call every operation. Return those whose answer has the headers."""
    some = IDS | {"thing_id": "a"}
    every = [one for one in operations(app) if not one.path.endswith("/stream")]  # which ends only with its job
    return {
        str(one)
        for one in every
        if announced(
            one.call(client, {name: some.get(name, "01990000-0000-7000-8000-000000000000") for name in one.inside})
        )
    }


def described(app: FastAPI) -> set[str]:
    """Return the operations that the document says are deprecated, which must name the headers of each answer."""
    found = set()
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            answers = operation["responses"].values()
            named = [{"Deprecation", "Sunset", "Link"} <= each.get("headers", {}).keys() for each in answers]
            assert set(named) == {bool(operation.get("deprecated"))}, (method, path)
            if operation.get("deprecated"):
                found.add(f"{method.upper()} {path}")
    return found


def test_of_all_operations_those_that_are_declared_say_so_and_no_other_one(app: FastAPI, org: Org) -> None:
    assert declared(app) == described(app) == answering(app, org.client()) == answering(app, TestClient(app))


def test_operations_that_are_declared_are_found(aging: FastAPI, org: Org) -> None:
    expected = {"GET /v1/old-things/{thing_id}", "PUT /v1/old-things/{thing_id}"}
    assert declared(aging) == described(aging) == expected
    assert answering(aging, signed_in(aging, org)) == answering(aging, TestClient(aging)) == expected


def test_every_answer_says_it_also_a_refusal_before_the_route_is_known(aging: FastAPI, org: Org) -> None:
    client = signed_in(aging, org)
    address = "/v1/old-things/a"
    answers = {
        "fine": (200, client.get(address)),
        "head": (200, client.head(address)),
        "a parameter": (422, client.get(f"{address}?x=1")),
        "a body": (422, client.put(address, json={})),
        "no token": (401, client.get(address, headers={"Authorization": ""})),
        "too large": (413, client.put(address, content=b"x" * (MAX_BODY_BYTES + 1))),
        "an error": (500, client.get("/v1/old-things/broken")),
    }
    assert {name: answer.status_code for name, (_, answer) in answers.items()} == {
        name: status for name, (status, _) in answers.items()
    }
    assert [name for name, (_, answer) in answers.items() if not announced(answer)] == []
    others = client.get("/v1/old-things/young"), client.delete(address), client.post(address), client.get("/v1/me")
    assert [answer.status_code for answer in others] == [200, 204, 405, 200]
    assert not any(announced(answer) for answer in others)


def test_the_document_is_valid_and_says_what_to_call_instead(aging: FastAPI) -> None:
    document = aging.openapi()
    validate(document)
    operation = document["paths"]["/v1/old-things/{thing_id}"]["get"]
    assert operation["description"].endswith(
        "Deprecated since 2027-01-01; it may be gone from 2028-01-01 on. Call `listCourses`."
    )
    shared = document["components"]["responses"].values()
    assert not any("Sunset" in each["headers"] for each in shared), "others would seem deprecated"


def test_an_operation_answers_for_a_year_after_it_was_deprecated() -> None:
    with pytest.raises(ValueError, match="365 days"):
        deprecated(since=date(2027, 1, 1), ends=date(2027, 12, 31), instead="")
