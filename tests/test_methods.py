"""Every address names all of its methods, answers HEAD where it answers GET, and never redirects to another host.

The addresses come from the application's own routes, so that a new one is tested by itself.
"""

from collections import defaultdict

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from tests.assignments.asking import body, submit
from tests.factories import Org
from tests.routes import lists
from tests.test_unknown_parameters import IDS

VALUES = (
    IDS
    | {
        "token": "t",
        "name": "start.js",
        "code": "c",
        "org_id": "nobody",
        "of_version": "v",
        "resource_id": "r",
        "slug": "not-found",
        "purpose": "people",
    }
    | dict.fromkeys(["sign_in_id", "issuer_id", "upload_id", "view_id"], IDS["job_id"])
)


@pytest.fixture(scope="module")
def methods(app: FastAPI) -> dict[str, set[str]]:
    """Returns the methods of every address, with the ids of its path filled in."""
    found: dict[str, set[str]] = defaultdict(set)
    for route in iter_route_contexts(app.routes):
        found[str(route.path).format(**VALUES)] |= {*(route.methods or ()), "OPTIONS"}
    for known in found.values():
        known |= {"HEAD"} if "GET" in known else set()
    return found


def test_options_names_every_method_of_an_address(app: FastAPI, methods: dict[str, set[str]]) -> None:
    client = TestClient(app)
    for address, known in methods.items():
        answer = client.options(address)
        named = set(answer.headers["Allow"].split(", "))
        assert (address, answer.status_code, answer.content) == (address, 204, b"")
        assert known <= named, address


def test_a_method_that_an_address_does_not_take_is_answered_with_all_that_it_takes(
    app: FastAPI, methods: dict[str, set[str]]
) -> None:
    client = TestClient(app)
    for address in methods:
        answer = client.request("TRACE", address)
        assert (address, answer.status_code) == (address, 405)
        assert answer.headers["Allow"] == client.options(address).headers["Allow"], address
        assert answer.headers["X-Request-Id"]
    assert client.delete("/v1/courses").headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_options_of_an_unknown_address_is_404(app: FastAPI) -> None:
    assert TestClient(app).options("/v1/nothing").status_code == 404


def test_head_is_answered_as_get_without_the_body(app: FastAPI, org: Org) -> None:
    client = org.client()
    for address in ["/", "/health/live", *(operation.path for operation in lists(app))]:
        head, full = client.head(address), client.get(address)
        assert (address, head.status_code, head.content) == (address, full.status_code, b"")
        assert head.headers["Content-Type"] == full.headers["Content-Type"]
        assert head.headers["Content-Length"] == full.headers["Content-Length"]
    assert client.head("/v1/courses/7").status_code == 422


def test_head_of_a_stream_ends_at_once(org: Org) -> None:
    org.with_parties("anna")
    job = submit(org.client(), body(org.with_course(), "anna"))  # no worker runs, so that its stream would go on
    head = org.client().head(f"/v1/jobs/{job['id']}/stream")
    assert (head.status_code, head.headers["Content-Type"].partition(";")[0]) == (200, "text/event-stream")
    assert org.client().head("/v1/assignments", headers={"Accept": "text/csv"}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/courses/", "/verify/", "/health/live/", "//evil.example/v1/courses/"])
def test_a_slash_at_the_end_is_answered_with_404_and_no_redirect(org: Org, path: str) -> None:
    for method in ("GET", "POST", "HEAD"):
        answer = org.client().request(method, path, headers={"Host": "evil.example"}, follow_redirects=False)
        assert (answer.status_code, answer.headers.get("Location")) == (404, None)
    assert "slash" in org.client().get("/v1/courses/").json()["detail"]
