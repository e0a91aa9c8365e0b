"""Every page of the console, generated from its routes: headers, problems, permissions, number of statements."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from api.console import static_files
from api.console.navigation import ENTRIES
from api.http.dependencies import Allow
from shared.access import Permission
from tests.console.filters import Filters
from tests.console.world import World, build, page_routes, pages, queries_of
from tests.drain import InProcessWorker
from tests.factories import Org, count_statements

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Written out here, not imported from the program: otherwise what is added there would not be noticed."""

INLINE = re.compile(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=|javascript:", re.IGNORECASE)
"""Styles and scripts inside of a page, which the policy forbids."""

MOST_BYTES = 30_000

PERMITTED = Permission.COMPLETE_SESSION_TASKS
"""Opens no page that needs a certain permission."""


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """An organization with something on every page."""
    return build(org, worker)


def test_every_page_is_whole_small_and_has_the_headers_of_pages(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    reader = world.org.visitor()
    for path in pages(app):
        with subtests.test(path):
            answer = reader.get(world.address(path))
            assert answer.headers["Content-Security-Policy"] == POLICY
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            if answer.status_code != 303:
                assert answer.status_code == 200, answer.text
                assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
                assert INLINE.findall(answer.text) == []
                assert "<h1>" in answer.text
                assert len(answer.content) < MOST_BYTES * 5
                assert int(answer.headers["Content-Length"]) < MOST_BYTES


def test_inline_styles_and_scripts_are_found() -> None:
    for wrong in ('<p style="x">', "<style>", "<script>x()</script>", '<a onclick="x()">', '<a href="javascript:x()">'):
        assert INLINE.search(wrong)
    assert not INLINE.search('<script type="module" src="/static/x.js"></script> <button class="second">')


def test_a_page_of_another_organizations_thing_is_the_page_of_what_does_not_exist(
    world: World, other_org: Org, app: FastAPI, subtests: pytest.Subtests
) -> None:
    stranger = other_org.visitor()
    for path in (path for path in pages(app) if "{" in path.replace("{purpose}", "")):
        with subtests.test(path):
            answer = stranger.get(world.address(path))
            assert answer.status_code == 404
            assert "There is nothing here" in answer.text
            assert '<nav class="aside"' in answer.text


def test_a_page_without_a_sign_in_leads_to_it_and_back(world: World, app: FastAPI, subtests: pytest.Subtests) -> None:
    visitor = world.org.visitor()
    visitor.cookies.clear()
    for path in pages(app):
        with subtests.test(path):
            answer = visitor.get(world.address(path))
            assert answer.status_code == 303
            assert answer.headers["Location"].startswith("/sign-in?next=%2F")


def test_a_page_that_the_caller_may_not_open_says_so_and_is_not_in_the_navigation(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    nobody = world.org.visitor(PERMITTED)
    shown = nobody.get("/overview").text
    for route in page_routes(app):
        (verb,) = (one.dependency.verb for one in route.dependencies if isinstance(one.dependency, Allow))
        path = str(route.path)
        if verb is None or not verb.any_of or PERMITTED in verb.any_of or path.endswith((".csv", ".xlsx", "/progress")):
            continue
        with subtests.test(path):
            answer = nobody.get(world.address(path))
            assert answer.status_code == 403, path
            assert "This takes the right to" in answer.text
            assert f'href="{path}"' not in shown


def test_every_entry_of_the_navigation_leads_to_a_page(world: World) -> None:
    reader = world.org.visitor()
    assert {entry.address: reader.get(entry.address).status_code for entry in ENTRIES} == {
        entry.address: 200 for entry in ENTRIES
    }


# --- lists


def lists(app: FastAPI) -> Iterator[tuple[str, RouteContext, RouteContext]]:
    """The pages of lists, each with the API's list under the same path."""
    known = {
        str(one.path): one for one in iter_route_contexts(app.routes) if "GET" in (getattr(one, "methods", None) or ())
    }
    for route in page_routes(app):
        path = str(route.path)
        if f"{path}.csv" in known:
            yield path, route, known.get(f"/v1{path}") or known[f"/v1{path}/events"]


def test_a_list_takes_the_parameters_of_the_apis_list(app: FastAPI, subtests: pytest.Subtests) -> None:
    found = list(lists(app))
    assert len(found) >= 3
    for path, page, of_api in found:
        with subtests.test(path):
            assert queries_of(page) == queries_of(of_api)


def test_the_filters_that_a_list_offers_are_parameters_that_it_takes(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    reader = world.org.visitor()
    offered = 0
    for path, page, _ in lists(app):
        with subtests.test(path):
            form = re.search(r'<form class="filters".*?</form>', reader.get(world.address(path)).text, re.DOTALL)
            names = set(re.findall(r'name="(\w+)"', form.group())) if form else set()
            offered += len(names)
            assert names <= queries_of(page) | {"columns"}
    assert offered > 20


def test_the_filter_form_of_a_list_can_be_sent_as_it_is_shown_with_its_empty_fields(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    reader = world.org.visitor()
    empty = 0
    for path, _, _ in lists(app):
        with subtests.test(path):
            form = Filters(reader.get(world.address(path)).text)
            empty += list(form.fields.values()).count("")
            assert reader.get(world.address(path), params=form.fields).status_code == 200
            for name in form.fields:
                assert reader.get(world.address(path), params={name: ""}).status_code == 200
    assert empty > 15


def test_an_order_of_a_list_is_always_one_of_those_that_there_are(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    reader = world.org.visitor()
    ordered = []
    for path, page, _ in lists(app):
        with subtests.test(path):
            form = Filters(reader.get(world.address(path)).text)
            assert form.fields.get("sort") != ""
            ordered += [path] if "sort" in form.fields else []
            assert ("sort" in form.fields) == ("sort" in queries_of(page))
    assert {"/assignments", "/licences"} <= set(ordered)


def test_what_a_reader_filters_by_is_shown_as_it_was_typed_and_is_no_markup(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    reader = world.org.visitor()
    shown = 0
    for path, page, _ in lists(app):
        for name in sorted(queries_of(page)):
            with subtests.test(f"{path}?{name}"):
                answer = reader.get(world.address(path), params={name: "<b>100% %(x)s"})
                shown += "&lt;b&gt;100% %(x)s" in answer.text
                assert answer.status_code in (200, 422)
                assert "<b>" not in answer.text
    assert shown >= 2


def test_a_list_sends_two_statements_the_rows_and_their_number_besides_the_visits_question(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    reader = world.org.visitor()
    for path, _, _ in lists(app):
        address = world.address(path)
        reader.get(address)  # the first visit notes that the sign-in was used
        for query in ("", "?limit=1", "?state=assigned" if path == "/assignments" else "?limit=2"):
            with subtests.test(path + query), count_statements(world.org.parts.database.engine) as sent:
                assert reader.get(address + query).status_code == 200
                extra = 1 if "{" in path else 0  # the thing whose list it is
                assert sent.count == 2 + extra, sent.sent


def test_a_list_can_be_turned_forward_and_back(world: World) -> None:
    reader = world.org.visitor()
    first = reader.get("/parties?limit=1&active=true").text
    following = _link(first, "next")
    second = reader.get(following).text
    assert "crew-1" in first
    assert "crew-2" in second
    assert "active=true" in following
    assert "crew-1" in reader.get(_link(second, "prev")).text
    assert 'rel="prev"' not in first


def _link(page: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', page)
    assert found
    return found.group(1).replace("&amp;", "&")


def test_the_csv_of_a_page_is_that_of_the_api_with_the_mark_that_excel_needs(world: World) -> None:
    answer = world.org.visitor().get("/assignments.csv?state=completed")
    of_api = world.org.client().get("/v1/assignments?state=completed", headers={"Accept": "text/csv; header=bom"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="assignments.csv"'
    assert answer.text == of_api.text
    assert answer.text.startswith("\ufeff")


# --- problems


def test_a_wrong_parameter_is_a_page_that_names_it(world: World) -> None:
    answer = world.org.visitor().get("/assignments?dueBefore=soon")
    assert answer.status_code == 422
    assert "dueBefore" in answer.text


def test_a_failure_is_a_page_with_the_number_of_the_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.console.overview.overview.get_overview", lambda *_: 1 / 0)
    answer = world.org.visitor().get("/overview", headers={"X-Request-Id": "request-1"})
    assert answer.status_code == 500
    assert "Something failed on our side" in answer.text
    assert "<code>request-1</code>" in answer.text


def test_a_page_answers_that_training_is_disabled_in_its_own_style(world: World) -> None:
    world.org.client().put("/v1/availability", json={"enabled": False})
    answer = world.org.visitor().get("/assignments")
    assert answer.status_code == 403
    assert "disabled training" in answer.text


def test_an_address_with_nothing_at_it_is_a_page_for_a_browser_and_a_document_for_a_program(world: World) -> None:
    browser = world.org.visitor()
    page = browser.get("/nowhere", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Content-Security-Policy"]) == (404, POLICY)
    assert '<nav class="aside"' in page.text
    browser.cookies.clear()
    stranger = browser.get("/nowhere", headers={"Accept": "text/html"})
    assert stranger.status_code == 404
    assert '<nav class="aside"' not in stranger.text
    assert browser.get("/nowhere").headers["Content-Type"] == "application/problem+json"


def test_the_first_page_leads_who_is_signed_in_to_the_start_page(world: World) -> None:
    browser = world.org.visitor()
    assert browser.get("/", headers={"Accept": "text/html"}).headers["Location"] == "training"
    browser.cookies.clear()
    assert browser.get("/", headers={"Accept": "text/html"}).status_code == 200


# --- static files


def test_static_files_are_kept_for_a_year_under_the_hash_of_their_content(world: World) -> None:
    browser = world.org.visitor()
    for name in static_files.MEDIA_TYPES:
        answer = browser.get(static_files.address(name))
        assert answer.status_code == 200
        assert "max-age=31536000, immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "gzip"
    assert browser.get("/static/former/console.css").headers["Cache-Control"] == "no-store"
    assert browser.get("/static/former/other.css").status_code == 404


def test_a_page_is_in_the_language_of_the_organization_else_of_the_browser(world: World) -> None:
    browser = world.org.visitor()
    assert '<html lang="nb">' in browser.get("/overview", headers={"Accept-Language": "nb-NO,nb;q=0.9"}).text
    world.org.client().put("/v1/settings", json={"language": "nb-NO"})
    page = browser.get("/overview", headers={"Accept-Language": "en"}).text
    assert "<h1>Oversikt</h1>" in page
    assert "tildeling er åpen" in page
