"""A query parameter or a body that an operation does not take is refused, with its place and the names that it takes.

The operations come from the OpenAPI document, so a new one is tested by itself.
"""

import uuid

import pytest
from fastapi import FastAPI

from tests.factories import Org
from tests.routes import Operation, example, operations

IDS = dict.fromkeys(
    (
        "course_id",
        "version_id",
        "assignment_id",
        "job_id",
        "webhook_id",
        "delivery_id",
        "licence_id",
        "session_id",
        "sweep_id",
        "pack_id",
    ),
    str(uuid.UUID(int=7)),
) | {"party_id": "party-1", "folder_id": "crew"}


@pytest.fixture(scope="module")
def all_operations(app: FastAPI) -> list[Operation]:
    """Returns every operation under /v1."""
    return operations(app)


def test_every_operation_refuses_a_parameter_that_it_does_not_take(org: Org, all_operations: list[Operation]) -> None:
    client = org.client()
    for operation in all_operations:
        body = {} if operation.body is None else {"json": example(operation.body, {})}
        answer = operation.call(client, IDS, "asOf=2020-01-01", **body)
        pointers = [error["pointer"] for error in answer.json().get("errors", [])]
        assert (str(operation), answer.status_code, pointers) == (str(operation), 422, ["?asOf"])


def test_a_name_that_no_parameter_could_have_is_not_repeated(org: Org) -> None:
    answer = org.client().get("/v1/parties", params={"Quillfeather, Ada": "1"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "?")
    assert "Quillfeather" not in answer.text


WITH_ANOTHER_BODY = {"PUT /v1/parties", "PUT /v1/settings/certificate/logo"}
"""The operations that take a body which is not described as JSON."""


def test_every_operation_without_a_body_refuses_one(org: Org, all_operations: list[Operation]) -> None:
    client = org.client()
    for operation in all_operations:
        if operation.body is None and str(operation) not in WITH_ANOTHER_BODY:
            answer = operation.call(client, IDS, json={"reason": "x"})
            assert (str(operation), answer.status_code) == (str(operation), 422)
            assert answer.json()["errors"] == [{"pointer": "", "detail": "This address takes no body."}]


def test_an_empty_object_counts_as_no_body(org: Org) -> None:
    assert org.client().request("GET", "/v1/me", json={}).status_code == 200
