"""Keeping programs running, tried on small programs of Python's."""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cli import supervisor as supervising
from cli.console import Console
from cli.processes import CannotStart, Process, spawn
from cli.supervisor import Program, StopRequests, Supervisor, supervise
from tests.waiting import runs

FOREVER = "import signal\nprint('here', flush=True)\nsignal.pause()"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('here', flush=True)\nsignal.pause()"
FORKS = "import os, signal\nos.fork()\nsignal.pause()"


def program(name: str, source: str, **kwargs: object) -> Program:
    def launch(output: int) -> Process:
        return spawn([sys.executable, "-c", source], output=output)

    return Program(name, launch, **kwargs)  # type: ignore[arg-type]


class Bench:
    """A supervisor in hand, turned by the test instead of by a loop."""

    def __init__(self) -> None:
        self.requests = StopRequests()
        self.pids: dict[str, int] = {}
        names = ["first", "second", "third"]
        self.supervisor = Supervisor(Console(names, coloured=False), self.requests, self._hear)

    def _hear(self, pids: object) -> None:
        self.pids = dict(pids)  # type: ignore[call-overload]

    def turn_until(self, condition: Callable[[], object], seconds: float = 15) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.supervisor.look_after(0.02)
        return True


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.requests.hurry = True
    made.supervisor.stop()


