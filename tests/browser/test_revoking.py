"""Revoking licences from their list in Chromium, with script and without, and undoing it where it is reported."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.looking import DESK, PHONE, assert_accessible, fits, without_complaints
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.sessions.sitting import completed

PEOPLE = tuple(f"crew-{n}" for n in range(1, 13))


@pytest.fixture(params=["with script", "without"])
def desk(request: pytest.FixtureRequest, browser: Browser, site: str, org: Org) -> Iterator[Page]:
    """A tab at a desk, signed in. Console messages fail the test."""
    script = request.param == "with script"
    with browser.new_context(viewport={"width": DESK[0], "height": DESK[1]}, java_script_enabled=script) as context:
        for cookie in org.visitor().cookies.jar:
            context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": site}])
        page = context.new_page()
        with without_complaints(page):
            yield page


def look(page: Page, name: str, *, script: bool) -> None:
    """Fail if the page has a barrier or is too wide for a phone. Draws it, if `SCREENSHOTS` names a folder."""
    if script:  # axe is one
        assert_accessible(page)
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        assert fits(page)
        _draw(page, f"{name}-phone")
        page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    _draw(page, f"{name}-desk" if script else f"{name}-plain")


def _draw(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"revoking-{name}.png", full_page=True)


def test_licences_are_revoked_from_their_list_and_granted_again_from_the_job(
    desk: Page, site: str, org: Org, worker: InProcessWorker, request: pytest.FixtureRequest
) -> None:
    script = "without" not in request.node.name.rpartition("[")[2]
    session = completed(org, worker, *PEOPLE, title="Hydrogen-sulfide response")
    desk.goto(f"{site}/licences?sessionId={session}&state=active")
    bar = desk.get_by_role("group", name="Do something with those that are chosen")
    if script:
        every = bar.get_by_role("checkbox", name="that match")
        expect(every).to_have_count(0)  # all of them are on the page
        desk.goto(f"{site}/licences?sessionId={session}&state=active&limit=10")
        desk.get_by_role("checkbox", name="Choose all on this page").check()
        bar.get_by_role("checkbox", name="all 12 that match").check()
        desk.get_by_role("checkbox", name="Choose Party crew-3", exact=True).uncheck()
        expect(bar).to_contain_text("all 11 that match")
    else:
        for n in range(1, 12):
            desk.get_by_role("checkbox", name=f"Choose Party crew-{n}", exact=True).check()
    look(desk, "list", script=script)
    bar.get_by_role("button", name="Revoke").click()
    expect(desk.get_by_text("All 12 that matched" if script else "11 licences that you chose")).to_be_visible()
    look(desk, "form", script=script)
    desk.get_by_label("Reason").fill("The instructor had no certificate")
    desk.get_by_role("button", name="Preview").click()
    expect(desk.get_by_role("button", name="Revoke: 11")).to_be_visible()
    look(desk, "preview", script=script)
    desk.get_by_role("button", name="Revoke: 11").click()
    worker.drain(org.id)
    desk.reload()
    expect(desk.locator(".progress")).to_contain_text("11 of 11")
    look(desk, "job", script=script)
    desk.get_by_role("link", name="Undo (within 14 days)").click()
    look(desk, "undo", script=script)
    desk.get_by_role("button", name="Put back 11").click()
    worker.drain(org.id)
    in_force = org.client().get("/v1/licences?state=active").json()["items"]
    assert {one["party"]["entityId"] for one in in_force} == set(PEOPLE)
    desk.goto(f"{site}/licences/{in_force[0]['id']}")
    expect(desk.get_by_text("Licence granted again, because its revocation was undone by member-1")).to_be_visible()
    look(desk, "licence", script=script)
