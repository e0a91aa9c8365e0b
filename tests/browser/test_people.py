"""The work of people in a browser: they sign in, publish a version, approve as the second person, and complete."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from shared.access import Permission
from tests.assignments.asking import assign, body, submit
from tests.assignments.links import PARTY, send
from tests.browser.looking import assert_accessible, fits, without_complaints
from tests.browser.test_console import DESK, PHONE
from tests.console.issuing import bind, issuer
from tests.console.world import build
from tests.drain import InProcessWorker
from tests.factories import Org


def signed_in(browser: Browser, site: str, org: Org, size: tuple[int, int] = DESK, **visitor: Any) -> BrowserContext:
    """A browser in which a member is signed in. visitor: see `Org.visitor`."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    permissions = visitor.pop("permissions", ())
    for cookie in org.visitor(*permissions, **visitor).cookies.jar:
        context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": site}])
    return context


def test_a_person_signs_in_at_an_issuer_and_comes_back_to_the_page_it_asked_for(
    browser: Browser, site: str, org: Org
) -> None:
    org.with_parties("crew-1")
    public = org.parts.settings.public_url

    def brought_back(route: Route) -> None:
        """The public address is this service: here it listens at another port."""
        asked = urlsplit(route.request.url)
        route.fulfill(status=302, headers={"Location": f"{site}{asked.path}?{asked.query}"})

    with issuer() as running, browser.new_context() as context:
        bind(org, running)
        context.route(f"{public}/**", brought_back)
        page = context.new_page()
        with without_complaints(page):
            page.goto(f"{site}/parties?q=crew")
            page.get_by_label("Your organization").fill(org.id)
            page.get_by_role("button", name="Go on").click()
            page.get_by_role("link", name="Sign in with id").click()
            expect(page.get_by_role("link", name="Party crew-1")).to_be_visible()
            assert page.url == f"{site}/parties?q=crew"
            page.locator("summary", has_text="Ada Lindqvist").click()
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()


def test_a_draft_is_published_after_a_page_that_says_what_that_changes(
    browser: Browser, site: str, org: Org, worker: InProcessWorker
) -> None:
    world = build(org, worker)
    with signed_in(browser, site, org) as context:
        page = context.new_page()
        with without_complaints(page):
            page.goto(f"{site}/courses/{world.ids['course_id']}")
            page.get_by_role("link", name="Publish v4").click()
            expect(page.get_by_text("v3.2 is superseded")).to_be_visible()
            page.get_by_role("button", name="Publish").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("v4")


def test_the_second_person_approves_a_large_job_from_the_overview(
    browser: Browser, site: str, org: Org, worker: InProcessWorker
) -> None:
    course_id = org.with_course()
    org.with_parties("crew-1", "crew-2")
    org.client().put("/v1/settings", json={"changeLimit": 1})
    org.visitor(name="Nadia Berg")
    submit(org.client(), body(course_id, "crew-1", "crew-2"))
    with signed_in(browser, site, org, member="member-2") as context:
        page = context.new_page()
        with without_complaints(page):
            page.goto(f"{site}/overview")
            page.get_by_role("link", name="Approve the job of Nadia Berg for 2 people").click()
            page.get_by_role("button", name="Approve", exact=True).click()
            expect(page.get_by_text("Approved by")).to_be_visible()
            worker.drain(org.id)
            expect(page.locator(".progress")).to_contain_text("2 of 2", timeout=10_000)


@pytest.mark.parametrize("language", ["en", "nb"])
def test_a_party_completes_with_its_account_on_a_phone_in_its_own_language(
    browser: Browser, site: str, org: Org, worker: InProcessWorker, language: str
) -> None:
    course_id = org.with_course(title="Sea survival")
    party = {"entityId": "crew-1", "displayName": "Kari", "memberId": "kari", "language": language}
    org.client().put("/v1/parties", json={"parties": [party]})
    assign(org, worker, body(course_id, "crew-1"))
    own = {"permissions": (Permission.COMPLETE_SESSION_TASKS,), "member": "kari", "party": "crew-1"}
    with signed_in(browser, site, org, PHONE, **own) as context:
        page = context.new_page()
        with without_complaints(page):
            page.goto(f"{site}/training")
            expect(page.locator("html")).to_have_attribute("lang", language)
            page.get_by_role("button", name="Sea survival").click()
            expect(page.get_by_role("button", name="Sea survival")).to_have_count(0)
            assert fits(page)
            assert_accessible(page)
    (done,) = org.client().get("/v1/assignments?state=completed").json()["items"]
    assert done["completion"]["method"] == "self"


def test_a_party_shows_its_licence_and_its_certificate_and_comes_back(
    browser: Browser, site: str, org: Org, worker: InProcessWorker
) -> None:
    course_id = org.with_course(title="Sea survival", licenceOn="completion")
    org.client().put(
        "/v1/parties", json={"parties": [{"entityId": "crew-1", "displayName": "Kari", "memberId": "kari"}]}
    )
    assign(org, worker, body(course_id, "crew-1"))
    own = {"permissions": (Permission.COMPLETE_SESSION_TASKS,), "member": "kari", "party": "crew-1"}
    with signed_in(browser, site, org, PHONE, **own) as context:
        page = context.new_page()
        with without_complaints(page):
            page.goto(f"{site}/training")
            page.get_by_role("button", name="Sea survival").click()
            page.get_by_role("link", name="Show it to somebody").click()
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            page.go_back()
            page.get_by_role("link", name="Show it to somebody").click()
            page.go_back()
            page.get_by_role("link", name="Certificate").click()
            page.go_back()
            expect(page.get_by_role("link", name="Certificate")).to_be_visible()


def test_a_party_completes_by_its_link_in_its_own_language(
    browser: Browser, site: str, org: Org, worker: InProcessWorker
) -> None:
    sent = send(org, worker)
    org.client().put("/v1/parties", json={"parties": [{"entityId": PARTY, "language": "nb-NO"}]})
    with browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]}, locale="en-GB") as context:
        page: Page = context.new_page()
        with without_complaints(page):
            page.goto(site + sent.path)
            page.get_by_role("button", name="Jeg har fullført denne opplæringen").click()
            expect(page.get_by_role("heading", name="Fullført")).to_be_visible()
            assert fits(page)
            assert_accessible(page)
