"""A form that is wrong in several ways says all of them at once, each at its field, in a sentence with a capital."""

import re
from html import unescape

import pytest

from tests.console.world import World, build
from tests.drain import InProcessWorker
from tests.factories import Org


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """An organization with something on every page."""
    return build(org, worker)


EMPTY = {
    "/assign/preview": ["courseId", "reason", "recipients"],
    "/sessions/new": ["courseId", "endsAt", "mode", "startsAt", "timeZone"],
    "/sessions/{session_id}/add": ["recipients"],
    "/sessions/{done_id}/amend": ["add", "reason"],
}


def faults(page: str) -> dict[str, str]:
    """The faults that a page sums up: the field that each leads to, and what it says."""
    found = re.search(r'<section class="problems".*?</section>', page, re.DOTALL)
    assert found, page
    return {name: unescape(text) for name, text in re.findall(r'<a href="#([^"]+)">([^<]+)</a>', found[0])}


@pytest.mark.parametrize("path", sorted(EMPTY))
def test_all_that_is_wrong_with_an_empty_form_is_said_at_once_at_its_fields(world: World, path: str) -> None:
    browser = world.org.visitor()
    world.ids["done_id"] = world.org.client().get("/v1/sessions?state=completed").json()["items"][0]["id"]
    answer = browser.post(world.address(path), data={"formKey": "a", "timeZone": "Oslo"})
    assert answer.status_code == 422
    told = faults(answer.text)
    assert sorted(told) == EMPTY[path]
    for name, text in told.items():
        sentence = text.partition(": ")[2] or text
        assert sentence[0].isupper(), text
        assert f'id="{name}"' in answer.text, name


def test_what_is_given_but_wrong_is_not_said_to_be_missing(world: World) -> None:
    answer = world.org.visitor().post("/assign/preview", data={"formKey": "a", "recipients": "b@d"})
    assert sorted(faults(answer.text)) == ["courseId", "reason", "recipients"]
    assert "at least one recipient" not in answer.text


def test_a_fault_begins_with_a_capital_in_norwegian_too(world: World) -> None:
    browser = world.org.visitor()
    browser.headers["Accept-Language"] = "nb"
    answer = browser.post("/assign/preview", data={"formKey": "a", "reason": "x", "courseId": world.ids["course_id"]})
    (text,) = faults(answer.text).values()
    assert text.partition(": ")[2][0].isupper(), text
