"""Reading many assignments: page 10,000 reads as few rows as page 1, and the memory of an export stays flat.

The tests count the rows that EXPLAIN reports instead of measuring time. SQL makes the assignments in a separate
database and builds the indexes afterwards. There are 100,000, so that the suite stays quick;
`ASSIGNMENTS=1000000 make test ARGS="-k many_assignments"` runs the tests with a million.
"""

import base64
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import httpx2
import psutil
import psycopg
import pytest
from sqlakeyset import serialize_bookmark
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

import migrations
from api.app import create_app
from api.http.parts import build
from shared import assignments
from shared.access import Permission
from shared.assignments import AssignmentState, Filters, Sort
from shared.pagination import Rows, page
from shared.settings import TRAINING, Settings
from tests.conftest import Servers
from tests.factories import Org, add_org, count_statements
from tests.waiting import within

ROWS = int(os.environ.get("ASSIGNMENTS", "100000"))
VERSIONS = 100
PARTIES = ROWS // VERSIONS
PAGE = ROWS // 20_000
MOST = 4 * (PAGE + 1) + VERSIONS
"""Bound of the rows that the last statement of a page reads: a row each of the assignment, its party and its version,
or all versions, which are few. `test_grown` counts what finding the page reads."""


@pytest.fixture(scope="module")
def crowd(servers: Servers, configured: Settings) -> Iterator[Org]:
    """An organization with `ROWS` assignments."""
    with servers.another() as beside:
        migrations.upgrade(beside.owner_url, frozenset({TRAINING}))
        parts = build(configured.model_copy(update={"database_url": beside.app_url}))
        org = add_org(create_app(parts), parts)
        with psycopg.connect(beside.admin_url, autocommit=True) as connection:
            _fill(connection, org.id)
        yield org
        parts.database.close()


def _fill(connection: psycopg.Connection[Any], org_id: str) -> None:
    connection.execute("SET session_replication_role = replica")  # checks no foreign keys, which the rows below fulfil
    indexes = connection.execute(
        """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
           WHERE indrelid = 'assignment'::regclass AND NOT indisprimary"""
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    names = {"org": org_id, "parties": PARTIES, "versions": VERSIONS}
    connection.execute(
        """INSERT INTO party (org_id, id, display_name, created_at, updated_at)
           SELECT %(org)s, 'p' || lpad(n::text, 5, '0'), 'Party ' || n, now(), now()
           FROM generate_series(1, %(parties)s) n""",
        names,
    )
    connection.execute(
        """WITH course AS (
               INSERT INTO course (org_id, title, code, mode, licence_on, created_at, updated_at)
               VALUES (%(org)s, 'Course', 'C', 'flex', 'session', now(), now()) RETURNING id)
           INSERT INTO course_version (org_id, course_id, label, state, created_at, published_at, published_by)
           SELECT %(org)s, course.id, 'v' || n, 'superseded', now(), now(), 'm'
           FROM course, generate_series(1, %(versions)s) n""",
        names,
    )
    connection.execute(
        """INSERT INTO assignment (org_id, course_id, course_version_id, party_id, reason, due_on,
                                   assigned_by_type, assigned_by_id, assigned_at)
           SELECT version.org_id, version.course_id, version.id, party.id, 'Refresh',
                  CASE WHEN n % 3 > 0 THEN date '2026-01-01' + (n % 365)::int END, 'member', 'm', now()
           FROM course_version AS version,
                (SELECT id, row_number() OVER (ORDER BY id) AS n FROM party) AS party""",
    )
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute("ANALYZE")


@pytest.mark.parametrize(
    ("filters", "sort"),
    [
        pytest.param({}, Sort.NEWEST, id="newest"),
        pytest.param({}, Sort.DUE, id="by due date"),
        pytest.param({"state": AssignmentState.ASSIGNED}, Sort.NEWEST, id="by state"),
    ],
)
def test_page_10000_reads_as_few_rows_as_page_1(crowd: Org, filters: dict[str, Any], sort: Sort) -> None:
    with crowd.transaction() as db:
        rows = assignments.list_assignments(db, Filters(date(2026, 6, 1), **filters), None, sort)
        key = "id DESC" if sort is Sort.NEWEST else "due_key, id"
        where = text(f"SELECT due_key, id FROM assignment ORDER BY {key} OFFSET :n LIMIT 1")
        due, last = db.execute(where, {"n": 10_000 * PAGE - PAGE - 1}).one()
        place = (last,) if sort is Sort.NEWEST else (due, last)
        cursor = base64.urlsafe_b64encode(serialize_bookmark((place, False)).encode()).decode().rstrip("=")
        first = _rows_read(db, rows, None)
        ten_thousandth = _rows_read(db, rows, cursor)
    assert ten_thousandth <= first + 1  # one row more than a page: is there a next page?
    assert first <= MOST


@pytest.mark.parametrize("name", ["party_id", "course_id", "course_version_id", "job_id"])
def test_a_filtered_page_reads_few_rows(crowd: Org, name: str) -> None:
    with crowd.transaction() as db:
        one = db.execute(
            text("SELECT party_id, course_id, course_version_id, id AS job_id FROM assignment LIMIT 1")
        ).one()
        rows = assignments.list_assignments(db, Filters(date(2026, 6, 1), **{name: getattr(one, name)}), None)
        assert _rows_read(db, rows, None) <= MOST


def test_the_memory_of_an_export_of_all_assignments_stays_flat(crowd: Org) -> None:
    database_url = crowd.parts.settings.need_database_url()
    with serving(database_url) as (address, process):
        headers = {"Authorization": f"Bearer {crowd.token(Permission.VIEW)}", "Accept": "text/csv"}
        lines, sizes = 0, []
        with httpx2.stream("GET", f"{address}/v1/assignments", headers=headers, timeout=60) as answer:
            for part in answer.iter_raw():
                lines += part.count(b"\n")
                sizes.append(process.memory_info().rss / 2**20)
    assert lines == ROWS + 1
    warm = max(sizes[: len(sizes) // 10])
    assert max(sizes) - warm < 20, f"{warm:.0f} MB after a tenth, at most {max(sizes):.0f} MB"


@contextmanager
def serving(database_url: str) -> Iterator[tuple[str, psutil.Process]]:
    """Runs a real API process. Yields its address and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"ROLLCALL_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "cli.main", "api", "--port", str(port)]
    with subprocess.Popen(command, env=environment) as process:
        try:
            assert within(60, lambda: _answers(port))
            yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _rows_read(db: Session, rows: Rows, cursor: str | None) -> int:
    """The number of rows that the plan of a page reads from tables and indexes, with the rows that a filter removes."""
    with count_statements(_engine(db)) as statements:
        page(db, rows, limit=PAGE, cursor=cursor)
    explained = f"EXPLAIN (ANALYZE) {statements.sent[-1]}"
    read = 0
    for line in db.connection().exec_driver_sql(explained, statements.parameters[-1]).scalars():
        if "Scan" in line and (actual := re.search(r"rows=([\d.]+) loops=(\d+)\)$", line)):
            read += round(float(actual[1]) * int(actual[2]))
        if removed := re.search(r"Rows Removed by [\w ]+: (\d+)", line):
            read += int(removed[1])
    return read


def _engine(db: Session) -> Engine:
    """The engine of a transaction, where `count_statements` listens."""
    engine = db.get_bind()
    assert isinstance(engine, Engine)
    return engine
