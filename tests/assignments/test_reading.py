"""Lists of assignments: filters, order, pages and CSV."""

import csv
import io
import uuid

import pytest
import time_machine
from fastapi import FastAPI

from api.http.parts import Parts
from shared.access import Permission
from tests.assignments.asking import assign, body, complete, pages, parties
from tests.drain import InProcessWorker
from tests.factories import Org, add_org

FILTERS: list[tuple[dict[str, str | int], list[str]]] = [
    ({}, ["crew-1", "crew-1", "crew-2", "office-1"]),
    ({"courseId": "first"}, ["crew-1", "crew-2"]),
    ({"courseVersionId": "first"}, ["crew-1", "crew-2"]),
    ({"jobId": "first"}, ["crew-1", "crew-2"]),
    ({"folderId": "office"}, ["office-1"]),
    ({"folderId": "no-such-folder"}, []),
    ({"partyId": "crew-1"}, ["crew-1", "crew-1"]),
    ({"state": "completed"}, ["crew-2"]),
    ({"state": "assigned"}, ["crew-1", "crew-1", "office-1"]),
    ({"state": "closed"}, []),
    ({"overdue": True}, ["crew-1"]),
    ({"overdue": False}, ["crew-1", "crew-2", "office-1"]),
    ({"dueBefore": "2026-03-20"}, ["crew-1", "crew-2"]),
    ({"dueBefore": "2026-03-10"}, []),
    ({"dueAfter": "2026-03-10"}, ["crew-1"]),
    ({"dueAfter": "2026-03-01", "dueBefore": "2026-03-20"}, ["crew-1", "crew-2"]),
    ({"partyId": "crew-1", "courseId": "first"}, ["crew-1"]),
]
"""Each filter, and the parties in the filtered list. `first` stands for the value of the first submission."""

MID_MARCH = "2026-03-15T12:00:00Z"
"""The time at which these tests read."""


@pytest.fixture(scope="module")
def crews(app: FastAPI, parts: Parts) -> Org:
    """Three submissions on 1 March. crew-1 and crew-2 owe a course by 10 March, crew-1 owes another one by 20 March,
    and office-1 owes a third one without a due date. crew-2 has completed; crew-1 is overdue in mid-March."""
    org = add_org(app, parts)
    with time_machine.travel("2026-03-01T12:00:00Z"), InProcessWorker.open() as worker:
        org.with_parties("crew-1", "crew-2", folder="crew")
        org.with_parties("office-1", folder="office")
        courses = [org.with_course() for _ in range(3)]
        assign(org, worker, body(courses[0], folderIds=["crew"], dueOn="2026-03-10"))
        assign(org, worker, body(courses[1], "crew-1", dueOn="2026-03-20"))
        assign(org, worker, body(courses[2], "office-1"))
        complete(org, courses[0], "crew-2")
    return org


@pytest.mark.parametrize(("params", "expected"), FILTERS, ids=str)
def test_a_filter_keeps_only_matching_assignments(
    crews: Org, params: dict[str, str | int], expected: list[str]
) -> None:
    first = pages(crews.client(), "/v1/jobs")[-1]
    about = first["request"] | {"jobId": first["id"]}
    given = {name: about[name] if value == "first" else value for name, value in params.items()}
    with time_machine.travel(MID_MARCH):
        client = crews.client(Permission.VIEW)
        found = pages(client, "/v1/assignments", **given)
        assert pages(client, "/v1/assignments", limit=1, **given) == found
    assert sorted(item["party"]["entityId"] for item in found) == expected


