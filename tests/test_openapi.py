"""The API against its own description: whatever the description allows, and much that it does not, is answered; and the
answers are what it says.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.factories import Org

EXAMPLES = 5
"""Requests made up for each operation, of those that the description allows, and of those that it does not."""

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


@pytest.fixture
def described(app: FastAPI) -> Any:
    """The description, without the stream, which ends only with its job."""
    return (
        schemathesis.openapi.from_asgi("/openapi.json", app).include(path_regex="^/v1/").exclude(path_regex="/stream$")
    )


@pytest.fixture
def caller(org: Org) -> dict[str, str]:
    """The headers of a caller with every permission, in an organization with something in it."""
    org.with_parties("party-1", folder="crew")
    org.with_course()
    return {"Authorization": str(org.client().headers["Authorization"])}


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_operation_answers_as_described(
    described: Any, caller: dict[str, str], mode: GenerationMode, subtests: pytest.Subtests
) -> None:
    for operation in (found.ok() for found in described.get_all_operations()):
        if mode is GenerationMode.NEGATIVE and not takes_anything(operation):
            continue

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers(case: Any) -> None:
            if "wait" in (case.query or {}):
                case.query["wait"] = 0
            case.call_and_validate(headers=caller, checks=CHECKS)

        with subtests.test(operation.label):
            answers()


def takes_anything(operation: Any) -> bool:
    """Whether there is anything in a request to it that could be wrong."""
    return bool(list(operation.iter_parameters()) or operation.body)


# --- the description itself


def operations(app: FastAPI) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation under /v1, with its name."""
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/v1"):
                yield f"{method.upper()} {path}", operation


def test_errors_are_described_as_problem_documents(app: FastAPI) -> None:
    for name, operation in operations(app):
        problem = operation["responses"]["4XX"]["content"]
        assert list(problem) == ["application/problem+json"], name
        assert {"type", "title", "status", "detail"} <= set(problem["application/problem+json"]["schema"]["required"])
        assert "422" not in operation["responses"], name


def test_every_operation_says_what_it_does(app: FastAPI) -> None:
    said = [operation.get("description", "") for _, operation in operations(app)]
    assert all(text.strip() for text in said)
