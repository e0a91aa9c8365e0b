"""Synchronising parties: counts, rows, folders, events, and the number of statements."""

import json
from typing import Any

import pytest

from shared import sheets
from shared.access import Permission
from shared.directory import PartyRow
from tests.factories import Org, count_statements
from tests.feed import recorded, subjects

SYNC = Permission.SYNC_DIRECTORY


def put(org: Org, *parties: dict[str, object]) -> dict[str, Any]:
    answer = org.client(SYNC).put("/v1/parties", json={"parties": parties})
    assert answer.status_code == 200, answer.text
    counts: dict[str, Any] = answer.json()
    return counts


def numbers(org: Org, *parties: dict[str, object]) -> dict[str, object]:
    return {name: n for name, n in put(org, *parties).items() if isinstance(n, int)}


def read(org: Org, party_id: str) -> dict[str, object]:
    answer = org.client(SYNC).get(f"/v1/parties/{party_id}")
    assert answer.status_code == 200, answer.text
    party: dict[str, object] = answer.json()
    return party


def party(entity_id: str = "p-1", **fields: object) -> dict[str, object]:
    return {"entityId": entity_id, "displayName": f"Name of {entity_id}"} | fields


def counts(created: int = 0, updated: int = 0, unchanged: int = 0) -> dict[str, object]:
    """Returns the numbers of an answer without bad rows and warnings."""
    return {"created": created, "updated": updated, "unchanged": unchanged, "erased": 0, "failed": 0}


def test_new_changed_and_unchanged_parties_are_counted(org: Org) -> None:
    assert numbers(org, party("a"), party("b")) == counts(created=2)
    assert numbers(org, party("a"), party("b", email="b@example.org"), party("c")) == counts(1, 1, 1)
    assert numbers(org, party("a"), party("b", email="b@example.org"), party("c")) == counts(unchanged=3)


def test_every_field_of_a_row_can_be_read_back(org: Org) -> None:
    row = party(email="a@b.c", memberId="m", active=False, timeZone="Asia/Tokyo", language="de", folders=["y", "x"])
    put(org, row)
    shown = read(org, "p-1")
    assert shown["createdAt"] == shown["updatedAt"]
    assert shown["erasedAt"] is None
    assert {name: shown[name] for name in row} == row | {"folders": ["x", "y"]}


FULL: dict[str, Any] = {
    "displayName": "Full Name",
    "email": "a@b.c",
    "memberId": "m",
    "active": False,
    "timeZone": "Asia/Tokyo",
    "language": "pt-BR",
    "folders": ["x"],
}
"""Each field of a party with a value that is not its default."""


def test_every_field_of_a_party_has_an_example() -> None:
    fields = {field.alias for field in PartyRow.model_fields.values()}
    assert {"entityId", *FULL} == fields


@pytest.mark.parametrize("absent", FULL)
@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson", "text/csv"])
def test_a_field_that_a_row_does_not_mention_stays_as_it_is(org: Org, absent: str, media_type: str) -> None:
    put(org, party("a", **FULL), party("b", **FULL))
    before = {party_id: read(org, party_id) for party_id in "ab"}
    given = {name: value for name, value in FULL.items() if name != absent}
    assert_unchanged(
        org,
        media_type,
        [party("a") | given, party("b") | given]
        if absent != "displayName"
        else [{"entityId": party_id} | given for party_id in "ab"],
    )
    assert_unchanged(org, media_type, [{"entityId": "a"}, {"entityId": "b"}])
    assert {party_id: read(org, party_id) for party_id in "ab"} == before


def assert_unchanged(org: Org, media_type: str, rows: list[dict[str, object]]) -> None:
    """Send the rows in a format, and check that no party changed."""
    if media_type == "application/json":
        content = json.dumps({"parties": rows})
    elif media_type == "text/csv":
        cells = [["|".join(value) if isinstance(value, list) else str(value) for value in row.values()] for row in rows]
        content = "".join(sheets.line(line) for line in [list(rows[0]), *cells])
    else:
        content = "\n".join(json.dumps(row) for row in rows)
    answer = org.client(SYNC).put("/v1/parties", content=content, headers={"Content-Type": media_type})
    assert {name: n for name, n in answer.json().items() if isinstance(n, int)} == counts(unchanged=len(rows))


