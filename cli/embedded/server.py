"""What the embedded servers have in common: a folder, a port, secrets, and being started and ended."""

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

_START_SECONDS = 60.0  # recovery after a crash is part of a start
_PORTS = range(15_000, 32_000)
"""Below the ports that systems lend to outgoing connections: a client that keeps retrying a server which is down can
be lent that server's own port, connect to itself, and so keep the server from coming back."""


class Server(ABC):
    """A server process with its own folder in the data directory, `<name>/`, and its secrets, `<name>.json`."""

    name: str
    stop_signal = signal.SIGTERM
    orphan_signal = signal.SIGTERM
    """What ends it when nobody can wait for it."""
    patience = 10.0
    """Seconds it may take to shut down in order before it is killed."""
    passwords: tuple[str, ...]

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.directory = self.data_dir / self.name
        self.log = self.data_dir / f"{self.name}.log"
        self.process: Process | None = None

    @abstractmethod
    def _spawn(self, output: int) -> Process:
        """Start the process, prepared before, with its output to a file descriptor."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it serves, asked once and answered within about two seconds."""

    def prepare(self) -> None:
        """Bring the data directory into a state to launch from, whatever happened to it."""
        data_directory.make(self.data_dir)
        self.end_leftovers()
        self.log.unlink(missing_ok=True)  # the words of former runs would pile up
        known = self.remembered()
        if known is None or not is_free(int(known["port"])):
            fresh = {name: secrets.token_urlsafe(24) for name in self.passwords}
            write_private(self._file, json.dumps({**fresh, **(known or {}), "port": str(free_port())}))

    def end_leftovers(self) -> None:
        """End what still runs in this directory: its parent was killed and the kernel did not see to it."""

        def is_ours(process: psutil.Process) -> bool:
            return Path(process.cwd()) == self.directory and self._is_server(process)

        end_leftovers(is_ours, self.orphan_signal, self.patience)

    def _is_server(self, process: psutil.Process) -> bool:
        """Whether a process in our folder is the server or a part of it, and not somebody's editor."""
        return process.name().startswith(self.name)

    def launch(self) -> Process:
        """Start the process, prepared before, without waiting for it."""
        with self.log.open("ab") as output:
            return self._spawn(output.fileno())

    def start(self) -> Process:
        """Prepare, launch and wait until it serves. Raises CannotStart."""
        self.prepare()
        self.process = self.launch()
        deadline = time.monotonic() + _START_SECONDS
        while not self.ready():
            code = self.process.poll()
            if code is not None or time.monotonic() > deadline:
                self.stop()
                what = "was not ready in time" if code is None else f"ended with code {code}"
                raise CannotStart(f"The embedded {self.name} {what}; {self.log} says why.")
            time.sleep(0.02)
        return self.process

    def stop(self) -> None:
        """Stop it and leave nothing of it running."""
        if self.process is not None:
            end(self.process, self.stop_signal, self.patience)
            self.process = None

    def remembered(self) -> dict[str, str] | None:
        """The port and the passwords, or None where this server was never prepared."""
        with suppress(FileNotFoundError):
            known: dict[str, str] = json.loads(self._file.read_text())
            return known
        return None

    @property
    def memory(self) -> dict[str, str]:
        """The port and the passwords. Raises LookupError where this server was never prepared."""
        known = self.remembered()
        if known is None:
            raise LookupError(f"{self.data_dir} holds no {self.name}")
        return known

    @property
    def _file(self) -> Path:
        return self.data_dir / f"{self.name}.json"


def wheel(package: str) -> Path | None:
    """The folder of an installed package."""
    found = find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def is_free(port: int) -> bool:
    """Whether nothing listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def free_port() -> int:
    return next(port for port in random.sample(_PORTS, len(_PORTS)) if is_free(port))
