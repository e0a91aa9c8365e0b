"""Papers in a browser: print a certificate, share it, revoke it, and see it public; the transcript; the logo."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from api.console.visits import cookie_name
from tests.browser.looking import DESK, PHONE, assert_accessible, fits, without_complaints
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.papers.images import image
from tests.papers.reading import read_bytes
from tests.verification.holding import NAME, PARTY, Held, hold


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    """A valid licence."""
    return hold(org, worker)


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def staff(request: pytest.FixtureRequest, browser: Browser, site: str, held: Held) -> Iterator[Page]:
    """A tab of a member of the staff, without JavaScript, once of a phone's size and once of a desktop's."""
    width, height = request.param
    name = cookie_name(held.org.parts.settings)
    cookie = held.org.visitor().cookies[name]
    with browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=False) as context:
        context.add_cookies([{"name": name, "value": cookie, "url": site}])
        with without_complaints(page := context.new_page()):
            yield page


def test_a_certificate_is_printed_shared_revoked_and_seen_public(
    staff: Page, browser: Browser, site: str, held: Held
) -> None:
    staff.goto(f"{site}/licences/{held.id}/certificate")
    printed = read_bytes(staff.pdf(prefer_css_page_size=True))
    assert NAME in printed.text
    assert "Download as PDF" not in printed.text
    with staff.expect_download() as downloading:
        staff.get_by_role("link", name="Download as PDF").click()
    assert NAME in read_bytes(downloading.value.path().read_bytes()).text

    staff.goto(f"{site}/licences/{held.id}")
    staff.get_by_role("button", name="Make a link to the certificate").click()
    url = staff.locator("code.secret").inner_text()
    assert fits(staff)
    address = site + url.removeprefix(held.org.parts.settings.public_url)
    with browser.new_context(java_script_enabled=False) as outside:
        visitor = outside.new_page()
        visitor.goto(address)
        expect(visitor.get_by_role("heading", name=NAME)).to_be_visible()

        staff.goto(f"{site}/licences/{held.id}")
        staff.get_by_text("Revoke this licence").click()
        staff.get_by_label("Reason").fill("Left the site")
        staff.get_by_role("button", name="Revoke for good").click()
        visitor.goto(address)
        expect(visitor.get_by_text(NAME)).to_have_count(0)
        expect(visitor.get_by_role("heading", name="This certificate is shown no longer")).to_be_visible()
        visitor.goto(site + held.path)
        expect(visitor.get_by_role("heading", name="Revoked on")).to_be_visible()
    staff.goto(f"{site}/licences/{held.id}/certificate")
    expect(staff.get_by_text("Revoked on")).to_be_visible()


def test_a_transcript_is_printed_without_what_surrounds_it(staff: Page, site: str, held: Held) -> None:
    held.org.client().post(f"/v1/licences/{held.id}/revoke", json={"reason": "Left the site"})
    staff.goto(f"{site}/parties/{PARTY}/transcript")
    assert fits(staff)
    text = " ".join(read_bytes(staff.pdf(prefer_css_page_size=True)).text.split())
    assert NAME in text
    assert "revoked the licence for good" in text
    assert "Download as PDF" not in text


def test_a_logo_is_uploaded_and_seen_on_a_certificate(staff: Page, site: str, held: Held) -> None:
    staff.goto(f"{site}/settings/certificate")
    logo = {"name": "logo.png", "mimeType": "image/png", "buffer": image("PNG", (300, 100))}
    staff.get_by_label("An image").set_input_files(logo)  # type: ignore[arg-type]
    staff.get_by_role("button", name="Upload").click()
    shown = staff.get_by_role("img", name="The organization's logo")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.naturalWidth") == 300
    assert fits(staff)
    staff.goto(f"{site}/licences/{held.id}/certificate")
    assert staff.locator("img.logo").evaluate("image => image.naturalWidth") == 300
    staff.goto(f"{site}/settings/certificate/preview")
    assert staff.locator("img.logo").evaluate("image => image.naturalWidth") == 300


def test_axe_finds_no_barrier_on_papers(browser: Browser, site: str, held: Held) -> None:
    name = cookie_name(held.org.parts.settings)
    cookie = held.org.visitor(party=PARTY).cookies[name]
    link = held.org.client().post(f"/v1/licences/{held.id}/certificate-link").json()["url"]
    pages = ["/settings/certificate", "/settings/certificate/preview", f"/parties/{PARTY}/transcript", "/me/transcript"]
    pages += ["/me", f"/licences/{held.id}/certificate", link.removeprefix(held.org.parts.settings.public_url)]
    with browser.new_context() as context:
        context.add_cookies([{"name": name, "value": cookie, "url": site}])
        page = context.new_page()
        for address in pages:
            page.goto(site + address)
            assert_accessible(page)
