"""The invariants: none is reported in a sound database, and each is reported when SQL breaks it."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text, update

from shared import access, clock, events, invariants
from shared.access import Permission
from shared.database import SERVING_ROLE
from shared.deliveries import Delivery, DeliveryState
from tests.conftest import Servers
from tests.deliveries.receiving import plan, webhook
from tests.drain import InProcessWorker
from tests.events.scenario import everything_happens
from tests.factories import Org

BREAKAGES = {
    "I1": (
        "ALTER TABLE job DROP CONSTRAINT uq_job_org_id_idempotency_key",
        "UPDATE job SET idempotency_key = 'the same'",
    ),
    "I2: a recipient whose outcome is not counted": (
        """INSERT INTO job_outcome (org_id, job_id, entity_id, outcome, code)
           SELECT org_id, id, 'p-9', 'failed', 'party-not-found' FROM job
           WHERE org_id = current_setting('rollcall.org') LIMIT 1""",
    ),
    "I2: an open chunk of a job that has ended": ("UPDATE job_chunk SET state = 'pending'",),
    "I3": (
        "DROP INDEX uq_assignment_open",
        """INSERT INTO assignment (org_id, course_id, course_version_id, party_id, reason, assigned_by_type,
               assigned_by_id, assigned_at)
           SELECT org_id, course_id, course_version_id, party_id, reason, 'system', 'test', now() FROM assignment""",
    ),
    "I3: two licences of one session and party": (
        "DROP INDEX uq_licence_session_unrevoked, uq_licence_counting",
        """INSERT INTO licence (org_id, party_id, course_id, course_version_id, session_id, granted_by_type,
               granted_by_id, granted_at, expires_at, months, rule)
           SELECT org_id, party_id, course_id, course_version_id, session_id, 'system', 'test', granted_at, expires_at,
               months, rule FROM licence WHERE org_id = current_setting('rollcall.org')""",
    ),
    "I4: a party that attended and has no licence": (
        """DELETE FROM licence_due USING licence WHERE licence_due.org_id = current_setting('rollcall.org')
           AND licence.id = licence_id AND party_id = 'p-1'""",
        "DELETE FROM licence WHERE org_id = current_setting('rollcall.org') AND party_id = 'p-1'",
    ),
    "I4: a licence whose event is gone": ("DELETE FROM event WHERE type = 'licence.granted' AND party_id = 'p-1'",),
    "I4: an assignment that no success counts": (
        """INSERT INTO assignment (org_id, course_id, course_version_id, party_id, reason, assigned_by_type,
               assigned_by_id, assigned_at, job_id, state)
           SELECT org_id, course_id, course_version_id, 'p-4', reason, 'system', 'test', now(), job_id, 'assigned'
           FROM assignment LIMIT 1""",
    ),
    "I4: an assignment whose event is gone": (
        "DELETE FROM event WHERE type = 'assignment.created' AND party_id = 'p-1'",
    ),
    "I5: a hole": ("DELETE FROM event WHERE sequence = 2",),
    "I5: a missing end": (
        """DELETE FROM event WHERE org_id = current_setting('rollcall.org')
           AND sequence = (SELECT max(sequence) FROM event WHERE org_id = current_setting('rollcall.org'))""",
    ),
    "I6: two deliveries for one receiver": (
        "ALTER TABLE delivery DROP CONSTRAINT uq_delivery_org_id_channel_receiver_sequence_replay",
        """INSERT INTO delivery (org_id, channel, receiver, sequence, event_type, next_attempt_at, queued_at,
               created_at)
           SELECT current_setting('rollcall.org'), 'webhook', 'somebody', 1, 'party.created', now(), now(), now()
           FROM generate_series(1, 2)""",
    ),
    "I7: a table that does not bind its owner": ("ALTER TABLE party NO FORCE ROW LEVEL SECURITY",),
    "I7: a table that nothing guards": ("CREATE TABLE note (org_id text, words text)",),
    "I8: a job that ended twice": (
        """INSERT INTO event (org_id, sequence, type, subject, recorded_at, actor_type, actor_id, data)
           SELECT org_id, 1000, type, subject, recorded_at, actor_type, actor_id, data FROM event
           WHERE type = 'job.finished' AND org_id = current_setting('rollcall.org') LIMIT 1""",
    ),
    "I9: an expiry date that the sweep does not know": (
        "UPDATE licence_due SET expires_at = expires_at + interval '1 day'",
    ),
    "I9: a licence that the sweep does not know": ("DELETE FROM licence_due",),
    "I9: an event of expiry before the expiry date": (
        """INSERT INTO event (org_id, sequence, type, subject, recorded_at, actor_type, actor_id, data)
           SELECT current_setting('rollcall.org'), 1000, 'licence.expired', 'licence/1', now(), 'system', 'test',
               '{"expiresAt": "2999-01-01T00:00:00Z"}'""",
    ),
    "I9: two events of one expiry": (
        """INSERT INTO event (org_id, sequence, type, subject, recorded_at, actor_type, actor_id, data)
           SELECT current_setting('rollcall.org'), 1000 + n, 'licence.expired', 'licence/1', now(), 'system', 'test',
               '{"expiresAt": "2027-01-01"}' FROM generate_series(1, 2) AS n""",
    ),
    "I8: a chunk with endless attempts": ("UPDATE job_chunk SET attempts = 1000",),
}
"""The statements with which the owner of the tables can break each invariant."""


@pytest.fixture
def busy(org: Org, worker: InProcessWorker) -> Org:
    """An organization after two assignment jobs and a session: successes, an unchanged party, an unknown one,
    and two licences."""
    org.with_parties("p-1", "p-2", "p-3", "p-4")
    course_id = org.with_course()
    for ids in (("p-1", "p-2"), ("p-2", "p-3", "p-unknown")):
        recipients = [{"entityType": "party", "entityId": entity_id} for entity_id in ids]
        body = {"courseId": course_id, "recipients": recipients, "reason": "New rig"}
        assert org.client(Permission.ASSIGN).post("/v1/assignments", json=body).status_code == 202
        worker.drain(org.id)
    times = {"startsAt": "2026-06-01T08:00:00Z", "endsAt": "2026-06-01T10:00:00Z", "timeZone": "UTC"}
    session = org.client().post("/v1/sessions", json={"courseId": course_id, "mode": "online", **times}).json()
    attended = {"recipients": [{"entityType": "party", "entityId": entity_id} for entity_id in ("p-1", "p-4")]}
    assert org.client().post(f"/v1/sessions/{session['id']}/roster", json=attended).json()["added"] == 2
    assert org.client().post(f"/v1/sessions/{session['id']}/complete").status_code == 202
    worker.drain(org.id)
    return org


@pytest.fixture
def owner(servers: Servers, busy: Org) -> Iterator[psycopg.Connection]:
    """A connection as the owner of the tables, for the busy organization, in a transaction that never commits."""
    with psycopg.connect(servers.owner_url) as connection:
        connection.execute("SELECT set_config('rollcall.org', %s, true)", (busy.id,))
        yield connection
        connection.rollback()


def found(owner: psycopg.Connection) -> set[str]:
    """Returns the invariants that the serving role now finds broken."""
    owner.execute(f"SET LOCAL ROLE {SERVING_ROLE}")
    return {
        invariant.name for invariant in invariants.INVARIANTS if owner.execute(invariant.violated.encode()).rowcount
    }


def test_no_invariant_is_broken_after_work(busy: Org) -> None:
    with busy.transaction() as db:
        assert invariants.violations(db) == []


def test_no_invariant_is_broken_after_everything_that_has_an_event(org: Org, worker: InProcessWorker) -> None:
    everything_happens(org, worker)
    with org.transaction() as db:
        assert invariants.violations(db) == []


def test_no_invariant_is_broken_after_a_replay(org: Org) -> None:
    one = webhook(org, "party.created")
    org.with_parties("p-1")
    plan(org)
    with org.transaction() as db:
        db.execute(update(Delivery).values(state=DeliveryState.SENT, attempts=1, settled_at=clock.now()))
    replayed = org.client().post(f"/v1/webhooks/{one}/replay", json={"fromSequence": 1})
    assert replayed.json()["queued"] == 1
    with org.transaction() as db:
        assert invariants.violations(db) == []


def test_control_no_invariant_is_broken_before_a_breakage(owner: psycopg.Connection) -> None:
    assert found(owner) == set()


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_each_breakage_is_found(owner: psycopg.Connection, breakage: str) -> None:
    for statement in BREAKAGES[breakage]:
        owner.execute(statement.encode())
    assert breakage[:2] in found(owner)


def test_a_violation_names_its_place(busy: Org) -> None:
    with busy.transaction() as db:
        last = events.head(db)
        db.execute(text("UPDATE event_stream SET last_sequence = last_sequence + 1"))
        (violation,) = invariants.violations(db)
        db.rollback()
    assert str(violation) == (
        f"I5 (events are numbered 1, 2, 3 ... without a hole): the last event is {last}, the counter says {last + 1}"
    )


def test_every_organization_is_checked(busy: Org, other_org: Org) -> None:
    with busy.parts.database.transaction(None) as db:
        assert {busy.id, other_org.id} <= set(access.list_organization_ids(db))


def test_checking_without_an_organization_is_refused(busy: Org) -> None:
    with busy.parts.database.transaction(None) as db, pytest.raises(LookupError):
        invariants.violations(db)
