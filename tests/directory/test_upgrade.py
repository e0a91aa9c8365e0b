"""The upgrade of a directory that the former release has written."""

import psycopg
import pytest

import migrations
from tests.test_migrations import EVERYTHING, begin_at, empty, hold, of_org_1

__all__ = ["empty"]


def test_erased_parties_become_inactive_and_names_are_composed_in_an_upgrade(empty: str) -> None:
    """From the former head, with erased parties as that release left them: active, in folders, with a member."""
    begin_at(empty, "core_0006", "training_0005")
    with of_org_1(empty) as connection:
        for statement in FORMER_PARTIES:
            connection.execute(statement)
    migrations.upgrade(empty, EVERYTHING)
    with of_org_1(empty) as connection:
        parties = connection.execute(
            "SELECT id, display_name, member_id, active, erased_at IS NOT NULL FROM party ORDER BY id"
        ).fetchall()
        told = connection.execute(
            "SELECT sequence, type, subject, party_id, data FROM event ORDER BY sequence"
        ).fetchall()
        found = connection.execute("SELECT id FROM party WHERE has_word(compared, 'ren')").fetchall()
        members = connection.execute("SELECT party_id FROM folder_member").fetchall()
        last, folder = (connection.execute(f"SELECT {what}").fetchone() for what in (LAST, FOLDER))
        assert parties == [
            ("erased", "Erased party", None, False, True),
            ("erased-and-gone", "Erased party", None, False, True),
            ("erased-member", "Erased party", None, False, True),
            ("party-1", "P", None, True, False),
            ("rene", "Ren\u00e9", "m-2", True, False),
        ]
        assert told == [
            (8, "party.changed", "party/erased", "erased", {"active": False, "changed": ["active", "folders"]}),
            (9, "party.changed", "party/erased-member", "erased-member", {"changed": ["memberId"]}),
        ]
        assert (found, members, last, folder) == ([("rene",)], [("rene",)], (9,), ("K\u00fcche",))
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(
                "INSERT INTO party (org_id, id, display_name, created_at, updated_at, erased_at)"
                " VALUES ('org-1', 'new', 'P', now(), now(), now())"
            )


def test_titles_and_codes_of_courses_are_composed_unless_two_codes_would_be_equal(empty: str) -> None:
    begin_at(empty, "core_0011", "training_0008")
    with of_org_1(empty) as connection:
        connection.execute(r"""
            INSERT INTO course (org_id, title, code, mode, licence_on, created_at, updated_at)
            SELECT 'org-1', U&'Cafe\0301', code, 'flex', 'session', now(), now()
            FROM unnest(ARRAY[U&'Cafe\0301', U&'E\0301', U&'\00c9', U&'A\0308b']) AS code""")
    migrations.upgrade(empty, EVERYTHING)
    with of_org_1(empty) as connection:
        rows = connection.execute('SELECT code, title FROM course ORDER BY code COLLATE "C"').fetchall()
    assert rows == [
        ("C", "Course"),
        ("Caf\u00e9", "Caf\u00e9"),
        ("E\u0301", "Caf\u00e9"),
        ("\u00c4b", "Caf\u00e9"),
        ("\u00c9", "Caf\u00e9"),
    ]


def test_notes_of_parties_that_were_erased_before_are_blanked_and_no_others(empty: str) -> None:
    """In the records, and in what a job has kept of an assignment for its undo."""
    begin_at(empty, "core@head", "training_0016")
    with of_org_1(empty) as connection:
        for code in ("gone", "there"):
            hold(connection, code, "note = 'Seen'")
        connection.execute("UPDATE party SET erased_at = now(), active = false WHERE id = 'gone'")
        connection.execute("""
            UPDATE assignment SET state = 'completed', completed_at = now(), completion_note = 'Seen'
            WHERE party_id <> 'party-1'""")
        connection.execute("""
            INSERT INTO job (org_id, kind, state, request, submitted_by_type, submitted_by_id, submitted_at,
                             progressed_at)
            VALUES ('org-1', 'assignments.reopen', 'queued', '{}', 'member', 'm', now(), now())""")
        connection.execute("""
            INSERT INTO assignment_change (org_id, job_id, assignment_id, revision, former)
            SELECT 'org-1', job.id, assignment.id, 2, '{"completion_note": "Seen", "state": "completed"}'
            FROM job, assignment""")
    migrations.upgrade(empty, EVERYTHING)
    with of_org_1(empty) as connection:
        found = connection.execute("""
            SELECT assignment.party_id, completion_note, note, former ->> 'completion_note', former ->> 'state'
            FROM assignment JOIN licence ON assignment_id = assignment.id
            JOIN assignment_change AS change ON change.assignment_id = assignment.id ORDER BY 1""").fetchall()
    assert found == [
        ("gone", None, None, None, "completed"),
        ("there", "Seen", "Seen", "Seen", "completed"),
    ]


LAST = "last_sequence FROM event_stream"
FOLDER = "name FROM folder"
FORMER_PARTIES = (
    """INSERT INTO party (org_id, id, display_name, member_id, active, created_at, updated_at, erased_at) VALUES
       ('org-1', 'erased', 'Erased party', NULL, true, now(), now(), now()),
       ('org-1', 'erased-and-gone', 'Erased party', NULL, false, now(), now(), now()),
       ('org-1', 'erased-member', 'Erased party', 'm-1', false, now(), now(), now()),
       ('org-1', 'rene', U&'Rene\\0301', 'm-2', true, now(), now(), NULL)""",
    """INSERT INTO folder (org_id, id, name, created_at, updated_at)
       VALUES ('org-1', 'k', U&'Ku\\0308che', now(), now())""",
    "INSERT INTO folder_member (org_id, folder_id, party_id) VALUES ('org-1', 'k', 'erased'), ('org-1', 'k', 'rene')",
)
