"""Every list as CSV and as a workbook: the same rows as its JSON, whatever the list; anything else is no file."""

import csv
import io
import re
from datetime import date, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from api.http import accepted
from shared import sheets
from shared.access import Permission
from tests.assignments.asking import assign, body
from tests.deliveries.receiving import plan, webhook
from tests.drain import InProcessWorker
from tests.factories import Org, add_org
from tests.licences.earning import grant
from tests.routes import Operation, operations
from tests.workbooks import cells, texts

CSV, XLSX = {"Accept": accepted.CSV}, {"Accept": accepted.XLSX}
TIMES = {"createdAt": "", "updatedAt": ""}


@pytest.fixture
def busy(app: FastAPI, org: Org, worker: InProcessWorker) -> Org:
    """An organization with rows in every list, of which party-1 has its own."""
    client = org.client()
    org.with_parties("party-1", "party-2", folder="crew")
    webhook(org)
    course_id = org.with_course(title='=HYPERLINK("evil")')
    assign(org, worker, body(course_id, "party-1", "party-2", dueOn="2099-01-01"))
    times = {"startsAt": "2026-05-01T08:00:00Z", "endsAt": "2026-05-01T09:00:00Z", "timeZone": "UTC"}
    session = client.post("/v1/sessions", json={"courseId": course_id, "mode": "online"} | times).json()
    client.post(f"/v1/sessions/{session['id']}/roster", json={"folderIds": ["crew"]})
    grant(org, course_id, "party-1")
    held = client.get("/v1/licences").json()["items"][0]["id"]
    client.patch(f"/v1/licences/{held}", json={"expiresAt": "2099-01-01T09:30:15Z", "reason": "The ship is late"})
    client.post("/v1/packs", json={"filter": {"all": True}, "on": "2026-01-01"})
    client.post("/v1/sweeps")
    plan(org)
    return org


OTHER_FILES = ("/repair", "/transcript")
"""How the addresses end that are no lists and give files all the same."""


def ids(org: Org) -> dict[str, str]:
    client = org.client()
    lists = {
        "course_id": "courses",
        "job_id": "jobs",
        "licence_id": "licences",
        "webhook_id": "webhooks",
        "session_id": "sessions",
    }
    return {name: client.get(f"/v1/{where}").json()["items"][-1]["id"] for name, where in lists.items()}


def test_every_list_answers_as_csv_with_the_rows_of_its_json(app: FastAPI, busy: Org) -> None:
    client, inside = busy.client(party="party-1"), ids(busy)
    lists = [operation for operation in operations(app) if operation.is_list]
    assert len(lists) >= 19
    empty = []
    for operation in lists:
        all_of_it = "limit=500" if "limit" in operation.queries else ""
        items = operation.call(client, inside, all_of_it).json()["items"]
        answer = operation.call(client, inside, all_of_it, headers={"Accept": "text/csv; header=bom"})
        assert answer.status_code == 200, f"{operation}: {answer.text[:300]}"
        assert answer.headers["content-type"] == "text/csv; charset=utf-8", operation
        assert answer.text.startswith(sheets.BOM), operation
        rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix(sheets.BOM))))
        assert len(rows) == len(items), operation
        for row, item in zip(rows, items, strict=True):
            assert_same(operation, row, item)
        empty += [] if items else [str(operation)]
    assert empty == [], "the scenario leaves these lists empty, so nothing was compared"


def assert_same(operation: Operation, row: dict[str, str], item: dict[str, Any]) -> None:
    """Check that each plain value of an item stands in its cell, and that ids of courses have names beside them."""
    for name, value in item.items():
        if name not in row and operation.path in ("/v1/audit/events", "/v1/events"):
            continue  # their CSV has only what differs from event to event
        if isinstance(value, str):
            assert sheets.unescaped(row[name]) == value, (operation, name)
        if isinstance(value, bool):
            assert row[name] == str(value).lower(), (operation, name)
    if row.get("courseId"):
        assert row["courseTitle"], operation
        assert row["courseCode"], operation
    if row.get("courseVersionId"):
        assert row["versionLabel"], operation


