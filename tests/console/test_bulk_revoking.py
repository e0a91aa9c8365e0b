"""Revoking from the list of licences: the chosen rows, or all that match but those that were unticked; and its undo."""

import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared import clock
from shared.access import Permission
from tests.console.previews import confirmed
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.sessions.sitting import completed

PEOPLE = ("crew-1", "crew-2", "crew-3", "crew-4")


@pytest.fixture
def session(org: Org, worker: InProcessWorker) -> str:
    """A completed session that gave licences to four people."""
    return completed(org, worker, *PEOPLE)


def ids(org: Org) -> dict[str, str]:
    """The ids of the licences in force, by party."""
    items = org.client().get("/v1/licences?state=active").json()["items"]
    return {one["party"]["entityId"]: one["id"] for one in items}


def post(browser: TestClient, path: str, **fields: Any) -> Any:
    """Send a form, one that does something after its preview."""
    names = {name.replace("filter_", "filter."): value for name, value in fields.items()}
    data = {"formKey": "key-1", "act": "revoke", "reason": "The wrong list"} | names
    looks = path.rpartition("/")[2] in ("act", "preview")
    return browser.post(path, data=data) if looks else confirmed(browser, f"{path}/preview", data)


def test_the_list_offers_to_revoke_to_who_may(org: Org, session: str) -> None:
    page = org.visitor().get(f"/licences?sessionId={session}").text
    assert re.findall(r'name="act" value="(\w+)"', page) == ["revoke"]
    assert (page.count('name="ids"'), 'data-matching="4"' in page) == (4, True)
    assert f'name="filter.sessionId" value="{session}"' in page
    assert 'name="ids"' not in org.visitor(Permission.VIEW).get("/licences").text
    assert post(org.visitor(Permission.VIEW), "/licences/revoke/preview", matching="all").status_code == 403


def test_chosen_licences_are_revoked_after_a_preview_and_granted_again_from_the_page_that_reports_it(
    org: Org, worker: InProcessWorker, session: str
) -> None:
    browser, before = org.visitor(), ids(org)
    chosen = [before["crew-1"], before["crew-2"]]
    form = post(browser, "/licences/act", ids=chosen, reason="").text
    assert "2 licences that you chose" in form
    assert "A revoked licence stays revoked" in form
    preview = post(browser, "/licences/revoke/preview", ids=chosen).text
    assert "Revoke: 2<" in preview
    worker.drain(org.id)
    assert ids(org) == before
    answer = post(browser, "/licences/revoke", ids=chosen)
    assert answer.status_code == 303, answer.text
    worker.drain(org.id)
    assert ids(org).keys() == {"crew-3", "crew-4"}
    page = browser.get(job := answer.headers["Location"]).text
    assert ("Revoke licences" in page, f'href="{job}/undo"' in page) == (True, True)
    assert "Put back 2<" in (undo := browser.get(f"{job}/undo").text)
    assert "Each person gets a new licence with the same dates" in undo
    assert browser.post(f"{job}/undo", data={"formKey": "key-9"}).status_code == 303
    worker.drain(org.id)
    assert ids(org).keys() == before.keys()


def test_all_that_match_but_those_left_out_are_revoked_and_another_number_is_told(
    org: Org, worker: InProcessWorker, session: str
) -> None:
    browser, found = org.visitor(), ids(org)
    day = (clock.now() + timedelta(days=9000)).date().isoformat()
    shown = {"filter_sessionId": session, "filter_expiresBefore": day, "filter_sort": "expiry", "filter_folderId": ""}
    matching = {"matching": "all", **shown, "except": [found["crew-3"]], "shown": "5"}
    preview = post(browser, "/licences/revoke/preview", **matching).text
    assert "The list showed 5; what this can act on is 3 now." in preview
    post(browser, "/licences/revoke", **matching)
    worker.drain(org.id)
    assert ids(org).keys() == {"crew-3"}


def test_revoking_many_needs_a_recent_sign_in_and_its_preview_does_not(org: Org, session: str) -> None:
    late = org.visitor(authenticated_at=clock.now() - timedelta(minutes=6))
    chosen = list(ids(org).values())
    assert post(late, "/licences/revoke/preview", ids=chosen).status_code == 200
    answer = post(late, "/licences/revoke", ids=chosen)
    assert (answer.status_code, "again=1" in answer.headers.get("Location", "") + answer.text) == (401, True)
    assert org.client().get("/v1/jobs?kind=licences.revoke").json()["items"] == []


def test_a_form_sent_twice_is_one_job_and_one_without_a_reason_keeps_what_was_chosen(
    org: Org, worker: InProcessWorker, session: str
) -> None:
    browser, chosen = org.visitor(), list(ids(org).values())[:1]
    refused = post(browser, "/licences/revoke/preview", ids=chosen, reason="")
    assert refused.status_code == 422
    assert '<a href="#reason">' in refused.text
    assert f'name="ids" value="{chosen[0]}"' in refused.text
    first, second = (post(browser, "/licences/revoke", ids=chosen).headers["Location"] for _ in range(2))
    assert first == second


def test_the_reasons_of_ones_own_revocations_are_offered(org: Org, worker: InProcessWorker, session: str) -> None:
    found = ids(org)
    post(org.visitor(), "/licences/revoke", ids=[found["crew-1"]], reason="No instructor")
    worker.drain(org.id)
    offered = '<option value="No instructor">'
    assert offered in post(org.visitor(), "/licences/act", ids=[found["crew-2"]]).text
    assert offered not in post(org.visitor(member="other"), "/licences/act", ids=[found["crew-2"]]).text
