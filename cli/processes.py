"""Starts and ends processes so that none is left behind, whichever process is killed.

There are three safeguards. Each child leads a process group of its own, so that the processes it forks are ended with
it. On Linux the kernel ends a child whose parent died, even by `kill -9`. Processes that survive both are found at the
next start by a mark that they cannot lose (their working directory or environment), never by a process id from a file
alone, because the system reuses ids.

subprocess and psutil do the work. python-prctl would wrap the one call that they lack, but compiles against libcap;
ctypes makes that call directly.
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
_libc = (
    ctypes.CDLL(None) if sys.platform == "linux" else None
)  # loaded here, because a forked child must not load libraries


class CannotStart(Exception):
    """A program or server cannot be started. Its text is a sentence for the user with the cause or the next step."""


@dataclass(frozen=True)
class Account:
    """The system account to run a process as, if not our own."""

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
    open_too: Sequence[int] = (),
) -> Process:
    """Start a program in the foreground, in a process group of its own. source, output: file descriptors.
    open_too: others that it inherits.

    when_orphaned: the signal that the kernel sends it if we die first. The kernel watches the *thread* that calls this
    function, so call it from the main thread.
    """
    with warnings.catch_warnings():
        # Python warns that code between fork and exec is unsafe in a process with threads. Ours is two system calls.
        warnings.simplefilter("ignore", DeprecationWarning)
        return subprocess.Popen(  # noqa: S603 - what it starts is written in this package
            argv,
            stdin=source,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=directory,
            pass_fds=open_too,
            user=account.user if account else None,
            group=account.group if account else None,
            extra_groups=[] if account else None,
            umask=0o077,
            process_group=0,
            preexec_fn=_ask_kernel(when_orphaned, parent=os.getpid()),
        )


def _ask_kernel(death_signal: signal.Signals, parent: int) -> Callable[[], None]:
    """Returns what the child runs between fork and exec. Popen has changed the user by then, which would undo it."""

    def ask() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:  # the parent died before this call
                os._exit(1)

    return ask


def end(process: Process, stop_signal: signal.Signals, grace: float) -> None:
    """Send a child its stop signal, wait up to `grace` seconds, then kill it and the rest of its group."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    kill_group(process)


def kill_group(process: Process) -> None:
    """Kill a child and the processes it forked. Does nothing if all of them have ended."""
    with suppress(ProcessLookupError, PermissionError):  # macOS reports "not permitted" for a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_leftovers(is_ours: Callable[[psutil.Process], bool], stop_signal: signal.Signals, grace: float) -> int:
    """End every process that `is_ours` recognises: send the signal, kill after `grace` s. Returns how many."""
    found = [
        process for process in psutil.process_iter() if process.pid != os.getpid() and _recognised(process, is_ours)
    ]
    for process in found:
        with suppress(psutil.Error):
            process.send_signal(stop_signal)
    _, surviving = psutil.wait_procs(found, timeout=grace)
    for process in surviving:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(surviving, timeout=10)
    return len(found)


def _recognised(process: psutil.Process, is_ours: Callable[[psutil.Process], bool]) -> bool:
    """True if it is ours. A process that ends meanwhile, or that we may not inspect, is not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and is_ours(process)
    except (psutil.Error, OSError):
        return False
