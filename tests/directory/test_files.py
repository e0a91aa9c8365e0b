"""Files of people as spreadsheets and personnel systems write them: any encoding and separator, the same directory."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.access import Permission
from shared.directory import Reading, read_parties
from shared.sheets import CSV, Body
from tests.factories import Org, count_statements

SYNC = Permission.SYNC_DIRECTORY
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
SEPARATORS = [",", ";", "\t"]


def written(rows: list[list[str]], separator: str, encoding: str, end: str = "\r\n") -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator, lineterminator=end).writerows(rows)
    return buffer.getvalue().encode(encoding)


def told(reading: Reading) -> Any:
    return [row.model_dump(exclude_unset=True) for row in reading.rows], reading.bad, reading.columns


def put(org: Org, body: bytes, content_type: str = CSV) -> dict[str, Any]:
    answer = org.client(SYNC).put("/v1/parties", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


LETTERS = st.characters(codec="cp1252", categories=["Ll"])
SYLLABLES = st.tuples(st.sampled_from("abdeklmnorst"), LETTERS).map("".join)
NAMES = st.lists(SYLLABLES, min_size=1, max_size=10).map(lambda parts: "".join(parts).capitalize())
PEOPLE = st.lists(st.tuples(NAMES, st.sampled_from(["", "Küche|Deck", "crew", "Été 1 | b;c"])), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None, database=None)
@given(people=PEOPLE, ends=st.sampled_from(["\r\n", "\n"]))
def test_one_file_is_the_same_directory_in_any_encoding_and_with_any_separator(
    people: list[tuple[str, str]], ends: str
) -> None:
    rows = [["Employee ID", "Full Name", "Folders"], ["P-0", "Zoë Ångström", "crew"]]
    rows += [[f"p-{n}", name, folders.replace(";", "")] for n, (name, folders) in enumerate(people, start=1)]
    expected = told(read_parties(Body(CSV, written(rows, ",", "utf-8"))))
    assert len(expected[0]) == len(people) + 1
    for encoding in ENCODINGS:
        for separator in SEPARATORS:
            assert told(read_parties(Body(CSV, written(rows, separator, encoding, ends)))) == expected, (
                encoding,
                separator,
            )


def test_the_file_of_a_german_excel_is_read(org: Org) -> None:
    """Semicolons, Windows-1252, WAHR and FALSCH, short rows, empty columns and rows at the end."""
    body = (
        "Personalnummer;Anzeigename;E-Mail;Aktiv;Ordner;;\r\n"
        "4711;Jürgen Groß;juergen@beispiel.de;WAHR;Küche|Büro Süd;;\r\n"
        "4712;Änne Müller;;FALSCH\r\n"
        ";;;;;;\r\n"
    ).encode("cp1252")
    answer = put(org, body)
    assert (answer["created"], answer["failed"], answer["errors"], answer["ignoredColumns"]) == (2, 0, [], [])
    assert answer["foldersCreated"] == ["buro-sud", "kuche"]
    assert answer["columns"]["Personalnummer"] == "entityId"
    parties = {one["entityId"]: one for one in org.client(SYNC).get("/v1/parties").json()["items"]}
    assert parties["4711"]["displayName"] == "Jürgen Groß"
    assert (parties["4711"]["active"], parties["4711"]["folders"]) == (True, ["buro-sud", "kuche"])
    assert (parties["4712"]["active"], parties["4712"]["email"]) == (False, None)
    folders = {one["id"]: one["name"] for one in org.client(SYNC).get("/v1/folders").json()["items"]}
    assert folders == {"buro-sud": "Büro Süd", "kuche": "Küche"}
    again = put(org, body)
    assert (again["unchanged"], again["foldersCreated"]) == (2, [])


def test_an_export_of_forty_columns_is_read_and_names_what_it_ignores(org: Org) -> None:
    others = [f"Cost centre {n}" for n in range(36)]
    header = ["Department", "Employee ID", *others, "Work E-mail", "Employee Name"]
    rows = [[f"D{n}", f"E-{n:04}", *["x"] * 36, f"e{n}@acme.test", f"Person {n}"] for n in range(50)]
    answer = put(org, written([header, *rows], ",", "utf-8-sig"))
    assert (answer["created"], answer["failed"]) == (50, 0)
    assert answer["columns"] == {"Employee ID": "entityId", "Work E-mail": "email", "Employee Name": "displayName"}
    assert answer["ignoredColumns"] == ["Department", *others]


@pytest.mark.parametrize(
    "first", ["entityId", "ENTITYID", "entity_id", "Entity ID", "Employee ID", "employee-id", "id"]
)
def test_columns_are_known_by_name_whatever_their_letters(first: str) -> None:
    reading = read_parties(Body(CSV, f"displayname,{first}\nJane,p-1\n".encode()))
    assert reading.columns == {first: "entityId", "displayname": "displayName"}
    assert [row.entity_id for row in reading.rows] == ["p-1"]


def test_of_two_columns_for_a_field_its_own_name_counts() -> None:
    reading = read_parties(Body(CSV, b"ID,Employee ID,entityId,Name\n1,2,3,Jane\n"))
    assert ([row.entity_id for row in reading.rows], reading.ignored_columns) == (["3"], ["ID", "Employee ID"])


def test_a_bad_row_of_a_file_is_named_with_its_line_and_column(org: Org) -> None:
    body = b'Employee ID,Name,Mail\np-1,"Jane\nDoe",jane@doe.test\n\np-2,John,?\n'
    answer = put(org, body)
    [fault] = answer["errors"]
    assert (fault["row"], fault["line"], fault["column"], fault["pointer"], fault["entityId"]) == (
        2,
        5,
        "Mail",
        "/email",
        "p-2",
    )


def test_a_cell_means_the_folder_with_that_id_else_with_that_name_else_a_new_one(org: Org) -> None:
    client = org.client(SYNC)
    for folder_id, name in (("f-1", "Drill Floor"), ("deck", "f-1"), ("a", "Twice"), ("b", "Twice")):
        client.put(f"/v1/folders/{folder_id}", json={"name": name})
    rows = [["entityId", "displayName", "folders"]]
    rows += [["p1", "A", "f-1"], ["p2", "B", "DRILL  floor|New"], ["p3", "C", "twice"], ["p4", "D", "日本|Ünter uns"]]
    answer = put(org, written(rows, ",", "utf-8"))
    assert (answer["created"], answer["failed"], answer["errors"][0]["row"]) == (3, 1, 3)
    assert answer["errors"][0]["column"] == "folders"
    found = {one["entityId"]: one["folders"] for one in client.get("/v1/parties").json()["items"]}
    names = {one["id"]: one["name"] for one in client.get("/v1/folders").json()["items"]}
    assert found["p1"] == ["f-1"]
    assert found["p2"] == ["New", "f-1"]
    assert sorted(names[each] for each in found["p4"]) == ["Ünter uns", "日本"]


def test_names_are_kept_in_nfc_and_found_in_any_form(org: Org) -> None:
    client = org.client(SYNC)
    rows = [
        {"entityId": "p-1", "displayName": "Rene\u0301 Bjørn-O'Neil"},
        {"entityId": "E-77", "displayName": "Łucja Пётр-Первый"},
        {"entityId": "odd", "displayName": r"Q ^$a.b*c+d?e(f)g{h}i[j]k|l\m [=n=]"},
    ]
    client.put("/v1/parties", json={"parties": rows})
    assert client.get("/v1/parties/p-1").json()["displayName"] == "Ren\u00e9 Bjørn-O'Neil"
    for q in ("ren\u00e9", "RENE", "Rene\u0301", "bjorn", "BJØRN-O", "neil", "o'n", "rene neil"):
        assert [one["entityId"] for one in client.get("/v1/parties", params={"q": q}).json()["items"]] == ["p-1"], q
    for q in ("lucja", "ŁU", "77", "e-7", "петр", "ПЕТ", "первый"):
        assert [one["entityId"] for one in client.get("/v1/parties", params={"q": q}).json()["items"]] == ["E-77"], q
    for q in ("^$a", "a.b", "c+d", "e(f", "f)g{h", "i[j", "j]k|l", r"l\m", "[=n=]", "n=", "$"):
        assert [one["entityId"] for one in client.get("/v1/parties", params={"q": q}).json()["items"]] == ["odd"], q
    for q in ("ene", "етр", "a..", "eil", "jorn", ".*", "cja"):
        assert client.get("/v1/parties", params={"q": q}).json()["items"] == [], q
    client.put("/v1/parties", json={"parties": [{"entityId": "p-1", "displayName": "Someone Else"}]})
    assert client.get("/v1/parties", params={"q": "rene"}).json()["items"] == []
    assert len(client.get("/v1/parties", params={"q": "els"}).json()["items"]) == 1


def test_a_file_of_many_takes_as_many_statements_as_one_of_few(org: Org) -> None:
    def price(name: str, count: int) -> int:
        rows = [["entityId", "displayName", "folders"]]
        rows += [[f"{name}{n}", f"N {n}", f"{name} {n % 5}"] for n in range(count)]
        with count_statements(org.parts.database.engine) as statements:
            assert put(org, written(rows, ";", "utf-8"))["created"] == count
        return statements.count

    assert price("few", 10) == price("many", 1000) < 30
