"""`rollcall up` with a real PostgreSQL and Redis and small programs in place of ours: starts, stops and kills."""

import http.client
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from cli import embedded
from cli.processes import end_leftovers
from cli.up import MARK, State, read_state
from tests.cli.starting import default_signals
from tests.prepared import Cluster
from tests.waiting import runs, within

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("stand_in.py")
PROGRAM = (
    "import pathlib, sys\nfrom cli.up import up\n"
    "sys.exit(up(int(sys.argv[1]), pathlib.Path(sys.argv[2]), [sys.executable, sys.argv[3]]))"
)
START_SECONDS = 60.0


class Up:
    """A running `rollcall up`, with its output in a file."""

    def __init__(self, data_dir: Path, port: int, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = port
        self._printed = data_dir.with_name(f"{data_dir.name}-{port}.out")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
        with self._printed.open("wb") as output, default_signals():
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(port), str(data_dir), str(STAND_IN)],
                cwd=ROOT,
                env=kept | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def printed(self) -> str:
        return self._printed.read_text()

    @property
    def announced(self) -> bool:
        return f"\nRollcall is ready at http://127.0.0.1:{self.port}\n" in self.printed

    @property
    def state(self) -> State:
        state = read_state(self.data_dir)
        assert state is not None
        return state

    def pid(self, name: str) -> int | None:
        state = read_state(self.data_dir)
        return next((p.pid for p in state.processes if p.name == name), None) if state else None

    def wait_ready(self) -> None:
        within(START_SECONDS, lambda: self.announced or self.process.poll() is not None)
        assert self.announced, self.printed

    def visit(self) -> tuple[int, str]:
        """Send the API a request. Returns status and body; status 0 if it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health/ready")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        return 0, ""

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def starting(data_dir: Path, **environment: str) -> Iterator[Up]:
    up = Up(data_dir, free_port(), **environment)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.process.terminate()
        try:
            up.process.wait(60)
        except subprocess.TimeoutExpired:
            up.process.kill()
            up.process.wait()
            raise


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """An `up` shared by the tests that leave it running."""
    with starting(tmp_path_factory.mktemp("lasting") / "data") as started:
        started.wait_ready()
        yield started


@pytest.fixture
def up(cluster: Cluster, tmp_path: Path) -> Iterator[Up]:
    with starting(cluster.lay(tmp_path / "data")) as started:
        started.wait_ready()
        yield started
    # A killed `up` leaves processes for the next one to end. No next one comes here.
    end_leftovers(lambda process: process.environ().get(MARK) == str(started.data_dir), signal.SIGKILL, grace=5)


def test_each_program_connects_with_its_own_database_role(lasting: Up) -> None:
    assert lasting.visit()[0] == 200
    assert "'rollcall_app'" in lasting.visit()[1]
    assert "migrate  | migrated as rollcall_owner\n" in lasting.printed
    settings = "ROLLCALL_DATABASE_URL ROLLCALL_JWT_SECRET ROLLCALL_PUBLIC_URL ROLLCALL_REDIS_URL"
    assert f"api      | settings ROLLCALL_CREDENTIAL_KEY {settings}\n" in lasting.printed


def test_the_state_names_the_addresses_and_the_running_programs(lasting: Up) -> None:
    known = embedded.addresses(lasting.data_dir)
    assert known is not None
    assert (lasting.state.pid, lasting.state.api_url) == (lasting.process.pid, f"http://127.0.0.1:{lasting.port}")
    assert (lasting.state.database_url, lasting.state.redis_url) == (known.database_url, known.redis_url)
    assert [p.name for p in lasting.state.processes] == ["postgres", "redis", "worker", "sender", "api", "beat"]
    assert {p.pid for p in lasting.state.processes} <= {p.pid for p in lasting.family()}
    path = lasting.data_dir / "state.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert '"apiUrl"' in path.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_programs_in_order(up: Up, number: signal.Signals) -> None:
    assert within(10, lambda: "\nbeat     | settings" in up.printed), "stopped earlier, it could not print its goodbye"
    family = up.family()
    up.process.send_signal(number)
    assert up.process.wait(60) == 0
    assert len(family) > 6
    assert not [process for process in family if runs(process)]
    goodbyes = [line.split()[0] for line in up.printed.splitlines() if line.endswith("goodbye")]
    assert goodbyes == ["beat", "api", "sender", "worker"]
    assert "database system is shut down" in (up.data_dir / "postgres.log").read_text()
    assert read_state(up.data_dir) is None
    assert not (up.data_dir / "state.json").exists()


def test_a_second_up_is_refused_in_one_sentence(lasting: Up) -> None:
    with starting(lasting.data_dir) as second:
        assert second.process.wait(30) == 1
    assert second.printed == (
        f"Rollcall already runs on {lasting.data_dir} (process {lasting.process.pid}) at http://127.0.0.1:{lasting.port}.\n"
    )
    assert lasting.visit()[0] == 200


def test_a_taken_port_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        refused = Up(tmp_path / "data", squatter.getsockname()[1])
        assert refused.process.wait(30) == 1
    assert refused.printed == f"Port {refused.port} is already in use; choose another with --port.\n"
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_misspelt_setting_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with starting(tmp_path / "data", ROLLCALL_REDIS_ULR="redis://127.0.0.1:1") as refused:
        assert refused.process.wait(30) == 1
    assert refused.printed == "ROLLCALL_REDIS_ULR is not a setting of Rollcall. Did you mean ROLLCALL_REDIS_URL?\n"


@pytest.mark.parametrize("name", ["postgres", "redis", "worker", "sender", "api", "beat"])
def test_a_killed_program_is_restarted(lasting: Up, name: str) -> None:
    former = lasting.pid(name)
    assert former is not None
    lost = [psutil.Process(former), *psutil.Process(former).children(recursive=True)]
    lost[0].kill()
    assert within(30, lambda: lasting.pid(name) not in (None, former))
    assert within(30, lambda: lasting.visit()[0] == 200), lasting.printed
    assert not [process for process in lost if runs(process)]
    assert [p.name for p in lasting.state.processes] == ["postgres", "redis", "worker", "sender", "api", "beat"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed parent")
def test_children_die_with_a_killed_up(up: Up) -> None:
    children = psutil.Process(up.process.pid).children()
    up.process.kill()
    up.process.wait()
    assert len(children) == 6
    assert within(20, lambda: not any(runs(child) for child in children))
    assert read_state(up.data_dir) is None


def test_the_next_up_continues_after_kill_9_of_everything(up: Up) -> None:
    visits = up.visit()[1]
    for process in [psutil.Process(up.process.pid), *up.family()]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    up.process.wait()
    with starting(up.data_dir) as heir:
        heir.wait_ready()
        assert heir.visit()[0] == 200
        assert heir.visit()[1] > visits
        assert heir.state.database_url == embedded.EmbeddedPostgres(up.data_dir).url()


def test_processes_left_by_a_killed_up_are_ended_by_the_next(up: Up) -> None:
    worker = psutil.Process(up.pid("worker"))
    assert within(10, worker.children)
    (forked,) = worker.children()
    up.process.kill()
    up.process.wait()
    assert within(20, lambda: not runs(worker))
    assert runs(forked), "the kernel ended it, so the next `up` has nothing to end"
    with starting(up.data_dir) as heir:
        heir.wait_ready()
        assert not runs(forked)


def test_servers_named_by_the_settings_are_used(cluster: Cluster, tmp_path: Path) -> None:
    with (
        embedded.running(cluster.lay(tmp_path / "own")) as own,
        starting(
            tmp_path / "data",
            ROLLCALL_DATABASE_URL=own.owner_database_url,
            ROLLCALL_REDIS_URL=own.redis_url,
            ROLLCALL_JWT_SECRET="s" * 40,
            ROLLCALL_PUBLIC_URL="https://rollcall.example",
        ) as up,
    ):
        up.wait_ready()
        assert [p.name for p in up.state.processes] == ["worker", "sender", "api", "beat"]
        assert (up.state.database_url, up.state.redis_url) == (own.owner_database_url, own.redis_url)
        assert not (up.data_dir / "jwt-secret").exists()
        assert not (up.data_dir / "postgres").exists()
