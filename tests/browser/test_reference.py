"""The first page and the reference of the API in a browser, with scripts: nothing is loaded from another host."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.looking import DESK, PHONE, assert_accessible, fits, without_complaints
from tests.factories import Org


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def scripted(request: pytest.FixtureRequest, browser: Browser, site: str) -> Iterator[Page]:
    """A tab with JavaScript. A request to another host than the service fails the test."""
    width, height = request.param
    with browser.new_context(viewport={"width": width, "height": height}) as context:
        page = context.new_page()
        elsewhere: list[str] = []
        page.on("request", lambda one: None if one.url.startswith((site, "data:")) else elsewhere.append(one.url))
        with without_complaints(page):
            yield page
        assert elsewhere == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_page_is_accessible_and_leads_to_the_reference(site: str, browser: Browser, scheme: str) -> None:
    with browser.new_context(color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(site)
        assert_accessible(page)
        assert fits(page)
        page.get_by_role("link", name="Reference of the API").click()
        expect(page.get_by_role("button", name="Authorize")).to_be_visible(timeout=30_000)


def test_the_reference_is_drawn_and_sends_a_request_with_the_token_that_was_entered(
    org: Org, site: str, scripted: Page
) -> None:
    page = scripted
    page.goto(f"{site}/docs")
    page.get_by_role("button", name="Authorize").click(timeout=30_000)
    page.locator(".auth-container input").fill(org.token())
    page.locator(".auth-btn-wrapper .authorize").click()
    page.locator(".auth-btn-wrapper .btn-done").click()
    page.locator("#operations-tag-organization .expand-operation").click()
    operation = page.locator(".opblock", has=page.locator('[data-path="/v1/me"]'))
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response .response-col_status").first).to_contain_text("200")
    expect(operation.locator(".live-responses-table")).to_contain_text("member-1")
