"""The page of a session link, as requested by browsers, mail scanners and forgers. `tests/browser` tests its look."""

import dataclasses
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from api.app import create_app
from shared import access, catalogue, clock
from shared.signed_links import LINK_LIFETIME
from tests.assignments.links import NAME, PARTY, Sent, anybody, send
from tests.drain import InProcessWorker
from tests.factories import OPERATOR, Org, add_org
from tests.pages import assert_has_page_headers, assert_is_page

SUMMARY = "What H2S does & how to <leave>.\nThen drill."
MATERIALS = [
    {"documentId": "DMS-1", "title": "Muster stations", "url": "https://dms.example/1?a=1&b=2"},
    {"documentId": "DMS-2", "title": "Pocket card"},
]


@pytest.fixture
def sent(org: Org, worker: InProcessWorker) -> Sent:
    """An assignment with a link, of a version with a summary and materials."""
    return send(org, worker, summary=SUMMARY, materials=MATERIALS)


@pytest.fixture
def visitor(org: Org) -> TestClient:
    """A browser without an account."""
    return anybody(org)


def completions(sent: Sent) -> list[dict[str, Any]]:
    """Return the events that say that the assignment was completed."""
    return [fact for fact in sent.events() if fact["type"] == "assignment.completed"]


# --- reading and completing


def test_the_page_shows_the_assignment_its_materials_and_one_button(sent: Sent, visitor: TestClient) -> None:
    page = visitor.get(sent.path)
    assert_is_page(page, 200, ">Test<", NAME, "Hydrogen-sulfide response", "v3.2", "15 June 2099", "Due by")
    assert "What H2S does &amp; how to &lt;leave&gt;.\nThen drill." in page.text
    assert 'href="https://dms.example/1?a=1&amp;b=2" rel="noopener noreferrer">Muster stations</a>' in page.text
    assert "Pocket card" in page.text
    assert "DMS-2" in page.text
    assert page.text.count("<button") == 1
    assert "<script" not in page.text
    assert not {"Refresh", PARTY, sent.assignment_id} & set(
        page.text.split()
    )  # nothing that is not meant for the party


def test_reading_the_page_never_completes_the_assignment(sent: Sent, visitor: TestClient) -> None:
    for method in ("GET", "HEAD", "GET"):
        assert visitor.request(method, sent.path).status_code == 200
    assert sent.assignment()["state"] == "assigned"


def test_the_first_press_completes_as_the_party_and_the_second_shows_the_day(sent: Sent, visitor: TestClient) -> None:
    first = visitor.post(sent.path)
    assert (first.status_code, first.headers["Location"]) == (303, sent.token)
    assert_has_page_headers(first)
    completion = sent.assignment()["completion"]
    assert (completion["method"], completion["by"]) == ("session_link", {"type": "party", "id": PARTY})
    assert completions(sent)[0]["data"]["actor"] == {"type": "party", "id": PARTY}

    again = visitor.post(sent.path, follow_redirects=True)
    today = clock.now().date()
    assert_is_page(again, 200, f"Completed on {today.day} {today:%B %Y}", f"Thank you, {NAME}")
    assert "<button" not in again.text
    assert len(completions(sent)) == 1


