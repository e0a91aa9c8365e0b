"""Bulk acts from the list of assignments: on the chosen rows, and on all that match but those that were unticked."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.access import Permission
from tests.assignments.asking import assign, body
from tests.console.previews import confirmed
from tests.drain import InProcessWorker
from tests.factories import Org

PEOPLE = ("crew-1", "crew-2", "crew-3", "crew-4")


@pytest.fixture
def crew(org: Org, worker: InProcessWorker) -> Org:
    """An organization with four open assignments."""
    course_id = org.with_course()
    org.with_parties(*PEOPLE)
    assign(org, worker, body(course_id, *PEOPLE))
    return org


def ids(org: Org) -> list[str]:
    """The ids of the assignments, by party."""
    items = org.client().get("/v1/assignments").json()["items"]
    return [one["id"] for one in sorted(items, key=lambda one: one["party"]["entityId"])]


def closed(org: Org) -> set[str]:
    """The parties whose assignment is closed."""
    items = org.client().get("/v1/assignments?state=closed").json()["items"]
    return {one["party"]["entityId"] for one in items}


def post(browser: TestClient, path: str, **fields: Any) -> Any:
    """Send a form, one that does something after its preview."""
    names = {name.replace("filter_", "filter."): value for name, value in fields.items()}
    data = {"formKey": "key-1", "act": "close", "reason": "Sold the rig"} | names
    looks = path.rpartition("/")[2] in ("act", "preview")
    return browser.post(path, data=data) if looks else confirmed(browser, f"{path}/preview", data)


def test_the_list_offers_what_the_caller_may_do_with_the_chosen_rows(crew: Org) -> None:
    page = crew.visitor().get("/assignments").text
    assert re.findall(r'name="act" value="(\w+)"', page) == ["remind", "complete", "change", "move", "close", "reopen"]
    assert page.count('name="ids"') == 4
    assert 'all <span data-matching="4">4</span> that match' in page
    only_view = crew.visitor(Permission.VIEW).get("/assignments").text
    assert 'name="ids"' not in only_view


def test_chosen_rows_are_closed_by_a_job_after_a_preview_that_writes_nothing(
    crew: Org, worker: InProcessWorker
) -> None:
    browser, chosen = crew.visitor(), ids(crew)[:2]
    assert "2 assignments that you chose" in post(browser, "/assignments/act", ids=chosen).text
    preview = post(browser, "/assignments/close/preview", ids=chosen)
    assert "Close: 2" in preview.text
    worker.drain(crew.id)
    assert closed(crew) == set()
    answer = post(browser, "/assignments/close", ids=chosen)
    assert answer.status_code == 303
    worker.drain(crew.id)
    assert closed(crew) == {"crew-1", "crew-2"}
    assert f'href="{answer.headers["Location"]}/undo"' in browser.get(answer.headers["Location"]).text


def test_all_that_match_but_those_left_out_are_closed_and_another_number_is_told(
    crew: Org, worker: InProcessWorker
) -> None:
    browser, (first, second, *_) = crew.visitor(), ids(crew)
    matching = {"matching": "all", "filter_state": "assigned", "except": [first, second], "shown": "5"}
    preview = post(browser, "/assignments/close/preview", **matching)
    assert "The list showed 5; what this can act on is 2 now." in preview.text
    told_again = post(browser, "/assignments/close/preview", **{**matching, "shown": "4"}).text
    assert "The list showed" not in told_again
    post(browser, "/assignments/close", **matching)
    worker.drain(crew.id)
    assert closed(crew) == {"crew-3", "crew-4"}


def test_a_change_without_a_reason_keeps_what_was_chosen_and_typed(crew: Org) -> None:
    chosen = ids(crew)[:1]
    fields = {"act": "change", "dueOn": "2099-01-01", "why": "", "ids": chosen}
    answer = post(crew.visitor(), "/assignments/change/preview", **fields)
    assert answer.status_code == 422
    assert '<a href="#why">' in answer.text
    assert 'value="2099-01-01"' in answer.text
    assert f'name="ids" value="{chosen[0]}"' in answer.text


def test_a_due_date_is_taken_away_only_by_its_box(crew: Org, worker: InProcessWorker) -> None:
    browser, chosen = crew.visitor(), ids(crew)[:1]
    for number, fields in enumerate(({"dueOn": "2099-01-01"}, {"noDueDate": "true"})):
        sent = fields | {"act": "change", "why": "Late", "ids": chosen, "reason": "", "formKey": f"key-{number}"}
        assert post(browser, "/assignments/change", **sent).status_code == 303
        worker.drain(crew.id)
        due = crew.client().get(f"/v1/assignments/{chosen[0]}").json()["dueOn"]
        assert due == fields.get("dueOn")


def test_nothing_chosen_is_said_in_the_form(crew: Org) -> None:
    answer = post(crew.visitor(), "/assignments/close/preview")
    assert answer.status_code == 422
    assert "Nothing is chosen" in answer.text


def test_ids_that_are_left_out_go_with_a_filter_only(crew: Org) -> None:
    first, second, *_ = ids(crew)
    client = crew.client()
    both = client.post("/v1/assignments/remind/preview", json={"assignmentIds": [first], "exceptIds": [second]})
    assert both.status_code == 422
    of_filter = client.post("/v1/assignments/remind/preview", json={"all": True, "filter": {}, "exceptIds": [first]})
    assert of_filter.json()["total"] == 3


def test_all_that_match_are_signed_off_and_undone_from_the_page_that_reports_it(
    crew: Org, worker: InProcessWorker
) -> None:
    browser, (first, *_) = crew.visitor(), ids(crew)
    sent = {"act": "complete", "matching": "all", "filter_state": "assigned", "except": [first], "shown": "4"}
    assert "Complete: 3" in post(browser, "/assignments/complete/preview", **sent, note="Signed list").text
    job = post(browser, "/assignments/complete", **sent, note="Signed list").headers["Location"]
    worker.drain(crew.id)
    done = crew.client().get("/v1/assignments?state=completed").json()["items"]
    assert {one["completion"]["note"] for one in done} == {"Signed list"}
    assert len(done) == 3
    crew.client().post(f"/v1/assignments/{done[0]['id']}/reopen", json={"reason": "Another day"})
    preview = browser.get(f"{job}/undo").text
    assert "Put back 2<" in preview
    assert "It was changed since" in preview
    assert browser.post(f"{job}/undo", data={"formKey": "key-9"}).status_code == 303
    worker.drain(crew.id)
    assert crew.client().get("/v1/assignments?state=completed").json()["items"] == []


def test_the_chosen_rows_are_moved_to_another_course(crew: Org, worker: InProcessWorker) -> None:
    browser, chosen, other = crew.visitor(), ids(crew)[:2], crew.with_course(title="Sea survival")
    sent = {"act": "move", "ids": chosen, "courseId": other, "why": "The wrong course", "reason": ""}
    assert f'<option value="{other}"' in post(browser, "/assignments/act", **sent).text
    assert "Move: 2" in post(browser, "/assignments/move/preview", **sent).text
    assert post(browser, "/assignments/move", **sent).status_code == 303
    worker.drain(crew.id)
    assert len(crew.client().get(f"/v1/assignments?courseId={other}&state=assigned").json()["items"]) == 2


def test_an_act_of_the_table_is_refused_without_its_permission(crew: Org) -> None:
    browser, chosen = crew.visitor(Permission.VIEW, Permission.COMPLETE), ids(crew)[:1]
    assert re.findall(r'name="act" value="(\w+)"', browser.get("/assignments").text) == ["complete"]
    assert post(browser, "/assignments/close/preview", ids=chosen).status_code == 403
    assert post(browser, "/assignments/complete/preview", ids=chosen, reason="").status_code == 200


def test_the_way_back_from_an_act_is_the_list_with_its_filter_and_columns(crew: Org) -> None:
    browser = crew.visitor()
    listed = browser.get("/assignments?state=assigned&sort=due&columns=person,due").text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', listed.split("data-choosing")[1]))
    back = 'href="/assignments?state=assigned&amp;sort=due&amp;columns=person,due"'
    sent: dict[str, Any] = hidden | {"act": "close", "ids": ids(crew)[:1], "reason": "Sold", "formKey": "key-1"}
    for path in ("/assignments/act", "/assignments/close/preview", "/assignments/close"):
        assert back in browser.post(path, data=sent).text, path


def test_an_act_that_would_do_nothing_is_not_offered(crew: Org) -> None:
    page = post(crew.visitor(), "/assignments/reopen/preview", ids=ids(crew)[:2]).text
    assert "Nothing would be done." in page
    assert "formaction" not in page
