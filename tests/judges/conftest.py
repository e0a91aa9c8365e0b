"""The lines of the judges, printed after their run."""

import pytest

LINES: list[str] = []
"""The counts of each judge, as lines to print at the end."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the lines."""
    for line in LINES:
        terminalreporter.write_line(line)
