"""What `rollcall up` runs: PostgreSQL and Redis unless the settings name others, the migrations, the three programs.

What runs is written to `state.json` in the data directory, for the other commands to find it.
"""

import http.client
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from cli.embedded import (
    OWNER,
    DataDirectoryBusy,
    EmbeddedPostgres,
    EmbeddedRedis,
    Server,
    credential_key,
    hold,
    is_free,
    jwt_secret,
    write_private,
)
from cli.processes import CannotStart, Process, end_leftovers, spawn
from cli.supervisor import Program, StopRequests, supervise
from shared import settings

MARK = "_ROLLCALL_UP"
"""In the environment of everything we start, with the data directory as its value. Descendants inherit it and cannot
lose it, so that the next start recognises what a crash left behind, however deep it was forked."""

_WORKER_GRACE = 35.0
"""A worker finishes what it has begun, for which it allows itself 30 s."""

COMMAND = (sys.executable, "-m", "cli.main")


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True)


class RunningProcess(_Told):
    """One program that is kept running."""

    name: str
    pid: int


class State(_Told):
    """What a running `rollcall up` says of itself."""

    pid: int
    started_at: float
    """When that process was made, in seconds since 1970: its id alone may by now be another's."""
    api_url: str
    database_url: str
    redis_url: str
    processes: list[RunningProcess]


def up(port: int, data_dir: Path, command: Sequence[str] = COMMAND) -> int:
    """Run everything until told to stop. The exit code: 1, after one sentence, where it could not start."""
    try:
        with StopRequests() as requests, _alone(data_dir):
            _System(port, data_dir.resolve(), command).run(requests)
    except (CannotStart, settings.BadSettings) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def read_state(data_dir: Path) -> State | None:
    """What runs on a data directory, or None where nothing does."""
    try:
        state = State.model_validate_json((data_dir / "state.json").read_bytes())
        moved = psutil.Process(state.pid).create_time() - state.started_at  # by as much as the clock was set meanwhile
        return state if abs(moved) < 2 else None
    except (OSError, ValidationError, psutil.Error):
        return None


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    try:
        with hold(data_dir):
            yield
    except DataDirectoryBusy:
        state = read_state(data_dir)
        if state is None:
            raise
        raise DataDirectoryBusy(
            f"Rollcall already runs on {data_dir}: process {state.pid} at {state.api_url}."
        ) from None


class _System:
    """The parts of one `rollcall up` and what they need to know of each other."""

    def __init__(self, port: int, data_dir: Path, command: Sequence[str]) -> None:
        given = settings.read()
        self._port = port
        self._api_url = f"http://127.0.0.1:{port}"
        self._data_dir = data_dir
        self._command = command
        self._postgres = None if given.database_url else EmbeddedPostgres(data_dir)
        self._redis = None if given.redis_url else EmbeddedRedis(data_dir)
        self._has_credential_key = given.credential_key is not None
        self._has_keys = given.jwt_secret is not None or given.jwks_url is not None

    def run(self, requests: StopRequests) -> None:
        if not is_free(self._port):
            raise CannotStart(f"Port {self._port} is already in use; choose another with --port.")
        self._end_leftovers()
        try:
            for server in self._servers():
                server.prepare()
            supervise(
                self._programs(),
                requests,
                announcement=f"Rollcall is ready at {self._api_url}",
                on_change=self._write_state,
            )
        finally:
            self._end_leftovers()
            (self._data_dir / "state.json").unlink(missing_ok=True)

    def _programs(self) -> list[Program]:
        """In the order of starting. They stop in reverse: no new work, no new requests, what is begun, the stores."""
        return [
            *(_of_server(server) for server in self._servers()),
            Program("migrate", lambda output: self._spawn("migrate", output), once=True, patience=600),
            Program("worker", lambda output: self._worker("rollcall", output), grace=_WORKER_GRACE),
            Program("sender", lambda output: self._worker("deliveries", output), grace=_WORKER_GRACE),
            Program("api", lambda output: self._spawn("api", output, "--port", str(self._port)), ready=self._answers),
            Program("beat", lambda output: self._spawn("beat", output)),
        ]

    def _worker(self, queues: str, output: int) -> Process:
        """Jobs and deliveries have a process each: a receiver that hangs must not hold a job up."""
        return self._spawn("worker", output, "--queues", queues)

    def _spawn(self, name: str, output: int, *arguments: str) -> Process:
        environment = self._environment()
        if name == "migrate" and self._postgres:
            environment["ROLLCALL_DATABASE_URL"] = self._postgres.url(OWNER)
        if name == "api" and not self._has_credential_key:
            environment["ROLLCALL_CREDENTIAL_KEY"] = credential_key(self._data_dir)
        return spawn([*self._command, name, *arguments], output=output, environment=environment)

    def _environment(self) -> dict[str, str]:
        """What we would choose, overruled by what the user chose."""
        ours = {"ROLLCALL_PUBLIC_URL": self._api_url, "PYTHONUNBUFFERED": "1"}
        if self._postgres:
            ours["ROLLCALL_DATABASE_URL"] = self._postgres.url()
        if self._redis:
            ours["ROLLCALL_REDIS_URL"] = self._redis.url
        if not self._has_keys:
            ours["ROLLCALL_JWT_SECRET"] = jwt_secret(self._data_dir)
        chosen = {name: os.environ.get(name) or value for name, value in ours.items()}
        return {**os.environ, **chosen, MARK: str(self._data_dir)}

    def _servers(self) -> list[Server]:
        return [server for server in (self._postgres, self._redis) if server is not None]

    def _answers(self) -> bool:
        """Whether the API says that it is ready to serve."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _end_leftovers(self) -> None:
        """End what we, or an `up` before us that was killed, started and nobody looks after any more."""

        def is_ours(process: psutil.Process) -> bool:
            return process.environ().get(MARK) == str(self._data_dir)

        end_leftovers(is_ours, signal.SIGTERM, grace=5)
        for server in self._servers():
            server.end_leftovers()

    def _write_state(self, pids: Mapping[str, int]) -> None:
        environment = self._environment()
        state = State(
            pid=os.getpid(),
            started_at=psutil.Process().create_time(),
            api_url=self._api_url,
            database_url=environment["ROLLCALL_DATABASE_URL"],
            redis_url=environment["ROLLCALL_REDIS_URL"],
            processes=[RunningProcess(name=name, pid=pid) for name, pid in pids.items()],
        )
        write_private(self._data_dir / "state.json", state.model_dump_json(by_alias=True, indent=2))


def _of_server(server: Server) -> Program:
    def launch(_console: int) -> Process:
        server.end_leftovers()  # of a main process that was killed: they would hold the files and the port
        return server.launch()

    return Program(
        server.name,
        launch,
        server.ready,
        stop_signal=server.stop_signal,
        grace=server.patience,
        explained_by=str(server.log),
    )
