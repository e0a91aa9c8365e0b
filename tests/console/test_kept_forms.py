"""A form that is sent without a sign-in, or without a recent one, is sent again after signing in: nothing is lost."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from shared import clock
from tests.assignments.asking import body, submit
from tests.console.world import page_routes
from tests.factories import Org

SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def waiting(org: Org) -> str:
    """A job that waits for a second member. Returns its id."""
    course_id = org.with_course()
    org.with_parties("crew-1", "crew-2")
    org.client().put("/v1/settings", json={"changeLimit": 1})
    job = submit(org.client(member="first"), body(course_id, "crew-1", "crew-2"))
    assert job["state"] == "awaiting_approval"
    return str(job["id"])


def state(org: Org, job_id: str) -> str:
    """Return the state of a job."""
    found: str = org.client().get(f"/v1/jobs/{job_id}").json()["state"]
    return found


def fields(page: Any) -> list[tuple[str, str]]:
    """Return the hidden fields of the form that can be sent again."""
    form = page.text.partition('<form method="post" action="/jobs')[2].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return [(html.unescape(name), html.unescape(value)) for name, value in found]


@pytest.mark.parametrize("act", ["approve", "reject"])
def test_approving_and_rejecting_need_a_recent_sign_in(org: Org, waiting: str, act: str) -> None:
    old = org.visitor(member="second", authenticated_at=clock.now() - timedelta(minutes=6))
    page = old.post(f"/jobs/{waiting}/{act}", data={"reason": 'Wrong <folder> & "day"', "formKey": "k"})
    assert (page.status_code, "not older than 5 minutes" in page.text) == (401, True)
    assert "WWW-Authenticate" not in page.headers
    assert state(org, waiting) == "awaiting_approval"
    assert f'href="/sign-in?again=1&amp;next={quote("/sign-in/done", safe="")}"' in page.text
    assert fields(page) == [("reason", 'Wrong <folder> & "day"'), ("formKey", "k")]
    recent = org.visitor(member="second")
    again = recent.post(f"/jobs/{waiting}/{act}", data=dict(fields(page)))
    assert (again.status_code, again.headers["Location"]) == (303, f"/jobs/{waiting}")
    assert state(org, waiting) == ("queued" if act == "approve" else "cancelled")


def test_a_form_that_is_sent_after_the_sign_in_has_ended_is_kept(org: Org, waiting: str) -> None:
    browser = org.visitor(member="second")
    browser.post("/sign-out")
    typed = [("reason", "Ærlig talt\nto linjer"), ("recipients", "a"), ("recipients", "b"), ("empty", "")]
    text = "&".join(f"{name}={quote(value)}" for name, value in typed)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    page = browser.post(f"/jobs/{waiting}/reject?x=1&y=%22", content=text, headers=kind)
    assert page.status_code == 401
    assert fields(page) == typed
    assert f'action="/jobs/{waiting}/reject?x=1&amp;y=%22"' in page.text
    assert browser.get(f"/jobs/{waiting}").headers["Location"] == f"/sign-in?next=%2Fjobs%2F{waiting}"


def test_a_file_and_a_huge_form_are_not_kept_and_the_page_says_so(org: Org, waiting: str) -> None:
    nobody = TestClient(org.app, headers=SAME, follow_redirects=False)
    sent: list[dict[str, Any]] = [
        {"files": {"file": ("people.csv", b"entityId\n1\n")}},
        {"data": {"reason": "x" * (1024 * 1024 + 1)}},
        {"content": b"{}", "headers": {"Content-Type": "application/json"}},
    ]
    for request in sent:
        page = nobody.post(f"/jobs/{waiting}/reject", **request)
        assert (page.status_code, "go back in this window" in page.text) == (401, True)
        assert 'action="/jobs' not in page.text


def test_a_form_of_another_origin_is_not_kept(org: Org, waiting: str) -> None:
    other = TestClient(org.app, headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False)
    page = other.post(f"/jobs/{waiting}/reject", data={"reason": "from elsewhere"})
    assert (page.status_code, "from elsewhere" in page.text) == (403, False)


def test_every_page_that_changes_something_refuses_other_origins_and_asks_to_sign_in(app: FastAPI) -> None:
    """Read from the application, so that a new page is tested by itself."""
    routes = page_routes(app, "POST")
    assert len(routes) > 5
    for route in routes:
        path = re.sub(r"{\w+}", "019aa7c2-7d1e-7c5b-9b54-3f3d3c1f9e11", str(route.path))
        for headers, status in (({}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403), (SAME, 401)):
            answer = TestClient(app, follow_redirects=False).post(path, headers=headers, data={"typed": "kept?"})
            assert answer.status_code == status, (path, headers)
            assert ("kept?" in answer.text) == (status == 401), path
