"""The API's address under `rollcall up`: a real API process is succeeded under load, and no connection is refused."""

import http.client
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cli.console import Console
from cli.handover import STOP, Address
from cli.processes import Process, spawn
from cli.supervisor import Program, StopRequests, Supervisor
from tests.cli.test_up import free_port
from tests.faults.background import in_background
from tests.waiting import within


class Served:
    """A supervised API process at an address. refused: what went wrong for each request that failed."""

    def __init__(self, leaves: bool) -> None:
        self.port = free_port()
        self.address = Address("127.0.0.1", self.port)
        self.pids: dict[str, int] = {}
        self.answered = 0
        self.refused: list[str] = []
        self.supervisor = Supervisor(Console(["api"]), StopRequests(), lambda pids: self.pids.update(pids))
        self.program = Program(
            "api",
            self._launch,
            self.address.any_serves,
            stop_signal=STOP,
            leaves=self.address.leaves if leaves else None,
            serves=self.address.serves,
        )

    def _launch(self, output: int) -> Process:
        argv = [sys.executable, "-m", "cli.main", "api", "--port", str(self.port)]
        return self.address.launch(
            lambda given, open_too: spawn(argv, output=output, environment=os.environ | given, open_too=open_too)
        )

    def ask(self, over: threading.Event) -> None:
        """Request an answer on a new connection, again and again."""
        while not over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                connection.request("GET", "/health/live")
                assert connection.getresponse().status == 200
                self.answered += 1
            except (OSError, http.client.HTTPException) as error:
                self.refused.append(repr(error))
            finally:
                connection.close()
            over.wait(0.005)

    def watch_until(self, condition: object, seconds: float = 90) -> bool:
        def watched() -> bool:
            self.supervisor.watch(0.02)
            return bool(condition())  # type: ignore[operator]

        return within(seconds, watched)


@contextmanager
def served(*, leaves: bool = True) -> Iterator[Served]:
    made = Served(leaves)
    try:
        made.supervisor.bring_up(made.program)
        yield made
    finally:
        made.supervisor.stop()
        made.address.close()


@pytest.mark.usefixtures("configured")
def test_an_api_process_that_gets_sigterm_is_succeeded_and_refuses_nobody() -> None:
    with served() as api, in_background(api.ask):
        assert api.watch_until(lambda: api.answered > 20)
        former = api.pids["api"]
        os.kill(former, signal.SIGTERM)
        assert api.watch_until(lambda: api.pids["api"] != former)
        answered = api.answered
        assert api.watch_until(lambda: api.answered > answered + 50)
        assert api.watch_until(lambda: not api.supervisor.has_leaving)
        assert api.refused == []


@pytest.mark.usefixtures("configured")
def test_connections_wait_while_a_killed_api_process_is_replaced() -> None:
    with served() as api:
        former = api.pids["api"]
        os.kill(former, signal.SIGKILL)
        with in_background(api.ask):
            assert api.watch_until(lambda: api.answered > 0)
        assert api.pids["api"] != former
        assert api.refused == []


@pytest.mark.usefixtures("configured")
def test_an_api_process_whose_successor_does_not_come_stops_by_itself() -> None:
    """The control: without a supervisor that listens, SIGTERM ends the process after its patience."""
    with served(leaves=False) as api:
        former = api.pids["api"]
        os.kill(former, signal.SIGTERM)
        assert api.watch_until(lambda: api.pids["api"] != former, seconds=60)
