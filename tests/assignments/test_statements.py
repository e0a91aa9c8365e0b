"""The cost of a chunk in statements and in rows read: it does not grow with the number of recipients."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import Connection, event

from tests.assignments.asking import body, codes, deactivate, parties, read_job, recipients, submit
from tests.conftest import Servers
from tests.drain import InProcessWorker
from tests.factories import Org, count_statements

SIZES = (10, 1000)


@pytest.fixture(autouse=True)
def one_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to a thousand recipients in one chunk, as in a job of 4,000 for two workers."""
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", max(SIZES))


def statements(org: Org, worker: InProcessWorker, *party_ids: str) -> tuple[list[str], set[str]]:
    """The statements that a worker sends for a job of one chunk, and the outcome codes of the job."""
    job = submit(org.client(), body(org.with_course(), *party_ids))
    with count_statements(worker.database.engine) as counted:
        worker.deliver("jobs.run", org.id)
    worker.messages.clear()
    return counted.sent, set(codes(org, job).values())


def test_a_chunk_of_any_size_takes_the_same_statements(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(max(SIZES)))
    few, many = (statements(org, worker, *parties(size)) for size in SIZES)
    assert few == many
    assert few[1] == {"created"}
    assert len(few[0]) < 25


def test_a_chunk_with_failures_of_any_size_takes_the_same_statements(org: Org, worker: InProcessWorker) -> None:
    """A third of the recipients is unknown, a third inactive, and a third can be assigned."""
    org.with_parties(*parties(2 * max(SIZES)))
    deactivate(org, *parties(max(SIZES)))
    found = []
    for size in SIZES:
        unknown = [f"unknown-{n}" for n in range(size // 3)]
        inactive, active = parties(size // 3), parties(size // 3, first=max(SIZES))
        found.append(statements(org, worker, *unknown, *inactive, *active))
    few, many = found
    assert few == many
    assert few[1] == {"created", "party-inactive", "party-not-found"}


def test_a_submission_of_any_size_takes_the_same_statements(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(max(SIZES)))
    course, client, counts = org.with_course(), org.client(), []
    for size in SIZES:
        with count_statements(org.parts.database.engine) as counted:
            submit(client, body(course, *parties(size)))
        counts.append(counted.sent)
    assert counts[0] == counts[1]


# --- rows read


def test_without_statistics_of_the_organization_a_chunk_reads_each_row_a_few_times(
    org: Org, other_org: Org, worker: InProcessWorker, servers: Servers
) -> None:
    """PostgreSQL then estimates that the organization has one row, and takes a nested loop for cheap.

    The jobs complete assignments, which grants licences, and undo that. Another organization has rows of each kind
    when statistics are collected, as in any database that is in use. Without them an index of `licence` on the
    organization alone looks as cheap as its primary key, and the foreign key of `licence_due` may be checked with it.
    """
    everybody = parties(600)
    course = owing(other_org, worker, everybody)
    completed(other_org, worker, course, everybody)
    with psycopg.connect(servers.owner_url, autocommit=True) as connection:
        connection.execute("ANALYZE")

    course = owing(org, worker, everybody)
    with rows_read(worker) as read:
        job_id = completed(org, worker, course, everybody)
    assert len(everybody) < sum(read) < 18 * len(everybody)
    with rows_read(worker) as read:
        undone(org, worker, job_id, len(everybody))
    assert len(everybody) < sum(read) < 18 * len(everybody)


def owing(org: Org, worker: InProcessWorker, party_ids: list[str]) -> str:
    """Assigns to the parties a course that grants licences on completion. Returns the course's id."""
    org.with_parties(*party_ids)
    course = org.with_course(licenceOn="completion")
    submit(org.client(), body(course, *party_ids))
    worker.drain(org.id)
    return course


def completed(org: Org, worker: InProcessWorker, course: str, party_ids: list[str]) -> str:
    """Completes the parties' assignments by a job of one chunk. Returns the job's id."""
    asked = {"courseId": course, "recipients": recipients(*party_ids), "occurredOn": "2026-03-02"}
    answer = org.client().post("/v1/assignments/complete", json=asked)
    assert answer.status_code == 202, answer.text
    worker.deliver("jobs.run", org.id)
    worker.messages.clear()
    job = read_job(org, answer.json())
    assert job["counts"]["succeeded"] == len(party_ids)
    job_id: str = job["id"]
    return job_id


def undone(org: Org, worker: InProcessWorker, job_id: str, count: int) -> None:
    """Undoes a job by a job of one chunk."""
    answer = org.client().post(f"/v1/jobs/{job_id}/undo")
    assert answer.status_code == 202, answer.text
    worker.deliver("jobs.run", org.id)
    worker.messages.clear()
    assert read_job(org, answer.json())["counts"]["succeeded"] == count


@contextmanager
def rows_read(worker: InProcessWorker) -> Iterator[list[int]]:
    """Counts the rows of records that each transaction of the worker reads by an index.

    Sequential scans are not counted: PostgreSQL chooses them only for small tables, and the tables hold the rows of
    other tests too.
    """
    read: list[int] = []

    def begin(connection: Connection) -> None:
        read.append(-_fetched(connection))

    def commit(connection: Connection) -> None:
        read[-1] += _fetched(connection)

    event.listen(worker.database.engine, "begin", begin)
    event.listen(worker.database.engine, "commit", commit)
    try:
        yield read
    finally:
        event.remove(worker.database.engine, "begin", begin)
        event.remove(worker.database.engine, "commit", commit)


def _fetched(connection: Connection) -> int:
    """Rows fetched by index that this connection has not reported to the server's statistics yet."""
    return connection.exec_driver_sql(FETCHED).scalar() or 0


FETCHED = """SELECT sum(idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables
    WHERE relname IN ('assignment', 'licence', 'licence_due', 'party')"""
