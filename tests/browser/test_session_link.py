"""The page of a session link in a browser: without scripts, by keyboard, on a phone, and as axe reads it aloud."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.assignments.links import Sent, send
from tests.drain import Workshop
from tests.factories import Org

PHONE, DESK = (360, 640), (1280, 900)
MATERIALS = [
    {"documentId": "DMS-1", "title": "Muster stations and wind socks", "url": "https://dms.example/1"},
    {"documentId": "DMS-2", "title": "Pocket card"},
]


@pytest.fixture
def sent(org: Org, workshop: Workshop) -> Sent:
    return send(org, workshop, summary="How to tell that the gas is there.\nWhere to go.", materials=MATERIALS)


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A tab without scripts; what the browser complains of fails the test."""
    width, height = request.param
    with browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=False) as context:
        opened = context.new_page()
        complaints: list[str] = []
        opened.on("console", lambda message: complaints.append(message.text))
        yield opened
        assert complaints == []


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return wide


def test_a_party_completes_by_keyboard_alone(sent: Sent, site: str, page: Page) -> None:
    page.goto(site + sent.path)
    assert fits(page)
    button = page.get_by_role("button")
    page.keyboard.press("Tab")  # the material's link comes first
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Completed on")).to_be_visible()
    expect(button).to_have_count(0)
    assert page.url == site + sent.path
    page.reload()
    assert [fact["type"] for fact in sent.events()].count("assignment.completed") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_bars_anybody(sent: Sent, site: str, browser: Browser, scheme: str) -> None:
    with browser.new_context(color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        for path in (sent.path, "/s/forged"):
            page.goto(site + path)
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        page.goto(site + sent.path)
        page.get_by_role("button").click()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_axe_finds_what_bars_somebody(browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content("<button></button>")
        assert "button-name" in Axe().run(page).generate_snapshot()


def test_a_thumb_can_hit_what_is_to_be_pressed(sent: Sent, site: str, page: Page) -> None:
    page.goto(site + sent.path)
    for target in (page.get_by_role("button"), page.get_by_role("link")):
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44
