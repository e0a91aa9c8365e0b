"""Parsing parties from JSON, NDJSON and CSV: valid rows, reported faults, and values that are never repeated."""

import json
from typing import Any

import orjson
import pytest

from shared.directory import MEDIA_TYPES, BadRow, PartyRow, read_parties
from shared.errors import InvalidInput

JSON, NDJSON, CSV = MEDIA_TYPES


def read_json(*parties: object) -> tuple[list[PartyRow], list[BadRow]]:
    return read_parties(JSON, orjson.dumps({"parties": parties}))


def read_csv(text: str) -> tuple[list[PartyRow], list[BadRow]]:
    return read_parties(CSV, text.encode())


def party(**fields: object) -> dict[str, object]:
    return {"entityId": "p-1", "displayName": "Jane Doe"} | fields


def only_fault(**fields: object) -> BadRow:
    """Returns the only fault of a row with these fields."""
    rows, bad = read_json(party(**fields))
    assert rows == []
    assert len(bad) == 1
    return bad[0]


FULL = PartyRow(
    entity_id="p-1",
    display_name="Jane Doe",
    email="jane@example.org",
    member_id="m-1",
    active=False,
    time_zone="Europe/Amsterdam",
    folders=["crew", "deck"],
)
FULL_JSON: dict[str, Any] = FULL.model_dump(by_alias=True)


def test_the_three_formats_give_the_same_rows() -> None:
    header = "entityId,displayName,email,memberId,active,timeZone,folders"
    line = "p-1,Jane Doe,jane@example.org,m-1,false,Europe/Amsterdam,crew; deck"
    assert read_json(FULL_JSON) == ([FULL], [])
    assert read_parties(NDJSON, orjson.dumps(FULL_JSON)) == ([FULL], [])
    assert read_csv(f"{header}\r\n{line}\r\n") == ([FULL], [])


def test_fields_left_out_of_a_row_are_empty_but_its_folders_are_unknown() -> None:
    [row], _ = read_json(party())
    assert (row.email, row.member_id, row.active, row.time_zone, row.folders) == (None, None, True, None, None)


def test_null_folders_are_folders_left_out() -> None:
    [row], _ = read_json(party(folders=None))
    assert row.folders is None


def test_an_empty_list_of_parties_is_valid() -> None:
    assert read_json() == ([], [])
    assert read_parties(NDJSON, b"") == ([], [])
    assert read_csv("entityId,displayName\n") == ([], [])


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("entityId", "", "/entityId"),
        ("entityId", "p 1", "/entityId"),
        ("entityId", "p-1\n", "/entityId"),
        ("entityId", "p" * 65, "/entityId"),
        ("entityId", 7, "/entityId"),
        ("entityId", None, "/entityId"),
        ("displayName", "", "/displayName"),
        ("displayName", " \t ", "/displayName"),
        ("displayName", "x" * 201, "/displayName"),
        ("displayName", "a\0b", "/displayName"),
        ("displayName", ["Jane"], "/displayName"),
        ("email", "", "/email"),
        ("email", "jane", "/email"),
        ("email", "jane@", "/email"),
        ("email", "@example.org", "/email"),
        ("email", "jane@doe@example.org", "/email"),
        ("email", "jane@example.org, john@example.org", "/email"),
        ("email", "jane@example.org\nBcc: all@example.org", "/email"),
        ("email", "Jane <jane@example.org>", "/email"),
        ("email", "jane\0@example.org", "/email"),
        ("email", f"{'x' * 250}@example.org", "/email"),
        ("memberId", "m/1", "/memberId"),
        ("active", "perhaps", "/active"),
        ("active", None, "/active"),
        ("timeZone", "Mars/Olympus", "/timeZone"),
        ("timeZone", "../../etc/passwd", "/timeZone"),
        ("folders", "crew", "/folders"),
        ("folders", ["crew", "d e c k"], "/folders/1"),
        ("folders", [f"f{n}" for n in range(1001)], "/folders"),
        ("salary", 100, ""),
    ],
)
def test_a_bad_field_of_a_party_is_named_and_its_value_is_not_repeated(field: str, value: object, pointer: str) -> None:
    fault = only_fault(**{field: value})
    assert (fault.row, fault.pointer) == (1, pointer)
    assert fault.entity_id == (None if field == "entityId" else "p-1")
    for secret in ("Jane", "jane@", "john", "Bcc", "Mars", "passwd", "perhaps", "salary", "d e c k"):
        assert secret not in fault.model_dump_json()


def test_missing_fields_of_a_party_are_named() -> None:
    _, bad = read_json({})
    assert [(fault.pointer, fault.detail) for fault in bad] == [
        ("/entityId", "This is required."),
        ("/displayName", "This is required."),
    ]


@pytest.mark.parametrize("row", [None, 1, "Jane Doe", [], ["entityId"]])
def test_a_row_that_is_not_an_object_is_a_bad_row(row: object) -> None:
    rows, [fault] = read_json(party(), row)
    assert len(rows) == 1
    assert (fault.row, fault.entity_id, fault.pointer, fault.detail) == (2, None, "", "A row must be an object.")


