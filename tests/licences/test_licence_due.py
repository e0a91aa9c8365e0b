"""The triggers that keep `licence_due` up to date: correct, and as cheap per licence for many licences as for few."""

from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import select, text

from shared.licences import LicenceDue
from tests.assignments.asking import parties
from tests.conftest import Servers
from tests.factories import Org
from tests.licences.earning import NOON, grant, rows

FEW, MANY = 250, 4000

CHANGE = text("""
    EXPLAIN (ANALYZE, FORMAT JSON) UPDATE licence SET superseded_at = CASE WHEN superseded_at IS NULL THEN now() END
    WHERE id = ANY (CAST(:ids AS uuid[]))""")


def test_the_trigger_follows_each_changed_licence(org: Org) -> None:
    org.with_parties("a", "b", "c")
    course = org.with_course()
    grant(org, course, "a", "b", "c")
    with org.transaction() as db:
        db.execute(text("UPDATE licence SET superseded_at = now() WHERE party_id = 'a'"))
        db.execute(text("UPDATE licence SET expires_at = expires_at + interval '1 day 1 us' WHERE party_id <> 'c'"))
    with org.transaction() as db:
        due = {one.licence_id: one for one in db.scalars(select(LicenceDue))}
    found = {one.party_id: (one.expires_at == due[one.id].expires_at, due[one.id].counts) for one in rows(org)}
    assert found == {"a": (True, False), "b": (True, True), "c": (True, True)}
    ends = {one.party_id: one.expires_at for one in rows(org)}
    assert ends["b"] - ends["c"] == timedelta(days=1, microseconds=1)


def test_the_trigger_costs_the_same_per_licence_without_statistics_of_the_organization(
    org: Org, other_org: Org, servers: Servers
) -> None:
    """The session's plan for the trigger is made for five licences, when PostgreSQL knows only another organization."""
    other_org.with_parties(*parties(60))
    grant(other_org, other_org.with_course(), *parties(60))
    with psycopg.connect(servers.owner_url, autocommit=True) as connection:
        connection.execute("ANALYZE licence, licence_due")
    org.with_parties(*parties(MANY))
    grant(org, org.with_course(), *parties(MANY), at=NOON)
    ids = [str(one.id) for one in rows(org)]
    with org.transaction() as db:
        for _ in range(6):
            _trigger_ms(db, ids[:5])
        few, many = (min(_trigger_ms(db, ids[:size]) for _ in range(4)) for size in (FEW, MANY))
    assert many / MANY < 4 * few / FEW, f"{few} ms for {FEW}, {many} ms for {MANY}"


def _trigger_ms(db: Any, ids: list[str]) -> float:
    """Changes these licences. Returns the milliseconds that the trigger took."""
    (explained,) = db.scalar(CHANGE, {"ids": ids})
    (took,) = [one["Time"] for one in explained["Triggers"] if one["Trigger Name"] == "licences_changed"]
    return float(took)
