"""Upgrades from the former heads with rows in them, while processes of the former release still write."""

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory

import migrations
from migrations import finishing
from tests.test_migrations import EVERYTHING, begin_at, empty, licences_unwritten, of_org_1

__all__ = ["empty"]

OF_ANOTHER = (
    "INSERT INTO organization (id, name, time_zone, created_at) VALUES ('org-2', 'Two', 'UTC', now())",
    """INSERT INTO course (org_id, title, code, mode, licence_on, created_at, updated_at)
       VALUES ('org-2', 'Other', 'O', 'flex', 'session', now(), now())""",
    """INSERT INTO course_version (org_id, course_id, label, state, created_at, published_at)
       SELECT 'org-2', id, 'first', 'active', now(), now() FROM course""",
)


def test_versions_of_the_former_release_get_the_names_of_their_course(empty: str) -> None:
    """Of several organizations, in several batches; drafts get none until a process of any release publishes them."""
    begin_at(empty, "core_0011", "training_0008")
    with of_org_1(empty) as connection:
        connection.execute("""
            INSERT INTO course_version (org_id, course_id, label, state, created_at, published_at)
            SELECT 'org-1', id, 'v' || n, CASE WHEN n = 2009 THEN 'draft' ELSE 'superseded' END, now(),
                CASE WHEN n < 2009 THEN now() END FROM course CROSS JOIN generate_series(2, 2009) AS n""")
    with psycopg.connect(empty) as connection:
        connection.execute("SELECT set_config('rollcall.org', 'org-2', false)")
        for statement in OF_ANOTHER:
            connection.execute(statement)
    migrations.upgrade(empty, EVERYTHING)
    with of_org_1(empty) as connection:
        assert named(connection) == {f"v{n}": ("Course", "C") for n in range(1, 2009)} | {"v2009": (None, None)}
        connection.execute("UPDATE course SET title = 'Renamed'")
        connection.execute("UPDATE course_version SET state = 'superseded' WHERE state = 'active'")
        connection.execute("UPDATE course_version SET state = 'active', published_at = now() WHERE label = 'v2009'")
        assert named(connection) == {f"v{n}": ("Course", "C") for n in range(1, 2009)} | {"v2009": ("Renamed", "C")}
    with psycopg.connect(empty) as connection:
        connection.execute("SELECT set_config('rollcall.org', 'org-2', false)")
        assert named(connection) == {"first": ("Other", "O")}


def named(connection: psycopg.Connection) -> dict[str, tuple[str | None, str | None]]:
    return {
        label: (title, code)
        for label, title, code in connection.execute("SELECT label, title, code FROM course_version")
    }


def test_licences_of_the_former_release_keep_their_dates_and_it_goes_on_granting(empty: str) -> None:
    """Its processes know neither the new columns nor the constraint; no row is written by the upgrade."""
    with licences_unwritten(empty, "core_0011", "training_0008") as connection:
        connection.execute("UPDATE licence SET expires_at = '2027-06-01Z' WHERE code = 'granted'")
        dates = "SELECT code, valid_from, counted_from, ends, expires_at::date::text FROM licence ORDER BY code"
        assert connection.execute(dates).fetchall() == [
            ("granted", None, None, None, "2027-06-01"),
            ("held", None, None, None, "2027-01-01"),
        ]
        policy = connection.execute("SELECT licence_from, licence_ends, renewable_days FROM course").fetchall()
        assert policy == [("granted", "instant", None)]
        valid = connection.execute(
            "SELECT convalidated FROM pg_constraint WHERE conname = 'ck_licence_expires_after_beginning'"
        ).fetchall()
        assert valid == [(True,)]
        for change in ("expires_at = granted_at", "valid_from = expires_at"):
            with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
                connection.execute("UPDATE licence SET " + change)
        connection.execute("UPDATE licence SET valid_from = '2025-01-01Z', expires_at = '2025-06-01Z'")


def test_a_migration_of_dates_that_was_broken_off_goes_on(empty: str) -> None:
    """Its long part reads the licences in a transaction of its own; the first part has been committed by then."""
    begin_at(empty, "core@head", "training_0013")
    script = ScriptDirectory.from_config(migrations.configuration(empty)).get_revision("training_0013")
    before = {"before": script.down_revision}
    with psycopg.connect(empty) as owner:
        owner.execute("UPDATE alembic_version SET version_num = %(before)s WHERE version_num = 'training_0013'", before)
        owner.execute("""
            ALTER TABLE licence DROP CONSTRAINT ck_licence_expires_after_beginning,
                ADD CONSTRAINT ck_licence_expires_after_beginning
                    CHECK (expires_at > coalesce(valid_from, granted_at)) NOT VALID""")
    migrations.upgrade(empty, EVERYTHING)
    finishing.finish(empty)
    command.check(migrations.configuration(empty))


def test_deliveries_of_the_former_release_stay_and_can_be_replayed(empty: str) -> None:
    """While a process of the former release still plans, by an insert that does nothing on any conflict."""
    begin_at(empty, "core_0011", "training_0008")
    deliver = """
        INSERT INTO delivery (org_id, channel, receiver, sequence, event_type, state, queued_at, next_attempt_at,
            created_at)
        VALUES ('org-1', 'webhook', 'w', 7, 'party.changed', 'sent', now(), now(), now()) ON CONFLICT DO NOTHING"""
    with of_org_1(empty) as connection:
        connection.execute("""
            INSERT INTO event (org_id, sequence, type, subject, recorded_at, actor_type, actor_id, data)
            VALUES ('org-1', 7, 'party.changed', 'party/party-1', now(), 'member', 'm', '{}')""")
        connection.execute(deliver)
    migrations.upgrade(empty, EVERYTHING)
    with of_org_1(empty) as connection:
        assert connection.execute(deliver).rowcount == 0
        connection.execute("UPDATE delivery SET attempts = attempts + 1")
        assert connection.execute("SELECT state, replay FROM delivery").fetchall() == [("sent", 0)]
        again = connection.execute(deliver.replace("sequence,", "sequence, replay,").replace("7,", "7, 1,"))
        assert again.rowcount == 1
