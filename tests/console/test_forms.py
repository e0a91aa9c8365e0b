"""Forms: what was typed is kept, faults stand beside their fields, and a form that is sent twice makes one job."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.console.job_titles import KINDS as TEXTS
from shared import clock
from shared.jobs import KINDS
from tests.console.previews import confirmed
from tests.console.world import World, build, page_routes
from tests.drain import InProcessWorker
from tests.factories import Org


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """An organization with something on every page."""
    return build(org, worker)


def sent(world: World, **fields: Any) -> dict[str, Any]:
    """The form that assigns, as a browser sends it."""
    return {"formKey": "key-1", "courseId": world.ids["course_id"], "recipients": "crew-3", "reason": "Yearly"} | fields


def jobs(browser: TestClient) -> int:
    """The number of jobs in the list."""
    found = re.search(r"<strong>(\d+)</strong> jobs?", browser.get("/jobs").text)
    assert found
    return int(found.group(1))


def test_a_form_that_is_sent_twice_makes_one_job_and_a_changed_one_another(world: World) -> None:
    browser = world.org.visitor()
    before = jobs(browser)
    first = confirmed(browser, "/assign/preview", sent(world))
    assert first.status_code == 303
    assert confirmed(browser, "/assign/preview", sent(world)).headers["Location"] == first.headers["Location"]
    assert jobs(browser) == before + 1
    changed = confirmed(browser, "/assign/preview", sent(world, reason="Weekly"))
    assert changed.headers["Location"] != first.headers["Location"]


def test_a_refused_form_keeps_what_was_typed_and_names_each_field(world: World) -> None:
    browser = world.org.visitor()
    before = jobs(browser)
    answer = browser.post("/assign", data=sent(world, reason=" ", dueOn="2020-01-01", recipients="crew-3, b@d"))
    assert answer.status_code == 422
    page = answer.text
    assert "2 things need correcting" in page
    assert '<a href="#reason">' in page
    assert '<a href="#recipients">' in page
    assert re.search(r'id="reason"[^>]*aria-invalid="true"[^>]*aria-describedby="reason-hint reason-fault"', page)
    assert ">crew-3, b@d</textarea>" in page
    assert 'value="2020-01-01"' in page
    assert 'value="key-1"' in page
    assert jobs(browser) == before


def test_a_problem_of_the_verb_stands_beside_its_field_too(world: World) -> None:
    answer = world.org.visitor().post("/assign", data=sent(world, dueOn="2020-01-01"))
    assert answer.status_code == 422
    assert '<a href="#dueOn">Due date: The due date may not lie in the past; today is the earliest.</a>' in answer.text


def test_a_preview_says_what_would_happen_and_writes_nothing(world: World) -> None:
    browser = world.org.visitor()
    before = jobs(browser)
    answer = browser.post("/assign/preview", data=sent(world, recipients="crew-1\ncrew-3;nobody"))
    assert answer.status_code == 200
    assert "Assign to 1 person" in answer.text
    assert "There is no such party" in answer.text
    assert jobs(browser) == before


def test_an_act_that_is_refused_is_told_on_the_page_of_its_thing(world: World) -> None:
    answer = world.org.visitor().post(f"/jobs/{world.ids['job_id']}/cancel", data={})
    assert answer.status_code == 409
    assert 'class="problems"' in answer.text
    assert "What became of each" in answer.text


def test_a_retry_of_one_code_is_a_job_of_those_recipients(world: World, worker: InProcessWorker) -> None:
    browser = world.org.visitor()
    data = {"formKey": "key-2", "code": "party-not-found"}
    answer = browser.post(f"/jobs/{world.ids['job_id']}/retry", data=data)
    assert answer.status_code == 303
    worker.drain(world.org.id)
    assert "the failed ones of this job" in browser.get(answer.headers["Location"]).text


def test_an_undo_leads_to_its_job_and_is_offered_once(world: World, worker: InProcessWorker) -> None:
    browser, job = world.org.visitor(), f"/jobs/{world.ids['job_id']}"
    assert f'href="{job}/undo"' in browser.get(job).text
    preview = browser.get(f"{job}/undo").text
    assert "Put back 1<" in preview
    assert "It was changed since, so it was left as it is." in preview
    answer = browser.post(f"{job}/undo", data={"formKey": "key-3"})
    assert answer.status_code == 303
    worker.drain(world.org.id)
    page = browser.get(job).text
    assert f'href="{job}/undo"' not in page
    assert "was undone already" in browser.get(f"{job}/undo").text
    assert answer.headers["Location"] in page


def test_a_form_of_another_site_does_nothing(world: World, app: FastAPI) -> None:
    browser = world.org.visitor()
    browser.headers["Sec-Fetch-Site"] = "cross-site"
    for route in page_routes(app, "POST"):
        address = str(route.path).format_map({name: str(uuid.uuid4()) for name in route.param_convertors} | world.ids)
        answer = browser.post(address, data={})
        assert answer.status_code == 403, route.path
        assert "did not come from a page of this service" in answer.text


def test_what_is_no_form_is_refused(world: World) -> None:
    answer = world.org.visitor().post("/assign", json={"reason": "x"})
    assert answer.status_code == 415


def test_a_page_that_fails_after_its_verb_has_written_keeps_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = world.org.visitor()
    before = jobs(browser)
    monkeypatch.setattr("api.console.assign.made_job", lambda *_: 1 / 0)
    assert confirmed(browser, "/assign/preview", sent(world)).status_code == 500
    assert jobs(browser) == before


def test_a_job_is_approved_by_another_member_who_has_just_signed_in(world: World, worker: InProcessWorker) -> None:
    asking, others = world.org.visitor(), clock.now() - timedelta(minutes=6)
    world.org.client().put("/v1/settings", json={"changeLimit": 0})
    job = confirmed(asking, "/assign/preview", sent(world)).headers["Location"]
    assert "This job waits for a second person" in asking.get(job).text
    assert asking.post(f"{job}/approve", data={"formKey": "a"}).status_code == 403
    late = world.org.visitor(member="member-2", authenticated_at=others)
    assert late.post(f"{job}/approve", data={"formKey": "a"}).status_code == 401
    recent = world.org.visitor(member="member-2")
    assert "Approve the job of member-1" in recent.get("/overview").text
    assert recent.post(f"{job}/reject", data={"formKey": "a", "reason": ""}).status_code == 422
    assert recent.post(f"{job}/approve", data={"formKey": "a"}).status_code == 303
    worker.drain(world.org.id)
    assert "Succeeded" in recent.get(job).text


def test_every_kind_of_job_has_a_text() -> None:
    assert KINDS.keys() <= TEXTS.keys()
