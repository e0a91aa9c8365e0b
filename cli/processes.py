"""Starting and ending processes so that none is left behind, whatever kills whom.

Three lines of defence. Each child leads a process group of its own, so that what it forks ends with it. On Linux the
kernel ends a child whose parent died, even by `kill -9`. And what slipped through both is recognised at the next
start by a mark that it cannot lose (its working directory, its environment), never by a process id from a file alone:
ids are given out again.
"""

import ctypes
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

Process = subprocess.Popen[bytes]

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: after the fork is no time to load


class CannotStart(Exception):
    """Something cannot be started. Its text is one sentence for a person."""


@dataclass(frozen=True)
class Account:
    """Who a process runs as, where that is not us."""

    user: int
    group: int


def spawn(
    argv: Sequence[str],
    *,
    output: int,
    source: int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    account: Account | None = None,
    when_orphaned: signal.Signals = signal.SIGKILL,
) -> Process:
    """Start a program in the foreground, in a group of its own, reading from and printing to file descriptors.

    `when_orphaned` is what the kernel sends it should we die first. That follows the *thread* that calls this, so call
    it from one that lives as long as the child shall: the main thread.
    """
    with warnings.catch_warnings():
        # Python warns of its own code between fork and exec where there are threads. Ours is two system calls.
        warnings.simplefilter("ignore", DeprecationWarning)
        return subprocess.Popen(  # noqa: S603 - what it starts is written in this package
            argv,
            stdin=source,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=directory,
            user=account.user if account else None,
            group=account.group if account else None,
            extra_groups=[] if account else None,
            umask=0o077,
            process_group=0,
            preexec_fn=_ask_kernel(when_orphaned, parent=os.getpid()),
        )


def _ask_kernel(death_signal: signal.Signals, parent: int) -> Callable[[], None]:
    """What the child does between fork and exec. Changing the user would undo it; Popen has done that by then."""

    def ask() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:  # it died before we could ask
                os._exit(1)

    return ask


def end(process: Process, stop_signal: signal.Signals, grace: float) -> None:
    """Ask a child to end, wait `grace` seconds, then kill it and whatever is left of its group."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    kill_group(process)


def kill_group(process: Process) -> None:
    """Kill a child and what it forked. Harmless where all of them are gone."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_leftovers(is_ours: Callable[[psutil.Process], bool], stop_signal: signal.Signals, grace: float) -> int:
    """End every process that `is_ours` recognises, and say how many there were."""
    found = [
        process for process in psutil.process_iter() if process.pid != os.getpid() and _recognised(process, is_ours)
    ]
    for process in found:
        with suppress(psutil.Error):
            process.send_signal(stop_signal)
    _, deaf = psutil.wait_procs(found, timeout=grace)
    for process in deaf:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(deaf, timeout=10)
    return len(found)


def _recognised(process: psutil.Process, is_ours: Callable[[psutil.Process], bool]) -> bool:
    """Whether it is ours; a process that ends meanwhile or hides from us is not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and is_ours(process)
    except (psutil.Error, OSError):
        return False
