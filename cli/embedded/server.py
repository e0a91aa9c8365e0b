"""The base of the embedded servers: a folder, a port, passwords, starting and stopping."""

import json
import random
import secrets
import signal
import socket
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil

from cli.embedded import data_directory
from cli.embedded.data_directory import write_private
from cli.processes import CannotStart, Process, end, end_leftovers

_START_SECONDS = 60.0  # includes the recovery after a crash
_PORTS = range(15_000, 32_000)
"""Below the ports that systems use for outgoing connections. Otherwise a client that retries a stopped server could get
that server's port for its own end, connect to itself, and keep the server from starting."""


class Server(ABC):
    """A server process with its own folder in the data directory, `<name>/`, and its secrets, `<name>.json`."""

    name: str
    stop_signal = signal.SIGTERM
    orphan_signal = signal.SIGTERM
    """Ends a server whose parent has died."""
    stop_timeout = 10.0
    """Seconds from the stop signal until it is killed."""
    passwords: tuple[str, ...]

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.directory = self.data_dir / self.name
        self.log = self.data_dir / f"{self.name}.log"
        self.process: Process | None = None

    @abstractmethod
    def _spawn(self, output: int) -> Process:
        """Start the process, after `prepare`, with its output to a file descriptor."""

    @abstractmethod
    def ready(self) -> bool:
        """True if it serves. Asks once, and returns within about two seconds."""

    def prepare(self) -> None:
        """Bring the data directory into a state to launch from, also after a crash."""
        data_directory.make(self.data_dir)
        self.end_leftovers()
        self.log.unlink(missing_ok=True)  # otherwise it would grow with each run
        known = self.remembered()
        if known is None or not is_free(int(known["port"])):
            fresh = {name: secrets.token_urlsafe(24) for name in self.passwords}
            write_private(self._file, json.dumps({**fresh, **(known or {}), "port": str(free_port())}))

    def end_leftovers(self) -> None:
        """End processes that still run in this directory because their parent was killed."""

        def is_ours(process: psutil.Process) -> bool:
            return Path(process.cwd()) == self.directory and self._is_server(process)

        end_leftovers(is_ours, self.orphan_signal, self.stop_timeout)

    def _is_server(self, process: psutil.Process) -> bool:
        """True if a process in our folder belongs to the server, and is not, say, an editor."""
        return process.name().startswith(self.name)

    def launch(self) -> Process:
        """Start the process, after `prepare`, without waiting until it is ready."""
        with self.log.open("ab") as output:
            return self._spawn(output.fileno())

    def start(self) -> Process:
        """Prepare, launch and wait until it serves. Raises CannotStart.

        The loop is by hand: tenacity would repeat the question, but not notice that the process has ended.
        """
        self.prepare()
        self.process = self.launch()
        deadline = time.monotonic() + _START_SECONDS
        while not self.ready():
            code = self.process.poll()
            if code is not None or time.monotonic() > deadline:
                self.stop()
                what = "was not ready in time" if code is None else f"ended with code {code}"
                raise CannotStart(f"The embedded {self.name} {what}; see {self.log} for the cause.")
            time.sleep(0.02)
        return self.process

    def stop(self) -> None:
        """Stop the server and every process of it."""
        if self.process is not None:
            end(self.process, self.stop_signal, self.stop_timeout)
            self.process = None

    def remembered(self) -> dict[str, str] | None:
        """Returns the port and the passwords, or None if this server was never prepared."""
        with suppress(FileNotFoundError):
            known: dict[str, str] = json.loads(self._file.read_text())
            return known
        return None

    @property
    def memory(self) -> dict[str, str]:
        """The port and the passwords. Raises LookupError if this server was never prepared."""
        known = self.remembered()
        if known is None:
            raise LookupError(f"{self.data_dir} holds no {self.name}")
        return known

    @property
    def _file(self) -> Path:
        return self.data_dir / f"{self.name}.json"


def wheel(package: str) -> Path | None:
    """Returns the folder of an installed package, or None. Does not import it."""
    found = find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def is_free(port: int) -> bool:
    """True if nothing listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def free_port() -> int:
    """Returns a free port, chosen at random."""
    return next(port for port in random.sample(_PORTS, len(_PORTS)) if is_free(port))
