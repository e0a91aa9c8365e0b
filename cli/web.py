"""The web server of one API process. Under `rollcall up` it stops only when its successor serves."""

import asyncio
import signal
import socket
import time
from types import FrameType

import uvicorn

from cli.handover import LEAVES, PATIENCE_SECONDS, SERVES, STOP, Line

LAST_ACCEPTED_SECONDS = 0.5
"""Time in which a connection that was just accepted sends its request."""


class Server(uvicorn.Server):
    """uvicorn, which on SIGTERM first asks for a successor, if there is a `rollcall up` to ask.

    line: the pipe to it, or None.
    """

    def __init__(self, config: uvicorn.Config, line: Line | None) -> None:
        super().__init__(config)
        self._line = line
        self._asked_at: float | None = None
        if line is not None:
            signal.signal(STOP, self._stop)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections, and say so."""
        await super().startup(sockets)
        if self.started and self._line is not None:
            self._line.say(SERVES)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, but at the first SIGTERM ask for a successor instead."""
        if sig == signal.SIGTERM and self._asked_at is None and self._line is not None and self._line.say(LEAVES):
            self._asked_at = time.monotonic()
            return
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, answer those that were just accepted, then stop as uvicorn does.

        uvicorn closes a connection whose first request it has not read yet, which resets it.
        """
        for server in self.servers:
            server.close()
        await asyncio.sleep(LAST_ACCEPTED_SECONDS)
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second. Stops also without a successor, if it does not come in time."""
        if self._asked_at is not None and time.monotonic() > self._asked_at + PATIENCE_SECONDS:
            self.should_exit = True
        return await super().on_tick(counter)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.should_exit = True
