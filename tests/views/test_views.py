"""Saved views through the console: saving, what is refused, renaming, sharing, deleting, and who sees and may what."""

import re
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.console.viewing import LISTS
from shared import views
from tests.console.test_columns import Table
from tests.console.test_pages import lists
from tests.factories import Org, count_statements
from tests.feed import recorded
from tests.views.saving import current, form, rows, save, views_over


def test_views_are_saved_of_every_list_that_belongs_to_no_thing(app: FastAPI) -> None:
    assert {f"/{name}" for name in LISTS} == {path for path, _, _ in lists(app) if "{" not in path}


def test_a_saved_view_stands_over_its_list_and_shows_the_same_rows_and_columns(org: Org) -> None:
    org.with_parties("crew-1", "crew-2")
    org.client().put("/v1/parties", json={"parties": [{"entityId": "crew-2", "active": False}]})
    browser = org.visitor()
    view_id = save(browser, "Who left", "parties", active="false", columns="name,changed")
    opened = browser.get(f"/views/{view_id}")
    assert opened.headers["Location"] == "/parties?active=false&columns=name,changed"
    shown = browser.get(opened.headers["Location"]).text
    assert (views_over(shown), current(shown)) == (["Who left"], ["Who left"])
    assert Table(shown).headings == ["Name", "Changed (UTC)"]
    assert [row[0] for row in Table(shown).rows] == ["Party crew-2"]
    assert current(browser.get("/parties").text) == ["Everything"]
    assert views_over(browser.get("/assignments").text) == []


def test_the_list_offers_to_save_what_is_set_and_nothing_that_is_saved_already(org: Org) -> None:
    browser = org.visitor()
    assert "Save this view" not in browser.get("/assignments").text
    shown = browser.get("/assignments?state=assigned&columns=person,due").text
    (address,) = map(unescape, re.findall(r'href="(/views/new[^"]+)"', shown))
    assert address == "/views/new?listName=assignments&filter.state=assigned&columns=person,due"
    page = browser.get(address).text
    assert "<dt>State</dt><dd>Open</dd>" in page
    assert "<dt>Columns</dt><dd>Person, Due</dd>" in page
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    assert browser.post("/views/new", data={**fields, "columns": ["person", "due"], "name": "Open"}).status_code == 303
    assert "Save this view" not in browser.get("/assignments?state=assigned&columns=person,due").text


def test_a_form_that_was_sent_untouched_has_nothing_to_save(org: Org) -> None:
    browser = org.visitor()
    sent = {"state": "", "sort": "newest", "columns": ["person", "course", "reason", "due", "state"]}
    assert "Save this view" not in browser.get("/assignments", params=sent).text
    assert "Save this view" in browser.get("/assignments", params={"sort": "due"}).text


def test_the_usual_columns_are_kept_as_the_usual_ones(org: Org) -> None:
    save(org.visitor(), "All", "parties", active="true", columns="name,id,folders,state")
    assert [view.columns for view in rows(org)] == [None]


