"""Sharing: the members who see a view, and those who may share, change and delete it."""

import re

from fastapi.testclient import TestClient
from sqlalchemy import text

from shared.access import Permission
from tests.assignments.asking import assign, body
from tests.console.test_columns import Table
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.views.saving import form, rows, save, views_over

READS = (Permission.VIEW,)


def test_a_view_of_ones_own_is_seen_by_nobody_else(org: Org) -> None:
    view_id = save(org.visitor(), "Mine", state="assigned")
    other = org.visitor(member="member-2")
    assert views_over(other.get("/assignments").text) == []
    assert "Mine" not in other.get("/views").text
    for path in ("", "/edit"):
        assert other.get(f"/views/{view_id}{path}").status_code == 404
    for act in ("edit", "share", "unshare", "delete"):
        assert other.post(f"/views/{view_id}/{act}", data={"name": "Theirs"}).status_code == 404
    assert other.post("/views/start", data={"view": view_id}).status_code == 404
    assert [view.name for view in rows(org)] == ["Mine"]


def test_sharing_needs_an_administrator_of_the_whole_organization(org: Org) -> None:
    for browser in (org.visitor(*READS), org.visitor(folders=["deck"])):
        assert 'name="shared"' not in browser.get("/views/new?listName=assignments&filter.state=assigned").text
        assert browser.post("/views/new", data=form("Open", state="assigned", shared=True)).status_code == 403
        view_id = save(browser, "Open", state="assigned")
        assert browser.post(f"/views/{view_id}/share").status_code == 403
        assert browser.post("/views/default", data={"view": view_id}).status_code == 403
        browser.post(f"/views/{view_id}/delete")
    assert rows(org) == []


def test_a_shared_view_is_changed_and_deleted_by_its_maker_or_an_administrator_and_nobody_else(org: Org) -> None:
    admin, maker, reader = org.visitor(), org.visitor(*READS, member="maker"), org.visitor(*READS, member="reader")
    view_id = save(maker, "Open", state="assigned")
    with org.transaction() as db:
        db.execute(text("UPDATE saved_view SET shared = true"))
    assert views_over(reader.get("/assignments").text) == ["Open"]
    assert f"/views/{view_id}/edit" not in reader.get("/views").text
    assert reader.get(f"/views/{view_id}/edit").status_code == 403
    for act in ("edit", "unshare", "delete"):
        assert reader.post(f"/views/{view_id}/{act}", data={"name": "Theirs"}).status_code == 403
    assert maker.post(f"/views/{view_id}/edit", data={"name": "Still open"}).status_code == 303
    assert admin.post(f"/views/{view_id}/edit", data={"name": "Open by now"}).status_code == 303
    assert admin.post(f"/views/{view_id}/unshare").status_code == 303
    assert [(view.name, view.owner_id, view.shared) for view in rows(org)] == [("Open by now", "maker", False)]
    assert admin.get(f"/views/{view_id}").status_code == 404
    assert maker.post(f"/views/{view_id}/delete").status_code == 303
    assert rows(org) == []


def test_a_view_takes_no_name_that_another_one_has_by_renaming_or_sharing(org: Org) -> None:
    browser, other = org.visitor(), org.visitor(member="member-2")
    save(browser, "Open", state="assigned", shared=True)
    mine, second = save(browser, "Open", state="assigned"), save(browser, "Closed", state="closed")
    theirs = save(other, "open", state="assigned")
    assert browser.post(f"/views/{second}/edit", data={"name": "OPEN"}).status_code == 409
    assert browser.post(f"/views/{mine}/share").status_code == 409
    refused = other.post(f"/views/{theirs}/share")
    assert refused.status_code == 409
    assert "Choose another name" in refused.text
    assert browser.post(f"/views/{mine}/edit", data={"name": "OPEN"}).status_code == 303


def test_a_view_of_a_folder_shows_its_reader_what_that_one_may_see(org: Org, worker: InProcessWorker) -> None:
    course_id = org.with_course()
    org.with_parties("crew-1", folder="deck")
    org.with_parties("crew-2", folder="office")
    assign(org, worker, body(course_id, "crew-1", "crew-2"))
    save(org.visitor(), "Deck", folderId="deck", shared=True)
    for folders, seen in ((None, ["Party crew-1"]), (["deck"], ["Party crew-1"]), (["office"], [])):
        reader: TestClient = org.visitor(*READS, member="reader", folders=folders)
        page = reader.get("/assignments").text
        assert views_over(page) == ["Deck"]
        (address,) = re.findall(r'<li><a href="(/assignments\?[^"]+)">Deck', page)
        assert [row[0] for row in Table(reader.get(address).text).rows] == seen
