"""`rollcall beat` ends between two ticks: a stop while it sends leaves no traceback in the log."""

import os
import re
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from cli.processes import spawn
from tests.waiting import within


def handles(pid: int, number: signal.Signals) -> bool:
    """True if the process has a handler for the signal."""
    (caught,) = re.findall(r"SigCgt:\t(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(caught, 16) >> (number - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which signals a process handles")
@pytest.mark.usefixtures("configured")
def test_beat_stops_without_a_traceback_whenever_it_is_told_to(tmp_path: Path) -> None:
    for n in range(3):
        log = tmp_path / f"beat-{n}.log"
        with log.open("wb") as output:
            beat = spawn([sys.executable, "-m", "cli.main", "beat"], output=output.fileno(), environment=os.environ)
        assert within(60, partial(handles, beat.pid, signal.SIGTERM)), log.read_text()
        beat.send_signal(signal.SIGTERM)
        assert beat.wait(30) == 0
        assert "Traceback" not in log.read_text()
        assert "closed file" not in log.read_text()
