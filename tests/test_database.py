"""How statements reach PostgreSQL."""

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, Text, Uuid, func, literal, select, text
from sqlalchemy.exc import DBAPIError

from shared.database import Database
from tests.assignments.asking import body, submit
from tests.drain import Workshop
from tests.factories import Org


def test_statements_are_planned_for_what_they_are_given(org: Org, workshop: Workshop) -> None:
    """However often they come: the sixth time, one plan for all would do, which takes any array for a short one."""
    for database in (org.parts.database, workshop.database):
        database.engine.dispose()  # what other tests have these connections keep
    org.with_parties("a", "b")
    for _ in range(8):
        asked = body(org.with_course(), "a", "b")
        assert org.client().post("/v1/assignments/preview", json=asked).json()["total"] == 2
        submit(org.client(), asked)
        workshop.drain(org.id)
    assert [kept(database) for database in (org.parts.database, workshop.database)] == [[], []]


def kept(database: Database) -> list[str]:
    """The statements that the connection used last keeps prepared, but for our questions, which are to."""
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


@pytest.mark.parametrize("bad", ["cut\0off", "\ud800"])
def test_what_no_text_can_hold_is_refused(org: Org, bad: str) -> None:
    with pytest.raises((DBAPIError, UnicodeEncodeError)):
        arrived(org, ["a", bad, "b"], Text())


def arrived(org: Org, items: list[Any], kind: Any) -> list[Any]:
    """An array, there and back."""
    with org.transaction() as db:
        found = db.scalar(
            select(func.array_cat(literal(items, ARRAY(kind)), literal([], ARRAY(kind)), type_=ARRAY(kind)))
        )
        return list(found or [])
