"""Alembic's environment: it connects as the owner, with short lock waits and one transaction for each migration.

A migration that cannot get its lock soon fails, instead of making every request wait behind it, and is repeated.
"""

import time
from typing import Any

from alembic import context
from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import make_url

from shared import settings
from shared.tables import metadata

url = context.config.attributes.get("url") or settings.current().need_database_url()
engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)

LEFT_FOR_FORMER_RELEASES = {("licence", "notices"), ("licence", "expired_at"), ("licence", "due_at")}
"""Columns that only the former release reads, during an upgrade. A later release drops them."""


def compared(item: Any, name: str | None, kind: str, _: bool, __: Any) -> bool:
    """True if Alembic should compare this item with the models."""
    return kind != "column" or (item.table.name, name) not in LEFT_FOR_FORMER_RELEASES


with engine.connect() as connection:
    # One migration at a time; others wait here. They ask again and again, because a statement that waits has a
    # snapshot, for whose end CREATE INDEX CONCURRENTLY would wait, and each would wait for the other.
    while not connection.scalar(text("SELECT pg_try_advisory_lock(hashtext('rollcall migrations'))")):
        connection.commit()
        time.sleep(0.2)
    seconds = context.config.attributes.get("lock_seconds", 5.0)
    connection.execute(text("SELECT set_config('lock_timeout', :most, false)"), {"most": f"{seconds * 1000:.0f}ms"})
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
        include_object=compared,
    )
    with context.begin_transaction():
        context.run_migrations()
