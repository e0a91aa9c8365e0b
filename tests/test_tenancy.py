"""A second organization sees nothing of the first: not through any route, id, body or cursor, and not in SQL.

The routes come from the OpenAPI document and the tables from the models, so a new one is tested by itself.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Table, func, insert, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from api.http.parts import Parts
from shared.database import Database
from shared.tables import DEPLOYMENT, metadata
from tests.assignments.asking import assign, body, codes, pages
from tests.beside_the_api import leave_rows
from tests.deliveries.receiving import plan, webhook
from tests.drain import InProcessWorker
from tests.factories import Org, add_org
from tests.licences.earning import grant
from tests.moving.moving import former_id
from tests.routes import Operation, example, lists, operations
from tests.traces import stored
from tests.verification.holding import license_for

MARK = "Quillfeather"
"""Part of every text of the first organization, and of no request of the second."""


@pytest.fixture(scope="module")
def first(app: FastAPI, parts: Parts) -> Org:
    """An organization with at least two items in every list and a row in nearly every table."""
    org = add_org(app, parts)
    with InProcessWorker.open() as worker:
        client = org.client(member=f"{MARK}-member")
        named = [
            {
                "entityId": f"party-{n}",
                "displayName": f"{MARK} {n}",
                "email": f"{n}@{MARK}.example",
                "folders": ["crew"],
            }
            for n in range(3)
        ]
        assert client.put("/v1/parties", json={"parties": named}).json()["created"] == 3
        leave_rows(org, MARK)
        for folder in ("crew", "office"):
            client.put(f"/v1/folders/{folder}", json={"name": f"{MARK} {folder}"})
            webhook(org, description=f"{MARK} system")
        for n in range(2):
            course = org.with_course(title=f"{MARK} course {n}", label=f"{MARK} v{n}")
            client.post(f"/v1/courses/{course}/versions", json={"label": f"{MARK} draft"})
            unknown = {"partyId": f"{MARK}-{n}", "courseId": course, "completedOn": "2025-01-01"}
            client.post("/v1/records", json={"records": [unknown]})
            assign(org, worker, body(course, folderIds=["crew"], reason=f"{MARK} reason"), client)
        former_id(org, f"{MARK}-9", "party-0")
        changed = {"set": {"dueOn": "2099-12-31"}, "why": f"{MARK} why", "filter": {"courseId": course}}
        client.post("/v1/assignments/change", json=changed)
        for on in ("2026-01-01", "2026-01-02"):
            client.post("/v1/packs", json={"filter": {"all": True}, "on": on})
        worker.drain(org.id)
        session = {"courseId": course, "mode": "online", "timeZone": "UTC", "location": f"{MARK} hall"}
        for day in (1, 2):
            times = {"startsAt": f"2026-05-0{day}T08:00:00Z", "endsAt": f"2026-05-0{day}T09:00:00Z"}
            sitting = client.post("/v1/sessions", json=session | times).json()
            client.post(f"/v1/sessions/{sitting['id']}/roster", json={"folderIds": ["crew"]})
            grant(org, course, "party-0")
            client.post("/v1/sweeps", headers={"Idempotency-Key": f"{MARK} {day}"})
        plan(org)
    return org


@pytest.fixture(scope="module")
def second(app: FastAPI, parts: Parts) -> Org:
    """An organization that owns no data."""
    return add_org(app, parts)


@pytest.fixture(scope="module")
def ids(first: Org) -> dict[str, str]:
    """Ids of the first organization, by the names of the parameters and fields that take them."""
    client = first.client()
    course = client.get("/v1/courses").json()["items"][0]["id"]
    versions = {one["state"]: one["id"] for one in client.get(f"/v1/courses/{course}/versions").json()["items"]}
    assignments = client.get("/v1/assignments").json()["items"]
    assignment, other = (one["id"] for one in assignments[:2])
    inside = {
        "course_id": course,
        "version_id": versions["draft"],
        "assignment_id": assignment,
        "job_id": client.get("/v1/jobs").json()["items"][0]["id"],
        "webhook_id": client.get("/v1/webhooks").json()["items"][0]["id"],
        "delivery_id": client.get("/v1/deliveries").json()["items"][0]["id"],
        "party_id": "party-0",
        "folder_id": "crew",
        "licence_id": str(license_for(first, assignments[0]).id),
        "session_id": client.get("/v1/sessions").json()["items"][0]["id"],
        "pack_id": client.get("/v1/packs").json()["items"][0]["id"],
        "sweep_id": client.get("/v1/sweeps").json()["items"][0]["id"],
    }
    return inside | {
        "courseId": course,
        "courseVersionId": versions["active"],
        "assignmentId": other,
        "jobId": inside["job_id"],
        "entityId": "party-0",
        "partyId": "party-0",
        "folderId": "crew",
    }


# --- any route


def test_no_operation_reads_or_changes_anything_by_ids_of_another_organization(
    app: FastAPI, first: Org, other_org: Org, ids: dict[str, str]
) -> None:
    """The first organization's ids are sent in path, query and body. An id in the path is answered with 404, an id in
    the body is a wrong place or a recipient that is not found, and a list is empty."""
    before = stored(first)
    client = other_org.client()
    for operation in operations(app):
        if str(operation) == "PUT /v1/parties":
            continue  # creates parties under ids that the caller chooses; see the same ids in two organizations below
        request = {} if operation.body is None else {"json": example(operation.body, ids)}
        query = "&".join(f"{name}={ids[name]}" for name in sorted(operation.queries & ids.keys()))
        answer = operation.call(client, ids, query, **request)
        assert MARK not in answer.text, f"{operation}: {answer.text[:500]}"
        assert answer.status_code in expected(operation), f"{operation}: {answer.status_code} {answer.text[:500]}"
    assert stored(first) == before


def expected(operation: Operation) -> set[int]:
    """Return the statuses that the second organization may get."""
    if operation.method == "PUT" and operation.path == "/v1/folders/{folder_id}":
        return {422}  # it may create a folder with the same id, but the parties in the body are unknown to it
    if operation.path == "/v1/settings/certificate/logo" and operation.method == "PUT":
        return {415}  # an image, which no example of this test is
    return {404} if operation.inside else {200, 201, 202, 404, 409, 422}


def test_the_same_requests_read_marked_data_in_its_own_organization(
    app: FastAPI, first: Org, ids: dict[str, str]
) -> None:
    """The control: what the second organization does not see exists, and contains the mark."""
    client = first.client()
    found = [
        MARK in operation.call(client, ids).text
        for operation in operations(app)
        if operation.method == "GET" and operation.inside
    ]
    assert sum(found) >= 5


def test_every_list_is_empty_for_another_organization(app: FastAPI, first: Org, other_org: Org) -> None:
    client = other_org.client(party="party-0")
    for operation in lists(app):
        foreign = [item for item in pages(client, operation.path) if item.get("org") != other_org.id]
        assert foreign == [], str(operation)
    assert {event["org"] for event in client.get("/v1/events").json()["items"]} == {other_org.id}


def test_a_cursor_of_another_organization_shows_nothing_of_it(app: FastAPI, first: Org, second: Org) -> None:
    owner, other = (org.client(party="party-0") for org in (first, second))
    for operation in lists(app):
        cursor = owner.get(operation.path, params={"limit": 1}).json()["nextCursor"]
        assert cursor, f"{operation}: the fixture `first` needs two items in this list"
        rest = owner.get(operation.path, params={"cursor": cursor}).json()["items"]
        answer = other.get(operation.path, params={"cursor": cursor})
        assert (answer.status_code, MARK in answer.text) == (200, False), str(operation)
        assert rest, f"{operation}: the control, which reads the rest with the same cursor"
        assert [item for item in answer.json()["items"] if item in rest] == [], str(operation)


# --- ids in bodies


def test_recipients_of_another_organization_are_not_found(first: Org, second: Org, worker: InProcessWorker) -> None:
    job = assign(second, worker, body(second.with_course(), "party-0", "party-1"))
    assert codes(second, job) == {"party-0": "party-not-found", "party-1": "party-not-found"}


@pytest.mark.parametrize(
    ("method", "path", "sent", "pointer"),
    [
        ("POST", "/v1/assignments", {"courseId": "{courseId}", "folderIds": ["crew"], "reason": "x"}, "/courseId"),
        ("POST", "/v1/assignments/preview", {"courseId": "own", "folderIds": ["crew"], "reason": "x"}, "/folderIds/0"),
        ("PUT", "/v1/folders/crew-2", {"name": "Crew", "partyIds": ["party-0"]}, "/partyIds/0"),
    ],
)
def test_an_id_of_another_organization_in_a_body_is_named_as_wrong(
    second: Org, ids: Mapping[str, str], method: str, path: str, sent: dict[str, Any], pointer: str
) -> None:
    own = second.with_course()
    filled = {
        name: own if value == "own" else value.format(**ids) if isinstance(value, str) else value
        for name, value in sent.items()
    }
    answer = second.client().request(method, path, json=filled)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, [pointer])


def test_the_same_ids_in_two_organizations_stay_apart(app: FastAPI, parts: Parts, worker: InProcessWorker) -> None:
    """Ids of parties and folders come from the customer's directory, so two organizations can have the same ones."""
    both = [add_org(app, parts) for _ in range(2)]
    for org in both:
        org.with_parties("party-1", folder="crew")
        assign(org, worker, body(org.with_course(), folderIds=["crew"]))
    one, other = both
    one.client().post("/v1/parties/party-1/erase")
    assert other.client().get("/v1/parties/party-1").json()["displayName"] == "Party party-1"
    assert len(pages(other.client(), "/v1/assignments", partyId="party-1")) == 1