def test_the_order_is_newest_first_or_by_due_date_with_no_due_date_last(crews: Org) -> None:
    client = crews.client(Permission.VIEW)
    newest = [item["assignedAt"] for item in pages(client, "/v1/assignments")]
    assert newest == sorted(newest, reverse=True)
    assert pages(client, "/v1/assignments", sort="newest") == pages(client, "/v1/assignments")
    due = [item["dueOn"] for item in pages(client, "/v1/assignments", sort="due", limit=1)]
    assert due == ["2026-03-10", "2026-03-10", "2026-03-20", None]


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"courseId": "h2s"}, "?courseId"),
        ({"folderId": "no folder"}, "?folderId"),
        ({"partyId": "a" * 65}, "?partyId"),
        ({"state": "done"}, "?state"),
        ({"overdue": "perhaps"}, "?overdue"),
        ({"dueBefore": "soon"}, "?dueBefore"),
        ({"jobId": "1"}, "?jobId"),
        ({"sort": "name"}, "?sort"),
        ({"limit": 0}, "?limit"),
        ({"limit": 501}, "?limit"),
        ({"limit": "all"}, "?limit"),
        ({"cursor": "page-2"}, "?cursor"),
    ],
    ids=str,
)
def test_a_malformed_filter_is_named(crews: Org, params: dict[str, str | int], pointer: str) -> None:
    answer = crews.client().get("/v1/assignments", params=params)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_an_assignment_has_its_party_course_reason_dates_and_actor(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("party-1")
    course = org.with_course(label="v3.2")
    job = assign(org, worker, body(course, "party-1", dueOn="2099-12-31"), org.client(member="coordinator-7"))
    (listed,) = pages(org.client(), "/v1/assignments")
    one = org.client(Permission.VIEW).get(f"/v1/assignments/{listed['id']}").json()
    assert one == listed
    expected = {
        "courseId": course,
        "courseVersionId": job["request"]["courseVersionId"],
        "versionLabel": "v3.2",
        "party": {"entityType": "party", "entityId": "party-1", "displayName": "Party party-1"},
        "reason": "HSE program annual refresh, Q2 2026",
        "dueOn": "2099-12-31",
        "state": "assigned",
        "overdue": False,
        "assignedBy": {"type": "member", "id": "coordinator-7"},
        "jobId": job["id"],
    }
    assert {name: one[name] for name in expected} == expected
    assert uuid.UUID(one["id"]).version == 7
    assert job["startedAt"] <= one["assignedAt"] <= job["finishedAt"]


def test_a_caller_sees_only_assignments_within_its_folders(crews: Org) -> None:
    every = {item["party"]["entityId"]: item["id"] for item in pages(crews.client(), "/v1/assignments")}
    supervisor = crews.client(Permission.VIEW, folders=["office"])
    assert [item["id"] for item in pages(supervisor, "/v1/assignments")] == [every["office-1"]]
    assert supervisor.get(f"/v1/assignments/{every['office-1']}").status_code == 200
    assert supervisor.get(f"/v1/assignments/{every['crew-1']}").status_code == 404
    assert pages(supervisor, "/v1/assignments", folderId="crew") == []
    assert pages(supervisor, "/v1/assignments", partyId="crew-1") == []
    assert pages(crews.client(Permission.VIEW, folders=[]), "/v1/assignments") == []


@pytest.mark.parametrize("sort", ["newest", "due"])
def test_pages_miss_and_repeat_none_while_assignments_are_added(org: Org, worker: InProcessWorker, sort: str) -> None:
    """Every assignment that existed at the first page is read exactly once."""
    org.with_parties(*parties(40))
    course, other = org.with_course(), org.with_course()
    assign(org, worker, body(course, *parties(20)))
    there = {item["id"] for item in pages(org.client(), "/v1/assignments")}

    client, read = org.client(Permission.VIEW), []
    cursor: dict[str, str] = {}
    for due in ({}, {"dueOn": "2099-01-01"}, {}, {"dueOn": "2098-01-01"}):
        answer = client.get("/v1/assignments", params={"sort": sort, "limit": 5, **cursor}).json()
        read += [item["id"] for item in answer["items"]]
        cursor = {"cursor": answer["nextCursor"]}
        assign(org, worker, body(course if due else other, *parties(5, first=20 + len(read)), **due))
    while cursor["cursor"]:
        answer = client.get("/v1/assignments", params={"sort": sort, "limit": 5, **cursor}).json()
        read += [item["id"] for item in answer["items"]]
        cursor = {"cursor": answer["nextCursor"]}
    assert len(read) == len(set(read))
    assert there <= set(read)


# --- CSV


def rows(text: str) -> list[dict[str, str]]:
    """The rows of a CSV text."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_csv_has_every_matching_row_and_no_cell_is_a_formula(org: Org, worker: InProcessWorker) -> None:
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", '"quoted", and\nbroken']
    named = [{"entityId": f"p{n}", "displayName": name} for n, name in enumerate(hostile)]
    org.client().put("/v1/parties", json={"parties": named})
    course = org.with_course()
    assign(org, worker, body(course, *(f"p{n}" for n in range(5)), reason='=HYPERLINK("//x")'))

    answer = org.client().get("/v1/assignments", params={"sort": "due", "limit": 1}, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="assignments.csv"'
    found = {row["party.entityId"]: row for row in rows(answer.text)}
    assert [found[f"p{n}"]["party.displayName"] for n in range(5)] == [
        *(f"'{name}" for name in hostile[:4]),
        hostile[4],
    ]
    assert {row["reason"] for row in found.values()} == {'\'=HYPERLINK("//x")'}
    assert {(row["overdue"], row["dueOn"], row["courseId"]) for row in found.values()} == {("false", "", course)}


def test_an_empty_csv_has_its_header(crews: Org) -> None:
    client = crews.client()
    full = client.get("/v1/assignments", headers={"Accept": "text/csv"}).text
    empty = client.get("/v1/assignments?state=closed", headers={"Accept": "application/json;q=0.1, text/csv"}).text
    assert empty == full.splitlines(keepends=True)[0]
    assert {"id", "party.entityId", "assignedBy.id"} <= set(empty.strip().split(","))


def test_a_csv_may_have_more_rows_than_a_page(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.lists.ROWS_A_PAGE", 7)
    org.with_parties(*parties(30))
    assign(org, worker, body(org.with_course(), *parties(30)))
    found = rows(org.client().get("/v1/assignments", headers={"Accept": "text/csv"}).text)
    assert sorted(row["party.entityId"] for row in found) == parties(30)


def test_a_csv_has_only_rows_within_the_filter_and_the_callers_folders(crews: Org) -> None:
    supervisor = crews.client(Permission.VIEW, folders=["crew"])
    answer = supervisor.get("/v1/assignments", params={"state": "assigned"}, headers={"Accept": "text/csv"})
    assert [row["party.entityId"] for row in rows(answer.text)] == ["crew-1", "crew-1"]
