"""Events to verify, and how the owner of the tables could tamper with them; the serving role cannot alter an event."""

import time

import psycopg
from sqlalchemy import func, select

from shared import clock, events
from shared.events import Actor, Expected, Fact, Finding, Verification
from tests.conftest import Servers
from tests.factories import OPERATOR, Org

ADA = Actor("member", "ada")
MINE = "org_id = current_setting('rollcall.org')"

EDITED = (f"""UPDATE event SET data = '{{"changed": ["email"]}}' WHERE {MINE} AND sequence = 5""",)
DELETED = (f"DELETE FROM event WHERE {MINE} AND sequence = 5",)
REORDERED = (
    f"UPDATE event SET sequence = 1000 WHERE {MINE} AND sequence = 5",
    f"UPDATE event SET sequence = 5 WHERE {MINE} AND sequence = 6",
    f"UPDATE event SET sequence = 6 WHERE {MINE} AND sequence = 1000",
)
CUT_OFF = (f"DELETE FROM event WHERE {MINE} AND sequence > 8",)
COUNTER_SET_BACK = (f"UPDATE event_stream SET last_sequence = 8 WHERE {MINE}",)
SEALS_REMOVED = (f"DELETE FROM event_seal WHERE {MINE}",)


def tamper(servers: Servers, org: Org, *statements: str) -> None:
    """Run statements on an organization's rows as the owner of the tables."""
    with psycopg.connect(servers.owner_url) as connection:
        connection.execute("SELECT set_config('rollcall.org', %s, true)", [org.id])
        for statement in statements:
            assert connection.execute(statement).rowcount, f"nothing was altered by {statement}"


def record(org: Org, *party_ids: str, actor: Actor = ADA) -> None:
    """Record an event about each of these parties, each in its own transaction."""
    for party_id in party_ids:
        fact = Fact("party.changed", f"party/{party_id}", {"changed": ["folders"]}, party_id)
        with org.transaction() as db:
            events.record(db, actor, clock.now(), fact)
        time.sleep(0.002)  # so that the ids, which begin with milliseconds, have the order of the events


def seal(org: Org, *, most: int = events.LARGEST_BLOCK) -> int:
    """Seal one block in a transaction. Returns the number of events sealed."""
    with org.transaction() as db:
        return events.seal(db, clock.now(), most=most)


def sealed_in_three_blocks(org: Org) -> events.Head:
    """Record events up to 10, sealed as 1 to 4, 5 to 7, 8 to 10. Returns the head."""
    for parties in ("abc", "def", "ghi"):  # the first event is that the organization was added
        record(org, *parties)
        seal(org)
    return head(org)


def record_many(org: Org, count: int) -> None:
    """Record `count` events in one transaction."""
    n = func.generate_series(1, count).column_valued("n")
    of = select(func.concat("party/", n).label("subject"), func.concat("", n).label("party_id"))
    with org.transaction() as db:
        events.record_each(db, OPERATOR, clock.now(), type="party.created", count=count, of=of, data={})


def findings(org: Org, expected: Expected | None = None) -> list[Finding]:
    """Returns the findings of a verification."""
    with org.transaction() as db:
        return list(Verification(db, expected).findings())


def found(org: Org, expected: Expected | None = None) -> list[tuple[str, int, int]]:
    """Returns the findings of a verification as (kind, first, last)."""
    return [(finding.kind.value, finding.first, finding.last) for finding in findings(org, expected)]


def head(org: Org) -> events.Head:
    """Returns the head of the chain."""
    with org.transaction() as db:
        return events.sealed_head(db)
