"""The OpenAPI document: what generators, linters and people need of every operation, new ones included."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from pydantic import TypeAdapter

from api.app import create_app
from api.http.contract import TAGS, possible, schemas
from shared import problems
from shared.errors import Problem
from tests.factories import Org
from tests.routes import resolved

VERBS = """
add amend approve archive cancel change check close complete correct create draft erase export import list
make merge open preview prove publish put read record reassign reinstate reject remind remove renumber reopen replay
resend retry revoke rotate schedule search simulate start stream summarize test undo verify write
"""
"""The verbs that begin operation ids. A new one is added here; a published operation id is never renamed."""


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    """The document."""
    return app.openapi()


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every operation with its name."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def refusals(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each status of a problem, with its answer."""
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            yield status, document["components"]["responses"][answer["$ref"].rpartition("/")[2]]


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document)


def test_every_operation_has_a_description_a_known_tag_and_an_id_that_reads_as_a_verb(document: dict[str, Any]) -> None:
    ids = Counter[str]()
    for name, operation in operations(document):
        assert operation["description"].strip(), name
        assert {*operation["tags"]} - TAGS.keys() == set(), f"{name}: add its tag to TAGS"
        verb, *noun = re.findall("[A-Z]?[a-z0-9]+", operation["operationId"])
        assert re.search(rf"\b{verb}\b", VERBS), f"{name}: {operation['operationId']} does not begin with a known verb"
        assert noun, f"{name}: {operation['operationId']} does not say what"
        ids[operation["operationId"]] += 1
    assert [one for one, times in ids.items() if times > 1] == []


def test_the_document_names_its_servers_its_tags_and_its_token(document: dict[str, Any]) -> None:
    assert document["servers"][0]["url"] == "/"
    assert {tag["name"]: tag["description"] for tag in document["tags"]}.items() <= TAGS.items()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_schemas_have_no_name_of_a_module(document: dict[str, Any]) -> None:
    assert [name for name in document["components"]["schemas"] if not re.fullmatch("[A-Z][A-Za-z0-9]+", name)] == []
    assert schemas.renamed("shared__licences__queries__Sort") == "LicenceSort"
    assert schemas.renamed("api__v1__assignments__Summary") == "AssignmentSummary"
    assert schemas.renamed("Listing_PartyAnswer_") == "PartyList"


def test_if_match_is_a_string(document: dict[str, Any]) -> None:
    asked = [
        one["schema"]
        for _, operation in operations(document)
        for one in operation.get("parameters", ())
        if one["name"].lower() == "if-match"
    ]
    assert len(asked) > 5
    assert all({each.get("type") for each in one["anyOf"]} == {"string", "null"} for one in asked)


def test_every_answer_has_a_named_status_and_its_headers(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        answers = operation["responses"]
        assert all(status.isdecimal() for status in answers), name
        for answer in (*answers.values(), *(one for _, one in refusals(document, operation))):
            assert "$ref" in answer or "X-Request-Id" in answer["headers"], name
        needed = {"500", "503"}
        needed |= {"401", "403", "429"} if operation.get("security") != [] else set()
        needed |= {"413", "415", "422"} if "requestBody" in operation else set()
        needed |= {"412"} if any(one["name"] == "If-Match" for one in operation.get("parameters", ())) else set()
        assert needed <= answers.keys(), name


def test_every_refusal_is_a_problem_document_with_an_example_of_each(document: dict[str, Any]) -> None:
    checker = Draft202012Validator(resolved(document["components"]["schemas"]["Problem"], document))
    for name, operation in operations(document):
        for status, answer in refusals(document, operation):
            (content,) = answer["content"].items()
            assert content[0] == "application/problem+json", name
            for slug, example in content[1]["examples"].items():
                value = document["components"]["examples"][example["$ref"].rpartition("/")[2]]["value"]
                assert (value["type"], str(value["status"])) == (f"urn:rollcall:problem:{slug}", status), name
                checker.validate(value)


def test_every_body_has_an_example_that_its_operation_takes(app: FastAPI, document: dict[str, Any]) -> None:
    """By the schema, and by the model with its own checks: an example that contradicts itself is found too."""
    models = {
        (method, route.path_format): route.body_field.field_info.annotation
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
        if getattr(route, "body_field", None) is not None
    }
    for name, operation in operations(document):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            binary = content["schema"].get("contentEncoding") == "binary"
            assert binary or content.get("example"), f"{name}, {kind}: see api/http/contract/bodies.py"
            if kind == "application/json":
                Draft202012Validator(resolved(content["schema"], document)).validate(content["example"])
                method, path = name.split()
                if (method, path) in models:
                    TypeAdapter(models[method, path]).validate_json(json.dumps(content["example"]))


def subclasses(of: type[Problem]) -> Iterator[type[Problem]]:
    """Yield every class of problems, without those that tests make up."""
    for one in of.__subclasses__():
        if one.__module__.startswith(("api.", "shared.", "cli.", "worker.")):
            yield one
        yield from subclasses(one)


def test_every_problem_that_is_raised_is_in_the_table_of_problems() -> None:
    """`shared/problems` says what it means and what to do next."""
    raised = {(one.slug, one.status, str(one.title)) for one in subclasses(Problem) if hasattr(one, "slug")}
    assert {(slug, status) for slug, status, _ in raised} <= {(one.slug, one.status) for one in problems.KNOWN.values()}
    assert not {slug for slug, *_ in raised} - {
        one.slug for one in problems.KNOWN.values() if (one.slug, one.status, one.title) in raised
    }, "the title in the table is another one"


def test_a_problem_that_a_verb_raises_is_found_in_its_code(app: FastAPI) -> None:
    def slugs(method: str, path: str) -> set[str]:
        found = (one for one in iter_route_contexts(app.routes) if one.path == path and method in (one.methods or ()))
        return possible(next(found))

    assert {"assignment-closed", "not-found", "precondition-failed"} <= slugs(
        "PATCH", "/v1/assignments/{assignment_id}"
    )
    assert "course-code-taken" in slugs("POST", "/v1/courses")
    assert "course-code-taken" not in slugs("GET", "/v1/courses")


def test_the_public_address_is_named_where_it_is_set(org: Org) -> None:
    settings = org.parts.settings.model_copy(update={"public_url": "https://training.example.com"})
    document = create_app(replace(org.parts, settings=settings)).openapi()
    assert [one["url"] for one in document["servers"]] == ["/", "https://training.example.com"]
