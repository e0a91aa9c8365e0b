"""Users: their ids, what of them is kept, uniqueness, leaving, coming back, and erasing."""

from typing import Any

import pytest

from shared.access import Permission
from tests.factories import Org
from tests.feed import recorded, subjects
from tests.scim.calling import ENTERPRISE, ERROR, USER, USERS, made, patch, scim, user
from tests.traces import stored


def party(org: Org, party_id: str) -> Any:
    return org.client().get(f"/v1/parties/{party_id}").json()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"externalId": "E-17"}, "E-17"),
        ({"externalId": "ada@example.org", "userName": "ada"}, "ada"),
        ({}, "u.1"),
        ({"externalId": "..", "userName": "ada"}, "ada"),
        ({"userName": "ada@example.org"}, None),
    ],
)
def test_the_id_of_a_party_is_its_external_id_else_its_user_name_else_a_uuid(
    org: Org, names: dict[str, str], expected: str | None
) -> None:
    client = scim(org)
    body = user("u.1") | names
    answer = client.post("Users", json=body)
    assert answer.status_code == 201
    created = answer.json()
    assert created["id"] == expected or (expected is None and len(created["id"]) == 36)
    assert (created["userName"], created.get("externalId")) == (body["userName"], body.get("externalId"))
    assert answer.headers["Location"].endswith(f"/scim/v2/Users/{created['id']}")
    assert answer.headers["ETag"] == created["meta"]["version"]
    assert party(org, created["id"])["displayName"] == "Name of u.1"


def test_a_user_is_a_party_with_all_that_the_directory_keeps(org: Org) -> None:
    client = scim(org)
    created = made(
        client,
        "ada@example.org",
        externalId="E-1",
        emails=[{"value": "x@example.org", "type": "home"}, {"value": "ada@example.org", "type": "work"}],
        preferredLanguage="nb-NO,en;q=0.5",
        timezone="Europe/Oslo",
        **{ENTERPRISE: {"manager": {"value": "E-9"}, "department": "Deck"}},
    )
    assert created["emails"] == [{"value": "ada@example.org", "type": "work"}]
    assert created[ENTERPRISE] == {"manager": {"value": "E-9"}}
    kept = party(org, "E-1")
    assert (kept["email"], kept["language"], kept["timeZone"]) == ("ada@example.org", "nb-NO", "Europe/Oslo")
    assert client.get("Users/E-1").json() == created
    org.client().put("/v1/folders/deck", json={"name": "Deck", "partyIds": ["E-1"]})
    assert client.get("Users/E-1").json()["groups"] == [
        {"value": "deck", "$ref": "http://127.0.0.1:8000/scim/v2/Groups/deck", "display": "Deck"}
    ]


def test_passwords_and_unknown_attributes_are_neither_kept_nor_answered(org: Org) -> None:
    client = scim(org)
    secret = "correct-horse-battery"
    body = user("ada", password=secret, nickName=secret, **{"urn:example:2.0:User": {"badge": secret}})
    answer = client.post("Users", json=body | {"name": {"honorificPrefix": secret}})
    assert answer.status_code == 201
    change = {"op": "replace", "path": "password", "value": secret}
    assert client.patch("Users/ada", json=patch(change, change | {"path": "title"})).status_code == 204
    assert client.put("Users/ada", json=body).status_code == 200
    assert secret not in answer.text
    assert secret not in str(stored(org))


def test_a_user_without_a_display_name_is_called_by_its_name_else_by_its_user_name(org: Org) -> None:
    client = scim(org)
    names = {"givenName": "Ada", "familyName": "Lovelace"}
    bodies: list[dict[str, object]] = [
        {"userName": "a", "name": names},
        {"userName": "b", "name": names | {"formatted": "Countess Ada"}},
        {"userName": "c"},
    ]
    called = [client.post("Users", json={"schemas": [USER], **body}).json() for body in bodies]
    assert [one["displayName"] for one in called] == ["Ada Lovelace", "Countess Ada", "c"]
    assert all(one["active"] for one in called)


