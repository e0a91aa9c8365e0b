"""The first page and the reference of the API: they load nothing from elsewhere, and say which token is needed."""

import re
from collections import defaultdict

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.pages import assert_is_page


@pytest.fixture
def visitor(app: FastAPI) -> TestClient:
    """Returns a client without a token."""
    return TestClient(app)


def test_a_person_gets_a_page_at_the_address_of_the_service(visitor: TestClient) -> None:
    answer = visitor.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert_is_page(answer, 200, "Rollcall", "Reference of the API", 'href="docs"', 'href="verify"')
    for address in re.findall(r'href="([^"]+)"', answer.text):
        assert visitor.get(f"/{address}").status_code in (200, 503), address


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
def test_a_program_gets_json_at_the_address_of_the_service(visitor: TestClient, accept: str) -> None:
    answer = visitor.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["name"]) == (200, "Rollcall")
    for address in answer.json()["links"].values():
        assert visitor.get(address).status_code in (200, 503), address


def test_the_reference_loads_only_files_of_this_service(visitor: TestClient) -> None:
    answer = visitor.get("/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert (answer.status_code, "unsafe" in policy, "http" in policy) == (200, False, False)
    assert "default-src 'none'" in policy
    loaded = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    files = [one for one in loaded if one.startswith("docs/")]
    assert set(loaded) - set(files) == {"data:,", "openapi.json"}
    for one in files:
        file = visitor.get(f"/{one}")
        assert (one, file.status_code, file.headers["X-Content-Type-Options"]) == (one, 200, "nosniff")
        assert file.headers["Content-Type"].partition(";")[0] in ("text/javascript", "text/css")
        assert len(file.content) > 200
    assert "<script>" not in answer.text
    assert "unpkg" not in answer.text + visitor.get("/docs/start.js").text


@pytest.mark.parametrize("name", ["redoc.standalone.js", "core.py", "..%2f..%2fcore.py", "oauth2-redirect"])
def test_the_reference_serves_no_other_file(visitor: TestClient, name: str) -> None:
    assert visitor.get(f"/docs/{name}").status_code == 404


def test_the_description_says_which_operations_need_a_token(app: FastAPI, visitor: TestClient) -> None:
    """Operations that need none are those that answer without one."""
    described = app.openapi()
    (scheme,) = described["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
    assert described["security"] == [{name: [] for name in described["components"]["securitySchemes"]}]
    needed = set()
    for path, methods in described["paths"].items():
        address = path.format_map(defaultdict(lambda: "01990000-0000-7000-8000-000000000000"))
        for method, operation in methods.items():
            free = operation.get("security") == []
            assert (visitor.request(method, address).status_code != 401) == free, (method, path)
            needed.add(free)
    assert needed == {True, False}
