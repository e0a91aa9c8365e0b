"""The door of a session on a phone: attendance by thumb, then the completion, with script and without."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.looking import fits, without_complaints
from tests.browser.test_console import PHONE
from tests.console.world import build
from tests.drain import InProcessWorker
from tests.factories import Org


@pytest.mark.parametrize("scripted", [True, False], ids=["with script", "without script"])
def test_a_session_is_completed_at_the_door_of_a_phone(
    browser: Browser, site: str, org: Org, worker: InProcessWorker, scripted: bool
) -> None:
    world = build(org, worker)
    session = f"{site}/sessions/{world.ids['session_id']}"
    width, height = PHONE
    with browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=scripted) as context:
        for cookie in org.visitor().cookies.jar:
            context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": site}])
        page = context.new_page()
        with without_complaints(page):
            page.goto(f"{session}/door")
            expect(page.get_by_text("0 of 2 recorded")).to_be_visible()
            for number, (name, what) in enumerate((("crew-1", "Attended"), ("crew-2", "Absent")), start=1):
                button = page.get_by_role("button", name=f"{what} Party {name}")
                box = button.bounding_box()
                assert box is not None
                assert min(box["height"], box["width"]) >= 44
                button.click()
                expect(button).to_have_attribute("aria-pressed", "true")
                expect(page.get_by_text(f"{number} of 2 recorded")).to_be_visible()
            assert fits(page)
            page.get_by_role("link", name="Go on to completing it").click()
            page.get_by_role("button", name="Complete for 1 person").click()
            expect(page.get_by_role("heading", name="Complete a session")).to_be_visible()
            worker.drain(org.id)
            page.goto(session)
            page.get_by_role("link", name="Licence Party crew-1").click()
            expect(page.get_by_text("Why these dates")).to_be_visible()
            assert fits(page)
