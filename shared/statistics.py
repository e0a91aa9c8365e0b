"""PostgreSQL's statistics of an organization, which must not be older than what a bulk write has just added.

Without them PostgreSQL takes the organization for one row, and some plans then cost the square of its size. Writers of
many rows call `keep` after their commit, in a transaction of its own: ANALYZE keeps its lock until the commit.
"""

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.database import Database, set_locally

log = structlog.get_logger()

MANY = 100
"""A write of fewer rows does not call `keep`: it costs a few milliseconds, and autovacuum follows slow growth."""


def read_everything(db: Session) -> None:
    """Tell PostgreSQL, for the rest of this transaction, that a report reads all rows of the organization.

    It then joins by hashing. A nested loop, which is right for a page of a list, costs the square for all rows while
    PostgreSQL takes the organization for one row.
    """
    set_locally(db, "enable_nestloop", "off")


def read_in_order(db: Session) -> None:
    """Tell PostgreSQL, for the rest of this transaction, to read a large page along the index of its order.

    Otherwise it sorts all rows of the list anew for each page of an export.
    """
    set_locally(db, "enable_sort", "off")


def keep(database: Database, org_id: str, written: int) -> None:
    """Bring the statistics up to date after a write of this many rows, if they are wrong for this organization.

    A failure is only logged: the write has succeeded.
    """
    if written < MANY:
        return
    try:
        database.note(org_id, ("SELECT keep_statistics()", {}))
    except (psycopg.Error, SQLAlchemyError):
        log.warning("statistics not kept", org=org_id, exc_info=True)
