"""The upgrade from the former head with licences in it, while processes of the former release still write."""

import psycopg
import pytest
from alembic import command

import migrations
from tests.test_migrations import EVERYTHING, begin_at, empty, licences_unwritten

__all__ = ["empty"]

BEFORE = "training_0019"


def test_licences_of_the_former_release_stay_and_it_goes_on_granting(empty: str) -> None:
    with licences_unwritten(empty, "core@head", BEFORE) as connection:
        rows = connection.execute(
            "SELECT record_key, completed_on, undone_at, superseded_by_id FROM licence"
        ).fetchall()
        assert set(rows) == {(None, None, None, None)}
        assert connection.execute("SELECT count(*) FROM licence_due").fetchone() == (2,)
        for change in ("record_key = '1'", "assignment_id = NULL", "undone_at = now()"):
            with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
                connection.execute("UPDATE licence SET " + change)
        validated = connection.execute(
            "SELECT bool_and(convalidated) FROM pg_constraint WHERE conrelid = 'licence'::regclass AND contype = 'c'"
        )
        assert validated.fetchone() == (True,)


def test_the_upgrade_goes_on_where_it_was_broken_off(empty: str) -> None:
    """Its long part is outside of its transaction; the first part has been committed by then."""
    begin_at(empty, "core@head", BEFORE)
    command.upgrade(migrations.configuration(empty), "training_0018")
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s WHERE version_num LIKE 'training%%'", (BEFORE,))
        connection.execute("DROP INDEX uq_licence_record")
    migrations.upgrade(empty, EVERYTHING)
    with psycopg.connect(empty) as connection:
        assert connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'uq_licence_record'::regclass"
        ).fetchone() == (True,)
