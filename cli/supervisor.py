"""Keeps a list of programs running, in one foreground process and one thread.

Programs start in the order of the list, each once the one before is ready, and stop in reverse order. A program that
ends is started again. This module knows nothing of Rollcall; the list is in `cli.up`.

Why not a library:
- supervisord starts and stops programs by priority, but waits neither for one to be ready nor for one to have stopped
  (its issues 122 and 520). Here PostgreSQL must be ready before the migrations, and outlive the worker.
- circus can wait in hooks. It brings tornado and pyzmq, and opens TCP ports to be controlled by.
- honcho starts all programs at once, and ends all of them when one ends.
Killed with `kill -9`, all three leave their programs running; `cli.processes` prevents that.
The loops that wait are written by hand too: while they wait they must show output, restart what ended, and see a stop
request. tenacity would only repeat one question and sleep in between.
"""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Self

from cli.console import Console
from cli.processes import CannotStart, Process, kill_group

_FIRST_DELAY, _LONGEST_DELAY = 0.5, 10.0
_STEADY_SECONDS = 30.0
"""A program that ran this long before it ended is restarted after the first, short delay again."""
_SAME_KEYSTROKE = 0.5
"""Seconds within which a second SIGINT counts as the same Ctrl-C, sent by the terminal and passed on by a parent."""
_TRIES = 3
"""How many times a program may end before it was ever ready. After that the whole start fails."""


@dataclass(frozen=True)
class Program:
    """A program to keep running."""

    name: str
    launch: Callable[[int], Process]
    """Starts it, with its output to a file descriptor, and returns without waiting."""
    ready: Callable[[], bool] | None = None
    """True once the next program may start; None: at once. Called many times a second, so it must return quickly."""
    ready_timeout: float = 120.0
    """Seconds in which it must become ready."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout: float = 10.0
    """Seconds from the stop signal until it is killed."""
    log: str = "its output above"
    """Where to find the cause if it does not start."""
    leaves: Callable[[Process], bool] | None = None
    """True if this process of it was asked to stop and keeps serving until it has a successor."""
    serves: Callable[[Process], bool] | None = None
    """True if this process, a successor, serves. Given together with `leaves`."""
    once: bool = False
    """It runs to its end, with exit code 0, before the next program is started."""


class StopRequests:
    """Turns signals into flags, so that no operation is interrupted halfway. Active inside its `with` block.

    stop: stop everything in order. kill: don't wait for programs to stop, kill them.
    """

    def __init__(self) -> None:
        self.stop = False
        self.kill = False
        self._stop_requested_at = 0.0
        self._former: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started under nohup, which means: keep running when the terminal closes
            self._former[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        # Only a second Ctrl-C kills. A closing terminal sends SIGHUP twice without meaning that; and a program that
        # runs us may pass on the same Ctrl-C that the terminal has already sent us.
        now = time.monotonic()
        if self.stop and number == signal.SIGINT and now > self._stop_requested_at + _SAME_KEYSTROKE:
            self.kill = True
        if not self.stop:
            self._stop_requested_at = now
        self.stop = True


class _Child:
    """A program with the process that runs it at the moment, None while it waits to be started again."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: Process | None = None
        self.started_at = 0.0
        self.restart_at = 0.0
        self.delay = _FIRST_DELAY
        self.ends = 0
        self.successor: Process | None = None


