"""A whole Rollcall for the tests of this folder to break: its own servers, and the real programs as processes.

Its time limits are seconds instead of a deployment's minutes, so that it recovers while a test waits. The tests kill
only processes that this module started.
"""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import httpx2
import psutil
import psycopg
import redis

import migrations
from cli.embedded import OWNER, EmbeddedPostgres, EmbeddedRedis, Server
from cli.embedded.postgres import SUPERUSER
from cli.processes import Process, kill_group, spawn
from shared.broker import QUEUE
from shared.settings import TRAINING
from tests.waiting import runs, within

ROOT = Path(__file__).parents[2]

SHRUNK = {
    "ROLLCALL_JOB_CLAIM_SECONDS": "0.7",
    "ROLLCALL_JOB_RESCUE_SECONDS": "0.4",
    "ROLLCALL_JWT_SECRET": "only for tests, and long enough to be one",
    "ROLLCALL_LOG_FORMAT": "json",
}

WITHOUT_RESCUE = {"ROLLCALL_JOB_RESCUE_SECONDS": "86400"}
"""Without this guard no worker finds work whose wake-up message was lost."""


class Plant:
    """PostgreSQL, Redis and programs. log: the file with the programs' output."""

    def __init__(self, data_dir: Path) -> None:
        self.postgres = EmbeddedPostgres(data_dir)
        self.redis = EmbeddedRedis(data_dir)
        self.log = data_dir / "programs.log"

    @classmethod
    @contextmanager
    def built(cls, data_dir: Path) -> Iterator[Self]:
        """Runs the servers, with the schema, while the block runs."""
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
        """The database's address as the owner of its tables, the only role that may add a trigger."""
        return self.postgres.url(OWNER)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of every program."""
        return SHRUNK | {"ROLLCALL_DATABASE_URL": self.postgres.url(), "ROLLCALL_REDIS_URL": self.redis.url}

    @contextmanager
    def running(self, *commands: str, settings: dict[str, str] | None = None) -> Iterator[list[Process]]:
        """Runs these commands of `rollcall`, each in a process. Kills those that still run at the end of the block."""
        started: list[Process] = []
        try:
            for command in commands:
                started.append(self._spawn(command, settings or {}))
            yield started
        finally:
            for process in started:
                kill_group(process)

    @contextmanager
    def at_work(self) -> Iterator[str]:
        """Runs worker, beat and api. Yields the address of the API once it is ready."""
        with self.running("worker", "beat"), self.api() as url:
            yield url

    @contextmanager
    def api(self) -> Iterator[str]:
        """Runs an API process. Yields its address once it is ready."""
        port = free_port()
        with (
            self.running(f"api --port {port}"),
            httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=2) as client,
        ):
            assert within(60, lambda: _is_ready(client)), f"the API is not ready; see {self.log} for the cause"
            yield f"http://127.0.0.1:{port}"

    def _spawn(self, command: str, settings: dict[str, str]) -> Process:
        """Start a command. A worker takes jobs only, as under `rollcall up`, where a sender takes the deliveries."""
        if command == "worker":
            command = f"worker --queues {QUEUE}"
        with self.log.open("ab") as output:
            return spawn(
                [sys.executable, "-m", "cli.main", *command.split()],
                output=output.fileno(),
                environment=inherited() | self.environment | settings,
                directory=ROOT,
            )

    @contextmanager
    def overseer(self) -> Iterator[psycopg.Connection]:
        """Yields a connection as the superuser, which sees all other connections."""
        with psycopg.connect(self.postgres.url(SUPERUSER), autocommit=True) as connection:
            yield connection

    def empty_redis(self) -> int:
        """Runs FLUSHALL. Returns the number of messages it deleted: waiting and unacknowledged ones."""
        with redis.Redis.from_url(self.redis.url, socket_timeout=2) as broker:
            waiting, unacknowledged = broker.llen(QUEUE), broker.hlen("unacked")
            broker.flushall()
        return int(waiting) + int(unacknowledged)

    @contextmanager
    def without_postgres(self) -> Iterator[None]:
        """Shuts PostgreSQL down without a checkpoint. Its start after the block recovers from the write-ahead log."""
        _running(self.postgres).send_signal(signal.SIGQUIT)
        _running(self.postgres).wait(20)
        try:
            yield
        finally:
            self.postgres.start()

    @contextmanager
    def without_redis(self) -> Iterator[None]:
        """Kills Redis with SIGKILL. After the block it starts empty, at the same address."""
        _running(self.redis).kill()
        _running(self.redis).wait(20)
        forget(self.redis)
        try:
            yield
        finally:
            self.redis.start()

    @contextmanager
    def with_frozen_redis(self) -> Iterator[None]:
        """Freezes Redis while the block runs: the kernel accepts connections for it, but it answers nothing."""
        _running(self.redis).send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            _running(self.redis).send_signal(signal.SIGCONT)


def forget(redis: EmbeddedRedis) -> None:
    """Remove the append-only file of a Redis that does not run, so that it starts empty."""
    for path in redis.directory.glob("appendonly*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _running(server: Server) -> Process:
    assert server.process is not None
    return server.process


def inherited() -> dict[str, str]:
    """Returns our environment without Rollcall's settings. Programs may write bytecode, because each start would
    otherwise compile it again."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": ""}


def inserting(overseer: psycopg.Connection, pattern: str = "INSERT INTO assignment%") -> int:
    """Returns how many workers are running a statement that matches the pattern at this moment."""
    row = overseer.execute(
        """SELECT count(*) FROM pg_stat_activity
           WHERE application_name = 'rollcall worker' AND state = 'active' AND query LIKE %s""",
        (pattern,),
    ).fetchone()
    return 0 if row is None else int(row[0])


def kill_with_children(process: Process) -> None:
    """Kill a program and all its descendants with SIGKILL, at the same moment."""
    members = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    kill_group(process)
    assert within(10, lambda: not any(runs(member) for member in members))


def free_port() -> int:
    """Returns a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ready(client: httpx2.Client) -> bool:
    with suppress(httpx2.TransportError):
        return client.get("/health/ready").is_success
    return False
