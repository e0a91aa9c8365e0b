"""Waiting for processes: for a condition with a deadline, never for a length of time."""

import time
from collections.abc import Callable

import psutil


def within(seconds: float, condition: Callable[[], object]) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def runs(process: psutil.Process) -> bool:
    """Whether it lives: a zombie that nobody has collected yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
