"""A whole Rollcall for the tests of this folder to break: servers of its own, and the real programs as real processes.

Its time limits are seconds where a deployment's are minutes, so that what must heal does so while a test looks on.
Whatever is killed here was started here.
"""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import httpx2
import psutil
import psycopg
import redis

import migrations
from cli.embedded import OWNER, EmbeddedPostgres, EmbeddedRedis
from cli.embedded.postgres import SUPERUSER
from cli.embedded.server import free_port
from cli.processes import Process, kill_group, spawn
from shared.settings import TRAINING
from tests.waiting import within

ROOT = Path(__file__).parents[2]

SHRUNK = {
    "ROLLCALL_JOB_CLAIM_SECONDS": "0.7",
    "ROLLCALL_JOB_RESCUE_SECONDS": "0.4",
    "ROLLCALL_JWT_SECRET": "only for tests, and long enough to be one",
    "ROLLCALL_LOG_FORMAT": "json",
}

WITHOUT_RESCUE = {"ROLLCALL_JOB_RESCUE_SECONDS": "86400"}
"""A guard taken away: nobody looks for work whose wake-up was lost."""


class Plant:
    """PostgreSQL, Redis and programs. log: where the programs print."""

    def __init__(self, data_dir: Path) -> None:
        self.postgres = EmbeddedPostgres(data_dir)
        self.redis = EmbeddedRedis(data_dir)
        self.log = data_dir / "programs.log"

    @classmethod
    @contextmanager
    def built(cls, data_dir: Path) -> Iterator[Self]:
        """The servers with the schema, for as long as the block lasts."""
        plant = cls(data_dir)
        try:
            plant.postgres.start()
            plant.redis.start()
            migrations.upgrade(plant.owner_url, frozenset({TRAINING}))
            yield plant
        finally:
            plant.redis.stop()
            plant.postgres.stop()

    @property
    def owner_url(self) -> str:
        """The database as the owner of its tables, who alone may add a trigger."""
        return self.postgres.url(OWNER)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of every program."""
        return SHRUNK | {"ROLLCALL_DATABASE_URL": self.postgres.url(), "ROLLCALL_REDIS_URL": self.redis.url}

    @contextmanager
    def running(self, *commands: str, settings: Mapping[str, str] | None = None) -> Iterator[list[Process]]:
        """These commands of `rollcall`, each a process, killed at the end of the block where they still run."""
        started: list[Process] = []
        try:
            for command in commands:
                started.append(self._spawn(command, settings or {}))
            yield started
        finally:
            for process in started:
                kill_group(process)

    @contextmanager
    def api(self) -> Iterator[str]:
        """An API process, ready to serve at this address."""
        port = free_port()
        with self.running(f"api --port {port}"):
            assert within(60, lambda: _answers(port)), f"{self.log} says why the API does not serve"
            yield f"http://127.0.0.1:{port}"

    def _spawn(self, command: str, settings: Mapping[str, str]) -> Process:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
        with self.log.open("ab") as output:
            return spawn(
                [sys.executable, "-m", "cli.main", *command.split()],
                output=output.fileno(),
                environment={**kept, **self.environment, **settings},
                directory=ROOT,
            )

    @contextmanager
    def superuser(self) -> Iterator[psycopg.Connection]:
        """A look at every connection, from above."""
        with psycopg.connect(self.postgres.url(SUPERUSER), autocommit=True) as connection:
            yield connection

    def inserting(self) -> int:
        """How many workers are in the middle of inserting assignments."""
        with self.superuser() as connection:
            row = connection.execute(
                """SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rollcall worker'
                   AND state = 'active' AND query LIKE 'INSERT INTO assignment%'"""
            ).fetchone()
        return 0 if row is None else int(row[0])

    def broker(self) -> "redis.Redis":
        """Redis itself."""
        return redis.Redis.from_url(self.redis.url, socket_timeout=2)

    def stop_postgres_at_once(self) -> None:
        """An immediate shutdown: no checkpoint, no goodbye; the next start recovers from the write-ahead log."""
        assert self.postgres.process is not None
        self.postgres.process.send_signal(signal.SIGQUIT)
        self.postgres.process.wait(20)


def kill_family(process: Process) -> None:
    """kill -9 to a program and every process below it."""
    parent = psutil.Process(process.pid)
    members = [*parent.children(recursive=True), parent]
    for member in members:
        member.kill()
    process.wait(10)
    psutil.wait_procs(members, timeout=10)


def _answers(port: int) -> bool:
    with suppress(httpx2.TransportError):
        return httpx2.get(f"http://127.0.0.1:{port}/health/ready", timeout=2).is_success
    return False