def test_good_rows_are_taken_and_bad_rows_keep_their_numbers() -> None:
    rows, bad = read_json(
        party(entityId="a"), party(entityId="b", email="?"), party(entityId="c"), {}, party(entityId="e")
    )
    assert [row.entity_id for row in rows] == ["a", "c", "e"]
    assert sorted({fault.row for fault in bad}) == [2, 4]


def test_the_same_party_again_is_a_bad_row() -> None:
    rows, [fault] = read_json(party(displayName="First"), party(displayName="Second"))
    assert [row.display_name for row in rows] == ["First"]
    assert (fault.row, fault.entity_id, fault.pointer) == (2, "p-1", "/entityId")
    assert "Row 1" in fault.detail


def test_a_bad_row_does_not_prevent_a_good_row_about_the_same_party() -> None:
    rows, [fault] = read_json(party(displayName=""), party(displayName="Second"))
    assert [row.display_name for row in rows] == ["Second"]
    assert fault.row == 1


def test_a_row_is_reported_with_ten_faults_at_most() -> None:
    _, bad = read_json(party(folders=["?"] * 900))
    assert len(bad) == 10


def test_10_000_parties_are_taken_and_one_more_is_refused() -> None:
    parties = [party(entityId=f"p{n}") for n in range(10_001)]
    rows, _ = read_json(*parties[:-1])
    assert len(rows) == 10_000
    with pytest.raises(InvalidInput) as refused:
        read_json(*parties)
    assert "10000" in refused.value.detail


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"{", ""),
        (b"\xff\xfe", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"{}", ""),
        (b'{"parties": [], "Jane Doe": 1}', ""),
        (b'{"parties": null}', "/parties"),
        (b'{"parties": {"entityId": "p"}}', "/parties"),
        (b'{"parties": [NaN]}', ""),
        (rb'{"parties": ["\ud800"]}', ""),
        (b'{"parties":' + b"[" * 100_000, ""),
    ],
)
def test_json_that_is_no_list_of_parties_is_refused_whole(body: bytes, pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_parties(JSON, body)
    [fault] = refused.value.errors
    assert fault.pointer == pointer
    assert "Jane" not in fault.detail


def test_an_ndjson_line_that_cannot_be_parsed_is_a_bad_row() -> None:
    good = json.dumps(party())
    rows, bad = read_parties(NDJSON, f'{good}\r\n\n  \n{{"displayName": "Jane D\n"text"\n'.encode())
    assert [row.entity_id for row in rows] == ["p-1"]
    assert [(fault.row, fault.detail) for fault in bad] == [
        (2, "This line is not valid JSON."),
        (3, "A row must be an object."),
    ]


def test_csv_cells_may_be_quoted_and_blank_lines_are_no_rows() -> None:
    rows, bad = read_csv('\ufeffdisplayName,entityId\n\n"Doe, Jane\n""J""",p-1\n\nJohn,p-2\n')
    assert [(row.entity_id, row.display_name) for row in rows] == [("p-1", 'Doe, Jane\n"J"'), ("p-2", "John")]
    assert bad == []


def test_an_empty_csv_cell_is_a_value_left_out_and_under_folders_no_folder() -> None:
    [row], _ = read_csv("entityId,displayName,email,active,folders\np-1,Jane,,,\n")
    assert (row.email, row.active, row.folders) == (None, True, [])
    [row], _ = read_csv("entityId,displayName\np-1,Jane\n")
    assert row.folders is None
    _, [fault] = read_csv("entityId,displayName\n,Jane\n")
    assert (fault.row, fault.pointer) == (1, "/entityId")


@pytest.mark.parametrize("line", ["p-1", "p-1,Jane,more"])
def test_a_csv_row_of_another_length_is_a_bad_row(line: str) -> None:
    rows, [fault] = read_csv(f"entityId,displayName\n{line}\np-2,John\n")
    assert [row.entity_id for row in rows] == ["p-2"]
    assert (fault.row, fault.pointer) == (1, "")
    assert "2 columns" in fault.detail


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "entityId and displayName"),
        ("p-1,Jane Doe\np-2,John Doe\n", "column 1"),
        ("entityId,displayName,salary\n", "column 3"),
        ("entityId,displayName,entityId\n", "column 3"),
        ("entityId;displayName\n", "separated by commas"),
        ("entityId,email\n", "displayName"),
        ('entityId,displayName\np-1,"Jane\n', "line 2"),
        ("entityId,displayName\np-1," + "x" * 200_000 + "\n", "line 2"),
    ],
)
def test_csv_that_cannot_be_parsed_is_refused_whole(text: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_csv(text)
    assert hint in refused.value.detail
    assert "Jane" not in refused.value.detail
    assert "salary" not in refused.value.detail


def test_csv_in_another_encoding_is_refused() -> None:
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_parties(CSV, "entityId,displayName\np-1,Zoë\n".encode("latin-1"))
