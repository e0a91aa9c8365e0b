"""`rollcall up`: runs the migrations, worker, sender, api and beat, and an embedded PostgreSQL and Redis.

The embedded servers are left out if the settings name others. The addresses and process ids are written to `state.json`
in the data directory, where the other commands find them.
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
from cli.handover import STOP, Address
from cli.processes import CannotStart, Process, end_leftovers, spawn
from cli.supervisor import Program, StopRequests, supervise
from shared import demonstration, settings

MARK = "_ROLLCALL_UP"
"""Environment variable of every process that we start; its value is the data directory. All descendants inherit it,
so the next start recognises the processes that a crash left running."""

_WORKER_STOP_SECONDS = 35.0
"""Seconds a worker gets to stop: it finishes its current tasks, for which it allows itself 30 s."""

COMMAND = (sys.executable, "-m", "cli.main")


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True)


class RunningProcess(_Stored):
    """One program that `rollcall up` keeps running."""

    name: str
    pid: int


class State(_Stored):
    """The content of `state.json`: a running `rollcall up`."""

    pid: int
    started_at: float
    """When that process was created, in seconds since 1970. The id alone may belong to another process by now."""
    api_url: str
    database_url: str
    redis_url: str
    settings: dict[str, str] = {}
    """The settings of its programs, as environment variables. Empty: it was started by a former release."""
    processes: list[RunningProcess]


def up(port: int, data_dir: Path, command: Sequence[str] = COMMAND) -> int:
    """Run everything until a signal stops it. Returns the exit code: 1 if it could not start, after one sentence."""
    try:
        with StopRequests() as requests, _exclusive(data_dir):
            _System(port, data_dir.resolve(), command).run(requests)
    except (CannotStart, settings.BadSettings) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def read_state(data_dir: Path) -> State | None:
    """Returns the state of the `rollcall up` that runs on a data directory, or None if none does."""
    try:
        state = State.model_validate_json((data_dir / "state.json").read_bytes())
        moved = (
            psutil.Process(state.pid).create_time() - state.started_at
        )  # differs if the machine's clock was set meanwhile
        return state if abs(moved) < 2 else None
    except (OSError, ValidationError, psutil.Error):
        return None


@contextmanager
def _exclusive(data_dir: Path) -> Iterator[None]:
    """Holds the data directory, or raises DataDirectoryBusy with the process that holds it."""
    try:
        with hold(data_dir):
            yield
    except DataDirectoryBusy:
        state = read_state(data_dir)
        if state is None:
            raise
        raise DataDirectoryBusy(
            f"Rollcall already runs on {data_dir} (process {state.pid}) at {state.api_url}."
        ) from None


class _System:
    """The parts of one `rollcall up`, and the settings that each of them gets."""

    def __init__(self, port: int, data_dir: Path, command: Sequence[str]) -> None:
        given = settings.read()
        self._port = port
        self._api_url = f"http://127.0.0.1:{port}"
        self._data_dir = data_dir
        self._command = command
        self._address: Address | None = None
        self._postgres = None if given.database_url else EmbeddedPostgres(data_dir)
        self._redis = None if given.redis_url else EmbeddedRedis(data_dir)
        self._has_credential_key = given.credential_key is not None
        self._has_keys = given.jwt_secret is not None or given.jwks_url is not None

    def run(self, requests: StopRequests) -> None:
        if not is_free(self._port):
            raise CannotStart(f"Port {self._port} is already in use; choose another with --port.")
        self._end_leftovers()
        try:
            self._address = Address("127.0.0.1", self._port)
            for server in self._servers():
                server.prepare()
            supervise(
                self._programs(),
                requests,
                announcement=f"Rollcall is ready at {self._api_url}",
                on_change=self._write_state,
            )
        finally:
            if self._address:
                self._address.close()
            self._end_leftovers()
            (self._data_dir / "state.json").unlink(missing_ok=True)

    def _programs(self) -> list[Program]:
        """The programs in the order of starting. Stopped in reverse, each ends before the programs that it needs."""
        return [
            *(_program(server) for server in self._servers()),
            Program("migrate", self._migrate, once=True, ready_timeout=600),
            Program("worker", lambda output: self._worker("rollcall", output), stop_timeout=_WORKER_STOP_SECONDS),
            Program("sender", lambda output: self._worker("deliveries", output), stop_timeout=_WORKER_STOP_SECONDS),
            self._api(),
            Program("beat", lambda output: self._spawn("beat", output)),
        ]

    def _migrate(self, output: int) -> Process:
        """Starts the migrations. No other process uses an embedded database, so its upgrade is finished at once."""
        return self._spawn("migrate", output, *(["--finish"] if self._postgres else []))

    def _worker(self, queues: str, output: int) -> Process:
        """Starts a worker. Jobs and deliveries have a process each, so that a slow receiver delays no job."""
        return self._spawn("worker", output, "--queues", queues)

    def _api(self) -> Program:
        """The API, whose address we hold. A process that gets SIGTERM is succeeded before it ends."""
        address = self._address
        assert address is not None

        def launch(output: int) -> Process:
            return address.launch(
                lambda given, open_too: self._spawn("api", output, *port, given=given, open_too=open_too)
            )

        port = ("--port", str(self._port))
        ready = lambda: address.any_serves() and self._is_ready()  # noqa: E731
        return Program("api", launch, ready, stop_signal=STOP, leaves=address.leaves, serves=address.serves)

    def _spawn(
        self,
        name: str,
        output: int,
        *arguments: str,
        given: Mapping[str, str] | None = None,
        open_too: Sequence[int] = (),
    ) -> Process:
        """Start a command of ours. given: more variables; open_too: descriptors that it inherits."""
        environment = self._environment() | dict(given or {})
        if name == "migrate" and self._postgres:
            environment["ROLLCALL_DATABASE_URL"] = self._postgres.url(OWNER)
        if name == "api" and not self._has_credential_key:
            environment["ROLLCALL_CREDENTIAL_KEY"] = credential_key(self._data_dir)
        return spawn([*self._command, name, *arguments], output=output, environment=environment, open_too=open_too)

    def _environment(self) -> dict[str, str]:
        """The environment of the programs: our choices, overridden by the user's settings."""
        ours = {"ROLLCALL_PUBLIC_URL": self._api_url, "PYTHONUNBUFFERED": "1"}
        if self._postgres:
            ours["ROLLCALL_DATABASE_URL"] = self._postgres.url()
        if self._redis:
            ours["ROLLCALL_REDIS_URL"] = self._redis.url
        if not self._has_keys:
            ours["ROLLCALL_JWT_SECRET"] = jwt_secret(self._data_dir)
        chosen = {name: os.environ.get(name) or value for name, value in ours.items()}
        embedded = {demonstration.VARIABLE: str(self._data_dir) if self._postgres else ""}
        return {**os.environ, **chosen, **embedded, MARK: str(self._data_dir)}

    def _servers(self) -> list[Server]:
        return [server for server in (self._postgres, self._redis) if server is not None]

    def _is_ready(self) -> bool:
        """True if the API reports that it is ready."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _end_leftovers(self) -> None:
        """End processes that we, or a killed `rollcall up` before us, have left running."""

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
            settings={name: environment[name] for name in settings.names(environment)},
            processes=[RunningProcess(name=name, pid=pid) for name, pid in pids.items()],
        )
        write_private(self._data_dir / "state.json", state.model_dump_json(by_alias=True, indent=2))


def _program(server: Server) -> Program:
    """An embedded server as a program to supervise."""

    def launch(_console: int) -> Process:
        server.end_leftovers()  # child processes of a killed server would keep its files and port
        return server.launch()

    return Program(
        server.name,
        launch,
        server.ready,
        stop_signal=server.stop_signal,
        stop_timeout=server.stop_timeout,
        log=str(server.log),
    )
