"""The catalogue's pages: a course from its first draft to an archived one, and what publishing changes."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.access import Permission
from tests.console.world import World, build
from tests.drain import InProcessWorker
from tests.factories import Org


@pytest.fixture
def browser(org: Org) -> TestClient:
    """A member of the staff."""
    return org.visitor()


NEW = {
    "formKey": "key-1",
    "title": "Gas",
    "code": "GAS",
    "mode": "flex",
    "licenceMonths": "12",
    "licenceOn": "session",
    "licenceFrom": "granted",
    "licenceEnds": "instant",
    "earlyRenewal": "resets",
    "newerSatisfies": "true",
}
"""The form of a new course, as a browser sends it."""


def course_of(org: Org, course_id: str) -> dict[str, Any]:
    """The course, as the API answers it."""
    found: dict[str, Any] = org.client().get(f"/v1/courses/{course_id}").json()
    return found


def made(browser: TestClient, **fields: str) -> str:
    """Makes a course with the form, as it stands there when nothing else is typed. Returns its address."""
    selects = re.findall(r'<select id="(\w+)"(.*?)</select>', browser.get("/courses/new").text, re.DOTALL)
    chosen = {name: re.findall(r'value="(\w+)" selected', options) for name, options in selects}
    assert len(chosen) == 5
    assert chosen == {name: [value] for name, value in NEW.items() if name in chosen} | {"mode": []}
    answer = browser.post("/courses/new", data=NEW | fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_a_course_is_made_drafted_and_published_in_the_browser(org: Org, browser: TestClient) -> None:
    address = made(browser, renewBeforeDays="30", licenceMonths="24")
    page = browser.get(address).text
    assert "A licence lasts 24 months." in page
    assert "30 days before the end its holder is assigned the course again." in page
    assert "There is no version yet" in page
    lines = {"material.documentId": ["D-1", "", "D-2"], "material.title": ["Card", "", "Map"]}
    answer = browser.post(
        f"{address}/versions/new",
        data={"formKey": "key-2", "label": "v1", "summary": "Masks", "material.url": ["", "", "https://a.example/2"]}
        | lines,
    )
    assert answer.headers["Location"] == address
    page = browser.get(address).text
    assert '<a href="https://a.example/2" rel="noreferrer">Map</a>' in page
    publishing = re.search(r'href="([^"]+/publish)"', page)
    assert publishing
    assert "From now on the course is assigned" in browser.get(publishing[1]).text
    assert browser.post(publishing[1], data={"formKey": "key-3"}).status_code == 303
    assert course_of(org, address.rpartition("/")[2])["activeVersion"]["label"] == "v1"
    assert browser.get(publishing[1]).headers["Location"] == address


def test_a_form_that_is_sent_twice_makes_one_course(org: Org, browser: TestClient) -> None:
    made(browser)
    again = browser.post("/courses/new", data=NEW)
    assert "<h1>Gas" in again.text
    assert len(org.client().get("/v1/courses").json()["items"]) == 1


def test_the_form_of_a_new_course_names_what_is_wrong(browser: TestClient) -> None:
    sent = {"formKey": "key-1", "title": " ", "code": "GAS", "mode": "flex", "licenceMonths": "a year"}
    answer = browser.post("/courses/new", data=sent)
    assert answer.status_code == 422
    assert '<a href="#title">' in answer.text
    assert '<a href="#licenceMonths">' in answer.text
    assert 'value="a year"' in answer.text


def test_a_fault_in_a_document_stands_in_its_line(browser: TestClient) -> None:
    address = made(browser)
    lines = {"material.documentId": ["D-1", ""], "material.title": ["", ""], "material.url": ["no address", ""]}
    answer = browser.post(f"{address}/versions/new", data={"formKey": "key-2", "label": "v1"} | lines)
    assert answer.status_code == 422
    assert 'id="fault-materials-0-title"' in answer.text
    assert re.search(r'value="no address"[^>]*aria-describedby="fault-materials-0-url"', answer.text)


def test_an_edit_of_a_course_that_was_changed_meanwhile_is_refused_and_keeps_what_was_typed(
    org: Org, browser: TestClient
) -> None:
    address = made(browser, description="Long")
    course_id = address.rpartition("/")[2]
    page = browser.get(f"{address}/edit").text
    revision = re.search(r'name="revision" value="(\d+)"', page)
    assert revision
    sent = {"title": "Gases", "code": "GAS", "mode": "flex", "description": "", "revision": revision[1]}
    org.client().patch(f"/v1/courses/{course_id}", json={"title": "Gas 2"})
    answer = browser.post(f"{address}/edit", data=sent)
    assert answer.status_code == 412
    assert "Somebody changed it since you read it" in answer.text
    assert 'value="Gases"' in answer.text
    again = re.search(r'name="revision" value="(\d+)"', answer.text)
    assert again
    assert browser.post(f"{address}/edit", data=sent | {"revision": again[1]}).status_code == 303
    course = course_of(org, course_id)
    assert (course["title"], course["description"], course["licenceMonths"]) == ("Gases", None, 12)
    del sent["revision"]
    assert browser.post(f"{address}/edit", data=sent).status_code == 412


def test_the_rules_for_licences_are_changed_by_those_who_may_see_all(org: Org, browser: TestClient) -> None:
    address = made(browser)
    sent = {"licenceMonths": "", "licenceOn": "completion", "revision": "1"}
    assert browser.post(f"{address}/policy", data=sent).status_code == 303
    course = course_of(org, address.rpartition("/")[2])
    assert (course["licenceMonths"], course["licenceOn"], course["newerSatisfies"]) == (None, "completion", False)
    limited = org.visitor(Permission.ADMIN, folders=["deck"])
    assert limited.get(f"{address}/policy").status_code == 403
    assert "Change the rules" not in limited.get(address).text
    assert limited.post(
        f"{address}/edit", data={"title": "G", "code": "G", "mode": "flex", "revision": "2"}
    ).is_redirect


def test_an_archived_course_says_so_and_offers_nothing(browser: TestClient) -> None:
    address = made(browser)
    assert browser.post(f"{address}/archive", data={}).headers["Location"] == address
    page = browser.get(address).text
    assert '<span class="state ">Archived</span>' in page
    for act in ("Archive for good", "Draft a version", "/edit", "/policy"):
        assert act not in page
    assert "Gas" in browser.get("/courses?archived=true").text
    answer = browser.post(f"{address}/edit", data={"title": "G", "code": "G", "mode": "flex", "revision": "2"})
    assert answer.status_code == 409


def test_a_course_counts_those_who_owe_it_and_leads_to_their_lists(org: Org, worker: InProcessWorker) -> None:
    world = World(org, build(org, worker).ids)
    page = org.visitor().get(world.address("/courses/{course_id}")).text
    numbers = re.findall(r'href="(/\w+)\?courseId=[^"]*"><strong>([^<]+)</strong>', page)
    assert numbers[:3] == [("/assignments", "1"), ("/assignments", "0"), ("/assignments", "1")]
    viewer = org.visitor(Permission.VIEW).get(world.address("/courses/{course_id}"))
    assert viewer.status_code == 200
    for act in ("Edit", "Draft a version", "Publish", "Archive", ">Assign<"):
        assert act not in viewer.text
