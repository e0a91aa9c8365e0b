"""SIGKILL for the sender between sending and settling: the unsettled messages are sent once more, with the same ids.

Guards: the lease, which expires; message ids, which come from the row; and the order, which settles a message before
the next one is sent, and so bounds the number of repeated ones.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text, update

from shared import clock, events
from shared.deliveries import Delivery
from shared.events import Actor, Fact
from tests.deliveries.receivers import Receiver, receiver
from tests.deliveries.receiving import rows, webhook
from tests.factories import Org
from tests.faults.orders import new_org
from tests.faults.plant import Plant, kill_with_children
from tests.mail.server import MailServer, running
from tests.waiting import within

IN_DOUBT = 32 + 8
"""Upper bound of calls that a sender makes to one receiver while it cannot settle any."""

SENDER = "worker --queues deliveries"
LOCK = 20_000_002


@pytest.fixture
def org(plant: Plant) -> Iterator[Org]:
    """A new organization in the plant."""
    with new_org(plant.environment) as made:
        yield made


def forget_the_rest(plant: Plant) -> None:
    """Drop the deliveries of other tests, which would be sent before those of this test."""
    with plant.overseer() as overseer:
        overseer.execute(
            """INSERT INTO event_consumer (org_id, name, last_sequence)
               SELECT org_id, 'planner', last_sequence FROM event_stream
               ON CONFLICT (org_id, name) DO UPDATE SET last_sequence = excluded.last_sequence"""
        )
        overseer.execute("DELETE FROM delivery")


@contextmanager
def never_settled(plant: Plant) -> Iterator[None]:
    """Block every settling while the block runs. At its end PostgreSQL drops the connections of killed senders."""
    with psycopg.connect(plant.owner_url, autocommit=True) as owner, plant.overseer() as overseer:
        overseer.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        owner.execute(
            sql.SQL("""
            CREATE FUNCTION fault_settle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN PERFORM pg_advisory_xact_lock({}); RETURN NEW; END $$;
            CREATE TRIGGER fault_settle BEFORE UPDATE ON delivery FOR EACH ROW
            WHEN (NEW.state = 'sent') EXECUTE FUNCTION fault_settle()""").format(sql.Literal(LOCK))
        )
        try:
            yield
        finally:
            overseer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rollcall sender'"
            )
            overseer.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
            owner.execute("DROP FUNCTION fault_settle() CASCADE")


def settling(overseer: psycopg.Connection) -> int:
    """Returns how many transactions wait to settle a delivery."""
    row = overseer.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rollcall sender' AND wait_event = 'advisory'"
    ).fetchone()
    return 0 if row is None else int(row[0])


def lapse(org: Org) -> None:
    """Let every lease expire."""
    with org.transaction() as db:
        db.execute(
            update(Delivery)
            .where(Delivery.org_id == org.id, Delivery.leased_until.is_not(None))
            .values(leased_until=clock.now() - timedelta(seconds=1))
        )


def assigned(org: Org, course_id: str, size: int) -> None:
    """Insert assignments of a course to `size` parties, with their events."""
    key = {"org": org.id, "course": course_id, "size": size}
    with org.transaction() as db:
        db.execute(text(PARTIES), key)
        made = db.execute(text(ASSIGNMENTS), key).all()
        facts = (Fact("assignment.created", f"assignment/{one}", {}, party_id) for one, party_id in made)
        events.record(db, Actor("member", "m"), clock.now(), *facts)


PARTIES = """INSERT INTO party (org_id, id, display_name, email, member_id, created_at, updated_at)
             SELECT :org, 'p' || n, 'P', 'p' || n || '@crew.example', 'm' || n, now(), now()
             FROM generate_series(1, :size) AS n"""
ASSIGNMENTS = """INSERT INTO assignment (org_id, course_id, course_version_id, party_id, reason, assigned_by_type,
                                         assigned_by_id, assigned_at)
                 SELECT :org, course_id, course_version.id, party.id, 'Refresh', 'member', 'm', now()
                 FROM course_version JOIN party USING (org_id) WHERE org_id = :org AND course_id = CAST(:course AS uuid)
                 RETURNING id, party_id"""


def received(server: Receiver, post: MailServer) -> tuple[list[str], list[str]]:
    """Returns the ids of all webhook calls and mails received."""
    return [one["webhook-id"] for one in server.headers], [str(mail["Message-ID"]) for mail in post.mails]


@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.matrix), 80])
def test_a_killed_sender_repeats_only_its_unsettled_messages(plant: Plant, org: Org, size: int) -> None:
    with ExitStack() as stack:
        server, post = stack.enter_context(receiver()), stack.enter_context(running())
        forget_the_rest(plant)
        environment = {"ROLLCALL_SMTP_URL": post.url, "ROLLCALL_WEBHOOKS_ALLOW_PRIVATE": "true"}
        course = org.with_course()
        webhook(org, "assignment.created", url=server.url)
        assigned(org, course, size)
        overseer = stack.enter_context(plant.overseer())
        with never_settled(plant), plant.running(SENDER, "beat", settings=environment) as (sender, _):
            assert within(60, lambda: settling(overseer) == 2), plant.log
            assert within(10, lambda: len(post.mails) == min(size, 8)), "each connection waits to settle its own"
            kill_with_children(sender)
            assert {row.state for row in rows(org)} == {"queued"}
        calls, mails = received(server, post)
        assert 1 <= len(calls) <= min(size, IN_DOUBT)
        assert len(mails) == min(size, 8)
        lapse(org)
        with plant.running(SENDER, "beat", settings=environment):
            assert within(60, lambda: {row.state for row in rows(org)} == {"sent"}), rows(org)
        for before, after in zip((calls, mails), received(server, post), strict=True):
            assert len(set(after)) == size
            assert Counter(after) == Counter(set(after)) + Counter(before)