def test_a_form_sent_twice_saves_one_view(org: Org) -> None:
    browser = org.visitor()
    sent = form("Open", state="assigned") | {"formKey": "one"}
    first, second = (browser.post("/views/new", data=sent) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert len(rows(org)) == 1


def test_a_name_that_is_there_says_so_in_any_letter_case_and_can_be_replaced(org: Org) -> None:
    browser = org.visitor()
    save(browser, "Late Ones", state="assigned")
    answer = browser.post("/views/new", data=form("late ones", overdue="true"))
    assert answer.status_code == 409
    assert "Name: Choose another name, or replace the view that has this one" in answer.text
    assert 'name="replace"' in answer.text
    assert 'value="late ones"' in answer.text
    assert browser.post("/views/new", data=form("late ones", overdue="true") | {"replace": "true"}).status_code == 303
    (view,) = rows(org)
    assert (view.name, view.filters) == ("late ones", {"overdue": "true"})
    save(browser, "Late ones", "licences", state="active")
    save(org.visitor(member="member-2"), "Late ones", overdue="true")


# --- what is refused


@pytest.mark.parametrize(
    ("filters", "place", "says"),
    [
        ({"salary": "high"}, "", "The list has no such filter. It has courseId"),
        ({"<b>": "1"}, "", "The list has no such filter"),
        ({"state": "lost"}, 'href="#state"', "assigned"),
        ({"dueBefore": "soon"}, 'href="#dueBefore"', "date"),
        ({"partyId": "no id"}, 'href="#partyId"', ""),
        ({"columns": "salary"}, 'href="#columns"', "There is no such column"),
    ],
)
def test_a_view_of_a_filter_that_the_list_does_not_take_is_refused_with_the_place(
    org: Org, filters: dict[str, Any], place: str, says: str
) -> None:
    answer = org.visitor().post("/views/new", data=form("Wrong", **filters))
    assert answer.status_code == 422
    assert place in answer.text
    assert says in answer.text
    assert "<b>" not in answer.text
    assert rows(org) == []


def test_a_view_of_no_list_is_refused(org: Org) -> None:
    answer = org.visitor().post("/views/new", data=form("Wrong", "salaries"))
    assert answer.status_code in (303, 422)
    assert rows(org) == []


def test_a_filter_that_is_no_longer_valid_is_refused_by_name_when_the_view_is_opened(org: Org) -> None:
    browser = org.visitor()
    view_id = save(browser, "Old", state="assigned")
    with org.transaction() as db:
        db.execute(text("""UPDATE saved_view SET filters = '{"salary": "high"}'"""))
    for address in (f"/views/{view_id}", "/assignments?salary=high"):
        answer = browser.get(address)
        assert answer.status_code == 422
        assert "salary" in answer.text
    assert browser.get("/views").status_code == 200
    assert browser.get(f"/views/{view_id}/edit").status_code == 200


@pytest.mark.parametrize(("name", "says"), [("", "Name"), ("x" * 61, "at most 60 characters"), ("x" * 201, "200")])
def test_a_name_is_neither_empty_nor_long(org: Org, name: str, says: str) -> None:
    answer = org.visitor().post("/views/new", data=form(name, state="assigned"))
    assert answer.status_code == 422
    assert says in answer.text
    assert rows(org) == []


def test_a_view_with_too_many_characters_is_refused(org: Org) -> None:
    longest = ",".join(["party.created"] * 120)
    answer = org.visitor().post("/views/new", data=form("Long", "audit", types=longest))
    assert answer.status_code == 422
    assert "A view has at most 1500 characters of filters and columns" in answer.text


def test_a_member_and_an_organization_have_so_many_views_and_not_one_more(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views.actions, "MOST_OWN", 2)
    monkeypatch.setattr(views.actions, "MOST_SHARED", 1)
    browser = org.visitor()
    for n in range(2):
        save(browser, f"Own {n}", state="assigned")
    refused = browser.post("/views/new", data=form("Own 3", state="assigned"))
    assert refused.status_code == 409
    assert "A member has at most 2 views besides the shared ones; delete one first" in refused.text
    assert browser.post("/views/new", data=form("Own 1") | {"replace": "true"}).status_code == 303
    view_id = save(browser, "Shared", state="assigned", shared=True)
    refused = browser.post(f"/views/{rows(org)[0].id}/share")
    assert refused.status_code == 409
    assert "An organization shares at most 1 views; delete one first" in refused.text
    assert browser.post(f"/views/{view_id}/unshare").status_code == 409
    save(org.visitor(member="member-2"), "Own 1", state="assigned")


def test_the_limits_are_fifty() -> None:
    assert (views.MOST_OWN, views.MOST_SHARED) == (50, 50)


# --- what it costs and leaves


def test_a_get_of_the_forms_changes_nothing(org: Org) -> None:
    browser = org.visitor()
    view_id = save(browser, "Open", state="assigned")
    before = len(recorded(org, "view.saved"))
    for path in ("new?listName=assignments&name=Other", f"{view_id}/edit?name=Other", view_id, f"{view_id}/delete"):
        browser.get(f"/views/{path}")
    for path in ("default", "start", f"{view_id}/share"):
        assert browser.get(f"/views/{path}").status_code in (404, 405, 422)
    assert [(view.name, view.shared) for view in rows(org)] == [("Open", False)]
    assert len(recorded(org, "view.saved")) == before


def test_what_happens_to_views_is_recorded_without_their_names_and_filters(org: Org) -> None:
    browser = org.visitor()
    view_id = save(browser, "Anna is late", partyId="crew-1")
    browser.post(f"/views/{view_id}/edit", data={"name": "Anna"})
    browser.post(f"/views/{view_id}/share")
    browser.post("/views/new", data=form("anna", shared=True) | {"replace": "true"})
    browser.post(f"/views/{view_id}/delete")
    found = recorded(org, "view.saved", "view.changed", "view.deleted")
    assert [(one.type, one.data.get("changed"), one.data["shared"]) for one in found] == [
        ("view.saved", None, False),
        ("view.changed", ["name"], False),
        ("view.changed", ["shared"], True),
        ("view.changed", ["filters", "columns"], True),
        ("view.deleted", None, True),
    ]
    assert {one.subject for one in found} == {f"view/{view_id}"}
    assert not any("Anna" in str(one.data) for one in found)


def test_a_list_sends_no_statement_more_for_its_views(org: Org) -> None:
    browser = org.visitor()
    for n in range(12):
        save(browser, f"View {n}", state="assigned", shared=n % 2 == 0)
    browser.get("/assignments")
    with count_statements(org.parts.database.engine) as sent:
        assert len(views_over(browser.get("/assignments").text)) == 12
    assert sent.count == 2, sent.sent


# --- erasure


def test_erasing_a_party_deletes_its_members_own_views_and_those_that_name_it(org: Org) -> None:
    named = [
        {"entityId": "crew-1", "displayName": "Anna Bø", "memberId": "anna"},
        {"entityId": "crew-12", "displayName": "Annabel"},
    ]
    org.client().put("/v1/parties", json={"parties": named})
    admin, anna = org.visitor(), org.visitor(member="anna", party="crew-1")
    save(anna, "Own", state="assigned")
    anna.post("/views/start", data={"view": save(anna, "Start", state="closed")})
    save(anna, "Shared by Anna's crew", state="assigned", shared=True)
    save(admin, "By id", partyId="crew-1")
    save(admin, "By subject", "audit", subject="party/crew-1")
    save(admin, "By name", "parties", q="anna bø")
    save(admin, "What anna bø owes", state="assigned", shared=True)
    save(admin, "Another id", partyId="crew-12")
    save(admin, "Anna Bøe", "parties", q="Annabel")
    org.client().post("/v1/parties/crew-1/erase")
    assert [view.name for view in rows(org)] == ["Anna Bøe", "Another id", "Shared by Anna's crew"]
    with org.transaction() as db:
        assert db.scalar(text("SELECT count(*) FROM start_page")) == 0
