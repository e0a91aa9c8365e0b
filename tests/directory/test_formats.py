"""Parsing parties from JSON, NDJSON and CSV: valid rows, reported faults, and values that are never repeated."""

import json
from typing import Any

import orjson
import pytest

from shared import sheets
from shared.directory import BadRow, PartyRow, read_parties
from shared.errors import InvalidInput
from shared.sheets import CSV, JSON, NDJSON, Body
from tests.factories import Org


def read(media_type: str, body: bytes) -> tuple[list[PartyRow], list[BadRow]]:
    found = read_parties(Body(media_type, body))
    return found.rows, found.bad


def read_json(*parties: object) -> tuple[list[PartyRow], list[BadRow]]:
    return read(JSON, orjson.dumps({"parties": parties}))


def read_csv(text: str) -> tuple[list[PartyRow], list[BadRow]]:
    return read(CSV, text.encode())


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
    language="pt-BR",
    folders=["crew", "deck"],
)
FULL_JSON: dict[str, Any] = FULL.model_dump(by_alias=True)


def test_the_three_formats_give_the_same_rows() -> None:
    header = "entityId,displayName,email,memberId,active,timeZone,language,folders"
    line = "p-1,Jane Doe,jane@example.org,m-1,false,Europe/Amsterdam,pt-br,crew; deck"
    assert read_json(FULL_JSON) == ([FULL], [])
    assert read(NDJSON, orjson.dumps(FULL_JSON)) == ([FULL], [])
    [row], bad = read_csv(f"{header}\r\n{line}\r\n")
    assert (row.model_dump(), bad) == (FULL.model_dump(), [])


def test_fields_left_out_of_a_row_are_not_mentioned() -> None:
    [row], _ = read_json({"entityId": "p-1"})
    assert row.model_fields_set == {"entity_id"}
    assert row.folder_names() is None


def test_null_is_mentioned() -> None:
    [row], _ = read_json(party(email=None, folders=None))
    assert row.model_fields_set == {"entity_id", "display_name", "email", "folders"}
    assert row.folder_names() == []


def test_an_empty_list_of_parties_is_valid() -> None:
    assert read_json() == ([], [])
    assert read(NDJSON, b"") == ([], [])
    assert read_csv("entityId,displayName\n") == ([], [])


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("entityId", "", "/entityId"),
        ("entityId", "p 1", "/entityId"),
        ("entityId", ".", "/entityId"),
        ("entityId", "..", "/entityId"),
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
        ("displayName", None, "/displayName"),
        ("language", "german!", "/language"),
        ("folders", "crew", "/folders"),
        ("folders", [".."], "/folders/0"),
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
    assert [(fault.pointer, fault.detail) for fault in bad] == [("/entityId", "This is required.")]


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
    assert "10,000" in refused.value.detail


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
        read(JSON, body)
    [fault] = refused.value.errors
    assert fault.pointer == pointer
    assert "Jane" not in fault.detail


def test_an_ndjson_line_that_cannot_be_parsed_is_a_bad_row() -> None:
    good = json.dumps(party())
    rows, bad = read(NDJSON, f'{good}\r\n\n  \n{{"displayName": "Jane D\n"text"\n'.encode())
    assert [row.entity_id for row in rows] == ["p-1"]
    assert [(fault.row, fault.detail) for fault in bad] == [
        (2, "This line is not valid JSON in UTF-8."),
        (3, "A row must be an object."),
    ]


def test_csv_cells_may_be_quoted_and_blank_lines_are_no_rows() -> None:
    rows, bad = read_csv('\ufeffdisplayName,entityId\n\n"Doe, Jane\n""J""",p-1\n\nJohn,p-2\n')
    assert [(row.entity_id, row.display_name) for row in rows] == [("p-1", 'Doe, Jane\n"J"'), ("p-2", "John")]
    assert bad == []


def test_an_empty_csv_cell_clears_and_one_that_a_short_row_lacks_is_not_mentioned() -> None:
    [row, short], _ = read_csv("entityId,displayName,email,timeZone,folders\np-1,Jane,,,\np-2,John,j@doe.test\n")
    assert row.model_fields_set == {"entity_id", "display_name", "email", "time_zone", "folders"}
    assert (row.email, row.folder_names()) == (None, [])
    assert short.model_fields_set == {"entity_id", "display_name", "email"}


def test_an_empty_cell_of_a_name_or_of_active_is_a_bad_row() -> None:
    _, bad = read_csv("entityId,displayName,active\n,Jane,true\np-2,,true\np-3,Jim,\n")
    assert [(fault.row, fault.line, fault.pointer, fault.column) for fault in bad] == [
        (1, 2, "/entityId", "entityId"),
        (2, 3, "/displayName", "displayName"),
        (3, 4, "/active", "active"),
    ]
    assert [fault.detail.partition(";")[0] for fault in bad[1:]] == ["This cannot be cleared"] * 2


def test_a_csv_row_that_is_longer_than_the_header_is_a_bad_row_unless_the_rest_is_empty() -> None:
    rows, [fault] = read_csv("entityId,displayName\np-1,Jane,more\np-2,John,,\n")
    assert [row.entity_id for row in rows] == ["p-2"]
    assert (fault.row, fault.line, fault.pointer) == (1, 2, "")
    assert "2 columns" in fault.detail


def test_a_line_with_a_broken_quotation_mark_spoils_only_itself() -> None:
    rows, [fault] = read_csv('entityId,displayName\np-1,"Jane "J" Doe"\np-2,John\n')
    assert [row.entity_id for row in rows] == ["p-2"]
    assert (fault.row, fault.line, fault.detail) == (1, 2, sheets.BAD_LINE)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "entityId"),
        ("p-1,Jane Doe\np-2,John Doe\n", "entityId"),
        ("entityId,displayName,Entity-ID\n", "Columns 1 and 3"),
        ("displayName,email\n", "entityId"),
        ('entityId,displayName\np-1,"Jane\n', "Line 2"),
    ],
)
def test_csv_that_cannot_be_parsed_is_refused_whole(text: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_csv(text)
    assert hint in refused.value.detail
    assert "Jane" not in refused.value.detail


def test_one_bad_byte_is_named_with_its_line_and_the_other_rows_go_in() -> None:
    body = "entityId,displayName\np-1,Zoë\np-2,Jos!\np-3,René\n".encode().replace(b"!", b"\xe9")
    rows, [fault] = read(CSV, body)
    assert [row.entity_id for row in rows] == ["p-1", "p-3"]
    assert (fault.row, fault.line, fault.column, fault.detail) == (2, 3, "displayName", sheets.BAD_CELL)


def test_a_bad_byte_of_an_ndjson_line_and_a_byte_order_mark_cost_no_other_person() -> None:
    lines = [json.dumps(party(entityId=f"p-{n}")).encode() for n in range(3)]
    lines[1] = lines[1].replace(b"Jane", b"J\xe9ne")
    rows, [fault] = read(NDJSON, b"\xef\xbb\xbf" + b"\r\n".join(lines))
    assert [row.entity_id for row in rows] == ["p-0", "p-2"]
    assert (fault.row, fault.line) == (2, 2)


def test_a_csv_file_that_begins_with_a_carriage_return_is_answered(org: Org) -> None:
    answer = org.client().put("/v1/parties", content=b"\r0", headers={"Content-Type": "text/csv"})
    assert answer.status_code == 422
