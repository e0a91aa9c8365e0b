"""Young data: what PostgreSQL does not know yet costs no more per row than what it knows.

Autovacuum is off and nothing but the product itself runs ANALYZE, in a database without any statistics and in one that
knows another organization. The tests count entries that are read from tables and indexes. Each kind of job and each GET
of the API is called for few and for many parties: per party, many must not cost more than few.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine

import migrations
from api.app import create_app
from api.http.parts import build
from shared.database import Database
from shared.jobs import KINDS
from shared.settings import TRAINING, Settings
from tests.conftest import Servers
from tests.counting import Reads, reading
from tests.drain import InProcessWorker
from tests.events.scenario import ok
from tests.factories import add_org
from tests.routes import operations
from tests.young import CREW, STEPS, Young

FEW, MANY = 400, 2000

MOST = 80
"""Bound of the entries read per party by a GET. A summary of deliveries reads 35 of each party, and the folder for each
of them."""

GROWTH = 2.5
"""Bound of what a job reads per party at MANY, in what it reads per party at FEW. If it grew with the square, it would
be MANY / FEW."""

UNREAD = {"GET /v1/jobs/{job_id}/stream"}
"""Operations that are not read: a stream does not end."""


def test_every_kind_of_job_is_among_the_steps_on_young_data(configured: Settings) -> None:
    assert {kind for kind in STEPS.values() if kind} == set(KINDS)


@pytest.mark.timeout(600)  # alone it takes a minute
@pytest.mark.parametrize("knows", ["nothing", "another organization"])
def test_every_job_and_every_answer_reads_as_much_per_party_of_young_data_for_many_as_for_few(
    knows: str, servers: Servers, configured: Settings, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = [dict(_costs(knows, size, servers, configured, worker, monkeypatch)) for size in (FEW, MANY)]
    wrong = []
    for what, many in costs[1].items():
        few = costs[0][what].total / FEW if what in costs[0] else None
        most = MOST if few is None else GROWTH * few
        if many.total > most * MANY:
            wrong.append(f"{what}: {few} and {many.total / MANY:.1f} per party ({many})")
    assert not wrong, "\n".join(wrong)


def _costs(
    knows: str,
    size: int,
    servers: Servers,
    configured: Settings,
    worker: InProcessWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[str, Reads]]:
    """The rows that each step and each GET reads in a database of its own."""
    from worker import app

    with servers.another() as beside:
        migrations.upgrade(beside.owner_url, frozenset({TRAINING}))
        _no_autovacuum(beside)
        parts = build(configured.model_copy(update={"database_url": beside.app_url}))
        database = Database(beside.app_url, name="worker", pool_size=2)
        monkeypatch.setattr(app.parts, "database", database)
        fastapi = create_app(parts)
        young = Young(add_org(fastapi, parts), replace(worker, database=database), size)
        if knows == "another organization":
            other = replace(young, org=add_org(fastapi, parts), size=FEW, ids={})
            for step in STEPS:
                step(other)
            with psycopg.connect(beside.owner_url, autocommit=True) as connection:
                connection.execute("ANALYZE")
        engines = parts.database.engine, database.engine
        for step in STEPS:
            with reading(*engines) as reads:
                step(young)
            yield step.__name__, reads
        if size == MANY:  # a GET has a bound of its own, so one size is enough
            yield from _gets(young, engines)
        parts.database.close()
        database.close()


def _gets(young: Young, engines: tuple[Engine, ...]) -> Iterator[tuple[str, Reads]]:
    """Each GET, unfiltered and with each filter that takes an id, by a member of the organization and of the folder."""
    client = young.org.client()
    ids = young.ids | {
        "assignment_id": ok(client.get("/v1/assignments"))["items"][0]["id"],
        "licence_id": ok(client.get("/v1/licences"))["items"][0]["id"],
        "sweep_id": ok(client.post("/v1/sweeps"))["id"],
        "version_id": ok(client.get(f"/v1/courses/{young.ids['course_id']}/versions"))["items"][0]["id"],
    }
    filters = {"courseId": "course_id", "courseVersionId": "version_id", "folderId": "folder_id", "jobId": "job_id"}
    filters |= {"partyId": "party_id", "sessionId": "session_id", "webhookId": "webhook_id"}
    asked = {"by": ("course", "folder"), "state": (), "sort": ("newest", "due", "expiry")}
    for operation, scope in itertools.product(operations(young.org.app), (None, [CREW])):
        if operation.method != "GET" or str(operation) in UNREAD:
            continue
        queries = [""] + [f"{name}={ids[of]}" for name, of in filters.items() if name in operation.queries]
        queries += [f"{name}={one}" for name in operation.queries & asked.keys() for one in asked[name]]
        client = young.org.client(folders=scope, party=ids["party_id"])
        for query in queries:
            with reading(*engines) as reads:
                answer = operation.call(client, ids, query)
            assert answer.status_code < 500, answer.text
            yield f"{operation}?{query.partition('=')[0] if '-' in query else query} of {scope}", reads


def _no_autovacuum(servers: Servers) -> None:
    with psycopg.connect(servers.owner_url, autocommit=True) as connection:
        for (table,) in connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        ).fetchall():
            connection.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = false)").format(sql.Identifier(table)))
