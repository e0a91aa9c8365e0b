"""Rows that do not go in: each named with its place, given back in the file's own form, and taken once repaired."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run_command
from shared.access import Permission
from shared.sheets import CSV, ERROR_COLUMN, XLSX, open_file, unescaped
from tests.conftest import Servers
from tests.factories import Org
from tests.moving_in.systems import written
from tests.sheets.books import Raw, book

ROWS = [
    ["Employee ID", "Name", "E-mail", "Remark", "Remark"],
    ["E1", "Jürgen", "j@crew.test", "=1+1", "x"],
    ["E 2", "Änne", "a@crew.test", "007", "y"],
    ["E3", "", "not one", "@b", "z"],
]


def call(org: Org, method: str, path: str, body: bytes, kind: str) -> Any:
    client = org.client(Permission.ADMIN, Permission.SYNC_DIRECTORY)
    accept = {"Accept": kind} if path.endswith("repair") and kind in (CSV, XLSX) else {}
    answer = client.request(method, path, content=body, headers={"Content-Type": kind, **accept})
    assert answer.status_code == 200, answer.text
    return answer


def lines(body: bytes) -> list[tuple[str, ...]]:
    (tab,) = open_file(body).tabs
    return [tuple(map(unescaped, line.cells or ())) for line in tab.lines()]


def as_csv(rows: list[list[str]], encoding: str) -> bytes:
    return written(rows, ";").encode(encoding)


@pytest.mark.parametrize("kind", [CSV, XLSX])
def test_bad_rows_come_back_as_the_same_file_and_go_in_when_they_are_repaired(org: Org, kind: str) -> None:
    body = as_csv(ROWS, "cp1252") if kind == CSV else book(ROWS)
    org.client(Permission.SYNC_DIRECTORY).put("/v1/parties", json={"parties": [{"entityId": "E2", "displayName": "Ä"}]})
    done = call(org, "PUT", "/v1/parties", body, kind).json()
    assert (done["created"], done["failed"]) == (1, 2)
    places = [(one["row"], one["line"], one["column"], one["pointer"], one["entityId"]) for one in done["errors"]]
    assert places == [
        (2, 3, "Employee ID", "/entityId", None),
        (3, 4, "Name", "/displayName", "E3"),
        (3, 4, "E-mail", "/email", "E3"),
    ]
    assert "There is a party E2" in done["errors"][0]["detail"]
    assert done["ignoredColumns"] == ["Remark", "Remark"]
    answer = call(org, "POST", "/v1/parties/repair", body, kind)
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    header, first, second = lines(answer.content)
    assert header[:3] == ("Employee ID", "Name", "E-mail")
    assert header[-1] == ERROR_COLUMN
    assert (first[:5], second[:1], second[3]) == (("E 2", "Änne", "a@crew.test", "007", "y"), ("E3",), "@b")
    assert "line 4, Name: This cannot be cleared" in second[5]
    if kind == CSV:
        assert "Änne".encode("cp1252") in answer.content
        assert b";'@b;" in answer.content  # no spreadsheet runs it
    repaired = [list(header), ["E2", *first[1:]], ["E3", "Zoë", "z@crew.test", *second[3:]]]
    again = call(org, "PUT", "/v1/parties", as_csv(repaired, "utf-8") if kind == CSV else book(repaired), kind).json()
    assert (again["created"], again["updated"], again["failed"]) == (1, 1, 0)
    assert ERROR_COLUMN in again["ignoredColumns"]


def test_bad_records_come_back_as_the_same_file_by_api_and_by_command(
    org: Org, servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    org.with_parties("a")
    org.with_course(code="H2S")
    rows = [["Badge", "Course", "Date"], ["a", "H2S", "2024-02-01"], ["nobody", "H2S", "2024-02-01"], ["a", "H2S", "?"]]
    path, errors = tmp_path / "history.xlsx", tmp_path / "repair.xlsx"
    path.write_bytes(book(rows))
    monkeypatch.setenv("ROLLCALL_DATABASE_URL", servers.app_url)
    asked = ["records", "import", str(path), "--org", org.id, "--map", "Badge=partyId", "--errors", str(errors)]
    assert run_command(asked) == 3
    written = lines(errors.read_bytes())
    assert [line[:3] for line in written] == [
        ("Badge", "Course", "Date"),
        ("nobody", "H2S", "2024-02-01"),
        ("a", "H2S", "?"),
    ]
    assert written[2][3] == "line 4: Date: must be a day, such as 2026-11-26."
    assert lines(call(org, "POST", "/v1/records/repair", path.read_bytes(), XLSX).content) == written


def test_bad_rows_of_json_come_back_as_csv(org: Org) -> None:
    good, bad = {"entityId": "a", "displayName": "A"}, {"entityId": "b", "folders": ["x", "y"], "active": False}
    body = json.dumps({"parties": [good, bad]}).encode()
    answer = call(org, "POST", "/v1/parties/repair", body, "application/json")
    header, row = lines(answer.content)
    found = dict(zip(header, row, strict=False))
    assert (found["entityId"], found["active"], found["folders"]) == ("b", "false", "x|y")
    assert "needs a name" in found[ERROR_COLUMN]
    assert org.client().get("/v1/parties").json()["items"] == []


def test_a_hostile_workbook_and_a_wrong_mapping_are_problems_of_the_request(org: Org) -> None:
    client = org.client(Permission.SYNC_DIRECTORY, Permission.ADMIN)
    far = book([["entityId", "displayName"], [Raw('<c r="XFD1048576"><v>1</v></c>')]])
    for method, path in (("PUT", "/v1/parties"), ("POST", "/v1/parties/repair"), ("POST", "/v1/records")):
        answer = client.request(method, path, content=far, headers={"Content-Type": XLSX})
        assert (answer.status_code, answer.json()["detail"][:32]) == (422, "Cell XFD1048576 lies beyond row ")
    for said, place in (("Badge", "?map"), ("Badge=staff", ""), ("Nowhere=entityId", "")):
        body = b"Badge,displayName\np-1,Jane\n"
        answer = client.put("/v1/parties", params={"map": said}, content=body, headers={"Content-Type": CSV})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, place)
    assert client.get("/v1/parties").json()["items"] == []
