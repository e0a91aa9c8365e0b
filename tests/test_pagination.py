"""Keyset pages: the function of sqlakeyset that `shared/pagination.py` patches, and what the patch is for."""

import inspect
from typing import Any

import pytest
import sqlakeyset.paging
from sqlalchemy import event, select

from shared.directory import Party
from shared.errors import InvalidInput
from shared.pagination import count, page
from tests.factories import Org


def test_the_patched_function_of_sqlakeyset_is_still_there() -> None:
    """Assigning to a name that the library no longer has would succeed and do nothing."""
    library = inspect.getsource(sqlakeyset.paging)
    assert "def can_use_native_tuples(dialect" in library
    assert library.count("can_use_native_tuples(dialect") > 1, "the library no longer calls it"


def test_the_condition_of_a_page_is_a_row_comparison(org: Org) -> None:
    """For a row comparison PostgreSQL starts at the right entry of the index, however many rows tie."""
    org.with_parties("a", "b", "c")
    rows = select(Party.id).where(Party.org_id == org.id).order_by(Party.active, Party.id)
    statements: list[str] = []
    with org.transaction() as db:
        first = page(db, rows, limit=1, cursor=None)

        @event.listens_for(db.connection(), "before_cursor_execute")
        def note(_: Any, __: Any, statement: str, *___: Any) -> None:
            statements.append(statement)

        assert page(db, rows, limit=1, cursor=first.next_cursor).items == ["b"]
    (statement,) = statements
    assert "< (party.active, party.id) ORDER BY" in statement


def test_a_page_that_can_be_turned_back_leads_to_the_page_before(org: Org) -> None:
    org.with_parties("a", "b", "c", "d", "e")
    rows = select(Party.id).where(Party.org_id == org.id).order_by(Party.id)
    with org.transaction() as db:
        first = page(db, rows, limit=2, cursor=None, both_ways=True)
        second = page(db, rows, limit=2, cursor=first.next_cursor, both_ways=True)
        back = page(db, rows, limit=2, cursor=second.previous_cursor, both_ways=True)
        assert (first.previous_cursor, second.items, back.items) == (None, ["c", "d"], ["a", "b"])
        assert (back.previous_cursor, back.next_cursor) == (None, first.next_cursor)
        with pytest.raises(InvalidInput):
            page(db, rows, limit=2, cursor=second.previous_cursor)


def test_a_count_stops_one_above_its_bound_and_brings_what_is_asked_beside_it(org: Org) -> None:
    org.with_parties("a", "b", "c", "d", "e")
    rows = select(Party.id).where(Party.org_id == org.id).order_by(Party.id)
    beside = select(Party.display_name).where(Party.org_id == org.id, Party.id == "c").scalar_subquery()
    with org.transaction() as db:
        assert count(db, rows) == (5,)
        assert count(db, rows, beside, most=3) == (4, "Party c")
