"""A PostgreSQL cluster that is made once in a run of the tests, and copied to where a test needs one of its own.

The product makes it, and starts its copies like any cluster that it made before; only, these never wait for a disk.
That takes nothing from tests that kill PostgreSQL: what it has written survives that in the kernel's memory.
"""

import fcntl
import json
import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from cli.embedded import EmbeddedPostgres
from cli.embedded.postgres import SUPERUSER
from cli.embedded.server import free_port

HASTY = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # A password is random here and guessed by nobody; to look at it 4,096 times takes longer than most tests' SQL.
    "scram_iterations": "1",
}


class Cluster:
    """What is copied."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    @classmethod
    def of_this_run(cls, factory: pytest.TempPathFactory) -> "Cluster":
        """The one that all processes of this run share; whoever comes first makes it."""
        base = factory.getbasetemp()
        shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
        made = shared / "prepared" / "made"
        made.parent.mkdir(exist_ok=True)
        with (shared / "prepared.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                _make(made.parent)
                made.touch()
        return cls(made.parent)

    def lay(self, data_dir: Path) -> Path:
        """Put a copy into a data directory that has no cluster yet, with a port of its own. Answers the directory."""
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", self._data_dir / "postgres", data_dir / "postgres"], check=True)
        secrets = json.loads((self._data_dir / "postgres.json").read_text())
        kept = data_dir / "postgres.json"
        kept.touch(mode=0o600)
        kept.write_text(json.dumps(secrets | {"port": str(free_port())}))
        return data_dir


def _make(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    postgres.prepare()
    with (postgres.directory / "postgresql.conf").open("a") as configuration:
        configuration.writelines(f"{name} = {value}\n" for name, value in HASTY.items())
    postgres.start()
    with psycopg.connect(postgres.url(SUPERUSER), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {SUPERUSER} PASSWORD '{postgres.memory[SUPERUSER]}'")
    postgres.stop()
