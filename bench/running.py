"""Runs the whole system as `rollcall up` does, in a temporary directory, for the duration of a block."""

import gc
import os
import secrets
import signal
import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

import migrations
from cli import embedded
from cli.main import UNCOLLECTED
from cli.processes import end, spawn
from cli.up import COMMAND, read_state
from shared import settings
from shared.settings import TRAINING, Settings, read

START_SECONDS = 120.0
STOP_SECONDS = 60.0


@dataclass(frozen=True)
class System:
    """The addresses of the running system. environment: the variables with which a further process joins it."""

    api_url: str
    superuser_url: str
    settings: Settings
    environment: dict[str, str]
    data_dir: Path

    def resident_bytes(self) -> dict[str, int]:
        """Returns the present resident memory of the API and of each worker process."""
        state = read_state(self.data_dir)
        pids = {process.name: process.pid for process in state.processes} if state else {}
        found = {f"worker process {n}": child for n, child in enumerate(_children(pids["worker"]), start=1)}
        return {
            name: process.memory_info().rss for name, process in {"API": psutil.Process(pids["api"]), **found}.items()
        }

    def processor_seconds(self) -> dict[str, float]:
        """Returns the processor time in seconds that each part has used so far, with its child processes."""
        state = read_state(self.data_dir)
        return {process.name: _used(psutil.Process(process.pid)) for process in state.processes} if state else {}


def _used(process: psutil.Process) -> float:
    """Returns the seconds of a process, its children that have ended, and those that run."""
    own = process.cpu_times()
    return float(sum(own[:4])) + sum(_used(child) for child in process.children())


@contextmanager
def running() -> Iterator[System]:
    """Start the system on embedded servers and wait until it is ready. Stop it and remove its files after the block."""
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        data_dir, port = Path(folder) / "data", free_port()
        environment = _environment(os.environ)
        with (Path(folder) / "up.log").open("w+b") as log:
            process = spawn(
                [*COMMAND, "up", "--port", str(port), "--data-dir", str(data_dir)],
                output=log.fileno(),
                environment=environment,
                when_orphaned=signal.SIGTERM,
            )
            try:
                if not _serves(f"http://127.0.0.1:{port}"):
                    log.seek(0)
                    raise RuntimeError(f"the system did not start:\n{log.read().decode(errors='replace')[-4000:]}")
                yield _described(data_dir, environment)
            finally:
                end(process, signal.SIGTERM, STOP_SECONDS)


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """Returns the caller's settings without the addresses of servers, because the embedded servers are measured."""
    kept = {name: value for name, value in given.items() if name not in ("ROLLCALL_DATABASE_URL", "ROLLCALL_REDIS_URL")}
    return {**kept, "ROLLCALL_JWT_SECRET": secrets.token_urlsafe(32), "ROLLCALL_LOG_LEVEL": "warning"}


def _described(data_dir: Path, environment: dict[str, str]) -> System:
    state, addresses = read_state(data_dir), embedded.addresses(data_dir)
    assert state is not None
    assert addresses is not None
    servers = {"ROLLCALL_DATABASE_URL": addresses.database_url, "ROLLCALL_REDIS_URL": addresses.redis_url}
    complete = {**environment, **servers}
    return System(state.api_url, addresses.superuser_database_url, read(complete), complete, data_dir)


def _serves(url: str) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def _children(pid: int) -> list[psutil.Process]:
    return sorted(psutil.Process(pid).children(), key=lambda process: process.pid)


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def serve_here(at: embedded.Addresses, **more: str) -> None:
    """Turn this process into one of Rollcall's: migrate the database and set the variables that its modules read."""
    migrations.upgrade(at.owner_database_url, frozenset({TRAINING}))
    os.environ |= {
        "ROLLCALL_DATABASE_URL": at.database_url,
        "ROLLCALL_REDIS_URL": at.redis_url,
        "ROLLCALL_JWT_SECRET": secrets.token_urlsafe(32),
        **more,
    }
    settings.current.cache_clear()
    gc.set_threshold(UNCOLLECTED)
