"""The page of a session link in a browser: without JavaScript, by keyboard, on a phone, and checked by axe."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.assignments.links import Sent, send
from tests.browser.looking import assert_accessible, fits, without_complaints
from tests.drain import InProcessWorker
from tests.factories import Org

MATERIALS = [
    {"documentId": "DMS-1", "title": "Muster stations and wind socks", "url": "https://dms.example/1"},
    {"documentId": "DMS-2", "title": "Pocket card"},
]


@pytest.fixture
def sent(org: Org, worker: InProcessWorker) -> Sent:
    """An assignment with a link, of a version with a summary and materials."""
    return send(org, worker, summary="How to tell that the gas is there.\nWhere to go.", materials=MATERIALS)


def test_a_party_completes_an_assignment_by_keyboard(sent: Sent, site: str, page: Page) -> None:
    page.goto(site + sent.path)
    assert fits(page)
    button = page.get_by_role("button")
    page.keyboard.press("Tab")  # the link of the first material
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Completed on")).to_be_visible()
    expect(button).to_have_count(0)
    assert page.url == site + sent.path
    page.reload()
    assert [fact["type"] for fact in sent.events()].count("assignment.completed") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_on_the_pages_of_a_link(sent: Sent, site: str, browser: Browser, scheme: str) -> None:
    """Before and after the completion, and for a forged link."""
    with browser.new_context(color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        for path in ("/s/forged", sent.path):
            page.goto(site + path)
            assert_accessible(page)
        page.get_by_role("button").click()
        assert_accessible(page)


def test_axe_finds_a_button_without_a_name(browser: Browser) -> None:
    """The control: axe runs in this browser and reports."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content("<button></button>")
        with pytest.raises(AssertionError, match="button-name"):
            assert_accessible(page)


def test_a_violated_policy_is_reported_by_the_browser(browser: Browser, sent: Sent, site: str) -> None:
    """The control of the fixture `page`, which fails a test for a console message: here one of a forbidden style."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site + sent.path)
        with pytest.raises(AssertionError, match="Content Security Policy"), without_complaints(page):
            page.evaluate("document.body.setAttribute('style', 'color: red')")


def test_button_and_links_are_large_enough_for_a_thumb(sent: Sent, site: str, page: Page) -> None:
    page.goto(site + sent.path)
    for target in (page.get_by_role("button"), page.get_by_role("link")):
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44
