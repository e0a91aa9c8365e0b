"""The public page of a licence: it discloses the listed facts and no others. `tests/browser` tests how it looks."""

import dataclasses
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from api.app import create_app
from api.console.pages import HEADERS
from shared import access, clock, licences
from shared.tables import metadata
from tests.assignments.links import anybody, assign
from tests.drain import InProcessWorker
from tests.factories import OPERATOR, Org, add_org, count_statements
from tests.verification.holding import NAME, PARTY, Held, hold

JSON = {"Accept": "application/json"}
UNKNOWN = "0000000000000000"
HOSTILE = "\"'><script>alert(1)</script>&amp;"


@pytest.fixture
def held(org: Org, worker: InProcessWorker) -> Held:
    return hold(org, worker)


@pytest.fixture
def visitor(org: Org) -> TestClient:
    return anybody(org)


def assert_is_page(answer: Any, status: int, *texts: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()
    for text in texts:
        assert text in answer.text


def stored(org: Org) -> dict[str, list[str]]:
    """Returns all rows of an organization, by table."""
    with org.transaction() as db:
        return {name: sorted(map(repr, db.execute(select(table)))) for name, table in metadata.tables.items()}


def written(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


# --- what the page discloses


def test_a_valid_licence_has_a_page_and_json(held: Held, visitor: TestClient) -> None:
    with held.org.transaction() as db:
        expires_at = licences.get_proof(db, held.id, None).licence.expires_at
    assert_is_page(
        visitor.get(held.path),
        200,
        f">Valid until {written(expires_at)}, {expires_at:%H:%M} (UTC)</time>",
        NAME,
        "Hydrogen-sulfide response",
        "v3.2",
        ">Test<",
    )
    answer = visitor.get(held.path, headers=JSON)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "holder": NAME,
        "course": "Hydrogen-sulfide response",
        "version": "v3.2",
        "organization": "Test",
        "validity": "valid",
        "until": expires_at.isoformat().replace("+00:00", "Z"),
        "source": "assignment",
        "issuer": None,
    }


PAST = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "expired": ("Expired on", {"expires_at": PAST}),
    "revoked": ("Revoked on", {"revoked_at": PAST, "revocation_reason": "marked reason"}),
    "superseded": ("Replaced on", {"superseded_at": PAST}),
}


@pytest.mark.parametrize("validity", ENDS)
def test_an_ended_licence_says_how_and_when_it_ended(held: Held, visitor: TestClient, validity: str) -> None:
    heading, fields = ENDS[validity]
    held.change(**fields)
    page = visitor.get(held.path)
    assert_is_page(page, 200, f"{heading} 1 March 2026, 12:00 (UTC)</time>")
    assert "Valid until" not in page.text
    answer = visitor.get(held.path, headers=JSON).json()
    assert (answer["validity"], answer["until"]) == (validity, "2026-03-01T12:00:00Z")


def test_revoked_goes_before_superseded_and_superseded_before_expired(held: Held, visitor: TestClient) -> None:
    held.change(expires_at=PAST, superseded_at=PAST - timedelta(days=1))
    assert visitor.get(held.path, headers=JSON).json()["validity"] == "superseded"
    held.change(revoked_at=PAST)
    assert visitor.get(held.path, headers=JSON).json()["validity"] == "revoked"


def test_a_licence_expires_at_the_microsecond_of_its_end(held: Held) -> None:
    with held.org.transaction() as db:
        licence = licences.get_proof(db, held.id, None).licence
    before = licence.expires_at - timedelta(microseconds=1)
    assert licences.validity(licence, before)[0] == licences.Validity.VALID
    assert licences.validity(licence, licence.expires_at)[0] == licences.Validity.EXPIRED


def test_days_on_the_page_are_in_the_time_zone_of_the_organization(
    org: Org, worker: InProcessWorker, visitor: TestClient
) -> None:
    east = add_org(org.app, org.parts, time_zone="Pacific/Kiritimati")
    held = hold(east, worker, expires_at=datetime(2099, 6, 14, 12, tzinfo=UTC))
    assert_is_page(visitor.get(held.path), 200, "15 June 2099, 02:00 (Pacific/Kiritimati)")


def test_the_page_discloses_no_other_facts(held: Held, visitor: TestClient) -> None:
    """All other facts are either marked with the word `marked` or searched for by their values."""
    held.change(revoked_at=PAST, revocation_reason="marked reason", revoked_by_id="marked-revoker")
    with held.org.transaction() as db:
        licence = licences.get_proof(db, held.id, None).licence
    secrets = ["marked", PARTY, held.org.id, held.course_id, *map(str, (held.id, licence.assignment_id))]
    secrets += [str(licence.course_version_id), "2026-01-31", "31 January"]
    for headers in (JSON, {}):
        text = visitor.get(held.path, headers=headers).text
        assert [secret for secret in secrets if secret in text] == []
        assert NAME in text


def test_the_page_does_not_show_an_erased_name(held: Held, visitor: TestClient) -> None:
    held.org.client().post(f"/v1/parties/{PARTY}/erase")
    page = visitor.get(held.path)
    assert_is_page(page, 200, "Valid until")
    assert NAME not in page.text


def test_html_in_names_is_escaped(org: Org, worker: InProcessWorker, visitor: TestClient) -> None:
    held = hold(org, worker, name=f"N{HOSTILE}", title=f"T{HOSTILE}", label=f"L{HOSTILE}")
    for page in (visitor.get(held.path), held.get("certificate")):
        assert "<script" not in page.text
        for letter in "NTL":
            assert f"{letter}&#34;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;" in page.text
    assert visitor.get(held.path, headers=JSON).json()["holder"] == f"N{HOSTILE}"