# --- in SQL


TABLES = [table for table in metadata.tables.values() if table not in {model.__table__ for model in DEPLOYMENT}]
"""The tables that hold rows of organizations."""


def rows(db: Session, table: Table) -> int:
    """Return the number of rows that this transaction sees."""
    return db.scalar(select(func.count()).select_from(table)) or 0


def test_the_first_organization_has_rows_in_every_table(first: Org) -> None:
    """The control for the tests below. Some tables may be empty: a periodic task seals, and no recipient has failed."""
    empty = {"event_seal", "event_tree_node", "job_outcome"}
    with first.transaction() as db:
        assert {table.name for table in TABLES if not rows(db, table)} <= empty


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_sql_shows_a_transaction_only_the_rows_of_its_organization(
    first: Org, second: Org, parts: Parts, table: Table
) -> None:
    key = table.c.id if table.name == "organization" else table.c.org_id
    with parts.database.transaction(None) as db:
        assert rows(db, table) == 0
    with second.transaction() as db:
        assert set(db.scalars(select(key))) <= {second.id}
        assert not db.scalar(select(func.count()).where(key == first.id))


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_sql_writes_no_row_into_another_organization(first: Org, second: Org, table: Table) -> None:
    """An INSERT with its id is refused before any constraint is checked; an UPDATE of its rows finds none."""
    key = table.c.id if table.name == "organization" else table.c.org_id
    wanted = {column.name for column in table.c if not column.nullable and column.computed is None}
    blank = select(
        *(text("NULL") if column is not key else text(":org") for column in table.c if column.name in wanted)
    )
    columns = [column for column in table.c if column.name in wanted]
    with pytest.raises(ProgrammingError, match="row-level security"), second.transaction() as db:
        db.execute(insert(table).from_select(columns, blank, include_defaults=False), {"org": first.id})
    only_inserted = "event", "event_seal", "event_tree_node", "job_outcome", "folder_member", "assignment_change"
    if table.name not in only_inserted:
        with second.transaction() as db:
            changed: Any = db.execute(update(table).where(key == first.id).values({key: first.id}))
            assert changed.rowcount == 0


def test_a_pooled_connection_does_not_keep_the_organization_of_its_last_transaction(first: Org, parts: Parts) -> None:
    """After a commit the setting `rollcall.org` is '' instead of NULL. With either, no row is visible."""
    database = Database(parts.settings.need_database_url(), name="test", pool_size=1)
    seen = []
    for org_id in (None, first.id, None, str(uuid.uuid4())):
        with database.transaction(org_id) as db:
            seen.append(db.scalar(text("SELECT count(*) FROM party")))
    database.close()
    assert seen == [0, 3, 0, 0]
