"""A PostgreSQL cluster that is created once per test run, and copied for each test that needs a server of its own.

The product's own code (`cli.embedded`) creates it and starts its copies, but with fsync off.
Tests that kill PostgreSQL stay valid: what it has written survives its death in the kernel's memory.
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
    # Passwords are random here; hashing one 4,096 times at each login takes longer than the SQL of most tests.
    "scram_iterations": "1",
}


class Cluster:
    """A stopped cluster with its secrets, to be copied."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    @classmethod
    def of_this_run(cls, factory: pytest.TempPathFactory) -> "Cluster":
        """Return the cluster that all pytest processes of this run share. The first process to ask creates it."""
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
        """Copy the cluster into a data directory that has none yet, with a free port. Returns the directory."""
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
