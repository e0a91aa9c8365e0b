"""The supervisor, tested with small Python programs."""

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
IGNORES_SIGTERM = (
    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('here', flush=True)\nsignal.pause()"
)
FORKS = "import os, signal\nos.fork()\nsignal.pause()"


def program(name: str, source: str, **kwargs: object) -> Program:
    def launch(output: int) -> Process:
        return spawn([sys.executable, "-c", source], output=output)

    return Program(name, launch, **kwargs)  # type: ignore[arg-type]


class Bench:
    """A supervisor that the test drives itself, instead of the loop in `supervise`."""

    def __init__(self) -> None:
        self.requests = StopRequests()
        self.pids: dict[str, int] = {}
        names = ["first", "second", "third"]
        self.supervisor = Supervisor(Console(names, coloured=False), self.requests, self._note)

    def _note(self, pids: object) -> None:
        self.pids = dict(pids)  # type: ignore[call-overload]

    def watch_until(self, condition: Callable[[], object], seconds: float = 15) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.supervisor.watch(0.02)
        return True


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.requests.kill = True
    made.supervisor.stop()


def test_a_killed_program_is_restarted_and_its_new_process_id_is_reported(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.supervisor.bring_up(program("first", FOREVER))
    former = bench.pids["first"]
    os.kill(former, signal.SIGKILL)
    assert bench.watch_until(lambda: bench.pids.get("first") not in (None, former))
    assert runs(psutil.Process(bench.pids["first"]))
    assert "first  | killed by SIGKILL; starting again in 0.5 s\n" in capfd.readouterr().out


def test_the_restart_delay_grows_and_is_reset_after_a_long_run(
    bench: Bench, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill_and_wait() -> str:
        former = bench.pids["first"]
        os.kill(former, signal.SIGKILL)
        assert bench.watch_until(lambda: bench.pids.get("first") not in (None, former))
        return capfd.readouterr().out

    bench.supervisor.bring_up(program("first", FOREVER))
    assert "again in 0.5 s" in kill_and_wait()
    assert "again in 1 s" in kill_and_wait()
    monkeypatch.setattr(supervising, "_LONGEST_DELAY", 1.5)
    assert "again in 2 s" in kill_and_wait()
    assert "again in 1.5 s" in kill_and_wait()
    monkeypatch.setattr(supervising, "_STEADY_SECONDS", 0.0)
    assert "again in 0.5 s" in kill_and_wait()


def test_the_children_of_a_killed_program_are_killed(bench: Bench) -> None:
    bench.supervisor.bring_up(program("first", FORKS))
    parent = psutil.Process(bench.pids["first"])
    assert bench.watch_until(parent.children)
    (child,) = parent.children()
    parent.kill()
    assert bench.watch_until(lambda: not runs(child))


def test_bring_up_waits_until_the_program_is_ready(bench: Bench, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    slow = f"import pathlib, signal, time\ntime.sleep(0.3)\npathlib.Path({str(flag)!r}).touch()\nsignal.pause()"
    bench.supervisor.bring_up(program("first", slow, ready=flag.exists))
    assert flag.exists()


def test_a_program_that_never_becomes_ready_fails_the_start(bench: Bench) -> None:
    with pytest.raises(CannotStart, match=r"^first was not ready within 0.2 s; see its output above for the cause\.$"):
        bench.supervisor.bring_up(program("first", FOREVER, ready=lambda: False, ready_timeout=0.2))


def test_a_program_that_keeps_ending_fails_the_start(bench: Bench) -> None:
    with pytest.raises(CannotStart, match="first ended 3 times"):
        bench.supervisor.bring_up(program("first", "raise SystemExit(3)", ready=lambda: False))


def test_a_program_that_runs_once_must_succeed_and_is_not_repeated(bench: Bench, tmp_path: Path) -> None:
    count = tmp_path / "count"
    once = f"open({str(count)!r}, 'a').write('x')"
    bench.supervisor.bring_up(program("first", once, once=True))
    bench.supervisor.bring_up(program("second", FOREVER))
    for _ in range(5):
        bench.supervisor.watch(0.02)
    assert count.read_text() == "x"
    assert list(bench.pids) == ["second"]
    with pytest.raises(CannotStart, match="third failed with code 4"):
        bench.supervisor.bring_up(program("third", "raise SystemExit(4)", once=True))


def test_programs_stop_in_reverse_order_and_none_is_left(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
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
    assert bench.watch_until(all_here)
    processes = [psutil.Process(pid) for pid in bench.pids.values()]
    bench.supervisor.stop()
    said = [line for line in capfd.readouterr().out.splitlines() if line.endswith("bye")]
    assert said == ["third  | bye", "second | bye", "first  | bye"]
    assert not any(runs(process) for process in processes)


@pytest.mark.parametrize("kill", [False, True])
def test_a_program_that_ignores_sigterm_is_killed_after_its_timeout_or_at_once(
    bench: Bench, kill: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.supervisor.bring_up(program("first", IGNORES_SIGTERM, stop_timeout=60 if kill else 0.2))
    assert bench.watch_until(lambda: "here" in capfd.readouterr().out)
    process = psutil.Process(bench.pids["first"])
    bench.requests.kill = kill
    began = time.monotonic()
    bench.supervisor.stop()
    assert time.monotonic() - began < 10
    assert not runs(process)


def test_a_stop_request_during_the_start_leaves_no_program_running(capfd: pytest.CaptureFixture[str]) -> None:
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


def test_only_a_second_ctrl_c_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    with StopRequests() as requests:
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert requests.stop
        assert not requests.kill
        os.kill(os.getpid(), signal.SIGINT)
        assert not requests.kill, "the same Ctrl-C, passed on by a parent"
        monkeypatch.setattr(supervising, "_SAME_KEYSTROKE", 0.0)
        os.kill(os.getpid(), signal.SIGINT)
        assert requests.kill


def test_sighup_stops_nothing_under_nohup() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequests() as requests:
            os.kill(os.getpid(), signal.SIGHUP)
        assert not requests.stop
    finally:
        signal.signal(signal.SIGHUP, former)


def test_lines_of_several_programs_stay_whole(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console(["a", "bb"], coloured=False)
    with console.pipe("a") as first, console.pipe("bb") as second:
        os.write(first, b"one ha")
        console.show_output(1)
        os.write(second, b"two\nthree\nno end")
        console.show_output(1)
        os.write(first, b"lf\n")
        console.show_output(1)
    console.show_output(1)
    assert capfd.readouterr().out == "bb | two\nbb | three\na  | one half\nbb | no end\n"


def test_output_is_coloured_only_on_request(capfd: pytest.CaptureFixture[str]) -> None:
    Console(["a"], coloured=True).say("words", "a")
    Console(["a"]).say("words", "a")
    assert capfd.readouterr().out == "\033[36ma |\033[0m words\na | words\n"


def test_an_endless_line_is_cut(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console(["a"], coloured=False)
    with console.pipe("a") as pipe:
        os.set_blocking(pipe, False)
        written = 0
        while written < 200_000:
            written += os.write(pipe, b"x" * 4096)
            console.show_output(1)
    while console.show_output(0.1):
        pass
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) > 1
    assert sum(line.count("x") for line in lines) == written


def test_a_full_disk_at_a_restart_delays_the_restart(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    failures: list[OSError] = []

    def launch(output: int) -> Process:
        if failures:
            raise failures.pop()
        return spawn([sys.executable, "-c", FOREVER], output=output)

    bench.supervisor.bring_up(Program("first", launch))
    former = bench.pids["first"]
    failures.append(OSError(errno.ENOSPC, "No space left on device"))
    os.kill(former, signal.SIGKILL)
    assert bench.watch_until(lambda: not failures)
    assert bench.watch_until(lambda: bench.pids.get("first") not in (None, former))
    assert "first  | cannot be started (No space left on device); starting again in 1 s\n" in capfd.readouterr().out
