"""`rollcall beat` ends between two ticks: a stop while it sends leaves no traceback in the log."""

import os
import signal
import sys
from pathlib import Path

import pytest

from cli.processes import spawn
from tests.waiting import within


@pytest.mark.usefixtures("configured")
def test_beat_stops_without_a_traceback_whenever_it_is_told_to(tmp_path: Path) -> None:
    for n in range(3):
        log = tmp_path / f"beat-{n}.log"
        with log.open("wb") as output:
            beat = spawn([sys.executable, "-m", "cli.main", "beat"], output=output.fileno(), environment=os.environ)
        assert within(60, lambda log=log: "beat: Starting" in log.read_text()), log.read_text()  # type: ignore[misc]
        beat.send_signal(signal.SIGTERM)
        assert beat.wait(30) == 0
        assert "Traceback" not in log.read_text()
        assert "closed file" not in log.read_text()
