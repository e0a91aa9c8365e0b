"""Groups: folders, whose members are written as sets."""

from typing import Any

import pytest

from tests.factories import Org, count_statements
from tests.feed import recorded, subjects
from tests.scim.calling import GROUP, found, group, made, made_group, members_of, patch, scim


def test_a_group_is_a_folder(org: Org) -> None:
    client = scim(org)
    org.with_parties("a", "b")
    created = made_group(client, "Deck crew", "b", "a", externalId="G-1")
    assert (created["id"], created["displayName"], created["externalId"]) == ("G-1", "Deck crew", "G-1")
    assert [one["value"] for one in created["members"]] == ["a", "b"]
    (folder,) = org.client().get("/v1/folders").json()["items"]
    assert (folder["id"], folder["name"], folder["partyCount"]) == ("G-1", "Deck crew", 2)
    assert subjects(org, "folder.created", "party.changed") == ["folder/G-1", "party/a", "party/b"]
    assert len(made_group(client, "Without an id")["id"]) == 36


def test_members_are_added_removed_and_replaced(org: Org) -> None:
    client = scim(org)
    org.with_parties("a", "b", "c", "d")
    group_id = made_group(client, "Crew", "a")["id"]

    def after(*operations: dict[str, object]) -> list[str]:
        answer = client.patch(f"Groups/{group_id}", json=patch(*operations))
        assert answer.status_code == 204, answer.text
        return members_of(client, group_id)

    assert after({"op": "add", "path": "members", "value": [{"value": "b"}, {"value": "c"}]}) == ["a", "b", "c"]
    assert after({"op": "remove", "path": 'members[value eq "b"]'}) == ["a", "c"]
    assert after({"op": "replace", "path": "members", "value": [{"value": "d"}]}) == ["d"]
    assert after({"op": "add", "value": {"members": [{"value": "a"}], "displayName": "Team"}}) == ["a", "d"]
    assert after(
        {"op": "add", "path": "members", "value": [{"value": "b"}]},
        {"op": "remove", "path": "members", "value": [{"value": "b"}, {"value": "a"}]},
    ) == ["d"]
    assert after({"op": "remove", "path": "members"}) == []
    assert client.get(f"Groups/{group_id}").json()["displayName"] == "Team"
    assert recorded(org, "folder.changed")[0].data == {"changed": ["name"]}


def test_a_put_replaces_members_only_if_it_names_them(org: Org) -> None:
    client = scim(org)
    org.with_parties("a", "b")
    group_id = made_group(client, "Crew", "a", externalId="G-1")["id"]
    kept = client.put(
        f"Groups/{group_id}", json={"schemas": [GROUP], "displayName": "Team", "externalId": "G-1"}
    ).json()
    assert (kept["displayName"], [one["value"] for one in kept["members"]]) == ("Team", ["a"])
    changed = client.put(f"Groups/{group_id}", json=group("Team", "b")).json()
    assert [one["value"] for one in changed["members"]] == ["b"]
    assert "externalId" not in changed


def test_who_is_no_user_cannot_be_a_member(org: Org, other_org: Org) -> None:
    client = scim(org)
    org.with_parties("a", "gone")
    other_org.with_parties("foreign")
    client.delete("Users/gone")
    group_id = made_group(client, "Crew", "a")["id"]
    for who in ("nobody", "foreign", "gone", group_id):
        refused = client.patch(
            f"Groups/{group_id}", json=patch({"op": "add", "path": "members", "value": [{"value": who}]})
        )
        assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidValue")
        assert client.post("Groups", json=group("Other", who)).status_code == 400
    assert members_of(client, group_id) == ["a"]
    assert client.get("Groups").json()["totalResults"] == 1
    nested = {"op": "add", "path": "members", "value": [{"value": "a", "type": "Group"}]}
    assert client.patch(f"Groups/{group_id}", json=patch(nested)).status_code == 400


def test_a_deleted_user_stays_in_its_folders_for_the_directory_and_is_no_member_for_clients(org: Org) -> None:
    """Its records stay in the sight of those who are limited to the folder."""
    client = scim(org)
    org.with_parties("a", "b", folder="crew")
    before = client.get("Groups/crew").headers["ETag"]
    client.delete("Users/b")
    assert members_of(client, "crew") == ["a"]
    assert client.get("Groups/crew").headers["ETag"] != before
    client.put("Groups/crew", json=group("crew", "a"))
    assert org.client().get("/v1/parties/b").json()["folders"] == ["crew"]


def test_a_deleted_group_is_empty_and_hidden_until_it_comes_back(org: Org) -> None:
    client = scim(org)
    org.with_parties("a", "b")
    made_group(client, "Crew", "a", "b", externalId="G-1")
    unnamed = made_group(client, "Night shift")["id"]
    for group_id in ("G-1", unnamed):
        assert client.delete(f"Groups/{group_id}").status_code == 204
        assert client.get(f"Groups/{group_id}").status_code == 404
        assert client.delete(f"Groups/{group_id}").status_code == 404
    assert org.client().get("/v1/folders").json()["items"] == []
    assert org.client().get("/v1/parties/a").json()["folders"] == []
    assert [one.data for one in recorded(org, "folder.changed")] == [{"changed": ["hidden"]}] * 2
    assert made_group(client, "Crew again", "a", externalId="G-1")["id"] == "G-1"
    assert made_group(client, "Night shift")["id"] == unnamed
    assert {one["id"] for one in org.client().get("/v1/folders").json()["items"]} == {"G-1", unnamed}


