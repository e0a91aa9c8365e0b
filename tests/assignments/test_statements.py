"""The cost of a chunk: as many statements for a thousand recipients as for ten, whatever becomes of them."""

import psycopg
import pytest
from sqlalchemy import text

from shared import clock, jobs
from tests.assignments.asking import body, codes, deactivate, parties, recipients, submit
from tests.conftest import Servers
from tests.drain import Workshop
from tests.factories import Org, count_statements

SIZES = (10, 1000)


@pytest.fixture(autouse=True)
def one_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put up to a thousand recipients into one chunk, as in a job of 4,000 for two workers."""
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", max(SIZES))


def statements(org: Org, workshop: Workshop, *party_ids: str) -> tuple[list[str], set[str]]:
    """What is sent to carry out a job of one chunk, and the codes that come out."""
    job = submit(org.client(), body(org.with_course(), *party_ids))
    with count_statements(workshop.database.engine) as counted:
        workshop.deliver("jobs.run", org.id)
    workshop.messages.clear()
    return counted.sent, set(codes(org, job).values())


def test_a_chunk_costs_the_same_statements_whatever_its_size(org: Org, workshop: Workshop) -> None:
    org.with_parties(*parties(max(SIZES)))
    few, many = (statements(org, workshop, *parties(size)) for size in SIZES)
    assert few == many
    assert few[1] == {"created"}
    assert len(few[0]) < 25


def test_with_failures_and_unchanged_too(org: Org, workshop: Workshop) -> None:
    """A third each is unknown, inactive, and in the directory."""
    org.with_parties(*parties(2 * max(SIZES)))
    deactivate(org, *parties(max(SIZES)))
    found = []
    for size in SIZES:
        unknown = [f"unknown-{n}" for n in range(size // 3)]
        inactive, active = parties(size // 3), parties(size // 3, first=max(SIZES))
        found.append(statements(org, workshop, *unknown, *inactive, *active))
    few, many = found
    assert few == many
    assert few[1] == {"created", "party-inactive", "party-not-found"}


def test_submitting_costs_the_same_statements_whatever_its_size(org: Org, workshop: Workshop) -> None:
    org.with_parties(*parties(max(SIZES)))
    course, client, counts = org.with_course(), org.client(), []
    for size in SIZES:
        with count_statements(org.parts.database.engine) as counted:
            submit(client, body(course, *parties(size)))
        counts.append(counted.sent)
    assert counts[0] == counts[1]


def test_without_statistics_of_the_organization_a_change_reads_each_row_a_few_times(
    org: Org, other_org: Org, workshop: Workshop, servers: Servers
) -> None:
    """PostgreSQL then takes all that an organization has for a row, and any loop within a loop for a cheap one.

    Completed, which licenses, and taken back.
    """
    everybody = parties(600)
    for one in (other_org, org):
        one.with_parties(*everybody)
        course = one.with_course(licenceOn="completion")
        submit(one.client(), body(course, *everybody))
        workshop.drain(one.id)
        if one is other_org:
            with psycopg.connect(servers.owner_url, autocommit=True) as connection:
                connection.execute("ANALYZE")
    asked = {"courseId": course, "recipients": recipients(*everybody), "occurredOn": "2026-03-02"}
    completed = org.client().post("/v1/assignments/complete", json=asked)
    assert completed.status_code == 202
    worked_within(org, rows=15 * len(everybody))
    assert org.client().post(f"/v1/jobs/{completed.json()['id']}/undo").status_code == 202
    worked_within(org, rows=15 * len(everybody))


def worked_within(org: Org, *, rows: int) -> None:
    """Carry out a job of one chunk, all of which succeeds, and which fetches fewer rows of records by indexes.

    Whole tables are read only while their files are small, which PostgreSQL knows; they hold what other tests left.
    """
    with org.transaction() as db:
        claimed = jobs.claim(db, clock.now(), 60)
    assert claimed is not None
    with org.transaction() as db:
        before: int = db.scalar(text(FETCHED)) or 0
        chunk = jobs.lock(db, claimed)
        assert chunk is not None
        tally = jobs.kind_of(chunk.job).carry_out(db, chunk, clock.now())
        after: int = db.scalar(text(FETCHED)) or 0
        jobs.finish(db, chunk, tally, clock.now())
    assert tally.succeeded == chunk.size > 500
    assert after - before < rows


FETCHED = """SELECT sum(idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables
    WHERE relname IN ('assignment', 'licence', 'licence_due', 'party')"""