def test_user_names_are_unique_whatever_their_letter_case(org: Org, other_org: Org) -> None:
    client = scim(org)
    made(client, "Ada@Example.org", externalId="E-1")
    for names in ({"userName": "ADA@example.ORG"}, {"userName": "other", "externalId": "E-1"}):
        again = client.post("Users", json=user("x") | names)
        assert (again.status_code, again.json()["scimType"]) == (409, "uniqueness")
    made(client, "ben", externalId="E-2")
    renamed = client.patch("Users/E-2", json=patch({"op": "replace", "path": "userName", "value": "ada@example.org"}))
    assert (renamed.status_code, renamed.json()["scimType"]) == (409, "uniqueness")
    assert client.get("Users/E-2").json()["userName"] == "ben"
    made(scim(other_org), "ada@example.org", externalId="E-1")


def test_a_name_that_was_given_up_is_free_for_another_person(org: Org) -> None:
    client = scim(org)
    made(client, "ada")
    client.patch("Users/ada", json=patch({"op": "replace", "path": "userName", "value": "lovelace"}))
    other = made(client, "ada")
    assert (other["userName"], len(other["id"])) == ("ada", 36)
    assert client.get("Users/ada").json()["userName"] == "lovelace"


def test_a_party_that_the_directory_has_becomes_the_user_of_its_id(org: Org) -> None:
    org.with_parties("E-1", folder="deck")
    client = scim(org)
    assert client.get("Users/E-1").json()["userName"] == "E-1"
    named = made(client, "ada", externalId="E-1")
    assert (named["id"], named["userName"], [one["value"] for one in named["groups"]]) == ("E-1", "ada", ["deck"])
    org.with_parties("ben")
    taken = client.post("Users", json=user("BEN", externalId="E-2"))
    assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")


def test_deactivation_is_a_partys_leaving(org: Org) -> None:
    """The same events, the same row, and the same effect on what waits as by `active: false` of the directory."""
    client = scim(org)
    org.with_parties("left", "stayed", "deleted")
    org.client().put("/v1/parties", json={"parties": [{"entityId": "left", "active": False}]})
    assert client.patch("Users/stayed", json=patch({"op": "replace", "value": {"active": False}})).status_code == 204
    assert client.delete("Users/deleted").status_code == 204
    data = {one.subject: one.data for one in recorded(org, "party.changed")}
    assert (
        data["party/stayed"]
        == data["party/left"]
        == data["party/deleted"]
        == {
            "changed": ["active"],
            "active": False,
        }
    )
    assert not any(party(org, one)["active"] for one in ("left", "stayed", "deleted"))


def test_a_deleted_user_is_gone_until_a_post_of_its_names_brings_it_back(org: Org) -> None:
    client = scim(org)
    made(client, "ada", externalId="E-1")
    assert client.delete("Users/E-1").status_code == 204
    for answer in (
        client.get("Users/E-1"),
        client.delete("Users/E-1"),
        client.patch("Users/E-1", json=patch({"op": "replace", "path": "active", "value": True})),
    ):
        assert (answer.status_code, answer.json()["schemas"]) == (404, [ERROR])
    assert client.get("Users").json()["totalResults"] == 0
    assert party(org, "E-1")["active"] is False
    back = client.post("Users", json=user("ADA", externalId="E-77"))
    assert (back.status_code, back.json()["id"], back.json()["externalId"]) == (201, "E-1", "E-77")
    assert party(org, "E-1")["active"] is True
    assert client.delete("Users/E-1").status_code == 204
    by_external_id = client.post("Users", json=user("lovelace", externalId="E-77"))
    assert (by_external_id.status_code, by_external_id.json()["id"]) == (201, "E-1")
    assert subjects(org, "party.created") == ["party/E-1"]


def test_an_erased_party_never_comes_back_under_its_names(org: Org) -> None:
    client = scim(org)
    made(client, "Ada@example.org", externalId="x@1", **{ENTERPRISE: {"manager": {"value": "ada's boss"}}})
    user_id = client.get("Users").json()["Resources"][0]["id"]
    assert org.client(Permission.ADMIN).post(f"/v1/parties/{user_id}/erase").status_code == 200
    assert client.get(f"Users/{user_id}").status_code == 404
    for names in ({"userName": "ada@EXAMPLE.org"}, {"externalId": "x@1"}, {"externalId": user_id}):
        again = client.post("Users", json=user("new") | names)
        assert again.status_code == 409, names
    assert "erased" in again.json()["detail"]
    rows = str(stored(org)).lower()
    assert all(one not in rows for one in ("ada@example.org", "x@1", "ada's boss"))
    made(client, "new")


