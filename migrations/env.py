"""How Alembic reaches the database: as its owner, with short lock waits, one transaction for each migration.

A migration that cannot get its lock within 5 seconds gives up instead of queueing in front of every request.
"""

from alembic import context
from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import make_url

from shared import settings
from shared.tables import metadata

url = context.config.attributes.get("url") or settings.current().need_database_url()
engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)

with engine.connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock(hashtext('rollcall migrations'))"))  # one at a time; others wait
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()
