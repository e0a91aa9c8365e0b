"""Locking one row that a person is about to change: the lock, "not found" and "changed meanwhile" in one place.

`docs/locks.md` has the order in which rows are locked, and why.
"""

from collections.abc import Collection
from typing import Any, Protocol, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared.errors import NotFound, Stale


class _Revised(Protocol):
    @property
    def revision(self) -> Any: ...


Row = TypeVar("Row", bound=_Revised)


def locked(
    db: Session, one: Select[Row], noun: str, *, expected: Collection[int] | None = None, key_share: bool = False
) -> Row:
    """The row as it is now, locked until the end of this transaction.

    one: selects the entity; everything that hides it from the caller belongs in its conditions. expected: the revisions
    that the caller may have read, None for any. key_share: others may go on inserting rows that point at this one.
    Raises NotFound, naming the noun, and Stale.
    """
    row = db.scalar(one.with_for_update(key_share=key_share).execution_options(populate_existing=True))
    if row is None:
        raise NotFound(noun)
    if expected is not None and row.revision not in expected:
        raise Stale
    return row
