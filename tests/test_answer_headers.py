"""Headers of every answer: its request id, and those that keep personal data out of caches; from the OpenAPI."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.http.identifying import Identified
from tests.factories import Org
from tests.routes import operations
from tests.traces import logged

__all__ = ["logged"]

IDS = dict.fromkeys(
    (
        "assignment_id",
        "course_id",
        "version_id",
        "delivery_id",
        "job_id",
        "licence_id",
        "session_id",
        "sweep_id",
        "pack_id",
        "webhook_id",
    ),
    "01990000-0000-7000-8000-000000000000",
) | {"party_id": "party-1", "folder_id": "crew", "event_id": "01990000-0000-7000-8000-000000000000"}


def lacking(app: FastAPI, client: TestClient) -> list[str]:
    """Return the operations with an answer that lacks a header."""
    found = []
    for operation in operations(app):
        if operation.path.endswith("/stream"):
            continue  # ends only with its job
        ids = {name: IDS.get(name, "01990000-0000-7000-8000-000000000000") for name in operation.inside}
        headers = operation.call(client, ids).headers
        cached = headers.get("cache-control", "")
        if (
            "no-store" not in cached
            or headers.get("x-content-type-options") != "nosniff"
            or "x-request-id" not in headers
        ):
            found.append(str(operation))
    return found


def test_no_answer_of_the_api_may_be_stored_or_taken_for_another_type(app: FastAPI, org: Org) -> None:
    assert lacking(app, org.client()) == []
    assert lacking(app, TestClient(app)) == [], "refusals must have the headers too"


def test_an_answer_without_the_headers_is_found(app: FastAPI, org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = create_app(org.parts)

    async def pass_on(self: Identified, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    monkeypatch.setattr(Identified, "__call__", pass_on)
    assert len(lacking(app, TestClient(bare))) > 50


@pytest.mark.parametrize("path", ["/v1/me", "/nowhere", "/health/live", "/metrics", "/openapi.json"])
def test_every_answer_has_a_request_id(app: FastAPI, org: Org, path: str) -> None:
    first, second = (org.client().get(path).headers["x-request-id"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("given", ["a", "A.b_c-9", "x" * 64])
def test_the_callers_own_request_id_is_kept(org: Org, given: str) -> None:
    assert org.client().get("/v1/me", headers={"X-Request-Id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given", ["", "x" * 65, "a b", "a\tb", "é".encode("latin-1"), '{"level":"info"}', "a/b", "a\x0b"]
)
def test_a_request_id_of_another_form_is_replaced(org: Org, given: str) -> None:
    answered = org.client().get("/v1/me", headers={"X-Request-Id": given}).headers["x-request-id"]
    assert len(answered) == 36


def test_the_log_lines_of_a_request_have_its_id_also_after_an_unexpected_error(org: Org, logged: io.StringIO) -> None:
    """The handler of unexpected errors stands outside of all middleware that is added."""
    app = create_app(replace(org.parts))

    def fail() -> None:
        raise RuntimeError("made up")

    app.add_api_route("/v1/fails", fail)
    client = TestClient(app, raise_server_exceptions=False)
    answer = client.get("/v1/fails", headers={"X-Request-Id": "my-request"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "my-request")
    assert answer.headers["cache-control"] == "no-store"
    lines = [json.loads(line) for line in logged.getvalue().splitlines() if "request failed" in line]
    assert [line["request"] for line in lines] == ["my-request"]