def test_a_hundred_concurrent_presses_record_one_completion(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """With longer time limits than in production: on a slow machine some presses would get 503."""
    engine = sent.org.parts.database.engine
    together = threading.Barrier(10, timeout=30)  # ten open transactions; the pool has twice as many connections

    def wait_for_ten(*_: object) -> None:
        together.wait()

    def raise_time_limits(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = '30s'")

    event.listen(engine, "begin", raise_time_limits)
    try:
        with monkeypatch.context() as patch, ThreadPoolExecutor(20) as pool:
            patch.setattr(access, "unavailability", wait_for_ten)
            answers = list(pool.map(lambda _: anybody(sent.org).post(sent.path).status_code, range(100)))
    finally:
        event.remove(engine, "begin", raise_time_limits)
    assert set(answers) == {303}
    assert len(completions(sent)) == 1


def test_the_body_of_a_press_is_ignored(sent: Sent, visitor: TestClient) -> None:
    answer = visitor.post(sent.path, content=b'{"\xff', headers={"Content-Type": "application/json"})
    assert answer.status_code == 303


def test_the_day_of_a_completion_is_a_day_of_the_organizations_time_zone(
    org: Org, worker: InProcessWorker, visitor: TestClient
) -> None:
    with time_machine.travel("2026-03-31T12:00:00Z", tick=False):  # 02:00 on 1 April in Kiritimati
        kiritimati = send(add_org(org.app, org.parts, time_zone="Pacific/Kiritimati"), worker)
        visitor.post(kiritimati.path)
        assert kiritimati.assignment()["completion"]["occurredOn"] == "2026-04-01"


def test_an_overdue_assignment_is_marked_and_can_still_be_completed(sent: Sent, visitor: TestClient) -> None:
    sent.org.client().patch(f"/v1/assignments/{sent.assignment_id}", json={"dueOn": clock.now().date().isoformat()})
    with time_machine.travel(clock.now() + timedelta(days=5)):
        assert_is_page(visitor.get(sent.path), 200, "Was due on", "<button")


def test_the_page_follows_a_completion_and_a_reopening_by_a_coordinator(sent: Sent, visitor: TestClient) -> None:
    sent.change("complete", occurredOn="2026-01-31")
    assert_is_page(visitor.get(sent.path), 200, "Completed on 31 January 2026")
    sent.change("reopen", reason="Wrong person")
    assert_is_page(visitor.get(sent.path), 200, "<button")


# --- links that do not work


def both(visitor: TestClient, path: str) -> list[Any]:
    """Return the answers to GET and POST."""
    return [visitor.get(path), visitor.post(path)]


def test_every_forged_link_gets_the_same_page(sent: Sent, visitor: TestClient) -> None:
    flipped = sent.path[:5] + ("A" if sent.path[5] != "A" else "B") + sent.path[6:]
    pages = [page for path in (flipped, "/s/x", "/s/%00", "/s/a.b", f"{sent.path}x") for page in both(visitor, path)]
    for page in pages:
        assert_is_page(page, 404, "This link does not work")
    assert len({page.text for page in pages}) == 1
    assert visitor.head("/s/x").status_code == 404


def test_an_expired_link_shows_that_it_has_expired(sent: Sent, visitor: TestClient) -> None:
    with time_machine.travel(clock.now() + LINK_LIFETIME):
        for page in both(visitor, sent.path):
            assert_is_page(page, 410, "This link has expired", "30 days")
    assert sent.assignment()["state"] == "assigned"


def _close(sent: Sent) -> None:
    sent.change("close", reason="Left")


def _reassign(sent: Sent) -> None:
    sent.org.with_parties("crew-2")
    sent.change("reassign", recipient={"entityType": "party", "entityId": "crew-2"}, reason="Left")


def _reopen(sent: Sent) -> None:
    _close(sent)
    sent.change("reopen", reason="Came back")


@pytest.mark.parametrize("change", [_close, _reassign, _reopen])
def test_closing_or_reassigning_an_assignment_disables_its_link_for_good(
    sent: Sent, visitor: TestClient, change: Callable[[Sent], None]
) -> None:
    change(sent)
    for page in both(visitor, sent.path):
        assert_is_page(page, 410, "There is nothing left to do here")
        assert NAME not in page.text
    assert completions(sent) == []


def test_closing_many_assignments_disables_their_links(
    sent: Sent, visitor: TestClient, worker: InProcessWorker
) -> None:
    body = {"assignmentIds": [sent.assignment_id], "reason": "Over"}
    assert sent.org.client().post("/v1/assignments/close", json=body).status_code == 202
    worker.drain(sent.org.id)
    assert_is_page(visitor.get(sent.path), 410, "There is nothing left to do here")


def test_a_link_does_not_work_while_training_is_disabled(sent: Sent, visitor: TestClient) -> None:
    def enable(training: bool) -> None:
        with sent.org.transaction() as db:
            access.enable(db, training=training, actor=OPERATOR, now=clock.now())

    enable(False)
    for page in both(visitor, sent.path):
        assert_is_page(page, 403, "Training is not available at the moment")
        assert NAME not in page.text
    enable(True)
    assert_is_page(visitor.get(sent.path), 200, "<button")


def test_a_link_in_a_deployment_without_training_shows_that_it_is_not_available(sent: Sent) -> None:
    without = sent.org.parts.settings.model_copy(update={"features": frozenset()})
    app = create_app(dataclasses.replace(sent.org.parts, settings=without))
    page = anybody(dataclasses.replace(sent.org, app=app)).get(sent.path)
    assert_is_page(page, 403, "Training is not available at the moment")


def test_a_link_of_an_unknown_organization_gets_the_page_of_a_forged_one(
    sent: Sent, visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_: object) -> None:
        raise access.OrganizationUnknown

    monkeypatch.setattr(access, "get_organization", unknown)
    assert visitor.get(sent.path).text == visitor.get("/s/x").text


# --- errors, logs and metrics


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (OperationalError("SELECT", {}, Exception("away")), 503, "try again in a minute"),
        (ZeroDivisionError("secret"), 500, "please mention"),
    ],
)
def test_an_internal_error_is_a_page_that_shows_no_detail(
    sent: Sent, visitor: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, text: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(catalogue, "get_version", fail)
    page = visitor.get(sent.path)
    assert_is_page(page, status, text)
    assert not any(word in page.text for word in ("Traceback", "secret", "Error"))
    assert page.headers.get("Retry-After") == ("2" if status == 503 else None)


def test_neither_logs_nor_metrics_contain_the_token(
    sent: Sent, visitor: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "httpx2")  # the test's own client, which logs the addresses it requests
    for method in ("GET", "POST", "POST", "DELETE"):
        visitor.request(method, sent.path)
    visitor.get(f"{sent.path}x")
    monkeypatch.setattr(catalogue, "get_version", lambda *_: 1 / 0)
    assert visitor.get(sent.path).status_code == 500
    assert "request failed" in caplog.text
    figures = visitor.get("/metrics").text
    assert 'route="/s/{token}"' in figures
    for part in sent.token.split("."):
        assert part not in caplog.text + figures


def test_a_press_that_fails_after_it_was_recorded_records_nothing(
    sent: Sent, visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.console.session_links.RedirectResponse", lambda *_: 1 / 0)
    assert_is_page(visitor.post(sent.path), 500, "Something failed on our side")
    assert completions(sent) == []
