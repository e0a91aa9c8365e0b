"""The pages about problems: each has one, in both languages, and the document is current."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from shared.problems import KNOWN
from tests import problem_pages
from tests.pages import assert_is_page


@pytest.fixture
def visitor(app: FastAPI) -> TestClient:
    """A browser without a sign-in."""
    return TestClient(app, headers={"Accept": "text/html"})


def test_every_problem_has_a_page(visitor: TestClient) -> None:
    listed = visitor.get("/problems")
    assert_is_page(listed, 200, "Problems")
    for slug in KNOWN:
        assert f'href="problems/{slug}"' in listed.text
        assert_is_page(visitor.get(f"/problems/{slug}"), 200, slug, "What to do next")


def test_a_page_is_in_the_language_of_the_reader(visitor: TestClient) -> None:
    answer = visitor.get("/problems/not-found", headers={"Accept-Language": "nb"})
    assert '<html lang="nb">' in answer.text
    assert "Hva du gjør nå" in answer.text


def test_an_unknown_problem_has_no_page(visitor: TestClient) -> None:
    assert visitor.get("/problems/nothing").status_code == 404


def test_the_document_is_current() -> None:
    assert problem_pages.DOCS.read_text(encoding="utf-8") == problem_pages.written(), "python -m tests.problem_pages"
