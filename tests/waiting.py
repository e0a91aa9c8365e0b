"""Waiting for other processes: until a condition is true, with a deadline; never for a fixed time."""

import time
from collections.abc import Callable

import psutil


def within(seconds: float, condition: Callable[[], object]) -> bool:
    """Poll the condition. Returns True as soon as it is true, False after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def runs(process: psutil.Process) -> bool:
    """True if the process is running; False for a zombie that its parent has not collected."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
