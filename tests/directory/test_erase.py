"""Erasing a party: its name and address are blanked; everything else and all history stay."""

from shared.access import Permission
from tests.factories import Org
from tests.feed import recorded, subjects

SYNC = Permission.SYNC_DIRECTORY
JANE = {
    "entityId": "p-1",
    "displayName": "Jane Doe",
    "email": "jane@example.org",
    "memberId": "m-1",
    "folders": ["crew"],
}


def put(org: Org, **fields: object) -> None:
    answer = org.client(SYNC).put("/v1/parties", json={"parties": [JANE | fields]})
    assert answer.json()["failed"] == 0


def test_erasing_a_party_blanks_its_name_and_address_and_keeps_the_rest(org: Org) -> None:
    put(org)
    erased = org.client(Permission.ADMIN).post("/v1/parties/p-1/erase")
    assert erased.status_code == 200
    party = erased.json()
    assert (party["displayName"], party["email"]) == ("Erased party", None)
    assert (party["memberId"], party["active"], party["folders"]) == ("m-1", True, ["crew"])
    assert party["erasedAt"] == party["updatedAt"]
    assert org.client(SYNC).get("/v1/parties/p-1").json() == party
    with org.transaction() as db:
        stored = db.connection().exec_driver_sql("SELECT party::text FROM party WHERE id = 'p-1'").scalar_one()
    assert "Jane" not in stored
    assert "jane@" not in stored


def test_erasing_a_party_again_changes_nothing(org: Org) -> None:
    put(org)
    first = org.client(SYNC).post("/v1/parties/p-1/erase")
    assert org.client(SYNC).post("/v1/parties/p-1/erase").json() == first.json()
    [event] = recorded(org, "party.erased")
    assert (event.subject, event.party_id, event.data) == ("party/p-1", "p-1", {})


def test_a_source_that_still_sends_the_name_of_an_erased_party_brings_it_back(org: Org) -> None:
    put(org)
    org.client(SYNC).post("/v1/parties/p-1/erase")
    put(org)
    party = org.client(SYNC).get("/v1/parties/p-1").json()
    assert (party["displayName"], party["email"], party["erasedAt"]) == ("Jane Doe", "jane@example.org", None)
    assert recorded(org, "party.changed")[0].data == {"changed": ["displayName", "email"]}


def test_a_party_that_its_source_erased_too_stays_erased(org: Org) -> None:
    put(org)
    erased = org.client(SYNC).post("/v1/parties/p-1/erase").json()
    put(org, displayName="Erased party", email=None, active=False)
    party = org.client(SYNC).get("/v1/parties/p-1").json()
    assert (party["active"], party["erasedAt"]) == (False, erased["erasedAt"])


def test_erasing_needs_a_permission_and_a_token_for_the_whole_organization(org: Org, other_org: Org) -> None:
    put(org)
    address = "/v1/parties/p-1/erase"
    assert org.client(Permission.VIEW, Permission.MANAGE_ASSIGNMENTS).post(address).status_code == 403
    assert org.client(Permission.ADMIN, folders=["crew"]).post(address).status_code == 403
    assert other_org.client().post(address).status_code == 404
    assert subjects(org, "party.erased") == []
    assert org.client(Permission.ADMIN).post(address).status_code == 200
