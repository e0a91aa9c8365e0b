"""`rollcall api --processes`: real processes share an address and their counts, and one that is killed is replaced."""

import http.client
import os
import re
import signal
import sys

import psutil
import pytest

from cli.processes import end, spawn
from tests.cli.test_up import free_port
from tests.waiting import within

LIVE = re.compile(r'^rollcall_http_requests_total{.*route="/health/live".*} (.*)$', re.MULTILINE)


def get(port: int, path: str) -> str:
    """The answer on a new connection, empty if there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def counted(port: int) -> float:
    """The number of answers of liveness that /metrics shows."""
    return sum(map(float, LIVE.findall(get(port, "/metrics"))))


@pytest.mark.usefixtures("configured")
def test_several_api_processes_share_an_address_and_their_counts() -> None:
    port = free_port()
    argv = [sys.executable, "-m", "cli.main", "api", "--port", str(port), "--processes", "2"]
    process = spawn(argv, output=sys.stderr.fileno(), environment=os.environ)
    parent = psutil.Process(process.pid)
    try:
        assert within(100, lambda: len(parent.children()) == 2)
        before = parent.children()
        assert within(60, lambda: "live" in get(port, "/health/live") and all(map(has_served, before)))
        first = counted(port)
        for _ in range(30):
            assert "live" in get(port, "/health/live")
        assert {counted(port) for _ in range(8)} == {first + 30}
        before[0].kill()
        assert within(100, lambda: len(parent.children()) == 2 and before[0] not in parent.children())
        for _ in range(10):
            assert "live" in get(port, "/health/live")
        assert counted(port) == first + 40
    finally:
        end(process, signal.SIGTERM, 30)
    assert process.returncode == 0
    assert not any(one.is_running() for one in before)


def has_served(process: psutil.Process) -> bool:
    """True if the process has opened the file of its counts."""
    return any(re.search(rf"_{process.pid}\.db$", one.path) for one in process.open_files())
