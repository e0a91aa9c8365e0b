"""The start page: a member's own choice, the organization's, and what takes the place of a view that is gone."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from shared.access import Permission
from tests.factories import Org
from tests.feed import recorded
from tests.views.saving import save

OVERVIEW = "/overview"


def start(browser: TestClient) -> str:
    """The page to which the service's own address leads at last."""
    first = browser.get("/", headers={"Accept": "text/html"})
    assert (first.status_code, first.headers["Location"]) == (303, "training")
    following = browser.get("/training")
    assert following.status_code == 303
    return str(following.headers["Location"])


def choose(browser: TestClient, view: str, whose: str = "start") -> int:
    """Choose a start page. Returns the status."""
    return int(browser.post(f"/views/{whose}", data={"view": view}).status_code)


def test_the_start_page_is_the_overview_until_a_view_is_chosen_and_when_it_is_switched_off(org: Org) -> None:
    browser = org.visitor()
    assert start(browser) == OVERVIEW
    view_id = save(browser, "Open", state="assigned", columns="person,due")
    assert choose(browser, view_id) == 303
    assert start(browser) == "/assignments?state=assigned&columns=person,due"
    assert "Your start page" in browser.get("/views").text
    assert start(org.visitor(member="member-2")) == OVERVIEW
    assert choose(browser, "") == 303
    assert start(browser) == OVERVIEW
    assert "Your start page" not in browser.get("/views").text


def test_the_organizations_start_page_is_that_of_everybody_who_has_chosen_none(org: Org) -> None:
    admin, own, plain, calm = (org.visitor(member=name) for name in ("admin", "own", "plain", "calm"))
    shared = save(admin, "Late", overdue="true", shared=True)
    choose(own, save(own, "Mine", "licences", state="active"))
    choose(calm, "overview")
    assert choose(admin, shared, "default") == 303
    assert [start(one) for one in (plain, own, calm)] == [
        "/assignments?overdue=true",
        "/licences?state=active",
        OVERVIEW,
    ]
    other = save(admin, "Jobs", "jobs", state="running", shared=True)
    choose(admin, other, "default")
    assert start(plain) == "/jobs?state=running"
    choose(admin, "overview", "default")
    assert start(plain) == OVERVIEW
    assert [one.data["viewId"] for one in recorded(org, "organization.start_page_changed")] == [shared, other, None]


def test_only_a_shared_view_is_the_organizations_start_page(org: Org) -> None:
    admin = org.visitor()
    assert choose(admin, save(admin, "Mine", state="assigned"), "default") == 404
    assert choose(org.visitor(Permission.VIEW), "overview", "default") == 403
    assert choose(admin, "no-id", "default") == 404


@pytest.mark.parametrize("act", ["delete", "unshare"])
def test_a_view_that_is_gone_is_nobodys_start_page_and_never_an_error(org: Org, act: str) -> None:
    admin, reader, plain = (org.visitor(member=name) for name in ("admin", "reader", "plain"))
    view_id = save(admin, "Late", overdue="true", shared=True)
    for browser, whose in ((admin, "start"), (reader, "start"), (admin, "default")):
        choose(browser, view_id, whose)
    assert {start(one) for one in (admin, reader, plain)} == {"/assignments?overdue=true"}
    admin.post(f"/views/{view_id}/{act}")
    assert [start(one) for one in (reader, plain)] == [OVERVIEW, OVERVIEW]
    assert start(admin) == (OVERVIEW if act == "delete" else "/assignments?overdue=true")


def test_a_start_page_that_was_deleted_gives_way_to_that_of_the_organization(org: Org) -> None:
    browser = org.visitor()
    choose(browser, save(browser, "Late", overdue="true", shared=True), "default")
    mine = save(browser, "Mine", state="closed")
    choose(browser, mine)
    browser.post(f"/views/{mine}/delete")
    assert start(browser) == "/assignments?overdue=true"


def test_who_may_not_open_the_list_of_the_organizations_start_page_comes_to_the_overview(org: Org) -> None:
    admin = org.visitor()
    choose(admin, save(admin, "Hooks", "webhooks", columns="address,events", shared=True), "default")
    assert start(admin) == "/webhooks?columns=address,events"
    assert start(org.visitor(Permission.VIEW, member="reader")) == OVERVIEW
    org.with_parties("crew-1")
    person = org.visitor(Permission.COMPLETE_SESSION_TASKS, member="crew", party="crew-1")
    assert start(person) == OVERVIEW
    assert person.get(OVERVIEW).headers["Location"] == "/me"
    assert "/views" not in person.get("/me").text


def test_a_start_page_whose_filter_there_is_no_longer_gives_way_to_the_overview(org: Org) -> None:
    browser = org.visitor()
    choose(browser, save(browser, "Open", state="assigned"))
    for wrong in ('{"salary": "high"}', '{"state": "lost"}'):
        with org.transaction() as db:
            db.execute(text("UPDATE saved_view SET filters = cast(:wrong AS jsonb)"), {"wrong": wrong})
        assert start(browser) == OVERVIEW
