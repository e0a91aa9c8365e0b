"""A whole Rollcall for the tests of this folder to break: servers of its own, and the real programs as real processes.

Its time limits are seconds where a deployment's are minutes, so that what must heal does so while a test looks on.
Whatever is killed here was started here.
"""

import os
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
    def running(self, *commands: str, settings: dict[str, str] | None = None) -> Iterator[list[Process]]:
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
    def at_work(self) -> Iterator[str]:
        """All three programs; the address of the API, which is ready."""
        with self.running("worker", "beat"), self.api() as url:
            yield url

    @contextmanager
    def api(self) -> Iterator[str]:
        """An API process, ready to serve at this address."""
        port = free_port()
        with self.running(f"api --port {port}"), httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=2) as desk:
            assert within(60, lambda: _answers(desk)), f"{self.log} says why the API does not serve"
            yield f"http://127.0.0.1:{port}"

    def _spawn(self, command: str, settings: dict[str, str]) -> Process:
        """Start one. A worker does jobs alone, as under `up`, where what leaves the house has a process of its own."""
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
        """A connection that sees all others, as the superuser."""
        with psycopg.connect(self.postgres.url(SUPERUSER), autocommit=True) as connection:
            yield connection

    def empty_redis(self) -> int:
        """FLUSHALL. Answers how many messages it destroyed, waiting ones and those in somebody's hands."""
        with redis.Redis.from_url(self.redis.url, socket_timeout=2) as broker:
            waiting, in_hands = broker.llen(QUEUE), broker.hlen("unacked")
            broker.flushall()
        return int(waiting) + int(in_hands)

    @contextmanager
    def without_postgres(self) -> Iterator[None]:
        """An immediate shutdown: no checkpoint, no goodbye; the start at the end recovers from the write-ahead log."""
        _running(self.postgres).send_signal(signal.SIGQUIT)
        _running(self.postgres).wait(20)
        try:
            yield
        finally:
            self.postgres.start()

    @contextmanager
    def without_redis(self) -> Iterator[None]:
        """kill -9; it comes back empty, at the same address."""
        _running(self.redis).kill()
        _running(self.redis).wait(20)
        try:
            yield
        finally:
            self.redis.start()

    @contextmanager
    def with_frozen_redis(self) -> Iterator[None]:
        """It accepts connections, since the kernel does, and answers nothing."""
        _running(self.redis).send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            _running(self.redis).send_signal(signal.SIGCONT)


def _running(server: Server) -> Process:
    assert server.process is not None
    return server.process


def inherited() -> dict[str, str]:
    """What a program gets of our environment: none of our settings, and leave to keep its bytecode, which it would
    else compile anew at each of its many starts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": ""}


def inserting(overseer: psycopg.Connection, what: str = "INSERT INTO assignment%") -> int:
    """How many workers are inserting assignments, or do what another pattern tells, at this moment."""
    row = overseer.execute(
        """SELECT count(*) FROM pg_stat_activity
           WHERE application_name = 'rollcall worker' AND state = 'active' AND query LIKE %s""",
        (what,),
    ).fetchone()
    return 0 if row is None else int(row[0])


def kill_with_children(process: Process) -> None:
    """kill -9 to a program and every process below it, at the same instant."""
    members = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    kill_group(process)
    assert within(10, lambda: not any(runs(member) for member in members))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(desk: httpx2.Client) -> bool:
    with suppress(httpx2.TransportError):
        return desk.get("/health/ready").is_success
    return False
