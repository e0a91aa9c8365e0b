"""How `shared.database` sends statements to PostgreSQL: planned for their values, and with arrays unchanged."""

import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, Integer, Text, Uuid, func, literal, select, text
from sqlalchemy.exc import DBAPIError

from shared.arrays import written
from shared.database import Database
from tests.assignments.asking import body, submit
from tests.drain import InProcessWorker
from tests.factories import Org


def test_repeated_statements_are_planned_for_their_values(org: Org, worker: InProcessWorker) -> None:
    """From the sixth time on, a prepared statement could get one plan for all values, which assumes short arrays."""
    for database in (org.parts.database, worker.database):
        database.engine.dispose()  # drops the statements that other tests prepared
    org.with_parties("a", "b")
    for _ in range(8):
        asked = body(org.with_course(), "a", "b")
        assert org.client().post("/v1/assignments/preview", json=asked).json()["total"] == 2
        submit(org.client(), asked)
        worker.drain(org.id)
    assert [kept(database) for database in (org.parts.database, worker.database)] == [[], []]


def kept(database: Database) -> list[str]:
    """Returns the prepared statements of the connection used last, except those made by SQL's PREPARE."""
    with database.transaction(None) as db:
        return list(db.scalars(text("SELECT statement FROM pg_prepared_statements WHERE from_sql IS FALSE")))


TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
FAST = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FAST
@given(st.lists(st.none() | TEXTS | st.sampled_from(['"', "\\", "NULL", "", ",", "{}", "a b", "é"])))
def test_texts_arrive_as_they_were_sent(org: Org, texts: list[str | None]) -> None:
    assert arrived(org, texts, Text()) == texts


@FAST
@given(st.lists(st.none() | st.uuids()))
def test_ids_arrive_as_they_were_sent(org: Org, ids: list[uuid.UUID | None]) -> None:
    assert arrived(org, ids, Uuid()) == ids


@FAST
@given(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1)))
def test_numbers_arrive_as_they_were_sent(org: Org, numbers: list[int | None]) -> None:
    assert arrived(org, numbers, Integer()) == numbers


@FAST
@given(st.lists(st.none() | TEXTS | st.sampled_from(['"', "\\", "NULL", "", ",", "{}", "a b", "é"])))
def test_arrays_that_a_statement_casts_arrive_as_they_were_written(org: Org, texts: list[str | None]) -> None:
    with org.transaction() as db:
        found = text("SELECT array_cat(cast(:sent AS text[]), ARRAY[]::text[])")
        assert list(db.scalar(found, {"sent": written(texts)})) == texts


def test_ids_days_and_numbers_are_written_as_a_cast_reads_them(org: Org) -> None:
    sent = {"uuid": uuid.uuid4(), "date": date(2026, 3, 1), "integer": 7, "timestamptz": datetime.now(UTC)}
    with org.transaction() as db:
        for kind, value in sent.items():
            for values in ([value, value], [None, value, None], [None, None]):
                found = db.scalar(text(f"SELECT cast(:sent AS {kind}[])"), {"sent": written(values)})
                assert found == values


@pytest.mark.parametrize("bad", ["cut\0off", "\ud800"])
def test_a_text_that_postgresql_cannot_store_is_refused(org: Org, bad: str) -> None:
    with pytest.raises((DBAPIError, UnicodeEncodeError)):
        arrived(org, ["a", bad, "b"], Text())


def arrived(org: Org, items: list[Any], kind: Any) -> list[Any]:
    """Sends an array to PostgreSQL and returns what comes back."""
    with org.transaction() as db:
        found = db.scalar(
            select(func.array_cat(literal(items, ARRAY(kind)), literal([], ARRAY(kind)), type_=ARRAY(kind)))
        )
        return list(found or [])