def test_every_list_answers_as_a_workbook_with_the_cells_of_its_csv(app: FastAPI, busy: Org) -> None:
    client, inside = busy.client(party="party-1"), ids(busy)
    kinds = set()
    for operation in operations(app):
        if not operation.is_list:
            continue
        answer = operation.call(client, inside, headers=XLSX)
        assert answer.status_code == 200, f"{operation}: {answer.text[:300]}"
        assert answer.headers["content-type"] == accepted.XLSX, operation
        assert answer.headers["content-disposition"].endswith('.xlsx"'), operation
        written = list(csv.reader(io.StringIO(operation.call(client, inside, headers=CSV).text)))
        assert texts(answer.content) == [[_plain(cell) for cell in row] for row in written], operation
        kinds |= {type(cell) for row in cells(answer.content)[1:] for cell in row}
    assert kinds == {str, bool, float, date, datetime}


def _plain(cell: str) -> str:
    """The text of a cell of CSV, an instant to the second."""
    return re.sub(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z$", r"\1Z", sheets.unescaped(cell))


@pytest.mark.parametrize("form", [CSV, XLSX])
def test_an_address_that_is_no_list_refuses_to_answer_as_a_file_and_does_nothing(
    app: FastAPI, busy: Org, form: dict[str, str]
) -> None:
    client = busy.client()
    inside = ids(busy) | {"party_id": "party-1", "folder_id": "crew"}
    for operation in operations(app):
        if operation.is_list or operation.inside - inside.keys() or operation.path.endswith(OTHER_FILES):
            continue
        answer = operation.call(client, inside, headers=form)
        assert (answer.status_code, answer.json()["type"]) == (406, "urn:rollcall:problem:not-acceptable"), operation


@pytest.mark.parametrize(
    ("accept", "sent"),
    [
        ("text/csv", "text/csv"),
        ("text/CSV;header=present", "text/csv"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv;q=0, */*", "application/json"),
        (accepted.XLSX, accepted.XLSX),
        (f"text/csv;q=0.5, {accepted.XLSX}", accepted.XLSX),
        (f"text/csv, {accepted.XLSX}", "text/csv"),
        (f"{accepted.XLSX};q=0.5, application/json", "application/json"),
        ("*/*", "application/json"),
        ("", "application/json"),
    ],
)
def test_the_preferred_of_csv_workbook_and_json_is_sent(org: Org, accept: str, sent: str) -> None:
    answer = org.client().get("/v1/parties", headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == sent


def test_a_list_of_nobody_is_a_header_alone(org: Org) -> None:
    lines = org.client().get("/v1/me/assignments", headers=CSV).text.splitlines()
    assert len(lines) == 1
    assert "courseTitle" in lines[0]
    assert cells(org.client().get("/v1/me/assignments", headers=XLSX).content) == [lines[0].split(",")]


def test_a_list_that_is_longer_than_a_worksheet_is_refused_as_a_workbook(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    org.with_parties("party-1", "party-2")
    monkeypatch.setattr("api.http.lists.MOST_ROWS", 1)
    answer = org.client().get("/v1/parties", headers=XLSX)
    assert (answer.status_code, "take CSV" in answer.text) == (422, True)
    assert org.client().get("/v1/parties?q=party-1", headers=XLSX).status_code == 200
    assert org.client().get("/v1/parties", headers=CSV).status_code == 200


@given(st.text())
def test_what_is_escaped_on_the_way_out_is_taken_back_on_the_way_in(text: str) -> None:
    assert sheets.unescaped(sheets.escaped(text)) == text
    assert not sheets.escaped(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_directory_that_is_exported_and_put_again_is_unchanged(app: FastAPI, parts: Any, org: Org) -> None:
    rows = [
        {"entityId": "p-1", "displayName": "@handle", "email": "+a@b.c", "folders": ["-crew", "deck"]},
        {"entityId": "p-2", "displayName": "'@quoted", "active": False, "timeZone": "Europe/Oslo", "language": "nb"},
        {"entityId": "p-3", "displayName": '=SUM(1;"2"),|x', "memberId": "m-3"},
    ]
    client = org.client(Permission.SYNC_DIRECTORY)
    assert client.put("/v1/parties", json={"parties": rows}).json()["created"] == 3
    exported = client.get("/v1/parties", headers={"Accept": "text/csv; header=bom"}).content
    kind = {"Content-Type": "text/csv"}
    again = client.put("/v1/parties", content=exported, headers=kind).json()
    assert (again["unchanged"], again["ignoredColumns"]) == (3, ["createdAt", "updatedAt", "erasedAt"])
    other = add_org(app, parts).client(Permission.SYNC_DIRECTORY)
    assert other.put("/v1/parties", content=exported, headers=kind).json()["created"] == 3
    first, second = ([one | TIMES for one in each.get("/v1/parties").json()["items"]] for each in (client, other))
    assert first == second
