"""The pages of a licence in a browser: without JavaScript, by keyboard, on a phone, on paper, and checked by axe."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from shared.access import Permission
from shared.licences import grouped
from tests.browser.looking import PHONE, assert_accessible, fits, without_complaints
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.verification.holding import GRANTED_AT, NAME, Held, hold

LONG = (
    "Hydrogen-sulfide response and the safe evacuation of enclosed and elevated workplaces, refresher for supervisors"
)
"""A title that takes several lines of a certificate."""


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    """A licence that is valid until 2099."""
    return hold(org, worker, expires_at=datetime(2099, 6, 15, 12, tzinfo=UTC))


def sign_in(context: BrowserContext, held: Held) -> Page:
    """Open a tab of a member who may see the licence."""
    context.set_extra_http_headers({"Authorization": f"Bearer {held.org.token(Permission.VIEW)}"})
    return context.new_page()


def test_a_licence_is_verified_by_keyboard(held: Held, site: str, page: Page) -> None:
    page.goto(f"{site}/verify")
    assert fits(page)
    page.keyboard.press("Tab")
    expect(page.get_by_label("Code of the licence")).to_be_focused()
    page.keyboard.type("not a code")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("16 characters")
    page.keyboard.press("Tab")
    page.keyboard.type(grouped(held.code).lower().replace("-", " "))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Verify")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Valid until 15 June 2099, 12:00 (UTC)")).to_be_visible()
    expect(page.get_by_text(NAME)).to_be_visible()
    assert page.url == site + held.path
    assert fits(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Verify another licence")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_on_the_pages_of_a_licence(held: Held, site: str, browser: Browser, scheme: str) -> None:
    pages = (held.path, "/verify", "/verify/unknown", f"/v1/licences/{held.id}/certificate")
    with browser.new_context(color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = sign_in(context, held)
        for fields in ({}, {"revoked_at": GRANTED_AT + timedelta(days=1)}):
            if fields:
                held.change(**fields)
            for path in pages:
                page.goto(site + path)
                assert_accessible(page)


def test_the_content_security_policy_allows_the_style_of_the_page(held: Held, site: str, browser: Browser) -> None:
    """A forbidden style would leave the verdict without its colour."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site + held.path)
        colours = [
            page.locator(".verdict").evaluate("one => getComputedStyle(one).backgroundColor"),
            page.locator("main").evaluate("one => getComputedStyle(one).backgroundColor"),
        ]
        assert colours == ["rgb(229, 242, 234)", "rgb(255, 255, 255)"]


@pytest.mark.parametrize("title", ["Hydrogen-sulfide response", LONG])
def test_a_printed_certificate_is_one_page_of_a4(
    org: Org, worker: InProcessWorker, site: str, browser: Browser, title: str
) -> None:
    held = hold(org, worker, title=title, name="Maximiliana Konstantinopoulou-Featherstonehaugh of Little Snoring")
    with browser.new_context() as context:
        page = sign_in(context, held)
        with without_complaints(page):
            page.goto(f"{site}/v1/licences/{held.id}/certificate")
            sheet = page.pdf(prefer_css_page_size=True)
    assert sheet.count(b"/Type /Page\n") == 1
    width, height = (float(part) for part in sheet.partition(b"/MediaBox [0 0 ")[2].partition(b"]")[0].split())
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (297, 210)


def test_a_certificate_fits_the_screen_of_a_phone(held: Held, site: str, browser: Browser) -> None:
    width, height = PHONE
    with browser.new_context(viewport={"width": width, "height": height}) as context:
        page = sign_in(context, held)
        page.goto(f"{site}/v1/licences/{held.id}/certificate")
        assert fits(page)
        box = page.get_by_role("img", name="QR code").bounding_box()
        assert box is not None
        assert box["width"] >= 100  # large enough to be scanned from the screen
