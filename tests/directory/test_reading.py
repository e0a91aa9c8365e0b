"""Reading parties and folders: filters, pages, and the limits of the caller's folders and organization."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.access import Permission
from tests.factories import Org, count_statements

SYNC, VIEW = Permission.SYNC_DIRECTORY, Permission.VIEW


def ids(answer: Any, key: str = "entityId") -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item[key] for item in answer.json()["items"]]


def walk(client: TestClient, address: str, key: str = "entityId", **params: Any) -> list[str]:
    """Returns every id of a list, page after page."""
    found: list[str] = []
    cursor = None
    while True:
        answer = client.get(address, params=params | ({"cursor": cursor} if cursor else {}))
        found += ids(answer, key)
        cursor = answer.json()["nextCursor"]
        if cursor is None:
            return found


@pytest.fixture
def crews(org: Org) -> Org:
    """Returns an organization with three parties: anna and ben on deck, ben and carl in the crew, carl inactive."""
    parties = [
        {"entityId": "anna", "displayName": "Zoë Adams", "folders": ["deck"]},
        {"entityId": "ben", "displayName": "100% Ben", "folders": ["crew", "deck"]},
        {"entityId": "carl", "displayName": "Carl_Z", "folders": ["crew"], "active": False},
    ]
    org.client(SYNC).put("/v1/parties", json={"parties": parties})
    return org


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["anna", "ben", "carl"]),
        ({"active": True}, ["anna", "ben"]),
        ({"active": False}, ["carl"]),
        ({"folderId": "deck"}, ["anna", "ben"]),
        ({"folderId": "crew", "active": False}, ["carl"]),
        ({"folderId": "nowhere"}, []),
        ({"q": "an"}, ["anna"]),
        ({"q": "zoë a"}, ["anna"]),
        ({"q": "ZO"}, ["anna"]),
        ({"q": "%"}, []),
        ({"q": "100%"}, ["ben"]),
        ({"q": "carl_"}, ["carl"]),
        ({"q": "_arl"}, []),
        ({"q": "Adams"}, ["anna"]),
        ({"q": "adams zoe"}, ["anna"]),
        ({"q": "ZOE\u0308"}, ["anna"]),
        ({"q": "z"}, ["anna", "carl"]),
        ({"q": "dams"}, []),
        ({"q": "zoe carl"}, []),
        ({"q": "\u0308"}, []),
        ({"q": "c", "folderId": "deck"}, []),
    ],
)
def test_parties_are_found_by_folder_state_and_beginning(crews: Org, params: dict[str, Any], found: list[str]) -> None:
    assert ids(crews.client(VIEW).get("/v1/parties", params=params)) == found


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"q": ""}, "?q"),
        ({"q": "\0"}, "?q"),
        ({"q": "x" * 201}, "?q"),
        ({"folderId": "a b"}, "?folderId"),
        ({"active": "perhaps"}, "?active"),
        ({"limit": 0}, "?limit"),
        ({"limit": 501}, "?limit"),
        ({"cursor": "nonsense"}, "?cursor"),
    ],
)
def test_bad_parameters_of_the_list_of_parties_are_named(crews: Org, params: dict[str, Any], pointer: str) -> None:
    answer = crews.client(VIEW).get("/v1/parties", params=params)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_pages_of_parties_come_in_the_order_of_ids_without_gap_or_repetition(org: Org) -> None:
    names = sorted([f"p{n}" for n in range(23)] + ["P", "p-", "p.", "p_", "p:"])
    org.with_parties(*reversed(names))
    for limit in (1, 5, 28, 29):
        assert walk(org.client(VIEW), "/v1/parties", limit=limit) == names


def test_folders_come_with_their_number_of_parties(crews: Org) -> None:
    answer = crews.client(VIEW).get("/v1/folders")
    assert [(folder["id"], folder["name"], folder["partyCount"]) for folder in answer.json()["items"]] == [
        ("crew", "crew", 2),
        ("deck", "deck", 2),
    ]
    assert walk(crews.client(VIEW), "/v1/folders", key="id", limit=1) == ["crew", "deck"]


def test_a_list_costs_the_same_for_ten_parties_as_for_a_thousand(org: Org) -> None:
    org.with_parties(*(f"p{n}" for n in range(1000)), folder="all")

    def price(limit: int) -> int:
        with count_statements(org.parts.database.engine) as statements:
            assert len(ids(org.client(VIEW).get("/v1/parties", params={"limit": limit}))) == limit
        return statements.count

    assert price(10) == price(500) < 10


def test_parties_and_folders_outside_the_callers_folders_do_not_exist(crews: Org) -> None:
    deck = crews.client(VIEW, folders=["deck"])
    assert ids(deck.get("/v1/parties")) == ["anna", "ben"]
    assert deck.get("/v1/parties/ben").json()["folders"] == ["deck"]
    assert ids(deck.get("/v1/parties", params={"folderId": "crew"})) == []
    assert ids(deck.get("/v1/folders"), "id") == ["deck"]
    hidden, unknown = deck.get("/v1/parties/carl"), deck.get("/v1/parties/nobody")
    assert (hidden.status_code, hidden.json()) == (404, unknown.json())


def test_a_caller_with_no_folders_sees_no_party(crews: Org) -> None:
    nobody = crews.client(VIEW, folders=[])
    assert ids(nobody.get("/v1/parties")) == []
    assert ids(nobody.get("/v1/folders"), "id") == []
    assert nobody.get("/v1/parties/anna").status_code == 404


def test_another_organization_sees_no_party_even_with_a_borrowed_cursor(crews: Org, other_org: Org) -> None:
    cursor = crews.client(VIEW).get("/v1/parties", params={"limit": 1}).json()["nextCursor"]
    other = other_org.client(VIEW)
    assert ids(other.get("/v1/parties")) == []
    assert ids(other.get("/v1/parties", params={"folderId": "deck"})) == []
    assert ids(other.get("/v1/folders"), "id") == []
    assert other.get("/v1/parties/anna").status_code == 404
    other_org.with_parties("zed")
    assert ids(other.get("/v1/parties", params={"cursor": cursor})) == ["zed"]
    assert ids(crews.client(VIEW, folders=["deck"]).get("/v1/parties", params={"cursor": cursor})) == ["ben"]


@pytest.mark.parametrize("address", ["/v1/parties", "/v1/parties/anna", "/v1/folders"])
def test_reading_the_directory_needs_a_permission(crews: Org, address: str) -> None:
    for permission in (VIEW, SYNC, Permission.ADMIN):
        assert crews.client(permission).get(address).status_code == 200
    for client in (crews.client(Permission.CHECK_LICENCES), crews.stranger()):
        answer = client.get(address)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:rollcall:problem:permission-denied")


def test_a_request_for_an_organization_that_was_never_added_is_refused(org: Org) -> None:
    unknown = Org("never-added", org.app, org.parts).client()
    for answer in (unknown.get("/v1/parties"), unknown.put("/v1/parties", json={"parties": []})):
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:rollcall:problem:organization-unknown")


@pytest.mark.parametrize("party_id", ["a%20b", "a%00b", "x" * 65, "%F0%9F%91%B7"])
def test_a_malformed_party_id_is_refused(org: Org, party_id: str) -> None:
    assert org.client(VIEW).get(f"/v1/parties/{party_id}").status_code == 422
