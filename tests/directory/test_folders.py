"""Putting folders: name, members, events, and parties that do not exist."""

import pytest

from shared.access import Permission
from tests.factories import Org, count_statements
from tests.feed import recorded, subjects

SYNC = Permission.SYNC_DIRECTORY


def folders_of(org: Org, party_id: str) -> list[str]:
    folders: list[str] = org.client(SYNC).get(f"/v1/parties/{party_id}").json()["folders"]
    return folders


def test_a_folder_is_created_once_and_then_renamed(org: Org) -> None:
    client = org.client(SYNC)
    made = client.put("/v1/folders/crew", json={"name": "Crew"})
    assert (made.status_code, made.json()["id"], made.json()["name"], made.json()["partyCount"]) == (
        201,
        "crew",
        "Crew",
        0,
    )
    assert client.put("/v1/folders/crew", json={"name": "Crew"}).json() == made.json()
    renamed = client.put("/v1/folders/crew", json={"name": "Drill-floor crew"})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Drill-floor crew")
    assert renamed.json()["updatedAt"] > made.json()["updatedAt"]
    assert subjects(org, "folder.created", "folder.changed") == ["folder/crew", "folder/crew"]
    assert recorded(org, "folder.changed")[0].data == {"changed": ["name"]}


def test_the_parties_given_replace_the_members_of_a_folder_and_none_given_keep_them(org: Org) -> None:
    org.with_parties("a", "b", "c", folder="other")
    client = org.client(SYNC)
    assert client.put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["a", "b", "a"]}).json()["partyCount"] == 2
    assert client.put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["b", "c"]}).json()["partyCount"] == 2
    assert [folders_of(org, party_id) for party_id in "abc"] == [["other"], ["crew", "other"], ["crew", "other"]]
    assert client.put("/v1/folders/crew", json={"name": "Team"}).json()["partyCount"] == 2
    assert client.put("/v1/folders/crew", json={"name": "Team", "partyIds": []}).json()["partyCount"] == 0


def test_each_party_that_joins_or_leaves_a_folder_has_an_event(org: Org) -> None:
    org.with_parties("a", "b", "c")
    client = org.client(SYNC)
    client.put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["a", "b"]})
    client.put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["b", "c"]})
    client.put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["c", "b"]})
    assert subjects(org, "party.changed") == ["party/a", "party/b", "party/a", "party/c"]
    assert {str(event.data) for event in recorded(org, "party.changed")} == {"{'changed': ['folders']}"}


def test_joining_a_folder_changes_the_party(org: Org) -> None:
    org.with_parties("a")
    client = org.client(SYNC)
    before = client.get("/v1/parties/a").json()["updatedAt"]
    client.put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["a"]})
    assert client.get("/v1/parties/a").json()["updatedAt"] > before


def test_unknown_members_are_named_and_the_folder_is_not_written(org: Org, other_org: Org) -> None:
    org.with_parties("a")
    other_org.with_parties("foreign")
    answer = org.client(SYNC).put("/v1/folders/crew", json={"name": "Crew", "partyIds": ["nobody", "a", "foreign"]})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:rollcall:problem:invalid-input")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/partyIds/0", "/partyIds/2"]
    assert org.client(SYNC).get("/v1/folders").json()["items"] == []
    assert folders_of(org, "a") == []
    assert subjects(org, "folder.created") == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": " "}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": "a\0b"}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "Crew", "partyIds": "a"}, "/partyIds"),
        ({"name": "Crew", "partyIds": ["a", "b c"]}, "/partyIds/1"),
        ({"name": "Crew", "members": []}, "/members"),
    ],
)
def test_a_bad_folder_is_refused_with_the_place_of_the_fault(org: Org, body: dict[str, object], pointer: str) -> None:
    answer = org.client(SYNC).put("/v1/folders/crew", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_malformed_folder_id_is_refused(org: Org) -> None:
    assert org.client(SYNC).put("/v1/folders/a%20b", json={"name": "Crew"}).status_code == 422
    assert org.client(SYNC).put(f"/v1/folders/{'x' * 65}", json={"name": "Crew"}).status_code == 422


def test_only_the_source_system_without_a_scope_may_write_folders(org: Org) -> None:
    assert org.client(Permission.ADMIN).put("/v1/folders/crew", json={"name": "Crew"}).status_code == 403
    assert org.client(SYNC, folders=["crew"]).put("/v1/folders/crew", json={"name": "Crew"}).status_code == 403


def test_a_folder_of_many_members_takes_as_many_statements_as_one_of_few(org: Org) -> None:
    party_ids = [f"p{n}" for n in range(1000)]
    org.with_parties(*party_ids)

    def price(folder_id: str, members: list[str]) -> int:
        with count_statements(org.parts.database.engine) as statements:
            answer = org.client(SYNC).put(f"/v1/folders/{folder_id}", json={"name": "Crew", "partyIds": members})
        assert answer.json()["partyCount"] == len(members)
        return statements.count

    assert price("few", party_ids[:10]) == price("many", party_ids) < 20
    assert price("few", party_ids[5:15]) == price("many", party_ids[500:]) < 20
