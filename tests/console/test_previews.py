"""A form does what its preview showed: with another content, another number or no preview it does nothing."""

import re
from typing import Any

import pytest
from fastapi import FastAPI

from api.console.forms import Previewed
from tests.architecture.source import ROOT
from tests.console.previews import button, confirmed
from tests.console.world import World, build, page_routes
from tests.drain import InProcessWorker
from tests.factories import Org

EACH = ("remind", "complete", "change", "move", "close", "reopen")
FORMS: dict[str, dict[str, Any]] = {
    "/assign": {"courseId": "{course_id}", "recipients": "crew-1\ncrew-3", "reason": "Yearly", "dueOn": ""},
    "/packs/new": {"on": "2026-01-01", "partyIds": "crew-1", "include": ["licences"]},
    "/parties/{party_id}/merge": {"into": "crew-2", "reason": "One person"},
    "/parties/{party_id}/renumber": {"entityId": "crew-77", "reason": "New badge"},
    "/licences/revoke": {"act": "revoke", "matching": "all", "shown": "1", "reason": "No instructor"},
}
"""A form for each route that needs a preview."""
FORMS |= {f"/assignments/{act}": {"act": act, "matching": "all", "shown": "2", "reason": "Sold"} for act in EACH}
FORMS["/assignments/change"] |= {"why": "Late"}
FORMS["/assignments/move"] |= {"why": "Late", "courseId": "{other_id}"}
CHANGES: dict[str, dict[str, Any]] = {
    "/assign": {"folderIds": ["deck"]},
    "/packs/new": {"all": "true", "partyIds": ""},
    "/parties/{party_id}/renumber": {"entityId": "crew-78"},
    "/parties/{party_id}/merge": {"into": "crew-3"},
    "/assignments/complete": {"note": "Signed list"},
    "/assignments/remind": {"filter.state": "assigned"},
}
"""The field that is changed after the preview, by form. In a form that is not named here it is the reason."""


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """An organization with something on every page."""
    world = build(org, worker)
    world.ids["other_id"] = org.with_course(code="FIRE")
    return world


def filled(world: World, path: str) -> dict[str, Any]:
    """The form of a route, with the world's ids."""
    fields = {
        name: value.format_map(world.ids) if isinstance(value, str) else value for name, value in FORMS[path].items()
    }
    return {"formKey": f"key of {path}"} | fields


def declared(app: FastAPI) -> dict[str, str]:
    """The routes that need a preview, and the path of it."""
    return {
        str(route.path): one.dependency.path
        for route in page_routes(app, "POST")
        for one in route.dependencies
        if isinstance(one.dependency, Previewed)
    }


def number_of_jobs(world: World) -> int:
    """The number of jobs of the organization."""
    return len(world.org.client().get("/v1/jobs?limit=100").json()["items"])


def test_every_preview_belongs_to_one_route_that_needs_it(app: FastAPI) -> None:
    previews = {str(one.path) for one in page_routes(app, "POST") if str(one.path).endswith("/preview")}
    assert sorted(declared(app).values()) == sorted(previews)
    assert declared(app).keys() == FORMS.keys()


def test_no_button_but_that_of_previews_leads_a_form_elsewhere() -> None:
    templates = (ROOT / "api/console/templates").rglob("*.html")
    assert [one.name for one in templates if "formaction" in one.read_text()] == ["preview.html"]


@pytest.mark.parametrize("path", sorted(FORMS))
def test_a_form_that_has_changed_since_its_preview_is_previewed_anew_and_does_nothing(
    world: World, app: FastAPI, path: str
) -> None:
    browser, sent, before = world.org.visitor(), filled(world, path), number_of_jobs(world)
    preview = world.address(declared(app)[path])
    shown = button(browser.post(preview, data=sent).text)
    assert shown.address == world.address(path)
    changed = sent | CHANGES.get(path, {"reason": "Another reason"})
    for former in ({}, {"previewOf": ""}, {"previewOf": shown.value}):
        answer = browser.post(shown.address, data=changed | former)
        assert answer.status_code == 409, answer.text
        assert "The form has changed since the preview. Look at it again." in answer.text
        assert "Nothing has been written yet." in answer.text
    anew = button(answer.text)
    assert anew.value != shown.value
    assert number_of_jobs(world) == before
    done = browser.post(anew.address, data=changed | {"previewOf": anew.value})
    assert done.status_code == 303, done.text
    assert number_of_jobs(world) == before + 1


def test_what_a_browser_sends_otherwise_the_second_time_is_no_change(world: World) -> None:
    browser, sent = world.org.visitor(), filled(world, "/assign")
    shown = button(browser.post("/assign/preview", data=sent).text)
    again = sent | {"recipients": "crew-1\r\ncrew-3\r\n", "notify": "", "previewOf": shown.value}
    assert browser.post("/assign", data=again).status_code == 303


def test_a_faulty_form_that_has_changed_says_what_is_wrong_with_it(world: World) -> None:
    browser, sent = world.org.visitor(), filled(world, "/assign")
    shown = button(browser.post("/assign/preview", data=sent).text)
    answer = browser.post("/assign", data=sent | {"reason": "", "previewOf": shown.value})
    assert answer.status_code == 422
    assert '<a href="#reason">' in answer.text


def test_somebody_who_came_into_a_folder_since_the_preview_is_told_and_a_repetition_is_not_counted_again(
    world: World, worker: InProcessWorker
) -> None:
    browser = world.org.visitor()
    sent = filled(world, "/assign") | {"recipients": "", "folderIds": ["deck"]}
    shown = button(browser.post("/assign/preview", data=sent).text)
    world.org.with_parties("crew-4", folder="deck")
    answer = browser.post("/assign", data=sent | {"previewOf": shown.value})
    assert answer.status_code == 409
    assert "The preview showed 2; it is 3 now. Look at it again." in answer.text
    sent["previewOf"] = button(answer.text).value
    first = browser.post("/assign", data=sent)
    assert first.status_code == 303, first.text
    worker.drain(world.org.id)
    assert browser.post("/assign", data=sent).headers["Location"] == first.headers["Location"]


def test_a_filter_that_matches_another_number_since_the_preview_does_nothing(
    world: World, worker: InProcessWorker
) -> None:
    browser, sent = world.org.visitor(), filled(world, "/assignments/remind")
    shown = button(browser.post("/assignments/remind/preview", data=sent).text)
    assert confirmed(browser, "/assign/preview", filled(world, "/assign")).status_code == 303
    worker.drain(world.org.id)
    answer = browser.post("/assignments/remind", data=sent | {"previewOf": shown.value})
    assert answer.status_code == 409
    assert re.search(r"The preview showed \d+; it is \d+ now\. Look at it again\.", answer.text)


def test_to_assign_to_nobody_is_not_offered(world: World) -> None:
    page = world.org.visitor().post("/assign/preview", data=filled(world, "/assign") | {"recipients": "nobody"}).text
    assert "Nobody would be assigned." in page
    assert "formaction" not in page
