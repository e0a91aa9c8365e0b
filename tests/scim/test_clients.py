"""Requests in the shapes in which Entra ID and Okta send them, as their documentation and their logs show them."""

from typing import Any

import pytest

from tests.factories import Org
from tests.scim.calling import BULK, ENTERPRISE, GROUP, PATCH, USER, USERS, made, made_group, members_of, patch, scim

ENTRA_USER = {
    "schemas": [USER, ENTERPRISE],
    "externalId": "58342554-38d6-4ec8-948c-50044d0a33fd",
    "userName": "Test_User_feed3ace-693c-4e5a-82e2-694be1b39934@contoso.com",
    "active": True,
    "addresses": [],
    "displayName": "Bjfe",
    "emails": [{"primary": True, "type": "work", "value": "test_user@contoso.com"}],
    "meta": {"resourceType": "User"},
    "name": {"familyName": "familyName", "givenName": "givenName"},
    "phoneNumbers": [{"type": "mobile", "value": "425-555-0100"}],
    "preferredLanguage": "de",
    "roles": [],
    "title": None,
    f"{ENTERPRISE}:department": "Deck",
}

OKTA_USER = {
    "schemas": [USER],
    "userName": "test.user@okta.local",
    "name": {"givenName": "Test", "familyName": "User"},
    "emails": [
        {"primary": False, "value": "other@okta.local", "type": "home"},
        {"primary": True, "value": "test.user@okta.local", "type": "work"},
    ],
    "displayName": "Test User",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


@pytest.fixture
def ada(org: Org) -> Any:
    client = scim(org)
    made(client, "ada@example.org", externalId="ada", emails=[{"type": "work", "value": "ada@example.org"}])
    return client


def after(client: Any, *operations: dict[str, Any]) -> Any:
    answer = client.patch("Users/ada", json=patch(*operations))
    assert answer.status_code == 204, answer.text
    return client.get("Users/ada").json()


def test_a_user_of_entra_id_is_found_by_its_name_before_and_after_it_is_made(org: Org) -> None:
    client = scim(org)
    asked = {"filter": f'userName eq "{ENTRA_USER["userName"]}"'}
    none = client.get("Users", params=asked)
    assert (none.status_code, none.json()["totalResults"]) == (200, 0)
    created = client.post("Users", json=ENTRA_USER)
    assert created.status_code == 201, created.text
    assert created.json()["id"] == ENTRA_USER["externalId"]
    assert created.json()["emails"] == [{"type": "work", "value": "test_user@contoso.com"}]
    assert client.get("Users", params=asked).json()["Resources"] == [created.json()]
    assert client.get("Users", params={"filter": f'externalId eq "{ENTRA_USER["externalId"]}"'}).json()["totalResults"]


def test_patches_of_entra_id(ada: Any) -> None:
    work = 'emails[type eq "work"].value'
    changed = after(
        ada,
        {"op": "Replace", "path": work, "value": "updatedEmail@microsoft.com"},
        {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "425-555-0101"},
        {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Welder"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Deck"},
        {"op": "Replace", "path": "displayName", "value": "Ada L."},
    )
    assert (changed["emails"][0]["value"], changed["displayName"]) == ("updatedEmail@microsoft.com", "Ada L.")
    assert not changed.keys() & {"phoneNumbers", "roles", "name"}
    assert after(ada, {"op": "Replace", "path": "emails[primary eq true].value", "value": "a@b.example"})["emails"] == [
        {"type": "work", "value": "a@b.example"}
    ]
    dotted = {"displayName": "Ada", "name.givenName": "Ada", 'emails[type eq "work"].value': "ada@c.example"}
    changed = after(ada, {"op": "Add", "value": dotted})
    assert (changed["emails"][0]["value"], changed["displayName"]) == ("ada@c.example", "Ada")
    assert "emails" not in after(ada, {"op": "Remove", "path": 'emails[type eq "work"]'})
    assert after(ada, {"op": "Add", "path": work, "value": "new@c.example"})["emails"][0]["value"] == "new@c.example"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Replace", "path": "active", "value": False},
        {"op": "replace", "value": {"active": False}},
        {"op": "Replace", "value": {"active": "False"}},
    ],
)
def test_deactivations_of_entra_id_and_okta(ada: Any, operation: dict[str, Any]) -> None:
    assert after(ada, operation)["active"] is False
    assert after(ada, {"op": "Replace", "path": "active", "value": "True"})["active"] is True


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "E-9"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": {"value": "E-9"}},
        {"op": "Replace", "path": f"{ENTERPRISE}:manager.value", "value": "E-9"},
        {"op": "Add", "value": {f"{ENTERPRISE}:manager": "E-9"}},
        {"op": "Replace", "value": {ENTERPRISE: {"manager": "E-9", "department": "Deck"}}},
        {"op": "Replace", "value": {ENTERPRISE: {"manager": {"value": "E-9", "displayName": "Boss"}}}},
    ],
)
def test_a_manager_is_taken_in_every_form(ada: Any, operation: dict[str, Any]) -> None:
    assert after(ada, operation)[ENTERPRISE] == {"manager": {"value": "E-9"}}
    assert ada.get("Users", params={"filter": f'{ENTERPRISE}:manager.value eq "E-9"'}).json()["totalResults"] == 1
    assert ENTERPRISE not in after(ada, {"op": "Remove", "path": f"{ENTERPRISE}:manager"})