@pytest.mark.parametrize("name", FULL)
def test_null_clears_a_field_that_can_be_cleared(org: Org, name: str) -> None:
    put(org, party(**FULL))
    answer = put(org, {"entityId": "p-1", name: None})
    if name in ("displayName", "active"):
        assert (answer["failed"], answer["errors"][0]["pointer"]) == (1, f"/{name}")
        assert read(org, "p-1")[name] == FULL[name]
    else:
        assert answer["updated"] == 1
        assert not read(org, "p-1")[name]
    others = {other: value for other, value in FULL.items() if other != name}
    assert {other: read(org, "p-1")[other] for other in others} == others


def test_a_new_party_without_a_name_is_a_bad_row_and_makes_no_folder(org: Org) -> None:
    answer = put(org, party("a"), {"entityId": "b", "folders": ["x"]})
    assert (answer["created"], answer["failed"], answer["foldersCreated"]) == (1, 1, [])
    [fault] = answer["errors"]
    assert (fault["row"], fault["pointer"], fault["entityId"]) == (2, "/displayName", "b")
    assert org.client(SYNC).get("/v1/folders").json()["items"] == []


def test_new_folders_are_named_in_the_answer(org: Org) -> None:
    assert put(org, party("a", folders=["crew", "derck"]))["foldersCreated"] == ["crew", "derck"]
    assert put(org, party("b", folders=["crew"]))["foldersCreated"] == []


def test_an_id_that_differs_from_another_only_in_case_is_pointed_out_once(org: Org) -> None:
    put(org, party("E-a"))
    answer = put(org, party("E-b"), party("E-A"))
    [warned] = answer["warnings"]
    assert (answer["created"], warned["row"], warned["entityId"], warned["code"]) == (2, 2, "E-A", "similar-id")
    assert "E-a" in warned["detail"]
    assert put(org, party("E-A"))["warnings"] == []


def test_the_folders_of_a_row_replace_all_folders_of_the_party(org: Org) -> None:
    put(org, party("a", folders=["x", "y"]), party("b", folders=["x"]))
    assert numbers(org, party("a", folders=["y", "z", "z"]), party("b", folders=[])) == counts(updated=2)
    assert read(org, "a")["folders"] == ["y", "z"]
    assert read(org, "b")["folders"] == []
    assert numbers(org, party("a", folders=["z", "y"]), party("b", folders=[])) == counts(unchanged=2)


def test_a_new_folder_is_named_by_its_id_and_an_existing_one_keeps_its_name(org: Org) -> None:
    client = org.client(SYNC)
    client.put("/v1/folders/crew", json={"name": "Drill-floor crew"})
    put(org, party(folders=["crew", "deck"]))
    folders = client.get("/v1/folders").json()["items"]
    assert [(folder["id"], folder["name"], folder["partyCount"]) for folder in folders] == [
        ("crew", "Drill-floor crew", 1),
        ("deck", "deck", 1),
    ]
    assert subjects(org, "folder.created") == ["folder/crew", "folder/deck"]