def test_reading_the_public_pages_writes_no_row(held: Held, visitor: TestClient) -> None:
    before = stored(held.org)
    for method in ("GET", "HEAD"):
        for path in (held.path, "/verify", f"{held.path}/status?until=1", f"/verify?code={held.code}"):
            assert visitor.request(method, path).status_code in (200, 303)
    held.get("certificate")
    assert stored(held.org) == before
    assert visitor.post(held.path).status_code == 405


# --- codes


@pytest.mark.parametrize(
    "typed",
    [
        "{}",
        " {} ",
        "{0[0]}-{0[1]}-{0[2]}-{0[3]}",
        "{0[0]} {0[1]} {0[2]} {0[3]}",
        "{0[0]}\u2013{0[1]}{0[2]}\u2014{0[3]}",
    ],
)
def test_a_code_may_be_typed_with_any_separators(held: Held, visitor: TestClient, typed: str) -> None:
    groups = licences.grouped(held.code).split("-")
    text = typed.format(groups if "0[" in typed else held.code)
    for way in (text, text.lower()):
        assert_is_page(visitor.get(f"/verify/{way}"), 200, NAME)
        asked = visitor.get("/verify", params={"code": way})
        assert (asked.status_code, asked.headers["Location"]) == (303, f"verify/{held.code}")


def test_letters_in_a_code_that_look_like_digits_are_read_as_digits() -> None:
    assert licences.read_code("oo11-IlO0-aaaa-ffff") == "00111100AAAAFFFF"


@pytest.mark.parametrize(
    "typed",
    ["x", UNKNOWN[1:], f"{UNKNOWN}0", "G" * 16, "%00", "\u0660" * 16, "a" * 5000, "<script>", "0" * 16 + "%0A1"],
)
def test_a_malformed_code_is_answered_like_an_unknown_one(visitor: TestClient, typed: str) -> None:
    pages = [visitor.get(f"/verify/{typed}"), visitor.get(f"/verify/{UNKNOWN}")]
    for page in pages:
        assert_is_page(page, 404, "No licence has this code", "16 characters", "<form")
    assert len({page.text for page in pages}) == 1
    problem = visitor.get(f"/verify/{typed}", headers=JSON)
    assert (problem.status_code, problem.json()["type"]) == (404, "urn:rollcall:problem:code-unknown")
    assert problem.headers["Content-Type"] == "application/problem+json"
    assert problem.headers["Cache-Control"] == "no-store"


def test_an_unknown_code_costs_one_statement(org: Org, visitor: TestClient) -> None:
    visitor.get(f"/verify/{UNKNOWN}")
    with count_statements(org.parts.database.engine) as statements:
        visitor.get(f"/verify/{UNKNOWN}")
        visitor.get("/verify/no-code")
    assert statements.count == 1


def test_the_page_asks_for_a_code(visitor: TestClient) -> None:
    assert_is_page(visitor.get("/verify"), 200, 'name="code"', 'action="verify"')
    assert_is_page(visitor.get("/verify", params={"code": "nonsense"}), 404, "No licence has this code")


# --- when something is not available


def test_the_page_works_while_training_is_unavailable(held: Held, visitor: TestClient) -> None:
    """Switching training off does not invalidate licences."""
    with held.org.transaction() as db:
        access.enable(db, training=False, actor=OPERATOR, now=clock.now())
        access.entitle(db, training=False, actor=OPERATOR, now=clock.now())
    assert_is_page(visitor.get(held.path), 200, NAME, "Valid until")
    assert held.get("certificate").json()["reason"] == "not_entitled"


def test_the_page_of_a_deployment_without_training_says_so(held: Held) -> None:
    without = held.org.parts.settings.model_copy(update={"features": frozenset()})
    app = create_app(dataclasses.replace(held.org.parts, settings=without))
    visitor = anybody(dataclasses.replace(held.org, app=app))
    assert_is_page(visitor.get(held.path), 403, "Training is not available at the moment")
    assert visitor.get(held.path, headers=JSON).json()["type"] == "urn:rollcall:problem:feature-not-available"


@pytest.mark.parametrize(
    ("error", "status"), [(OperationalError("SELECT", {}, Exception("away")), 503), (ZeroDivisionError("secret"), 500)]
)
def test_the_page_of_an_internal_error_discloses_nothing(
    held: Held,
    visitor: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
) -> None:
    def fail(*_: object) -> None:
        raise error

    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "httpx2")
    monkeypatch.setattr(licences, "get_proof_by_code", fail)
    assert_is_page(visitor.get(held.path), status)
    problem = visitor.get(held.path, headers=JSON)
    assert (problem.status_code, problem.json()["status"]) == (status, status)
    assert "secret" not in problem.text
    assert held.code not in caplog.text
    assert 'route="/verify/{code}"' in visitor.get("/metrics").text


# --- from the completion to the gate


def test_a_completed_assignment_is_valid_at_the_gate_until_its_licence_is_revoked(
    org: Org, worker: InProcessWorker, visitor: TestClient
) -> None:
    """Uses the routes alone, as other systems do."""
    org.with_parties(PARTY)
    assignment_id = assign(org, worker, org.with_course(licenceOn="completion"))
    assert org.client().post(f"/v1/assignments/{assignment_id}/complete").status_code == 200
    worker.drain(org.id)
    (licence,) = org.client().get("/v1/licences", params={"partyId": PARTY}).json()["items"]
    path = f"/verify/{licence['code']}"
    assert visitor.get(path, headers=JSON).json()["validity"] == "valid"
    revoked = org.client().post(f"/v1/licences/{licence['id']}/revoke", json={"reason": "Wrong person"})
    assert revoked.status_code == 200, revoked.text
    assert visitor.get(path, headers=JSON).json()["validity"] == "revoked"
