"""A file of recipients in Chromium: repaired in the page, sent, followed, retried, undone."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.looking import assert_accessible, fits, without_complaints
from tests.browser.test_console import DESK, PHONE
from tests.drain import InProcessWorker
from tests.factories import Org

ROWS, BAD, REPAIRED = 10_000, 37, 5
CREW = [f"crew-{n:05}" for n in range(ROWS)]
LATE = CREW[-1]
"""Is away for the time of the job."""


def a_file() -> bytes:
    """A file of 10,000 ids, as Excel saves it. The first 37 have a blank in them."""
    ids = [one.replace("-", " ") if n < BAD else one for n, one in enumerate(CREW)]
    return ("\ufeffEmployee ID;Name\r\n" + "".join(f"{one};Somebody\r\n" for one in ids)).encode()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scripted", [True, False], ids=["with script", "without"])
def test_ten_thousand_rows_are_repaired_sent_followed_retried_and_undone(
    browser: Browser, site: str, org: Org, worker: InProcessWorker, scripted: bool
) -> None:
    org.with_course(title="H2S awareness")
    org.with_parties(*CREW)
    left = ROWS - BAD + REPAIRED
    context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]}, java_script_enabled=scripted)
    with context:
        for cookie in org.visitor().cookies.jar:
            context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": site}])
        page = context.new_page()
        page.set_default_timeout(60_000)
        with without_complaints(page):
            page.goto(f"{site}/assign")
            page.get_by_role("link", name="Take the people from a file").click()
            page.get_by_label("File").set_input_files({"name": "crew.csv", "mimeType": "text/csv", "buffer": a_file()})
            page.get_by_role("button", name="Look at the file").click()
            expect(page.get_by_role("link", name=f"Go on with the {ROWS - BAD:,} good ones")).to_be_visible()
            cells = page.locator("td input")
            assert cells.count() == BAD
            for n in range(REPAIRED):
                cells.nth(n).fill(CREW[n])
            if scripted:
                assert_accessible(page)
            page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
            assert fits(page)
            page.get_by_role("button", name="Check again").press("Enter")
            expect(page.locator("td input")).to_have_count(BAD - REPAIRED)
            page.get_by_role("link", name=f"Go on with the {left:,} good ones").click()
            send_and_undo(page, org, worker, left)
    assert org.client().get("/v1/assignments?state=assigned&limit=1").json()["items"] == []


def send_and_undo(page: Page, org: Org, worker: InProcessWorker, people: int) -> None:
    """Assign the course to the people of the file, retry the one who was inactive, and undo both jobs."""
    page.locator("#courseId").select_option(index=1)
    page.locator("#reason").fill("Annual refresh")
    page.get_by_role("button", name="Preview", exact=True).click()
    page.locator("button[formaction='/assign']").click()
    page.wait_for_url(re.compile("/jobs/"))
    set_active(org, LATE, active=False)
    first = followed(page, org, worker)
    expect(page.get_by_text("Succeeded in part").first).to_be_visible()
    assert fits(page)
    set_active(org, LATE, active=True)
    page.get_by_role("button", name="Retry all that failed").click()
    second = followed(page, org, worker)
    expect(page.get_by_text("Succeeded").first).to_be_visible()
    jobs = {one["id"]: one["counts"]["succeeded"] for one in org.client().get("/v1/jobs").json()["items"]}
    assert jobs == {first.rpartition("/")[2]: people - 1, second.rpartition("/")[2]: 1}
    for address in (second, first):
        page.goto(address)
        page.get_by_role("link", name="Undo").first.click()
        page.locator("button.danger").click()
        followed(page, org, worker)


def set_active(org: Org, party: str, *, active: bool) -> None:
    """Set a party active or inactive, as the directory does."""
    row = {"entityId": party, "displayName": f"Party {party}", "active": active}
    assert org.client().put("/v1/parties", json={"parties": [row]}).status_code == 200


def followed(page: Page, org: Org, worker: InProcessWorker) -> str:
    """Let the job of this page come to its end. Returns the page's address."""
    page.wait_for_url(re.compile("/jobs/[0-9a-f-]+$"))
    worker.drain(org.id)
    page.goto(page.url)
    return page.url
