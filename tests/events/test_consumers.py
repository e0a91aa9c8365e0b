"""The cursors of Rollcall's own event consumers: moved only from where they were read, held by one transaction."""

from sqlalchemy import text

from shared import events
from tests.factories import Org


def test_a_cursor_moves_only_from_where_it_was_read(org: Org) -> None:
    with org.transaction() as db:
        assert events.advance(db, "reader", since=0, to=7)
        assert not events.advance(db, "reader", since=0, to=3)
        assert events.position(db, "reader") == 7
        assert events.advance(db, "reader", since=7, to=9)
        assert events.position(db, "another") == 0


def test_a_cursor_that_a_transaction_holds_is_refused_to_others_at_once(org: Org) -> None:
    with org.transaction() as db:
        assert events.lock_position(db, "reader") == 0
    with org.transaction() as holder:
        assert events.lock_position(holder, "reader") == 0
        with org.transaction() as other:
            other.execute(text("SET LOCAL lock_timeout = '1s'"))
            assert events.lock_position(other, "reader") is None
        assert events.advance(holder, "reader", since=0, to=7)
    with org.transaction() as db:
        assert events.lock_position(db, "reader") == 7
