"""Programs that the tests start receive signals, also where the tests themselves ignore them."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.starting import SIGNALS, default_signals

WAITS = "import signal\nprint('started', flush=True)\nsignal.pause()"


@pytest.fixture(params=SIGNALS)
def ignored(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that this process ignores during the test."""
    number: signal.Signals = request.param
    former = signal.signal(number, signal.SIG_IGN)
    yield number
    signal.signal(number, former)


def exit_code_after(number: signal.Signals) -> int | None:
    """Starts a program and sends it a signal. Returns its exit code, None if it still runs after that."""
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"started\n"
        program.send_signal(number)
        try:
            return program.wait(1)
        except subprocess.TimeoutExpired:
            return None
        finally:
            program.kill()


def test_a_program_started_with_default_signals_ends_by_a_signal_that_the_tests_ignore(ignored: signal.Signals) -> None:
    with default_signals():
        assert exit_code_after(ignored) == -ignored
    assert signal.getsignal(ignored) is signal.SIG_IGN


def test_control_a_program_started_without_them_inherits_the_ignored_signal(ignored: signal.Signals) -> None:
    assert exit_code_after(ignored) is None
