"""A real PostgreSQL and a Redis of Rollcall's own, for a machine that has neither.

Both run in the foreground as children of whoever starts them, listen on 127.0.0.1 only, and keep everything in one
data directory: rows, passwords and the port, chosen once so that addresses stay the same from run to run. Whatever a
crash leaves there, the next start carries on with.
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
    """Where the servers of a data directory are reached, one address for each role."""

    database_url: str
    """As `rollcall_app`, which serves: owns nothing and bypasses no row-level security."""
    owner_database_url: str
    """As `rollcall_owner`, which migrates."""
    superuser_database_url: str
    """As `postgres`: for making roles and databases, never for serving."""
    redis_url: str


@contextmanager
def running(data_dir: Path) -> Iterator[Addresses]:
    """Both servers, for as long as the block lasts. Raises CannotStart, DataDirectoryBusy."""
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
    """What the servers of a data directory serve at, running or resting; None where it has none."""
    postgres, broker = EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)
    try:
        return Addresses(postgres.url(APP), postgres.url(OWNER), postgres.url(SUPERUSER), broker.url)
    except LookupError:
        return None