def test_bad_rows_are_named_and_the_other_rows_are_taken(org: Org) -> None:
    answer = put(org, party("a"), party("b", email="Jane Doe"), party("a"), {"displayName": "Jane Doe"})
    assert (answer["created"], answer["failed"]) == (1, 3)
    assert isinstance(answer["errors"], list)
    assert [(fault["row"], fault["entityId"], fault["pointer"]) for fault in answer["errors"]] == [
        (2, "b", "/email"),
        (3, "a", "/entityId"),
        (4, None, "/entityId"),
    ]
    assert "Jane" not in str(answer)


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json; charset=utf-8", '{"parties": [{"entityId": "p-1", "displayName": "Zoë"}]}'),
        ("application/x-ndjson", '{"entityId": "p-1", "displayName": "Zoë"}\n'),
        ("Text/CSV; header=present", "entityId,displayName\np-1,Zoë\n"),
    ],
)
def test_parties_are_read_from_three_formats(org: Org, media_type: str, body: str) -> None:
    answer = org.client(SYNC).put("/v1/parties", content=body.encode(), headers={"Content-Type": media_type})
    assert {name: n for name, n in answer.json().items() if isinstance(n, int)} == counts(created=1)
    assert read(org, "p-1")["displayName"] == "Zoë"


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_parties_in_any_other_format_are_refused(org: Org, media_type: str) -> None:
    answer = org.client(SYNC).put("/v1/parties", content=b"{}", headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:rollcall:problem:unsupported-media-type")
    assert "text/csv" in answer.json()["detail"]


def test_a_body_without_a_list_of_parties_is_refused_with_the_place_of_the_fault(org: Org) -> None:
    answer = org.client(SYNC).put("/v1/parties", json={"parties": "Jane Doe"})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == "/parties"
    assert "Jane" not in answer.text


def test_events_of_parties_hold_ids_and_names_of_fields_only(org: Org) -> None:
    put(org, party("a", email="secret@example.org", folders=["x"]), party("b"), party("c"))
    put(
        org,
        party("a", displayName="Secret", email=None, active=False, folders=[]),
        party("b", active=False),
        party("c"),
        party("d"),
    )
    assert subjects(org, "party.created") == ["party/a", "party/b", "party/c", "party/d"]
    changes = {event.party_id: event.data for event in recorded(org, "party.changed")}
    assert changes == {
        "a": {"changed": ["displayName", "email", "active", "folders"], "active": False},
        "b": {"changed": ["active"], "active": False},
    }
    for event in recorded(org):
        assert "ecret" not in f"{event.subject} {event.data}"
    assert {event.actor_id for event in recorded(org, "party.created", "party.changed")} == {"member-1"}


def test_an_unchanged_party_is_not_touched(org: Org) -> None:
    put(org, party("a", folders=["x"]))
    before, facts = read(org, "a"), len(recorded(org))
    put(org, party("a", folders=["x"]))
    assert read(org, "a") == before
    assert len(recorded(org)) == facts


def test_many_parties_take_as_many_statements_as_few(org: Org) -> None:
    def price(name: str, count: int, **fields: object) -> int:
        rows = [party(f"{name}{n}", folders=[name, f"{name}{n % 7}"], **fields) for n in range(count)]
        with count_statements(org.parts.database.engine) as statements:
            put(org, *rows)
        return statements.count

    assert price("few", 10) == price("many", 1000) < 30
    assert price("few", 10, active=False) == price("many", 1000, active=False) < 30
    assert price("few", 10, active=False) == price("many", 1000, active=False) < 30


def test_ten_thousand_parties_are_written_before_postgresql_has_statistics(org: Org) -> None:
    def everybody(**fields: object) -> list[dict[str, object]]:
        return [party(f"p{n}", folders=["all"], **fields) for n in range(10_000)]

    assert numbers(org, *everybody()) == counts(created=10_000)
    assert numbers(org, *everybody(active=False)) == counts(updated=10_000)  # a bad plan takes over a minute
    assert len(subjects(org, "party.changed")) == 10_000


def test_only_the_source_system_without_a_scope_may_write_parties(org: Org) -> None:
    body = {"parties": [party()]}
    refused = org.client(Permission.ADMIN).put("/v1/parties", json=body)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:rollcall:problem:permission-denied")
    assert "directory.sync" in refused.json()["detail"]
    assert org.client(SYNC, folders=["x"]).put("/v1/parties", json=body).status_code == 403
    assert org.client(SYNC).get("/v1/parties").json()["items"] == []


def test_two_organizations_have_different_parties_of_the_same_id(org: Org, other_org: Org) -> None:
    put(org, party("a", folders=["x"]))
    assert numbers(other_org, party("a", displayName="Other", folders=["x"])) == counts(created=1)
    assert read(org, "a")["displayName"] == "Name of a"
    assert subjects(other_org, "folder.created") == ["folder/x"]
