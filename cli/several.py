"""Several API processes on one address: `rollcall api --processes N`.

They are separate programs that accept from one listening socket, so the kernel gives a connection to one that is free.
The supervisor of `rollcall up` starts them, restarts one that ends, and lets one that gets SIGTERM be succeeded.
uvicorn has `workers`, but its processes would be forks without these.
"""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.handover import STOP, Address
from cli.processes import Process, spawn
from cli.supervisor import Program, StopRequests, supervise
from cli.up import COMMAND

METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable with the folder in which prometheus_client keeps the counts of all processes."""


def run(host: str, port: int, number: int, arguments: Sequence[str], command: Sequence[str] = COMMAND) -> None:
    """Run this number of API processes until a signal. Raises CannotStart. arguments: further ones of each."""
    with StopRequests() as requests, tempfile.TemporaryDirectory(prefix="rollcall-metrics-") as metrics:
        address = Address(host, port)
        try:
            api = _Api([*command, "api", "--host", host, "--port", str(port), *arguments], address, metrics)
            programs = [api.program(n) for n in range(1, number + 1)]
            supervise(programs, requests, announcement=f"{number} API processes are ready on {host}:{port}")
        finally:
            address.close()


class _Api:
    def __init__(self, command: Sequence[str], address: Address, metrics: str) -> None:
        self._command, self._address = command, address
        self._environment = os.environ | {METRICS: metrics}

    def program(self, number: int) -> Program:
        return Program(
            f"api {number}",
            self._launch,
            self._address.any_serves,
            stop_signal=STOP,
            leaves=self._address.leaves,
            serves=self._address.serves,
        )

    def _launch(self, _: int) -> Process:
        """Start a process, whose log goes where ours goes, as that of a single process does."""

        def started(given: Mapping[str, str], open_too: Sequence[int]) -> Process:
            environment = self._environment | dict(given)
            return spawn(self._command, output=sys.stderr.fileno(), environment=environment, open_too=open_too)

        return self._address.launch(started)


def data_dir_of(data_dir: Path | None) -> list[str]:
    """Return the argument that names this data directory, if there is one."""
    return [] if data_dir is None else ["--data-dir", str(data_dir)]