def test_a_deleted_group_comes_back_when_the_directory_names_it(org: Org) -> None:
    client = scim(org)
    org.with_parties("a", folder="crew")
    named: list[Any] = [
        lambda: org.client().put("/v1/folders/crew", json={"name": "Crew"}),
        lambda: org.client().put("/v1/parties", json={"parties": [{"entityId": "a", "folders": ["crew"]}]}),
    ]
    for again in named:
        client.delete("Groups/crew")
        assert client.get("Groups/crew").status_code == 404
        assert again().status_code in (200, 201)
        assert client.get("Groups/crew").status_code == 200


def test_the_external_id_of_a_group_is_unique(org: Org) -> None:
    client = scim(org)
    made_group(client, "Crew", externalId="G-1")
    again = client.post("Groups", json=group("Other", externalId="G-1"))
    assert (again.status_code, again.json()["scimType"]) == (409, "uniqueness")
    other = made_group(client, "Other")["id"]
    taken = client.patch(f"Groups/{other}", json=patch({"op": "add", "path": "externalId", "value": "G-1"}))
    assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")


def test_etags_of_a_group_follow_its_members(org: Org) -> None:
    client = scim(org)
    org.with_parties("a", "b")
    group_id = made_group(client, "Crew")["id"]
    address = f"Groups/{group_id}"
    first = client.get(address).headers["ETag"]
    add = patch({"op": "add", "path": "members", "value": [{"value": "a"}]})
    changed = client.patch(address, json=add, headers={"If-Match": first})
    assert (changed.status_code, changed.headers["ETag"]) == (204, client.get(address).headers["ETag"])
    assert changed.headers["ETag"] != first
    stale = [
        client.patch(address, json=add, headers={"If-Match": first}),
        client.put(address, json=group("Crew", "b"), headers={"If-Match": first}),
        client.delete(address, headers={"If-Match": first}),
    ]
    assert [one.status_code for one in stale] == [412] * 3
    assert client.patch(address, json=add).headers["ETag"] == changed.headers["ETag"]
    assert members_of(client, group_id) == ["a"]
    shown = client.patch(address, json=add, params={"attributes": "members"})
    assert (shown.status_code, [one["value"] for one in shown.json()["members"]]) == (200, ["a"])


def test_filters_and_attributes_of_groups(org: Org) -> None:
    client = scim(org)
    org.with_parties("a", "b")
    made_group(client, "Crew", "a", externalId="G-1")
    made_group(client, "Office", "b", externalId="G-2")
    assert found(client, "Groups", 'displayName eq "CREW"') == ["G-1"]
    assert found(client, "Groups", 'members.value eq "b"') == ["G-2"]
    assert found(client, "Groups", 'members[value eq "a"] or externalId eq "G-2"') == ["G-1", "G-2"]
    without = client.get("Groups", params={"excludedAttributes": "members"}).json()["Resources"]
    assert [one.keys() & {"members"} for one in without] == [set(), set()]
    assert found(client, "Users", 'groups.value eq "G-1"') == ["a"]


@pytest.mark.parametrize("number", [10, 5000])
def test_the_number_of_statements_does_not_grow_with_the_members(org: Org, number: int) -> None:
    client = scim(org)
    ids = [f"p{n:04}" for n in range(number)]
    org.with_parties(*ids)
    group_id = made_group(client, "Crew")["id"]
    values = [{"value": one} for one in ids]
    counts = []
    for operation in (
        {"op": "Add", "path": "members", "value": values},
        {"op": "Remove", "path": "members", "value": values[: number // 2]},
        {"op": "replace", "path": "members", "value": values[number // 4 :]},
    ):
        with count_statements(org.parts.database.engine) as sent:
            assert client.patch(f"Groups/{group_id}", json=patch(operation)).status_code == 204
        counts.append(sent.count)
    assert client.get(f"Groups/{group_id}", params={"excludedAttributes": "members"}).status_code == 200
    assert len(members_of(client, group_id)) == number - number // 4
    assert max(counts) <= 16, counts


def test_one_patch_names_at_most_ten_thousand_members(org: Org) -> None:
    client = scim(org)
    group_id = made_group(client, "Crew")["id"]
    half = [[{"value": f"p{n}"} for n in range(start, start + 5001)] for start in (0, 5001)]
    operations = [
        {"op": "add", "path": "members", "value": half[0]},
        {"op": "remove", "path": "members", "value": half[1]},
    ]
    refused = client.patch(f"Groups/{group_id}", json=patch(*operations))
    assert (refused.status_code, "10000" in refused.json()["detail"]) == (413, True)
    made(client, "ada")
