"""The commands against a whole running system: real API, worker, PostgreSQL and Redis, each in its own process."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg
import pytest
from redis import Redis

from cli.main import run_command
from cli.processes import end_leftovers
from cli.up import MARK, read_state
from tests.cli.starting import default_signals
from tests.waiting import runs, within

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parents[2]
ROLLCALL = (sys.executable, "-m", "cli.main")
ORG = "north-sea-drilling"
START_SECONDS = 300.0


def environment() -> dict[str, str]:
    """The environment without settings of Rollcall: a command must find the system by its folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}


class Run:
    """A command that has ended. It ran in the tests' own process: to start another one would cost a second of imports.

    `Process` below is one that ran in a process of its own.
    """

    def __init__(self, data_dir: Path, *arguments: str, given: str = "") -> None:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name in os.environ.keys() - environment().keys():
                patch.delenv(name)
            patch.setenv("COLUMNS", environment()["COLUMNS"])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
            patch.chdir(data_dir.parent)
            self.code = run_command([*arguments, "--data-dir", str(data_dir)])
        self.out, self.err = out.getvalue(), err.getvalue()

    @property
    def said(self) -> str:
        """Its exit code and output, for messages of tests."""
        return f"exit code {self.code}\n{self.out}\n{self.err}"


class Process(Run):
    """A command that has ended, and ran in a process of its own."""

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        done = subprocess.run(
            [*ROLLCALL, *arguments, "--data-dir", str(data_dir)],
            env=environment(),
            cwd=data_dir.parent,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


@contextmanager
def started(data_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that keeps running, with its output in a file beside its folder."""
    with data_dir.with_suffix(".out").open("wb") as output, default_signals():
        process = subprocess.Popen(
            [*ROLLCALL, *arguments, "--data-dir", str(data_dir)],
            env=environment(),
            cwd=data_dir.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(90)
        end_leftovers(lambda other: other.environ().get(MARK) == str(data_dir), signal.SIGKILL, grace=5)


def printed(data_dir: Path) -> str:
    return data_dir.with_suffix(".out").read_text()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a running `rollcall demo`, whose port was taken. After the last test, checks that the demo
    leaves no process behind, and that its data can still be used."""
    data_dir = tmp_path_factory.mktemp("running") / "data"
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        with started(data_dir, "demo", "--port", str(port)) as demo:
            within(START_SECONDS, lambda: "Press Ctrl-C to stop." in printed(data_dir) or demo.poll() is not None)
            said = printed(data_dir)
            assert "Press Ctrl-C to stop." in said, said
            assert f"Port {port} is in use; using port {port + 1} instead." in said
            assert "succeeded in" in said
            assert ": 2,000 assigned, 0 unchanged, 0 failed." in said
            yield data_dir
            _it_leaves_no_process(demo, data_dir)
    _the_stopped_system_can_be_used(data_dir)


def _it_leaves_no_process(demo: subprocess.Popen[bytes], data_dir: Path) -> None:
    family = psutil.Process(demo.pid).children(recursive=True)
    assert len(family) > 6
    demo.send_signal(signal.SIGINT)
    assert demo.wait(90) == 0
    assert f"Stopped. Your data is in {data_dir}; `rollcall up --data-dir {data_dir}` continues" in printed(data_dir)
    assert not [process for process in family if runs(process)]
    assert read_state(data_dir) is None


def _the_stopped_system_can_be_used(data_dir: Path) -> None:
    """Commands that need only the database start it, and stop it again."""
    added = Run(data_dir, "org", "add", "acme", "--name", "Acme", "--time-zone", "Europe/Oslo")
    assert added.code == 0, added.said
    again = Run(data_dir, "org", "add", "acme", "--name", "Acme", "--time-zone", "Europe/Oslo")
    assert (again.code, again.err) == (1, "The organization acme is there already; nothing was changed.\n")
    assert len(Run(data_dir, "token", "--org", "acme", "--member", "ada").out.split(".")) == 3
    told = doctor(data_dir)
    assert (told["ok"], told["processes"]) == (False, [])
    assert "is stopped; start it with `rollcall up`." in told["checks"][-1]["detail"]
    refused = Run(data_dir, "worker")
    assert (refused.code, "is stopped; start all of it with `rollcall up`." in refused.err) == (1, True)
    assert not [
        process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(data_dir / "postgres")
    ]


def doctor(data_dir: Path, *arguments: str) -> dict[str, Any]:
    """Returns what `rollcall doctor --json` prints."""
    told: dict[str, Any] = json.loads(Run(data_dir, "doctor", "--json", *arguments).out)
    return told


def test_all_checks_of_the_doctor_pass_after_the_demo(running: Path) -> None:
    told = doctor(running, "--invariants")
    assert [check for check in told["checks"] if not check["ok"]] == []
    assert told["ok"] is True
    assert {"settings", "programs", "postgresql", "migrations", "upgrade", "serving role", "row-level security"} <= {
        check["name"] for check in told["checks"]
    }
    assert {"clock", "work", "redis", "api", "I1", "I2", "I5"} <= {check["name"] for check in told["checks"]}


def test_the_json_of_the_doctor_names_addresses_and_processes(running: Path) -> None:
    told = doctor(running)
    state = read_state(running)
    assert state is not None
    assert told["processes"] == [process.model_dump() for process in state.processes]
    assert httpx2.get(f"{told['apiUrl']}/health/live").status_code == 200
    with psycopg.connect(told["databaseUrl"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("rollcall_app",)
    with Redis.from_url(told["redisUrl"]) as redis:
        assert redis.ping()


def test_the_doctor_names_the_remedy_for_a_redis_that_may_drop_queues(running: Path) -> None:
    with Redis.from_url(doctor(running)["redisUrl"]) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        unwell = Process(running, "doctor")
        redis.config_set("maxmemory-policy", "noeviction")
    assert unwell.code == 1
    assert "redis-cli config set maxmemory-policy noeviction" in unwell.out
    assert "1 of " in unwell.out


@pytest.fixture(scope="module")
def again(running: Path) -> Run:
    """The demo, run a second time on the same folder."""
    return Process(running, "demo", "--once")


def test_a_second_demo_changes_nothing(again: Run) -> None:
    assert again.code == 0, again.said
    assert f"Organization  {ORG}: already there" in again.out
    assert "0 created, 0 updated, 2,000 unchanged" in again.out
    assert ": 0 assigned, 2,000 unchanged, 0 failed." in again.out
    assert "an assignment is never made twice" in again.out


def test_the_commands_that_the_demo_prints_can_be_copied(running: Path, again: Run) -> None:
    script = again.out[again.out.index("  TOKEN=") :]
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        env=environment(),
        cwd=running.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"org":"north-sea-drilling"' in done.stdout
    assert "All checks passed." in done.stdout


def test_an_unknown_recipient_is_named_and_the_others_are_assigned(running: Path) -> None:
    crew = "entityId,name\nnsd-01998,Ada\n\nnsd-01999,\nnobody-1,Nobody\n"
    asked = ("assign", "CSE", "--org", ORG, "--reason", "New tanks", "--from", "-")
    preview = Run(running, *asked, "--preview", given=crew)
    assert (preview.code, preview.err) == (0, "")
    assert "Assigning v1.4 to 3 would give:" in preview.out
    assigned = Run(running, *asked, given=crew)
    assert assigned.code == 1
    assert "3 of 3  2 succeeded  0 unchanged  1 failed" in assigned.err
    assert "nobody-1  failed: party-not-found  There is no such party" in assigned.out
    job_id = assigned.out.split()[1]
    assert (
        f"Correct the causes, then retry the failed ones: rollcall jobs retry {job_id} --org {ORG} --data-dir {running}"
        in assigned.out
    )
    retried = Run(running, "jobs", "retry", job_id, "--org", ORG)
    assert (retried.code, "1  failed" in retried.out) == (1, True)
    results = Run(running, "jobs", "results", job_id, "--org", ORG, "--outcome", "failed").out.splitlines()
    assert results[0].startswith("entityId,outcome,code,detail")
    assert [line.split(",")[0] for line in results[1:]] == ["nobody-1"]


def test_an_idempotency_key_makes_one_job(running: Path) -> None:
    asked = ("assign", "WAH", "--org", ORG, "--folder", "port-agents", "--reason", "Cranes", "--key", "once")
    first, again = Run(running, *asked), Run(running, *asked)
    assert (first.code, again.code) == (0, 0)
    assert first.out == again.out


def test_an_unknown_course_code_is_answered_with_similar_codes(running: Path) -> None:
    refused = Process(running, "assign", "W", "--org", ORG, "--party", "nsd-00001", "--reason", "r")
    assert (refused.code, refused.err) == (1, "There is no course with the code W. Similar codes: WAH.\n")


def test_a_refused_request_names_the_place_that_is_wrong(running: Path) -> None:
    refused = Run(running, "assign", "WAH", "--org", ORG, "--folder", "nowhere", "--reason", "r")
    assert refused.code == 1
    assert refused.err.startswith("/folderIds/0: There is no such folder")


def test_an_interrupted_watch_leaves_the_job_running(running: Path) -> None:
    state = read_state(running)
    assert state is not None
    worker = psutil.Process(next(process.pid for process in state.processes if process.name == "worker"))
    stopped = [worker, *worker.children()]
    for process in stopped:
        process.suspend()
    try:
        asked = ("assign", "CSE", "--org", ORG, "--folder", "deck-crew", "--reason", "r", "--data-dir", str(running))
        with default_signals():
            watching = subprocess.Popen([*ROLLCALL, *asked], env=environment(), stderr=subprocess.PIPE, text=True)
        assert watching.stderr is not None
        job_id = watching.stderr.readline().split()[1]
        assert watching.stderr.readline().startswith("0 of 320")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130
        advice = watching.stderr.read()
    finally:
        for process in stopped:
            process.resume()
    assert f"Stopped watching; the job continues. To watch it again: rollcall jobs watch {job_id} --org {ORG}" in advice
    watched = Run(running, "jobs", "watch", job_id, "--org", ORG)
    assert (watched.code, "320  succeeded" in watched.out) == (0, True), watched.said
