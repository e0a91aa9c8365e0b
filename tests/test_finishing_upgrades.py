"""An upgrade beside processes of the former release, and its last step after these have ended."""

from collections.abc import Iterator

import psycopg
import pytest

import migrations
from migrations import finishing
from tests.conftest import Servers
from tests.test_migrations import EVERYTHING, begin_at, hold, of_org_1

FORMER_HEADS = ("core_0006", "training_0005")
FORMER_SESSION = """
    INSERT INTO training_session (org_id, course_id, course_version_id, mode, starts_at, ends_at, time_zone,
                                  scheduled_by_type, scheduled_by_id, created_at, updated_at)
    SELECT 'org-1', course_id, id, 'in_person', '2026-01-01Z', '2026-01-02Z', 'UTC', 'member', 'm', now(), now()
    FROM course_version"""
FORMER_ENTRY = """
    INSERT INTO roster_entry (org_id, session_id, party_id, added_by_type, added_by_id, added_at)
    SELECT 'org-1', id, 'party-1', 'member', 'm', now() FROM training_session"""
SESSION_LICENCE = """
    INSERT INTO licence (org_id, party_id, course_id, course_version_id, session_id, granted_by_type,
                         granted_by_id, granted_at, expires_at, rule)
    SELECT 'org-1', 'party-1', course_id, course_version_id, id, 'member', 'm', '2026-01-01Z', '2027-01-01Z',
        'corrected'
    FROM training_session"""


@pytest.fixture
def empty(servers: Servers) -> Iterator[str]:
    """Yields the address of an empty database, as its owner."""
    with servers.another() as beside:
        yield beside.owner_url


def test_what_only_the_former_release_needs_stays_until_the_upgrade_is_finished(empty: str) -> None:
    """One process expects one licence of a session, another grants again what was revoked."""
    begin_at(empty, *FORMER_HEADS)
    with of_org_1(empty) as connection:
        connection.execute(FORMER_SESSION)
        connection.execute(SESSION_LICENCE)
    migrations.upgrade(empty, EVERYTHING)
    migrations.upgrade(empty, EVERYTHING)
    assert finishing.unfinished(empty) == sorted(finishing.LEFT_INDEXES)
    with of_org_1(empty) as connection:
        connection.execute("UPDATE licence SET revoked_at = now()")
    with pytest.raises(psycopg.errors.UniqueViolation), of_org_1(empty) as connection:
        connection.execute(SESSION_LICENCE)
    assert finishing.finish(empty) == sorted(finishing.LEFT_INDEXES)
    assert (finishing.unfinished(empty), finishing.finish(empty)) == ([], [])
    with of_org_1(empty) as connection:
        connection.execute(SESSION_LICENCE)
    with pytest.raises(psycopg.errors.UniqueViolation), of_org_1(empty) as connection:
        connection.execute(SESSION_LICENCE)
    with of_org_1(empty) as connection:
        valid = "SELECT count(*) FROM pg_index WHERE indrelid = 'licence'::regclass AND NOT indisvalid"
        assert connection.execute(valid).fetchone() == (0,)


def test_what_the_former_release_left_of_a_party_that_it_erased_is_blanked_in_the_end(empty: str) -> None:
    """Beside this release, it erases a party without its folders and notes, and puts an erased one into a folder."""
    begin_at(empty, *FORMER_HEADS)
    migrations.upgrade(empty, EVERYTHING)
    with of_org_1(empty) as connection:
        for code in ("gone", "there"):
            hold(connection, code, "note = 'Seen'")
        connection.execute("UPDATE assignment SET state = 'completed', completed_at = now(), completion_note = 'Seen'")
        connection.execute(
            "INSERT INTO folder (org_id, id, name, created_at, updated_at) VALUES ('org-1', 'crew', 'C', now(), now())"
        )
        connection.execute("INSERT INTO folder_member SELECT 'org-1', 'crew', party_id FROM licence")
        connection.execute("UPDATE party SET erased_at = now() WHERE id = 'gone'")
    finishing.finish(empty)
    with of_org_1(empty) as connection:
        found = connection.execute("""
            SELECT licence.party_id, completion_note, note, folder_id FROM licence
            JOIN assignment ON assignment_id = assignment.id
            LEFT JOIN folder_member AS member ON member.party_id = licence.party_id ORDER BY 1""").fetchall()
    assert found == [("gone", None, None, None), ("there", "Seen", "Seen", "crew")]


def test_a_new_database_has_nothing_left_of_a_former_release(empty: str) -> None:
    migrations.upgrade(empty, EVERYTHING)
    assert finishing.unfinished(empty) == []


def test_an_index_that_was_broken_off_is_made_anew(empty: str) -> None:
    begin_at(empty, "core@head", "training_0009")
    with of_org_1(empty) as connection:
        connection.execute("CREATE INDEX uq_licence_session_unrevoked ON licence (org_id)")
    migrations.upgrade(empty, EVERYTHING)
    with of_org_1(empty) as connection:
        connection.execute(FORMER_SESSION)
        connection.execute(SESSION_LICENCE)
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(SESSION_LICENCE)


def test_rosters_and_courses_of_the_former_release_get_the_defaults(empty: str) -> None:
    """A process of the former release records `absent` without the instant, and inserts courses without the switch."""
    begin_at(empty, *FORMER_HEADS)
    with of_org_1(empty) as connection:
        connection.execute(FORMER_SESSION)
        connection.execute(FORMER_ENTRY)
    migrations.upgrade(empty, EVERYTHING)
    with of_org_1(empty) as connection:
        connection.execute(
            "INSERT INTO party (org_id, id, display_name, created_at, updated_at) "
            "VALUES ('org-1', 'party-2', 'P', now(), now())"
        )
        connection.execute(FORMER_ENTRY.replace("party-1", "party-2"))
        connection.execute("UPDATE roster_entry SET attendance = 'absent' WHERE party_id = 'party-2'")
        entries = connection.execute(
            "SELECT party_id, attendance, attendance_recorded_at FROM roster_entry ORDER BY party_id"
        )
        assert entries.fetchall() == [("party-1", "attended", None), ("party-2", "absent", None)]
        assert connection.execute("SELECT newer_satisfies FROM course").fetchall() == [(True,)]
