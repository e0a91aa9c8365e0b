"""The API's address under `rollcall up`, and how one API process hands it to the next.

`rollcall up` holds the listening socket, so that connections made while no API process runs wait instead of being
refused. A process that gets SIGTERM asks for a successor, over a pipe, and serves until the successor does. So its
restart refuses nobody. `rollcall up` itself ends a process with STOP.

Why not a library: gunicorn and circus do this for workers that they fork and manage; here the same supervisor also runs
PostgreSQL. systemd's socket activation has the same idea, and needs systemd.
"""

import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from cli.processes import CannotStart, Process

SOCKET, LINE = "_ROLLCALL_SOCKET", "_ROLLCALL_LINE"
"""Environment variables of an API process under `rollcall up`: descriptors of the socket and of the pipe."""

SERVES, LEAVES = b"s", b"l"
"""The messages of a process over its pipe: it accepts connections; it was asked to stop and wants a successor."""

STOP = signal.SIGUSR1
"""Stops an API process without a successor. SIGTERM and SIGINT keep their meaning for people."""

PATIENCE_SECONDS = 15.0
"""How long a process waits for its successor before it stops anyway."""


class Address:
    """The side of `rollcall up`: the listening socket, and what each API process has said."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = listen(host, port)
        self._lines: dict[int, int] = {}
        self._said: dict[int, bytes] = {}

    def launch(self, spawn: Callable[[Mapping[str, str], Sequence[int]], Process]) -> Process:
        """Start a process on this address. spawn: starts it with these variables and open descriptors."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        try:
            inherited = {SOCKET: str(self._socket.fileno()), LINE: str(writing)}
            process = spawn(inherited, (self._socket.fileno(), writing))
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._forget_ended()
        self._lines[process.pid], self._said[process.pid] = reading, b""
        return process

    def serves(self, process: Process) -> bool:
        """True if the process accepts connections."""
        return SERVES in self._heard(process.pid)

    def leaves(self, process: Process) -> bool:
        """True if the process was asked to stop and wants a successor."""
        return LEAVES in self._heard(process.pid)

    def any_serves(self) -> bool:
        """True if a process accepts connections. Until then, a request would wait for an answer."""
        return any(SERVES in self._heard(pid) for pid in self._lines)

    def close(self) -> None:
        """Stop listening, and forget all processes."""
        self._socket.close()
        for reading in self._lines.values():
            os.close(reading)
        self._lines.clear()

    def _heard(self, pid: int) -> bytes:
        if pid in self._lines:
            with suppress(BlockingIOError):
                self._said[pid] += os.read(self._lines[pid], 16)
        return self._said.get(pid, b"")

    def _forget_ended(self) -> None:
        """Close the pipes of processes that have ended."""
        for pid, reading in list(self._lines.items()):
            with suppress(BlockingIOError):
                if not os.read(reading, 16):
                    os.close(reading)
                    del self._lines[pid], self._said[pid]


class Line:
    """The side of an API process: the pipe to `rollcall up`."""

    def __init__(self, writing: int) -> None:
        self._writing = writing

    def say(self, word: bytes) -> bool:
        """Tell `rollcall up`. Returns False if it is gone."""
        try:
            return os.write(self._writing, word) == len(word)
        except OSError:
            return False


def inherited() -> tuple[socket.socket, Line] | None:
    """Returns the socket and the pipe that `rollcall up` has given to this process, or None without one."""
    if SOCKET not in os.environ or LINE not in os.environ:
        return None
    listening, writing = int(os.environ.pop(SOCKET)), int(os.environ.pop(LINE))
    for descriptor in (listening, writing):
        os.set_inheritable(descriptor, False)
    return socket.socket(fileno=listening), Line(writing)


def listen(host: str, port: int) -> socket.socket:
    """Returns a listening socket. Raises CannotStart."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=1024)
        # Accepted connections inherit this option. asyncio sets it only on sockets made with an explicit protocol; ours
        # are not. Without it, each response on a kept connection waits 40 ms for the acknowledgement of its head.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        raise CannotStart(f"Cannot listen on {host}:{port} ({error.strerror}); choose another --port.") from None
