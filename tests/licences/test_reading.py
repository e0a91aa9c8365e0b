"""Licences over HTTP: lists, one licence, a party's own licences, corrections and revocations."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from shared import licences
from shared.access import Permission
from shared.errors import NotFound
from tests.assignments.asking import events, pages
from tests.factories import Org
from tests.licences.earning import NOON, grant, held

YEAR = datetime(2027, 3, 2, 12, tzinfo=UTC)
ADMIN = Permission.ADMIN


@pytest.fixture
def licensed(org: Org) -> str:
    """A course of which party a, in a folder, and party b hold licences."""
    org.with_parties("a", folder="crew")
    org.with_parties("b")
    course = org.with_course()
    grant(org, course, "a", "b")
    return course


def at(instant: datetime) -> Any:
    return time_machine.travel(instant, tick=False)


def only(org: Org, **params: str) -> dict[str, Any]:
    (item,) = pages(org.client(), "/v1/licences", **params)
    return item


def test_a_licence_has_its_facts_and_an_explanation(org: Org, licensed: str) -> None:
    (row,) = held(org, "a")
    with at(NOON):
        item = only(org, partyId="a")
        answer = org.client(Permission.VIEW).get(f"/v1/licences/{row.id}")
    assert answer.json() == item
    assert answer.headers["etag"] == '"1"'
    assert item["party"] == {"entityType": "party", "entityId": "a", "displayName": "Party a"}
    assert (item["courseId"], item["versionLabel"], item["state"]) == (licensed, "v1.0", "active")
    assert (item["grantedAt"], item["expiresAt"]) == ("2026-03-02T12:00:00Z", "2027-03-02T12:00:00Z")
    assert item["code"].replace("-", "") == row.code
    assert [len(part) for part in item["code"].split("-")] == [4, 4, 4, 4]
    assert item["explanation"] == {
        "rule": "monthsFromGrant",
        "months": 12,
        "from": "2026-03-02T12:00:00Z",
        "text": "Granted on 2 March 2026 for a completed session; it lasts 12 calendar months from that moment. "
        "Valid until 2 March 2027, 12:00 (UTC).",
    }
    assert item["revocation"] is item["renews"] is item["note"] is item["assignmentId"] is None


def test_the_state_of_a_licence_follows_from_its_dates(org: Org, licensed: str) -> None:
    for instant, state in ((YEAR - timedelta(microseconds=1), "active"), (YEAR, "expired")):
        with at(instant):
            assert {item["state"] for item in pages(org.client(), "/v1/licences")} == {state}
            assert len(pages(org.client(), "/v1/licences", state=state)) == 2
    grant(org, licensed, "a", at=NOON + timedelta(days=1))
    with at(YEAR):
        found = {item["state"]: item["party"]["entityId"] for item in pages(org.client(), "/v1/licences", limit=1)}
        assert found == {"superseded": "a", "active": "a", "expired": "b"}
        for state, party in found.items():
            assert only(org, state=state)["party"]["entityId"] == party


def test_lists_of_licences_are_filtered_and_sorted(org: Org, licensed: str) -> None:
    other = org.with_course(licenceMonths=24)
    grant(org, other, "a", at=NOON)
    assert len(pages(org.client(), "/v1/licences", partyId="a")) == 2
    assert len(pages(org.client(), "/v1/licences", courseId=other)) == 1
    assert len(pages(org.client(), "/v1/licences", folderId="crew")) == 2
    assert only(org, expiresAfter="2027-06-01T00:00:00Z")["courseId"] == other
    assert len(pages(org.client(), "/v1/licences", expiresBefore="2027-06-01T00:00:00Z")) == 2
    (row,) = held(org, "b")
    assert len(pages(org.client(), "/v1/licences", sessionId=str(row.session_id))) == 2
    ends = [item["expiresAt"] for item in pages(org.client(), "/v1/licences", sort="expiry", limit=1)]
    assert ends == sorted(ends)
    ids = [item["id"] for item in pages(org.client(), "/v1/licences", limit=2)]
    assert ids == sorted(ids, reverse=True)


def test_a_list_of_licences_can_be_read_as_csv(org: Org, licensed: str) -> None:
    answer = org.client(Permission.VIEW).get("/v1/licences", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sorted(row["party.entityId"] for row in rows) == ["a", "b"]
    assert {row["explanation.rule"] for row in rows} == {"monthsFromGrant"}


def test_licences_outside_the_scope_are_not_found(org: Org, licensed: str) -> None:
    (row,) = held(org, "b")
    client = org.client(folders=["crew"])
    assert [item["party"]["entityId"] for item in pages(client, "/v1/licences")] == ["a"]
    assert client.get(f"/v1/licences/{row.id}").status_code == 404
    assert client.patch(f"/v1/licences/{row.id}", json={"note": "x", "reason": "y"}).status_code == 404
    assert client.post(f"/v1/licences/{row.id}/revoke", json={"reason": "y"}).status_code == 404


def test_a_licence_outside_the_scope_cannot_be_locked(org: Org, licensed: str) -> None:
    """The routes would still answer 404, because they read the licence again; another caller might not."""
    (inside,), (outside,) = held(org, "a"), held(org, "b")
    with org.transaction() as db:
        assert licences.locked(db, inside.id, ["crew"]).id == inside.id
        with pytest.raises(NotFound):
            licences.locked(db, outside.id, ["crew"])


def test_a_party_sees_its_own_licences(org: Org, licensed: str) -> None:
    mine = org.client(Permission.READ_EVENTS, party="a")
    assert [item["party"]["entityId"] for item in pages(mine, "/v1/me/licences")] == ["a"]
    assert pages(org.stranger(), "/v1/me/licences") == []
    assert mine.get("/v1/licences").status_code == 403


# --- corrections


def test_a_correction_moves_the_end_and_keeps_the_former_one_in_the_event(org: Org, licensed: str) -> None:
    (row,) = held(org, "a")
    body = {"expiresAt": "2027-06-01T00:00:00+02:00", "note": "Shift plan", "reason": "Typing error"}
    with at(NOON):
        answer = org.client(ADMIN).patch(f"/v1/licences/{row.id}", json=body, headers={"If-Match": '"1"'})
        assert answer.status_code == 200, answer.text
        stale = org.client(ADMIN).patch(f"/v1/licences/{row.id}", json=body, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    item = answer.json()
    assert (item["expiresAt"], item["note"]) == ("2027-05-31T22:00:00Z", "Shift plan")
    assert (item["explanation"]["rule"], item["explanation"]["months"]) == ("corrected", None)
    (event,) = [event for event in events(org) if event["type"] == "licence.changed"]
    assert datetime.fromisoformat(event["data"]["former"]["expiresAt"]) == YEAR
    assert event["data"]["reason"] == "Typing error"
    assert "Shift plan" not in str(event)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"expiresAt": "2026-03-02T12:00:00Z", "reason": "x"}, "/expiresAt"),
        ({"expiresAt": None, "reason": "x"}, ""),
        ({"reason": "x"}, ""),
        ({"note": "x"}, "/reason"),
        ({"expiresAt": "2027-01-01T00:00:00", "reason": "x"}, "/expiresAt"),
    ],
)
def test_an_invalid_correction_is_refused(org: Org, licensed: str, body: dict[str, Any], pointer: str) -> None:
    (row,) = held(org, "a")
    answer = org.client(ADMIN).patch(f"/v1/licences/{row.id}", json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_correction_that_changes_nothing_records_no_event(org: Org, licensed: str) -> None:
    (row,) = held(org, "a")
    body = {"expiresAt": YEAR.isoformat(), "reason": "x"}
    assert org.client(ADMIN).patch(f"/v1/licences/{row.id}", json=body).headers["etag"] == '"1"'
    assert not [event for event in events(org) if event["type"] == "licence.changed"]


# --- revocations


def test_a_revocation_is_final_and_restores_nothing(org: Org, licensed: str) -> None:
    grant(org, licensed, "a", at=NOON + timedelta(days=1))
    former, latter = held(org, "a")
    path = f"/v1/licences/{latter.id}"
    with at(NOON + timedelta(days=2)):
        answer = org.client(ADMIN).post(f"{path}/revoke", json={"reason": "Fraud"})
        assert answer.json()["state"] == "revoked"
        assert answer.json()["revocation"] == {
            "by": {"type": "member", "id": "member-1"},
            "revokedAt": "2026-03-04T12:00:00Z",
            "reason": "Fraud",
        }
    again = org.client(ADMIN).post(f"{path}/revoke", json={"reason": "Fraud"})
    changed = org.client(ADMIN).patch(path, json={"note": "x", "reason": "y"})
    for refused in (again, changed):
        assert refused.status_code == 409
        assert refused.json()["type"] == "urn:rollcall:problem:licence-revoked"
    assert held(org, "a")[0].superseded_at == former.superseded_at is not None
    (event,) = [event for event in events(org) if event["type"] == "licence.revoked"]
    assert event["data"]["former"] == {"state": "active"}


@pytest.mark.parametrize("permission", [Permission.VIEW, Permission.CHECK_LICENCES, Permission.MANAGE_ASSIGNMENTS])
def test_only_administrators_change_licences(org: Org, licensed: str, permission: Permission) -> None:
    (row,) = held(org, "a")
    client = org.client(permission)
    assert client.patch(f"/v1/licences/{row.id}", json={"note": "x", "reason": "y"}).status_code == 403
    assert client.post(f"/v1/licences/{row.id}/revoke", json={"reason": "y"}).status_code == 403