def test_a_killed_program_is_started_again_and_told(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.supervisor.bring_up(program("first", FOREVER))
    former = bench.pids["first"]
    os.kill(former, signal.SIGKILL)
    assert bench.turn_until(lambda: bench.pids.get("first") not in (None, former))
    assert runs(psutil.Process(bench.pids["first"]))
    assert "first  | killed by SIGKILL; starting again in 0.5 s\n" in capfd.readouterr().out


def test_the_pause_grows_and_is_forgotten_by_the_steady(
    bench: Bench, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill_and_wait() -> str:
        former = bench.pids["first"]
        os.kill(former, signal.SIGKILL)
        assert bench.turn_until(lambda: bench.pids.get("first") not in (None, former))
        return capfd.readouterr().out

    bench.supervisor.bring_up(program("first", FOREVER))
    assert "again in 0.5 s" in kill_and_wait()
    assert "again in 1 s" in kill_and_wait()
    monkeypatch.setattr(supervising, "_LONGEST_DELAY", 1.5)
    assert "again in 2 s" in kill_and_wait()
    assert "again in 1.5 s" in kill_and_wait()
    monkeypatch.setattr(supervising, "_STEADY_SECONDS", 0.0)
    assert "again in 0.5 s" in kill_and_wait()


def test_what_the_dead_one_forked_dies_with_it(bench: Bench) -> None:
    bench.supervisor.bring_up(program("first", FORKS))
    parent = psutil.Process(bench.pids["first"])
    assert bench.turn_until(parent.children)
    (child,) = parent.children()
    parent.kill()
    assert bench.turn_until(lambda: not runs(child))


def test_the_next_waits_until_the_one_before_is_ready(bench: Bench, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    slow = f"import pathlib, signal, time\ntime.sleep(0.3)\npathlib.Path({str(flag)!r}).touch()\nsignal.pause()"
    bench.supervisor.bring_up(program("first", slow, ready=flag.exists))
    assert flag.exists()


def test_a_program_that_never_is_ready_ends_the_start(bench: Bench) -> None:
    with pytest.raises(CannotStart, match=r"^first was not ready within 0.2 s; what it printed says why\.$"):
        bench.supervisor.bring_up(program("first", FOREVER, ready=lambda: False, patience=0.2))


def test_a_program_that_keeps_dying_ends_the_start(bench: Bench) -> None:
    with pytest.raises(CannotStart, match="first ended 3 times"):
        bench.supervisor.bring_up(program("first", "raise SystemExit(3)", ready=lambda: False))


def test_what_runs_once_must_end_well_and_is_not_repeated(bench: Bench, tmp_path: Path) -> None:
    count = tmp_path / "count"
    once = f"open({str(count)!r}, 'a').write('x')"
    bench.supervisor.bring_up(program("first", once, once=True))
    bench.supervisor.bring_up(program("second", FOREVER))
    for _ in range(5):
        bench.supervisor.look_after(0.02)
    assert count.read_text() == "x"
    assert list(bench.pids) == ["second"]
    with pytest.raises(CannotStart, match="third failed with code 4"):
        bench.supervisor.bring_up(program("third", "raise SystemExit(4)", once=True))


def test_stops_in_reverse_and_leaves_nothing(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    polite = (
        "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit()))\n"
        "print('here', flush=True)\nsignal.pause()"
    )
    seen = ""

    def all_here() -> bool:
        nonlocal seen
        seen += capfd.readouterr().out
        return seen.count("here") == 3

    for name in ("first", "second", "third"):
        bench.supervisor.bring_up(program(name, polite))
    assert bench.turn_until(all_here)
    processes = [psutil.Process(pid) for pid in bench.pids.values()]
    bench.supervisor.stop()
    said = [line for line in capfd.readouterr().out.splitlines() if line.endswith("bye")]
    assert said == ["third  | bye", "second | bye", "first  | bye"]
    assert not any(runs(process) for process in processes)


@pytest.mark.parametrize("hurry", [False, True])
def test_the_deaf_are_killed_after_their_grace_or_at_once(
    bench: Bench, hurry: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.supervisor.bring_up(program("first", DEAF, grace=60 if hurry else 0.2))
    assert bench.turn_until(lambda: "here" in capfd.readouterr().out)
    process = psutil.Process(bench.pids["first"])
    bench.requests.hurry = hurry
    began = time.monotonic()
    bench.supervisor.stop()
    assert time.monotonic() - began < 10
    assert not runs(process)


def test_a_stop_request_in_mid_start_leaves_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    pids: list[int] = []

    def launch(output: int) -> Process:
        process = spawn([sys.executable, "-c", FOREVER], output=output)
        pids.append(process.pid)
        return process

    def never() -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return False

    with StopRequests() as requests:
        supervise([Program("first", launch, never), Program("second", launch)], requests, announcement="ready")
    (pid,) = pids
    assert not psutil.pid_exists(pid)
    assert "\nready\n" not in capfd.readouterr().out


def test_only_a_second_interrupt_hurries(monkeypatch: pytest.MonkeyPatch) -> None:
    with StopRequests() as requests:
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert requests.stop
        assert not requests.hurry
        os.kill(os.getpid(), signal.SIGINT)
        assert not requests.hurry, "that was the same one, passed on by somebody"
        monkeypatch.setattr(supervising, "_SAME_KEYSTROKE", 0.0)
        os.kill(os.getpid(), signal.SIGINT)
        assert requests.hurry


def test_nohup_is_respected() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequests() as requests:
            os.kill(os.getpid(), signal.SIGHUP)
        assert not requests.stop
    finally:
        signal.signal(signal.SIGHUP, former)


def test_lines_are_never_torn(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console(["a", "bb"], coloured=False)
    with console.voice("a") as first, console.voice("bb") as second:
        os.write(first, b"one ha")
        console.pump(1)
        os.write(second, b"two\nthree\nno end")
        console.pump(1)
        os.write(first, b"lf\n")
        console.pump(1)
    console.pump(1)
    assert capfd.readouterr().out == "bb | two\nbb | three\na  | one half\nbb | no end\n"


def test_colours_only_where_asked(capfd: pytest.CaptureFixture[str]) -> None:
    Console(["a"], coloured=True).say("words", "a")
    Console(["a"]).say("words", "a")
    assert capfd.readouterr().out == "\033[36ma |\033[0m words\na | words\n"


def test_a_line_without_end_is_cut(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console(["a"], coloured=False)
    with console.voice("a") as voice:
        os.set_blocking(voice, False)
        written = 0
        while written < 200_000:
            written += os.write(voice, b"x" * 4096)
            console.pump(1)
    while console.pump(0.1):
        pass
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) > 1
    assert sum(line.count("x") for line in lines) == written


def test_a_full_disk_at_a_restart_takes_nobody_down(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    failures: list[OSError] = []

    def launch(output: int) -> Process:
        if failures:
            raise failures.pop()
        return spawn([sys.executable, "-c", FOREVER], output=output)

    bench.supervisor.bring_up(Program("first", launch))
    former = bench.pids["first"]
    failures.append(OSError(errno.ENOSPC, "No space left on device"))
    os.kill(former, signal.SIGKILL)
    assert bench.turn_until(lambda: not failures)
    assert bench.turn_until(lambda: bench.pids.get("first") not in (None, former))
    assert "first  | cannot be started (No space left on device); starting again in 1 s\n" in capfd.readouterr().out
