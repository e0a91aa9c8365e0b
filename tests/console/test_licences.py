"""The pages of licences: why a licence has its dates, correcting them, revoking it, and its certificate."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.access import Permission
from tests.drain import InProcessWorker
from tests.factories import Org, add_org
from tests.records.importing import bring_in, record
from tests.verification.holding import NAME, Held, hold

EXPIRES = datetime(2099, 6, 15, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    """A licence that is valid until an instant with seconds."""
    return hold(org, worker, expires_at=EXPIRES)


@pytest.fixture
def browser(held: Held) -> TestClient:
    """A member of the staff."""
    return held.org.visitor()


def read(held: Held) -> dict[str, Any]:
    """The licence, as the API answers it."""
    found: dict[str, Any] = held.org.client().get(f"/v1/licences/{held.id}").json()
    return found


def form_of(page: str) -> dict[str, str]:
    """The fields of the page's form, as a browser sends them when nothing is typed."""
    fields = dict(re.findall(r'<input[^>]*name="([\w.]+)"[^>]*value="([^"]*)"', page))
    fields |= dict(re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>([^<]*)</textarea>', page))
    return {name: value for name, value in fields.items() if name != "q"}


def test_a_licence_says_why_it_has_its_dates_and_leads_to_its_proofs(held: Held, browser: TestClient) -> None:
    page = browser.get(f"/licences/{held.id}").text
    assert "Granted on 31 January 2026 for a completed assignment; it lasts 12 calendar months" in page
    assert f'href="/verify/{held.code}"' in page
    certificate = browser.get(f"/licences/{held.id}/certificate")
    assert f"<h1>{NAME}</h1>" in certificate.text
    assert "/static/" in certificate.text
    assert NAME in browser.get("/licences").text


def test_a_correction_changes_only_what_was_touched_and_keeps_the_reason(held: Held, browser: TestClient) -> None:
    address = f"/licences/{held.id}/correct"
    fields = form_of(browser.get(address).text)
    assert fields["expiresAt"] == "2099-06-15T12:30"
    answer = browser.post(address, data=fields | {"note": "Paper list", "reason": "The list was found"})
    assert answer.headers["Location"] == f"/licences/{held.id}"
    licence = read(held)
    assert (licence["note"], licence["expiresAt"]) == ("Paper list", "2099-06-15T12:30:15.250000Z")
    assert "The list was found" in browser.get(f"/licences/{held.id}").text

    fields = form_of(browser.get(address).text)
    browser.post(address, data=fields | {"expiresAt": "2098-01-01T00:00", "note": "", "reason": "Wrong year"})
    licence = read(held)
    assert (licence["note"], licence["expiresAt"]) == (None, "2098-01-01T00:00:00Z")
    assert licence["explanation"]["rule"] == "corrected"
    told = browser.get(f"/licences/{held.id}").text
    assert "valid until 31 December 2097, formerly until 15 June 2099, 12:30 (UTC): <q>Wrong year</q>" in told


@pytest.mark.parametrize(
    ("ends", "said"), [("2098-01-01T00:00:00Z", "31 December 2097"), ("2098-01-01T09:30:00Z", "1 January 2098, 09:30")]
)
def test_the_end_of_a_licence_is_the_same_day_on_every_page_and_paper(held: Held, ends: str, said: str) -> None:
    party_id = read(held)["party"]["entityId"]
    client, browser = held.org.client(), held.org.visitor(party=party_id)
    answer = client.patch(f"/v1/licences/{held.id}", json={"expiresAt": ends, "reason": "As in the file"})
    assert answer.is_success, answer.text
    short = said.replace("December", "Dec").replace("January", "Jan")
    pages = ("/licences", f"/licences/{held.id}", f"/licences/{held.id}/correct", f"/parties/{party_id}", "/me")
    papers = (f"/licences/{held.id}/certificate", f"/parties/{party_id}/transcript", f"/verify/{held.code}")
    for path in (*pages, *papers):
        shown = browser.get(path).text
        told = [short, said] if "09:30" not in said or path in pages else [said.partition(",")[0]]
        assert any(one in shown for one in told), path
        if said.startswith("31"):
            assert "2098, 00:00" not in shown, path
            assert "1 January 2098" not in shown, path
            assert "1 Jan 2098" not in shown, path


def test_a_correction_is_refused_beside_its_field_and_keeps_what_was_typed(held: Held, browser: TestClient) -> None:
    address = f"/licences/{held.id}/correct"
    fields = form_of(browser.get(address).text)
    answer = browser.post(address, data=fields | {"expiresAt": "2020-01-01T00:00", "reason": "Wrong year"})
    assert answer.status_code == 422
    assert '<a href="#expiresAt">' in answer.text
    assert "31 January 2026" in answer.text
    assert not re.search(r"which is at \d{4}-", answer.text)
    assert 'value="2020-01-01T00:00"' in answer.text
    assert browser.post(address, data=fields | {"expiresAt": "", "reason": "x"}).status_code == 422
    assert '<a href="#reason">' in browser.post(address, data=fields | {"note": "x"}).text
    assert read(held)["expiresAt"] == "2099-06-15T12:30:15.250000Z"


def test_a_correction_of_what_somebody_else_has_changed_is_refused_once(held: Held, browser: TestClient) -> None:
    address = f"/licences/{held.id}/correct"
    fields = form_of(browser.get(address).text) | {"note": "Mine", "reason": "Because"}
    held.org.client().patch(f"/v1/licences/{held.id}", json={"note": "Theirs", "reason": "Because"})
    answer = browser.post(address, data=fields)
    assert answer.status_code == 412
    again = form_of(answer.text)
    assert again["note"] == "Mine"
    assert browser.post(address, data=again).status_code == 303
    assert read(held)["note"] == "Mine"


def test_a_licence_is_revoked_with_a_reason_and_the_public_page_says_so(held: Held, browser: TestClient) -> None:
    address = f"/licences/{held.id}"
    revision = form_of(browser.get(address).text)["revision"]
    refused = browser.post(f"{address}/revoke", data={"revision": revision, "reason": " "})
    assert refused.status_code == 422
    assert "<h1>Hydrogen-sulfide response" in refused.text
    assert browser.post(f"{address}/revoke", data={"reason": "Fraud"}).status_code == 412
    answer = browser.post(f"{address}/revoke", data={"revision": revision, "reason": "Fraud"})
    assert answer.headers["Location"] == address
    page = browser.get(address).text
    assert "<q>Fraud</q>" in page
    assert "Revoke for good" not in page
    assert "Revoked on" in browser.get(held.path).text
    assert "Revoked on" in browser.get(f"{address}/certificate").text


def test_a_viewer_is_offered_no_correction(held: Held) -> None:
    viewer = held.org.visitor(Permission.VIEW)
    page = viewer.get(f"/licences/{held.id}").text
    assert NAME in page
    assert "/correct" not in page
    assert "/revoke" not in page


def test_a_list_of_licences_takes_days_in_the_zone_of_the_organization(org: Org, worker: InProcessWorker) -> None:
    away = add_org(org.app, org.parts, time_zone="Pacific/Auckland")
    ends = datetime(2099, 6, 15, 12, 30, tzinfo=UTC)  # half past midnight of the 16th there
    held = hold(away, worker, expires_at=ends)
    for door, address in ((away.client(), "/v1/licences"), (away.visitor(), "/licences")):
        for query, found in (("expiresAfter=2099-06-16", True), ("expiresBefore=2099-06-16", False)):
            assert (str(held.id) in door.get(f"{address}?{query}").text) is found
        assert str(held.id) in door.get(f"{address}?expiresBefore=2099-06-17").text
        assert door.get(f"{address}?expiresBefore=2099-06").status_code == 422


def test_a_record_says_by_whom_it_was_issued_and_when(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("crew-1")
    brought = record("crew-1", org.with_course(), "2026-01-31", "2099-01-31", issuer="Port Academy", number="PA-7")
    bring_in(org, worker, [brought])
    (licence,) = org.client().get("/v1/licences").json()["items"]
    page = org.visitor().get(f"/licences/{licence['id']}").text
    assert "a record of training elsewhere" in page
    assert "Port Academy" in page
    assert "PA-7" in page
    assert "31 January 2026" in page
