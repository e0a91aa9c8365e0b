"""The lines of the judges, printed after their run."""

import pytest

LINES: list[str] = []
"""What each judge has counted."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the lines."""
    for line in LINES:
        terminalreporter.write_line(line)
