"""Workbooks as people save them and as attackers make them: each is a table or a sentence, and the process survives."""

import io
import zipfile
from datetime import date
from typing import Any

import pytest

from shared import sheets
from shared.errors import InvalidInput
from shared.sheets import CSV, XLSX, Body, Fields, contents_of, table_in
from tests.sheets.books import Formula, Raw, book, packed, parts, sheet

FIELDS = Fields(
    "person",
    "people",
    {"id": ("id", "employeeno", "no"), "name": ("name", "fullname"), "on": ("on", "date"), "note": ("note",)},
    needed=(("id",), ("name",)),
    most=100,
    days=frozenset({"on"}),
)


def read(body: bytes, **said: Any) -> list[Any]:
    contents = contents_of(Body(XLSX, body, **said), FIELDS, {}, lambda _, text, __: text or None)
    return [row.detail or row.value for row in contents.rows]


def refused(body: bytes, **said: Any) -> str:
    with pytest.raises(InvalidInput) as error:
        read(body, **said)
    return error.value.detail


def test_cells_are_read_as_people_see_them() -> None:
    body = book(
        [
            ["ID", "Name", "On", "Note"],
            [4711, "  Zo\u00eb ", date(2024, 2, 29), True],
            ["007", "A\tB", 45352, 1.5],
            [],
            ["E-3", "'=1+1", "31.12.2025"],
        ]
    )
    assert read(body) == [
        {"id": "4711", "name": "Zo\u00eb", "on": "2024-02-29", "note": "true"},
        {"id": "007", "name": "A\tB", "on": "2024-03-01", "note": "1.5"},
        {"id": "E-3", "name": "=1+1", "on": "2025-12-31", "note": None},
    ]


def test_rows_keep_the_numbers_that_the_spreadsheet_shows() -> None:
    body = book([["Export"], [], ["ID", "Name"], ["a", "A"], [], ["b", "B"]])
    table = table_in(Body(CSV, body), FIELDS, {})
    assert table.line == 3
    assert table.sample() == [(4, {"ID": "a", "Name": "A"}), (6, {"ID": "b", "Name": "B"})]
    assert [line.number for line in table.rows] == [4, 6]
    assert table.notes == ("The columns are named in line 3; rows begin below it.",)


def test_formulas_are_read_as_their_saved_values_and_one_without_is_named() -> None:
    body = book([["ID", "Name"], ["a", Formula('"A"&"B"', "AB")], ["b", Formula("1/0")], ["c", "C"]])
    assert read(body) == [{"id": "a", "name": "AB"}, sheets.contents.FORMULA, {"id": "c", "name": "C"}]
    assert "Formulas were read" in " ".join(table_in(Body(XLSX, body), FIELDS, {}).notes)


def test_merged_cells_belong_to_each_of_their_rows_and_group_the_names_below_them() -> None:
    body = book(
        [
            ["Employee", "", "Course", "", "Manager"],
            ["No.", "Full name", "Date", "Note", "No."],
            ["a", "A", date(2024, 1, 2), "both", "m"],
            ["b", "B", date(2024, 1, 3), "", "m"],
        ],
        merged=["A1:B1", "C1:D1", "D3:D4"],
    )
    assert read(body) == [
        {"id": "a", "name": "A", "on": "2024-01-02", "note": "both"},
        {"id": "b", "name": "B", "on": "2024-01-03", "note": "both"},
    ]


def test_of_two_sheets_the_one_with_the_columns_is_read_and_two_of_them_are_not_guessed_between() -> None:
    rows = [["ID", "Name"], ["a", "A"]]
    body = book([["Read me"]], People=rows)
    assert read(body) == [{"id": "a", "name": "A"}]
    assert table_in(Body(XLSX, body), FIELDS, {}).notes == ("The sheet People was read; passed over: Sheet1.",)
    both = book([["ID", "Name"], ["b", "B"]], People=rows)
    assert "Sheets 1 and 2" in refused(both)
    assert read(both, sheet="People") == [{"id": "a", "name": "A"}]
    assert "no visible sheet" in refused(both, sheet="Nobody")
    hidden = packed(parts({"Old": sheet([["ID", "Name"], ["o", "O"]]), "People": sheet(rows)}, hidden=["Old"]))
    assert read(hidden) == [{"id": "a", "name": "A"}]


def test_stray_cells_beside_the_table_are_no_fault() -> None:
    assert read(book([["ID", "Name"], ["a", "A", "", "look here"]])) == [{"id": "a", "name": "A"}]


NORMAL = sheet([["ID", "Name"], ["a", "A"]])


def with_sheet(xml: str | bytes) -> bytes:
    return packed(dict(parts({"Sheet1": ""})) | {"xl/worksheets/sheet1.xml": xml})


def unpacked_to_two_gigabytes() -> bytes:
    head, tail = NORMAL.split("</sheetData>")
    piece = b" " * (1 << 20)
    files = dict(parts({"Sheet1": ""}))
    del files["xl/worksheets/sheet1.xml"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            part.write(head.encode())
            for _ in range(2048):
                part.write(piece)
            part.write(f"</sheetData>{tail}".encode())
    return buffer.getvalue()


ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    + NORMAL.partition("\n")[2].replace("A</t>", "&b;</t>")
)
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + NORMAL.partition("\n")[
    2
].replace("A</t>", "&a;</t>")
FAR = sheet([["ID", "Name"], ["a", "A"], [Raw('<c r="XFD1048576"><v>1</v></c>')]])
SPREAD = sheet([["ID", "Name"], ["a", "A"], [Raw('<c r="ZZ99999"><v>1</v></c>')]])
NO_REFERENCE = NORMAL.replace("</sheetData>", '<row r="999999999"><c r="A999999999"><v>1</v></c></row></sheetData>')


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (packed({"readme.txt": "hello"}), "no workbook"),
        (b"PK\x03\x04 and then nothing", "damaged workbook"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "old workbook"),
        (packed({"xl/workbook.xml": "<nothing/>"}), "no workbook"),
        (book([]), "no visible sheet"),
        (with_sheet(ENTITIES), "entities"),
        (with_sheet(EXTERNAL), "entities"),
        (with_sheet(FAR), "Cell XFD1048576 lies beyond"),
        (with_sheet(NO_REFERENCE), "lies beyond"),
        (with_sheet(SPREAD), "more memory or time"),
        (with_sheet("<worksheet><sheetData><row><c"), "cannot be read"),
        (packed(parts({f"S{n}": NORMAL for n in range(201)})), "more than 200 sheets"),
        (book([["ID", "Name"]] + [["a", "A"]] * 101), "at most 100 people"),
        (book([["Name", "Note"]]), "must be id"),
    ],
    ids=range(14),
)
def test_a_hostile_or_useless_workbook_is_a_sentence(body: bytes, says: str) -> None:
    assert says in refused(body)


def test_two_gigabytes_unpacked_are_a_sentence() -> None:
    body = unpacked_to_two_gigabytes()
    assert len(body) < 12 << 20
    assert "larger than 100 MiB unpacked" in refused(body)


def test_a_process_that_the_workbook_ends_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the first bound, the reader asks for 550 GB and is ended, and this process is not."""
    monkeypatch.setattr(sheets.bounded, "_refuse_far_cells", lambda _: None)
    assert "more memory or time" in refused(with_sheet(FAR))


def test_a_formatted_cell_far_out_without_a_value_is_no_fault() -> None:
    xml = sheet([["ID", "Name"], ["a", "A", Raw('<c r="XFD2" s="1"/>')]])
    assert read(with_sheet(xml)) == [{"id": "a", "name": "A"}]
