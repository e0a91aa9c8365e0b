"""Saved views in Chromium, with script and without: save, share, open as another member, start there, delete."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from shared.access import Permission
from tests.browser.looking import fits, without_complaints
from tests.browser.test_console import DESK, PHONE, draw
from tests.console.world import build
from tests.drain import InProcessWorker
from tests.factories import Org


@contextmanager
def member(browser: Browser, site: str, org: Org, script: bool, name: str, *permissions: Permission) -> Iterator[Page]:
    """A tab of a member who is signed in. Console messages fail the test."""
    size = {"width": DESK[0], "height": DESK[1]}
    with browser.new_context(viewport=size, java_script_enabled=script) as context:  # type: ignore[arg-type]
        for cookie in org.visitor(*permissions, member=name, name=name.title()).cookies.jar:
            context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": site}])
        page = context.new_page()
        with without_complaints(page):
            yield page


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_a_view_is_saved_shared_opened_by_another_member_made_the_start_page_and_deleted(
    browser: Browser, site: str, org: Org, worker: InProcessWorker, script: bool
) -> None:
    build(org, worker)
    with (
        member(browser, site, org, script, "ada") as ada,
        member(browser, site, org, script, "ben", Permission.VIEW) as ben,
    ):
        ada.goto(f"{site}/assignments")
        _filter(ada)
        _save(ada)
        ben.goto(f"{site}/assignments")
        expect(ben.get_by_role("link", name="Still open")).to_have_count(0)
        _share(ada)
        ben.reload()
        _open(ben)
        _start_there(ben)
        ben.goto(site)
        expect(ben.get_by_role("link", name="Still open")).to_have_attribute("aria-current", "page")
        _delete(ada)
        ben.goto(site)
        expect(ben.get_by_role("heading", name="Overview")).to_be_visible()


def _filter(page: Page) -> None:
    page.get_by_role("combobox", name="State").select_option("assigned")
    page.locator("summary", has_text="Columns").last.click()
    page.get_by_role("checkbox", name="Reason").uncheck()
    page.get_by_role("checkbox", name="Assigned").check()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("columnheader", name="Assigned (UTC)")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Reason")).to_have_count(0)


def _save(page: Page) -> None:
    page.get_by_role("link", name="Save this view").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Name")
    _look(page, "views-new")
    page.get_by_label("Name", exact=True).fill("Still open")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Still open")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("columnheader", name="Assigned (UTC)")).to_be_visible()
    page.locator("summary", has_text="Columns").last.click()
    _look(page, "views-list")


def _share(page: Page) -> None:
    page.get_by_role("link", name="Manage views").click()
    page.get_by_role("link", name="Change Still open").click()
    page.get_by_role("button", name="Share it with the organization").click()
    expect(page.get_by_text("by Ada")).to_be_visible()
    _look(page, "views-admin")


def _open(page: Page) -> None:
    page.get_by_role("link", name="Still open").click()
    expect(page.get_by_role("link", name="Party crew-1")).to_be_visible()
    expect(page.get_by_role("link", name="Party crew-2")).to_have_count(0)


def _start_there(page: Page) -> None:
    page.locator("summary", has_text="Ben").click()
    page.get_by_role("link", name="Views and start page").click()
    page.get_by_label("Yours").select_option(label="Assignments: Still open")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your start page")).to_be_visible()
    _look(page, "views-reader")


def _delete(page: Page) -> None:
    page.get_by_role("link", name="Change Still open").click()
    _look(page, "views-edit")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="Still open")).to_have_count(0)


def _look(page: Page, name: str) -> None:
    """Look at a page by its rules, at a desk and on a phone, and draw it if the environment says so."""
    assert fits(page)
    draw(page, name, "desk")
    page.emulate_media(color_scheme="dark")
    draw(page, name, "dark")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert fits(page)
    draw(page, name, "phone-dark")
    page.emulate_media(color_scheme="light")
    draw(page, name, "phone")
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
