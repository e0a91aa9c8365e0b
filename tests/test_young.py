"""Young data: what PostgreSQL does not know yet costs no more per row than what it knows.

Autovacuum is off and nothing but the product itself runs ANALYZE, in a database without any statistics and in one that
knows another organization. The tests count entries that are read from tables and indexes. Each kind of job and each GET
of the API is called for few and for many parties: per party, many must not cost more than few.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine

import migrations
from api.app import create_app
from api.http.parts import build
from shared import clock
from shared.database import Database
from shared.jobs import KINDS
from shared.services import sweeps
from shared.settings import TRAINING, Settings
from tests.assignments.asking import body, parties, read_job, recipients
from tests.conftest import Servers
from tests.counting import Reads, reading
from tests.drain import InProcessWorker
from tests.events.scenario import ok
from tests.factories import Org, add_org
from tests.licences.sweeps import FEATURES
from tests.routes import operations
from tests.sessions import sitting

FEW, MANY = 400, 2000
CREW = "crew"

MOST = 40
"""Bound of the entries read per party by a GET. A summary of deliveries reads 13 of each party, and the folder for each
of them."""

GROWTH = 2.5
"""Bound of what a job reads per party at MANY, in what it reads per party at FEW. If it grew with the square, it would
be MANY / FEW."""

UNREAD = {"GET /v1/jobs/{job_id}/stream"}
"""Operations that are not read: a stream does not end."""


@dataclass(frozen=True)
class Young:
    """An organization in a database without statistics of it, with all that the steps have made. size: its parties."""

    org: Org
    worker: InProcessWorker
    size: int
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def named(self) -> list[dict[str, str]]:
        """Returns its parties as recipients."""
        return recipients(*parties(self.size))

    def post(self, path: str, **asked: Any) -> dict[str, Any]:
        """Submit a job, work on it and return it. All of it must have succeeded."""
        job: dict[str, Any] = ok(self.org.client().post(path, json=asked))
        self.worker.drain(self.org.id)
        job = read_job(self.org, job)
        assert job["counts"]["succeeded"] + job["counts"]["unchanged"] == self.size, job
        return job


def put_parties(young: Young) -> None:
    """Put the parties and their folder into the directory, and make a course that licenses on completion."""
    rows = [{"entityId": one, "displayName": f"Party {one}", "folders": [CREW]} for one in parties(young.size)]
    ok(young.org.client().put("/v1/parties", json={"parties": rows}))
    ok(young.org.client().put(f"/v1/folders/{CREW}", json={"name": "Crew", "partyIds": parties(young.size)}))
    young.ids.update({"course_id": young.org.with_course(licenceOn="completion", renewBeforeDays=30)})
    hook = ok(young.org.client().post("/v1/webhooks", json={"url": "https://93.184.216.34/", "types": []}))
    young.ids.update({"webhook_id": hook["id"], "party_id": parties(1)[0], "folder_id": CREW})


def assign(young: Young) -> None:
    """Assign a course to all."""
    young.ids["job_id"] = young.post("/v1/assignments", **body(young.ids["course_id"], *parties(young.size)))["id"]


def complete(young: Young) -> None:
    """Complete the assignments, which grants licences."""
    asked = {"courseId": young.ids["course_id"], "recipients": young.named, "occurredOn": "2026-03-02"}
    young.ids["completion"] = young.post("/v1/assignments/complete", **asked)["id"]


def assign_again(young: Young) -> None:
    """Assign the course to all who have not completed it: to nobody."""
    asked = body(young.ids["course_id"], *parties(young.size)) | {"ifCompleted": "skip"}
    young.post("/v1/assignments", **asked)


def undo(young: Young) -> None:
    """Take the completions back, with their licences."""
    young.post(f"/v1/jobs/{young.ids['completion']}/undo")


def close(young: Young) -> None:
    """Close the assignments."""
    young.post("/v1/assignments/close", filter={"courseId": young.ids["course_id"]}, reason="Cancelled")


def add_to_roster(young: Young) -> None:
    """Put all on the roster of a session."""
    young.ids["session_id"] = sitting.schedule(young.org, young.ids["course_id"])
    sitting.add(young.org, young.ids["session_id"], *parties(young.size))


def complete_session(young: Young) -> None:
    """Complete the session, which licenses all."""
    young.post(f"/v1/sessions/{young.ids['session_id']}/complete")


def renew(young: Young) -> None:
    """Complete a second session, which renews every licence."""
    add_to_roster(young)
    complete_session(young)


def amend_session(young: Young) -> None:
    """Take all off the second session, which restores the former licences."""
    young.post(f"/v1/sessions/{young.ids['session_id']}/amend", remove=young.named, reason="Another day's list")


def plan(young: Young) -> None:
    """Plan the deliveries of all events."""
    young.worker.deliver("deliveries.plan")
    young.worker.messages.clear()


def sweep(young: Young) -> None:
    """Publish the notices of all licences, and assign the course to all whose licence ends soon."""
    with young.org.transaction() as db:
        db.connection().exec_driver_sql("UPDATE licence SET expires_at = now() + interval '20 days'")
    for _ in range(20):
        with young.worker.database.transaction(young.org.id) as db:
            if sweeps.take_step(db, FEATURES, 2, clock.now()) is sweeps.Step.DONE:
                break
    young.worker.drain(young.org.id)


STEPS: dict[Callable[[Young], None], str | None] = {
    put_parties: None,
    assign: "assignments.create",
    complete: "assignments.complete",
    assign_again: "assignments.create",
    undo: "assignments.undo",
    close: "assignments.close",
    add_to_roster: None,
    complete_session: "sessions.complete",
    renew: "sessions.complete",
    amend_session: "sessions.amend",
    plan: None,
    sweep: None,
}
"""What happens to an organization, in this order, with the kind of job that a step runs."""


def test_every_kind_of_job_is_among_the_steps_on_young_data(configured: Settings) -> None:
    assert {kind for kind in STEPS.values() if kind} == set(KINDS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("knows", ["nothing", "another organization"])
def test_every_job_and_every_answer_reads_as_much_per_party_of_young_data_for_many_as_for_few(
    knows: str, servers: Servers, configured: Settings, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = [dict(_costs(knows, size, servers, configured, worker, monkeypatch)) for size in (FEW, MANY)]
    wrong = []
    for what, many in costs[1].items():
        few = costs[0][what]
        most = MOST if what.startswith("GET") else GROWTH * few.total / FEW
        if many.total > most * MANY:
            wrong.append(f"{what}: {few.total / FEW:.1f} and {many.total / MANY:.1f} per party ({many})")
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
        yield from _gets(young, engines)
        parts.database.close()
        database.close()


def _gets(young: Young, engines: tuple[Engine, ...]) -> Iterator[tuple[str, Reads]]:
    """Each GET, unfiltered and with each filter that takes an id, by a member of the organization and of the folder."""
    client = young.org.client()
    ids = young.ids | {
        "assignment_id": ok(client.get("/v1/assignments"))["items"][0]["id"],
        "licence_id": ok(client.get("/v1/licences"))["items"][0]["id"],
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