def test_a_put_replaces_what_it_names_and_keeps_whether_a_user_is_active(org: Org) -> None:
    client = scim(org)
    made(client, "ada", emails=[{"value": "ada@example.org"}], timezone="Europe/Oslo", externalId="ada")
    client.patch("Users/ada", json=patch({"op": "replace", "path": "active", "value": False}))
    answer = client.put("Users/ada", json={"schemas": user("x")["schemas"], "userName": "ada", "displayName": "Ada"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["displayName"], body["active"]) == ("Ada", False)
    assert not body.keys() & {"emails", "timezone"}
    kept = party(org, "ada")
    assert (kept["email"], kept["timeZone"]) == (None, None)


@pytest.mark.parametrize("path", ["displayName", "userName", "active"])
def test_what_a_party_needs_cannot_be_removed(org: Org, path: str) -> None:
    client = scim(org)
    made(client, "ada")
    refused = client.patch("Users/ada", json=patch({"op": "remove", "path": path}))
    assert (refused.status_code, refused.json()["scimType"]) == (400, "mutability")


def test_etags_guard_changes(org: Org) -> None:
    client = scim(org)
    first = made(client, "ada")["meta"]["version"]
    rename = patch({"op": "replace", "path": "displayName", "value": "Ada"})
    changed = client.patch("Users/ada", json=rename, headers={"If-Match": first})
    assert (changed.status_code, changed.headers["ETag"] != first) == (204, True)
    calls = [
        client.patch("Users/ada", json=rename, headers={"If-Match": first}),
        client.put("Users/ada", json=user("ada"), headers={"If-Match": first}),
        client.delete("Users/ada", headers={"If-Match": first}),
    ]
    assert [one.status_code for one in calls] == [412, 412, 412]
    current = changed.headers["ETag"]
    assert client.get("Users/ada", headers={"If-None-Match": current}).status_code == 304
    assert client.get("Users/ada", headers={"If-None-Match": first}).headers["ETag"] == current
    assert client.patch("Users/ada", json=rename, headers={"If-Match": current}).headers["ETag"] == current
    assert client.delete("Users/ada", headers={"If-Match": current}).status_code == 204


def test_me_is_the_user_whom_the_caller_represents(org: Org) -> None:
    made(scim(org), "ada")
    answer = scim(org, party="ada").get("Me")
    assert (answer.status_code, answer.json()["id"]) == (200, "ada")
    assert answer.headers["Location"].endswith(f"{USERS}/ada")
    assert scim(org).get("Me").status_code == 404
    assert scim(org, party="ada").post("Me", json=user("x")).status_code == 501


def test_pages_are_by_id(org: Org) -> None:
    client = scim(org)
    org.with_parties(*(f"p{n}" for n in range(7)))
    pages = [client.get("Users", params={"startIndex": start, "count": 3}).json() for start in (1, 4, 7, 9)]
    ids = [[one["id"] for one in page.get("Resources", [])] for page in pages]
    assert ids == [["p0", "p1", "p2"], ["p3", "p4", "p5"], ["p6"], []]
    assert {page["totalResults"] for page in pages} == {7}
    made_group = client.post(
        "Groups", json={"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "G"}
    )
    everything = client.get("", params={"startIndex": 7, "count": 5}).json()
    assert [one["id"] for one in everything["Resources"]] == ["p6", made_group.json()["id"]]
    assert everything["totalResults"] == 8
    only = client.get("Users", params={"attributes": "userName", "count": 1}).json()["Resources"][0]
    assert set(only) == {"schemas", "id", "userName"}
    assert client.get("Users", params={"sortBy": "userName"}).status_code == 501


def test_the_setting_says_of_what_ids_are_made(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    client = scim(org)
    monkeypatch.setitem(org.parts.settings.__dict__, "scim_id", "userName")
    assert made(client, "ada", externalId="E-1")["id"] == "ada"
    monkeypatch.setitem(org.parts.settings.__dict__, "scim_id", "uuid")
    assert len(made(client, "ben", externalId="E-2")["id"]) == 36