def test_a_user_of_okta_and_its_life(org: Org) -> None:
    client = scim(org)
    created = client.post("Users", json=OKTA_USER)
    assert created.status_code == 201, created.text
    body = created.json()
    assert (body["id"], body["emails"]) == ("00ujl29u0le5T6Aj10h7", [{"type": "work", "value": "test.user@okta.local"}])
    address = f"Users/{body['id']}"
    renamed = client.put(address, json=OKTA_USER | {"id": body["id"], "displayName": "Another User"})
    assert (renamed.status_code, renamed.json()["displayName"]) == (200, "Another User")
    off = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
    assert client.patch(address, json=off).status_code == 204
    asked: dict[str, Any] = {"filter": 'userName eq "test.user@okta.local"', "startIndex": 1, "count": 100}
    (listed,) = client.get("Users", params=asked).json()["Resources"]
    assert listed["active"] is False
    assert client.post("Users", json=OKTA_USER).status_code == 409


def test_groups_of_entra_id(org: Org) -> None:
    client = scim(org)
    org.with_parties("a", "b", "c")
    body: dict[str, Any] = {
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
        "displayName": "displayName",
        "meta": {"resourceType": "Group"},
    }
    created = client.post("Groups", json=body)
    assert (created.status_code, created.json()["id"]) == (201, body["externalId"]), created.text
    address = f"Groups/{body['externalId']}"
    members = [{"$ref": None, "value": one} for one in "abc"]
    for operation, expected in (
        ({"op": "Add", "path": "members", "value": members}, ["a", "b", "c"]),
        ({"op": "Remove", "path": "members", "value": members[:1]}, ["b", "c"]),
        ({"op": "Remove", "path": 'members[value eq "b"]'}, ["c"]),
        ({"op": "Remove", "path": "members", "value": [{"value": "nobody"}]}, ["c"]),
    ):
        assert client.patch(address, json=patch(operation)).status_code == 204
        assert members_of(client, body["externalId"]) == expected
    renamed = {"op": "Replace", "path": "displayName", "value": "1879db59-3bdf-4490-ad68-ab880a269474updated"}
    assert client.patch(address, json=patch(renamed)).status_code == 204
    shown = client.get(address, params={"excludedAttributes": "members"}).json()
    assert ("members" not in shown, shown["displayName"]) == (True, renamed["value"])


def test_groups_of_okta(org: Org) -> None:
    client = scim(org)
    org.with_parties("a", "b")
    group_id = made_group(client, "Test SCIMv2", "a")["id"]
    change: list[dict[str, Any]] = [
        {"op": "replace", "value": {"id": group_id, "displayName": "Test SCIMv2 renamed"}},
        {"op": "replace", "path": "members", "value": [{"value": "b", "display": "b@okta.local"}]},
    ]
    assert client.patch(f"Groups/{group_id}", json=patch(*change)).status_code == 204
    shown = client.get(f"Groups/{group_id}").json()
    assert (shown["displayName"], [one["value"] for one in shown["members"]]) == ("Test SCIMv2 renamed", ["b"])


def test_bulk_requests(org: Org) -> None:
    client = scim(org)
    org.with_parties("left")
    removed = {"op": "Remove", "path": "members", "value": [{"value": "left"}]}
    org.client().put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["left"]})
    operations = [
        {
            "method": "POST",
            "path": "/Groups",
            "bulkId": "g",
            "data": {"schemas": [GROUP], "displayName": "Night", "members": [{"value": "bulkId:u"}]},
        },
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"schemas": [USER], "userName": "ada"}},
        {"method": "POST", "path": "/Users", "bulkId": "v", "data": {"schemas": [USER], "userName": "ADA"}},
        {
            "method": "PATCH",
            "path": "/Groups/crew",
            "data": patch(removed, {"op": "add", "path": "members", "value": [{"value": "bulkId:u"}]}),
        },
        {
            "method": "PATCH",
            "path": f"{USERS}/ada",
            "data": patch({"op": "add", "path": f"{ENTERPRISE}:manager", "value": "E-9"}),
        },
        {"method": "DELETE", "path": f"{USERS}/left"},
        {"method": "POST", "path": "/Bulk", "bulkId": "n", "data": {"schemas": [BULK], "Operations": []}},
    ]
    answer = client.post("Bulk", json={"schemas": [BULK], "Operations": operations})
    assert answer.status_code == 200, answer.text
    results = answer.json()["Operations"]
    assert [one["status"] for one in results] == ["201", "201", "409", "200", "200", "204", "400"], answer.text
    assert members_of(client, "crew") == ["ada"]
    assert client.get("Users/ada").json()[ENTERPRISE] == {"manager": {"value": "E-9"}}
    assert client.get("Users/left").status_code == 404
    night = results[0]["location"].rpartition("/")[2]
    assert members_of(client, night) == ["ada"]
    stopped = {"schemas": [BULK], "failOnErrors": 1, "Operations": [operations[2], operations[3]]}
    assert len(client.post("Bulk", json=stopped).json()["Operations"]) == 1
