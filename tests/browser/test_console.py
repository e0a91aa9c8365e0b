"""Every page of the console in Chromium: axe, the width of a phone and of a desk, light and dark, and the keyboard.

With `SCREENSHOTS` in the environment, a picture of each page is written into that folder.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.looking import assert_accessible, fits, without_complaints
from tests.console.world import World, build, pages
from tests.drain import InProcessWorker
from tests.factories import Org

PHONE, DESK = (390, 844), (1440, 900)
PAPERS = ("/licences/{licence_id}/certificate", "/settings/certificate/preview", "/parties/{party_id}/transcript")
"""Pages in the language of the person or organization that they are about, whatever the reader's is."""


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """An organization with something on every page."""
    return build(org, worker)


def opened(browser: Browser, site: str, org: Org, size: tuple[int, int], language: str = "en-GB") -> BrowserContext:
    """A browser in which a member is signed in. language: a BCP 47 tag."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, locale=language)
    for cookie in org.visitor().cookies.jar:
        context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": site}])
    return context


@pytest.fixture
def desk(browser: Browser, site: str, world: World) -> Iterator[Page]:
    """A tab at a desk, signed in. Console messages fail the test."""
    with opened(browser, site, world.org, DESK) as context:
        page = context.new_page()
        with without_complaints(page):
            yield page


@pytest.mark.timeout(600)  # it grows with the pages
@pytest.mark.parametrize("language", ["en-GB", pytest.param("nb-NO", marks=pytest.mark.matrix)])
def test_every_page_is_accessible_and_fits_a_phone_and_a_desk_in_light_and_dark(
    browser: Browser, site: str, app: FastAPI, world: World, language: str, subtests: pytest.Subtests
) -> None:
    """Each page is loaded once: what the size and the colours change is looked at by itself."""
    with opened(browser, site, world.org, DESK, language) as context:
        page = context.new_page()
        for path in pages(app):
            with subtests.test(path), without_complaints(page):
                page.goto(site + world.address(path))
                is_paper = path.endswith(PAPERS)
                assert page.locator("html").get_attribute("lang") == ("en" if is_paper else language[:2])
                assert fits(page)
                assert_accessible(page)
                draw(page, path, "desk")
                page.emulate_media(color_scheme="dark")
                _assert_keeps(page, "color-contrast")
                draw(page, path, "dark")
                _resize(page, PHONE)
                assert fits(page)
                _assert_keeps(page, "target-size")
                draw(page, path, "phone-dark")
                page.emulate_media(color_scheme="light")
                draw(page, path, "phone")
                _resize(page, DESK)


def _resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


def _assert_keeps(page: Page, *rules: str) -> None:
    """Fail if axe finds that the page breaks one of these rules."""
    found = Axe().run(page, options={"runOnly": list(rules)})
    assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"


def draw(page: Page, path: str, kind: str) -> None:
    """Draw a page into the folder that `SCREENSHOTS` names, if it is set."""
    if folder := os.environ.get("SCREENSHOTS"):
        name = re.sub(r"\W+", "-", path).strip("-")
        page.screenshot(path=Path(folder) / f"{name}-{kind}.png", full_page=True)


def test_the_slash_searches_j_moves_along_the_rows_and_both_can_be_switched_off(
    desk: Page, site: str, world: World
) -> None:
    desk.goto(f"{site}/parties")
    desk.keyboard.press("/")
    expect(desk.get_by_role("searchbox")).to_be_focused()
    desk.keyboard.type("crew-2")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("link", name="Party crew-2")).to_be_visible()
    desk.locator("body").press("j")
    expect(desk.get_by_role("link", name="Party crew-2")).to_be_focused()
    desk.locator("summary", has_text="member-1").click()
    desk.get_by_role("checkbox", name="Keyboard").uncheck()
    desk.keyboard.press("Escape")
    desk.locator("body").press("/")
    expect(desk.get_by_role("searchbox")).not_to_be_focused()


def test_a_refused_form_has_the_focus_on_what_is_wrong(desk: Page, site: str) -> None:
    desk.goto(f"{site}/assign")
    desk.get_by_role("button", name="Preview").press("Enter")
    expect(desk.get_by_role("alert")).to_be_focused()
    desk.get_by_role("alert").get_by_role("link").first.press("Enter")
    assert desk.evaluate("document.activeElement.id") == "courseId"


def test_the_bar_of_a_job_moves_without_reloading(desk: Page, site: str, world: World, worker: InProcessWorker) -> None:
    desk.goto(f"{site}/assign")
    desk.get_by_label("Course", exact=True).select_option(world.ids["course_id"])
    desk.get_by_label("And these people").fill("crew-3")
    desk.get_by_label("Reason", exact=True).fill("Yearly")
    desk.get_by_role("button", name="Preview").click()
    desk.get_by_role("button", name="Assign to 1 person").click()
    expect(desk.locator(".progress")).to_contain_text("0 of 1")
    worker.drain(world.org.id)
    expect(desk.locator(".progress")).to_contain_text("1 of 1", timeout=10_000)
    expect(desk.get_by_text("Undo (within 14 days)")).to_be_visible()


def test_all_that_match_but_one_are_chosen_by_keyboard_and_escape_clears_them(
    desk: Page, site: str, world: World
) -> None:
    desk.goto(f"{site}/assignments?limit=1")
    bar = desk.get_by_role("group", name="Do something with those that are chosen")
    expect(bar).to_be_hidden()
    desk.get_by_role("checkbox", name="Choose all on this page").press("Space")
    expect(bar).to_contain_text("1 on this page")
    desk.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    desk.get_by_role("checkbox", name="Choose Party crew-2").press("Space")
    desk.get_by_role("checkbox", name="all 2 that match").press("Space")
    desk.get_by_role("checkbox", name="Choose Party crew-2").press("Space")
    bar.get_by_role("button", name="Close").press("Enter")
    expect(desk.get_by_text("without 1 that you left out")).to_be_visible()


def test_reopening_is_offered_once_something_that_is_not_open_is_chosen(desk: Page, site: str, world: World) -> None:
    desk.goto(f"{site}/assignments")
    reopen = desk.get_by_role("button", name="Reopen")
    rows = desk.locator("tbody tr")
    rows.filter(has_text="Open").get_by_role("checkbox").press("Space")
    expect(desk.get_by_role("button", name="Close")).to_be_visible()
    expect(reopen).to_be_hidden()
    rows.filter(has_text="Completed").get_by_role("checkbox").press("Space")
    expect(reopen).to_be_visible()
