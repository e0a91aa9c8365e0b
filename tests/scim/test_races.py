"""Two clients at once: one of them gets 409, neither gets a server error, and no name is had twice."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.factories import Org
from tests.scim.calling import GROUP, group, made, made_group, members_of, patch, scim, user


def at_once(*calls: Any) -> Counter[int]:
    """Make all calls at once. Returns how many answered which status."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(one.status_code for one in [future.result() for future in [pool.submit(call) for call in calls]])


def test_of_users_with_one_name_made_at_once_one_is_made(org: Org) -> None:
    client = scim(org)
    for turn in range(5):
        names = [{"externalId": f"E-{turn}-{n}"} for n in range(3)] + [{"externalId": f"E-{turn}-0"}] * 3
        bodies = [user(f"Ada{turn}@x.example") | one for one in names]
        calls = [lambda body=body: client.post("Users", json=body) for body in bodies]
        assert at_once(*calls) == {201: 1, 409: 5}
    assert client.get("Users").json()["totalResults"] == 5
    assert len(org.client().get("/v1/parties").json()["items"]) == 5


def test_of_two_who_take_a_name_at_once_one_gets_it(org: Org) -> None:
    client = scim(org)
    for name in ("a", "b", "c"):
        made(client, name)
    rename = patch({"op": "replace", "path": "userName", "value": "Same"})
    assert at_once(*(lambda one=one: client.patch(f"Users/{one}", json=rename) for one in "abc")) == {204: 1, 409: 2}


def test_a_deleted_user_is_brought_back_once(org: Org) -> None:
    client = scim(org)
    made(client, "ada")
    client.delete("Users/ada")
    assert at_once(*(lambda: client.post("Users", json=user("ada")) for _ in range(4))) == {201: 1, 409: 3}


def test_groups_with_one_external_id_made_at_once_are_one(org: Org) -> None:
    client = scim(org)
    calls = [lambda n=n: client.post("Groups", json=group(f"Crew {n}", externalId="ad/crew")) for n in range(4)]
    assert at_once(*calls) == {201: 1, 409: 3}
    client.delete(f"Groups/{client.get('Groups').json()['Resources'][0]['id']}")
    assert at_once(*calls) == {201: 1, 409: 3}


def test_members_added_and_removed_at_once_are_all_as_was_said(org: Org) -> None:
    client = scim(org)
    ids = [f"p{n:02}" for n in range(40)]
    org.with_parties(*ids)
    group_id = made_group(client, "Crew", *ids[:20])["id"]

    def change(op: str, one: str) -> Any:
        value = [{"value": one}, {"value": ids[0]}] if op == "add" else [{"value": one}]
        return client.patch(f"Groups/{group_id}", json=patch({"op": op, "path": "members", "value": value}))

    calls: list[Any] = [lambda one=one: change("add", one) for one in ids[20:30]]
    calls += [lambda one=one: change("remove", one) for one in ids[1:11]]
    calls += [
        lambda: client.patch(
            f"Groups/{group_id}", json=patch({"op": "replace", "path": "displayName", "value": "Team"})
        )
    ]
    calls += [lambda: org.client().put("/v1/folders/other", json={"name": "Other", "partyIds": ids[::-1]})]
    assert at_once(*calls) == {204: 21, 201: 1}
    assert members_of(client, group_id) == [ids[0], *ids[11:30]]


def test_of_two_changes_that_expect_one_version_one_is_made(org: Org) -> None:
    client = scim(org)
    org.with_parties("a", "b", "c")
    group_id = made_group(client, "Crew")["id"]
    for address in ("Users/a", f"Groups/{group_id}"):
        version = client.get(address).headers["ETag"]
        calls = [
            lambda n=n, address=address, version=version: client.patch(
                address,
                json=patch({"op": "replace", "path": "displayName", "value": f"Name {n}"}),
                headers={"If-Match": version},
            )
            for n in range(3)
        ]
        assert at_once(*calls) == {204: 1, 412: 2}
    assert client.put(f"Groups/{group_id}", json={"schemas": [GROUP], "displayName": "Crew"}).status_code == 200
