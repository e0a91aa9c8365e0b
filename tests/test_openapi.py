"""The API against its OpenAPI document: generated requests, valid and invalid, get only answers that it describes.

The operations come from the document, so a new route is tested by itself. The document itself: `test_contract.py`.
"""

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.factories import Org

VALID, INVALID, MANY = 5, 2, 10
"""Requests generated for each operation: valid ones, invalid ones, and of both in `make faults`. Generating an invalid
one takes five times as long as answering it."""

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def document(app: FastAPI) -> Any:
    """The OpenAPI document, without the stream, which ends only with its job."""
    return (
        schemathesis.openapi.from_asgi("/openapi.json", app).include(path_regex="^/v1/").exclude(path_regex="/stream$")
    )


@pytest.fixture
def caller(org: Org) -> dict[str, str]:
    """The headers of a caller with every permission, in an organization with a party, a folder and a course."""
    org.with_parties("party-1", folder="crew")
    org.with_course()
    return {"Authorization": str(org.client().headers["Authorization"])}


@pytest.mark.timeout(900)  # every operation: the time grows with their number
@pytest.mark.parametrize(
    ("mode", "examples"),
    [
        (GenerationMode.POSITIVE, VALID),
        (GenerationMode.NEGATIVE, INVALID),
        *(pytest.param(mode, MANY, marks=pytest.mark.matrix) for mode in GenerationMode),
    ],
)
def test_every_operation_answers_as_described(
    document: Any, caller: dict[str, str], mode: GenerationMode, examples: int, subtests: pytest.Subtests
) -> None:
    for operation in (found.ok() for found in document.get_all_operations()):
        if mode is GenerationMode.NEGATIVE and not takes_anything(operation):
            continue

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers(case: Any) -> None:
            if "wait" in (case.query or {}):
                case.query["wait"] = 0
            case.call_and_validate(headers=caller, checks=CHECKS)

        with subtests.test(operation.label):
            answers()


def takes_anything(operation: Any) -> bool:
    """True if the operation has a parameter or a body, and so an invalid request."""
    return bool(list(operation.iter_parameters()) or operation.body)
