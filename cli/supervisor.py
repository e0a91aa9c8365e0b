"""Keeps a list of programs running, in one foreground process and one thread.

Started in the order of the list, each when the one before is ready; stopped in reverse. What dies is started again.
It knows nothing of Rollcall: which programs those are stands in `cli.up`.
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
"""Having lived so long, a program that dies is no longer taken for one that cannot start."""
_SAME_KEYSTROKE = 0.5
"""Seconds within which a second Ctrl-C is taken for the first one, heard twice."""
_TRIES = 3
"""Deaths before it was ever ready, after which the whole start is given up: waiting longer would help nobody."""


@dataclass(frozen=True)
class Program:
    """Something to keep running."""

    name: str
    launch: Callable[[int], Process]
    """Starts it with its output to a file descriptor, and does not wait."""
    ready: Callable[[], bool] | None = None
    """Whether the next one may start, which else it may at once. Asked many times a second, so it answers soon."""
    patience: float = 120.0
    """Seconds to become ready in."""
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    """Seconds from the stop signal to the kill."""
    explained_by: str = "what it printed"
    """Where to look when it does not start."""
    once: bool = False
    """It runs to its end, which must be a good one, before the next is started."""


class StopRequests:
    """Turns signals into something to look at, so that no work in hand is torn. In force inside its `with` block."""

    def __init__(self) -> None:
        self.stop = False
        self.hurry = False
        self._asked = 0.0
        self._former: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup: to survive the terminal is what was asked for
            self._former[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        # Only a second Ctrl-C hurries: a closing terminal sends SIGHUP twice and means nothing by it, and a program
        # that runs us may pass on the very Ctrl-C that the terminal has sent us already.
        now = time.monotonic()
        if self.stop and number == signal.SIGINT and now > self._asked + _SAME_KEYSTROKE:
            self.hurry = True
        self._asked = self._asked if self.stop else now
        self.stop = True


class _Child:
    """A program and the process that runs it just now."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: Process | None = None
        self.born = 0.0
        self.due = 0.0
        self.delay = _FIRST_DELAY
        self.deaths = 0


class Supervisor:
    """The programs of one `supervise`."""

    def __init__(
        self, console: Console, requests: StopRequests, on_change: Callable[[Mapping[str, int]], None] | None = None
    ) -> None:
        self._console = console
        self._requests = requests
        self._on_change = on_change or (lambda _pids: None)
        self._children: list[_Child] = []

    def bring_up(self, program: Program) -> None:
        """Start a program and wait until it is ready, looking after the others. Raises CannotStart."""
        child = _Child(program)
        self._children.append(child)
        began = time.monotonic()
        self._launch(child)
        while not self._requests.stop and not self._is_up(child):
            if time.monotonic() > began + program.patience:
                raise _not_started(program, f"was not ready within {program.patience:g} s")
            self.look_after(0.05)
        if self._requests.stop:
            return
        verb = "done" if program.once else "ready" if program.ready else "started"
        self._console.say(f"{verb} in {time.monotonic() - began:.1f} s", program.name)
        if program.once:
            self._children.remove(child)
            self._tell()

    def look_after(self, seconds: float) -> None:
        """Show what is printed for so long, then start again what died."""
        self._console.pump(seconds)
        now = time.monotonic()
        for child in self._children:
            if child.process is None and now >= child.due:
                self._launch_again(child, now)
            elif child.process is not None and child.process.poll() is not None and not child.program.once:
                self._bury(child, now)

    def stop(self) -> None:
        """End all programs, the last started first, and whatever they forked."""
        for child in reversed(self._children):
            if child.process is not None:
                self._end(child.process, child.program)
                child.process = None
        while self._console.pump(0):
            pass

    def _is_up(self, child: _Child) -> bool:
        """Whether the next may start. Raises CannotStart where that is not to be hoped for any more."""
        program, code = child.program, child.process.poll() if child.process else None
        if program.once:
            if code:
                raise _not_started(program, f"failed with code {code}")
            return code == 0
        if child.deaths >= _TRIES:
            raise _not_started(program, f"ended {_TRIES} times while it was starting")
        return child.process is not None and code is None and (program.ready is None or program.ready())

    def _launch(self, child: _Child) -> None:
        child.born = time.monotonic()
        with self._console.voice(child.program.name) as output:
            child.process = child.program.launch(output)
        self._tell()

    def _bury(self, child: _Child, now: float) -> None:
        """Take note of a death: what the dead one forked ends too, and a next one is due after a pause."""
        assert child.process is not None
        kill_group(child.process)
        if now - child.born >= _STEADY_SECONDS:
            child.delay = _FIRST_DELAY
        child.deaths += 1
        self._postpone(child, _cause(child.process.returncode), now)
        child.process = None
        self._tell()

    def _launch_again(self, child: _Child, now: float) -> None:
        """A machine that is short of memory or disk for a moment must not take the others down."""
        try:
            self._launch(child)
        except OSError as error:
            self._postpone(child, f"cannot be started ({error.strerror})", now)

    def _postpone(self, child: _Child, why: str, now: float) -> None:
        self._console.say(f"{why}; starting again in {child.delay:g} s", child.program.name)
        child.due = now + child.delay
        child.delay = min(child.delay * 2, _LONGEST_DELAY)

    def _end(self, process: Process, program: Program) -> None:
        if process.poll() is None:
            process.send_signal(program.stop_signal)
        deadline = time.monotonic() + program.grace
        while process.poll() is None and time.monotonic() < deadline and not self._requests.hurry:
            self._console.pump(0.05)
        if process.poll() is None:
            self._console.say("did not end in time: killed", program.name)
        kill_group(process)

    def _tell(self) -> None:
        try:
            self._on_change({child.program.name: child.process.pid for child in self._children if child.process})
        except OSError as error:
            self._console.say(f"What runs cannot be written down ({error.strerror}).")


def supervise(
    programs: Sequence[Program],
    requests: StopRequests,
    *,
    announcement: str,
    console: Console | None = None,
    on_change: Callable[[Mapping[str, int]], None] | None = None,
) -> None:
    """Run the programs until a stop is requested. Raises CannotStart; whichever way it ends, none of them is left.

    `announcement` is printed when all are ready; `on_change` hears the process ids whenever they change.
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
            supervisor.look_after(0.1)
        console.say("Stopping. Ctrl-C again kills what is still at work.")
    finally:
        supervisor.stop()


def _not_started(program: Program, why: str) -> CannotStart:
    return CannotStart(f"{program.name} {why}; {program.explained_by} says why.")


def _cause(code: int) -> str:
    """How a process ended, in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