class Supervisor:
    """The running programs. `on_change` is called with the process ids, by name, whenever they change."""

    def __init__(
        self, console: Console, requests: StopRequests, on_change: Callable[[Mapping[str, int]], None] | None = None
    ) -> None:
        self._console = console
        self._requests = requests
        self._on_change = on_change or (lambda _pids: None)
        self._children: list[_Child] = []
        self._leaving: list[tuple[Process, float]] = []
        """Processes that have a successor, each with the time at which it is killed."""

    @property
    def has_leaving(self) -> bool:
        """True while a process that was succeeded has not ended."""
        return bool(self._leaving)

    def bring_up(self, program: Program) -> None:
        """Start a program and wait until it is ready, watching the others meanwhile. Raises CannotStart."""
        child = _Child(program)
        self._children.append(child)
        began = time.monotonic()
        self._launch(child)
        while not self._requests.stop and not self._is_up(child):
            if time.monotonic() > began + program.ready_timeout:
                raise _not_started(program, f"was not ready within {program.ready_timeout:g} s")
            self.watch(0.05)
        if self._requests.stop:
            return
        verb = "done" if program.once else "ready" if program.ready else "started"
        self._console.say(f"{verb} in {time.monotonic() - began:.1f} s", program.name)
        if program.once:
            self._children.remove(child)
            self._report_pids()

    def watch(self, seconds: float) -> None:
        """Show the programs' output for up to this long, then restart the programs that have ended."""
        self._console.show_output(seconds)
        now = time.monotonic()
        for child in self._children:
            if child.process is None and now >= child.restart_at:
                self._restart(child, now)
            elif child.process is not None and child.process.poll() is not None and not child.program.once:
                self._note_end(child, now)
            elif child.process is not None and child.program.leaves is not None and child.program.leaves(child.process):
                self._succeed(child, child.process, now)
        self._collect_leaving(now)

    def stop(self) -> None:
        """Stop all programs, the last started first, together with the processes that they forked."""
        for child in reversed(self._children):
            if child.successor is not None:
                self._end(child.successor, child.program)
            if child.process is not None:
                self._end(child.process, child.program)
                child.process = None
        self._collect_leaving(float("inf"))
        while self._console.show_output(0):
            pass

    def _is_up(self, child: _Child) -> bool:
        """True if the next program may start. Raises CannotStart if this one failed or ended too often."""
        program, code = child.program, child.process.poll() if child.process else None
        if program.once:
            if code:
                raise _not_started(program, f"failed with code {code}")
            return code == 0
        if child.ends >= _TRIES:
            raise _not_started(program, f"ended {_TRIES} times while it was starting")
        return child.process is not None and code is None and (program.ready is None or program.ready())

    def _launch(self, child: _Child) -> None:
        child.started_at = time.monotonic()
        with self._console.pipe(child.program.name) as output:
            child.process = child.program.launch(output)
        self._report_pids()

    def _note_end(self, child: _Child, now: float) -> None:
        """Kill the processes that an ended program forked, and schedule its restart."""
        assert child.process is not None
        kill_group(child.process)
        if child.successor is not None:  # it ended before its successor served
            child.process, child.successor, child.started_at = child.successor, None, now
            self._report_pids()
            return
        if now - child.started_at >= _STEADY_SECONDS:
            child.delay = _FIRST_DELAY
        child.ends += 1
        self._postpone(child, _cause(child.process.returncode), now)
        child.process = None
        self._report_pids()

    def _succeed(self, child: _Child, leaving: Process, now: float) -> None:
        """Start a successor of a process, and stop the process once the successor serves."""
        program = child.program
        if child.successor is None:
            if now >= child.restart_at:
                with self._console.pipe(program.name) as output:
                    child.successor = self._launched(child, output, now)
        elif child.successor.poll() is not None:
            kill_group(child.successor)
            child.successor = None
            self._postpone(child, "its successor ended", now)
        elif program.serves is not None and program.serves(child.successor):
            self._console.say(f"process {child.successor.pid} succeeds {leaving.pid}", program.name)
            leaving.send_signal(program.stop_signal)
            self._leaving.append((leaving, now + program.stop_timeout))
            child.process, child.successor, child.started_at = child.successor, None, now
            self._report_pids()

    def _launched(self, child: _Child, output: int, now: float) -> Process | None:
        try:
            return child.program.launch(output)
        except OSError as error:
            self._postpone(child, f"cannot be started ({error.strerror})", now)
            return None

    def _collect_leaving(self, now: float) -> None:
        """Collect the processes that have ended after they were succeeded. Kills those whose time is over."""
        for process, until in list(self._leaving):
            if process.poll() is not None or now > until:
                kill_group(process)
                self._leaving.remove((process, until))

    def _restart(self, child: _Child, now: float) -> None:
        """Start a program again. A machine short of memory or disk for a moment must not end the other programs."""
        try:
            self._launch(child)
        except OSError as error:
            self._postpone(child, f"cannot be started ({error.strerror})", now)

    def _postpone(self, child: _Child, why: str, now: float) -> None:
        self._console.say(f"{why}; starting again in {child.delay:g} s", child.program.name)
        child.restart_at = now + child.delay
        child.delay = min(child.delay * 2, _LONGEST_DELAY)

    def _end(self, process: Process, program: Program) -> None:
        if process.poll() is None:
            process.send_signal(program.stop_signal)
        deadline = time.monotonic() + program.stop_timeout
        while process.poll() is None and time.monotonic() < deadline and not self._requests.kill:
            self._console.show_output(0.05)
        if process.poll() is None:
            self._console.say("did not stop in time and was killed", program.name)
        kill_group(process)

    def _report_pids(self) -> None:
        try:
            self._on_change({child.program.name: child.process.pid for child in self._children if child.process})
        except OSError as error:
            self._console.say(f"The list of processes cannot be saved ({error.strerror}); other commands won't see it.")


def supervise(
    programs: Sequence[Program],
    requests: StopRequests,
    *,
    announcement: str,
    console: Console | None = None,
    on_change: Callable[[Mapping[str, int]], None] | None = None,
) -> None:
    """Run the programs until a stop is requested. Raises CannotStart. In both cases no program is left running.

    announcement: printed once all are ready. on_change: as in Supervisor.
    """
    console = console or Console(program.name for program in programs)
    supervisor = Supervisor(console, requests, on_change)
    try:
        for program in programs:
            if not requests.stop:
                supervisor.bring_up(program)
        if not requests.stop:
            console.say(announcement)
        while not requests.stop:
            supervisor.watch(0.1)
        console.say("Stopping. Press Ctrl-C again to kill the programs that are still busy.")
    finally:
        supervisor.stop()


def _not_started(program: Program, why: str) -> CannotStart:
    return CannotStart(f"{program.name} {why}; see {program.log} for the cause.")


def _cause(code: int) -> str:
    """How a process ended, in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
