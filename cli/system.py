"""Finds the system that a command works on: the one that the settings name, or the one in a data directory.

The system of a data directory runs while `rollcall up` runs on it. Otherwise it is stopped, and a command that needs
its database starts the embedded PostgreSQL for as long as the command takes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cli.embedded import OWNER, EmbeddedPostgres, EmbeddedRedis, credential_key, hold, jwt_secret
from cli.processes import CannotStart
from cli.up import State, read_state
from shared import settings
from shared.settings import Settings

if TYPE_CHECKING:  # a command that needs only addresses, such as `rollcall beat`, starts without SQLAlchemy
    from shared.database import Database

DEFAULT_DATA_DIR = Path(".rollcall")

PROCESS_SETTINGS = tuple(
    settings.PREFIX + name for name in ("LOG_FORMAT", "LOG_LEVEL", "API_POOL_SIZE", "WORKER_CONCURRENCY")
)
"""Settings that a process may have for itself: they decide nothing that is planned, recorded or sent."""


class NoSystem(Exception):
    """There is no system, or it is stopped. Its text is a sentence for the user with the next step."""


@dataclass(frozen=True)
class System:
    """The system that a command works on.

    settings: those in force. environment: the variables among them that the data directory supplies.
    data_dir: that of an embedded system. state: the processes running on it. postgres: its own PostgreSQL, if any.
    """

    settings: Settings
    environment: dict[str, str] = field(default_factory=dict)
    data_dir: Path | None = None
    state: State | None = None
    postgres: EmbeddedPostgres | None = None

    @property
    def api_url(self) -> str:
        """The API's address: that of the running `rollcall up`, else ROLLCALL_PUBLIC_URL."""
        return self.state.api_url if self.state else self.settings.public_url

    @property
    def stopped(self) -> bool:
        """True for an embedded system on which no `rollcall up` runs."""
        return self.data_dir is not None and self.state is None

    @property
    def owner_url(self) -> str:
        """The database's address as its owner, the only role that may migrate."""
        return self.postgres.url(OWNER) if self.postgres else self.settings.need_database_url()

    @contextmanager
    def database_running(self) -> Iterator[str]:
        """Yields the database's address as the serving role, reachable while the block runs.

        Starts and migrates a stopped embedded PostgreSQL, as `rollcall up` would. Raises CannotStart.
        """
        if self.data_dir is None or self.postgres is None or not self.stopped:
            yield self.settings.need_database_url()
            return
        import migrations
        from migrations import finishing

        with hold(self.data_dir):
            try:
                self.postgres.start()
                try:
                    migrations.upgrade(self.owner_url, self.settings.features)
                except migrations.LaterRelease as error:
                    raise CannotStart(str(error)) from None
                finishing.finish(self.owner_url)
                yield self.postgres.url()  # read only now: start() chooses another port if the remembered one is taken
            finally:
                self.postgres.stop()

    @contextmanager
    def database(self) -> Iterator["Database"]:
        """Opens the database as the serving role. Raises CannotStart, BadSettings."""
        from shared.database import Database

        with self.database_running() as url:
            opened = Database(url, name="cli", pool_size=1)
            try:
                yield opened
            finally:
                opened.close()

    def export(self) -> None:
        """Put the system's settings into this process's environment. Raises NoSystem if the system is stopped."""
        if self.stopped:
            raise NoSystem(f"The system in {self.data_dir} is stopped; start all of it with `rollcall up`.")
        if self.state and self.state.settings:
            for name in settings.names(os.environ):
                del os.environ[name]
        os.environ.update(self.environment)
        settings.current.cache_clear()


def find(data_dir: Path | None) -> System:
    """Returns the system in `data_dir`, else the one that the settings name, else the one in `.rollcall`.

    Raises NoSystem, BadSettings.
    """
    if data_dir is None:
        given = settings.read()
        if given.database_url:
            return System(given)
        data_dir = DEFAULT_DATA_DIR
    found = _embedded(data_dir)
    if found is None:
        where = "here" if data_dir == DEFAULT_DATA_DIR else f"in {data_dir}"
        raise NoSystem(
            f"There is no Rollcall system {where}. Create one with `rollcall up`, name its folder with --data-dir, "
            "or set ROLLCALL_DATABASE_URL and ROLLCALL_REDIS_URL to use your own servers."
        )
    return found


def _embedded(data_dir: Path) -> System | None:
    """Returns the system of a data directory, or None if there is none.

    A running `rollcall up` supplies all settings, so that one more worker plans and sends as its own do. Only what is a
    process's own may be set here: the log and the sizes. For a resting system its addresses override our settings,
    which may belong to another system.
    """
    if not data_dir.is_dir():
        return None
    given, state = settings.read(), read_state(data_dir)
    postgres, redis = EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)
    ours: dict[str, str] = {}
    if state and state.settings:
        ours = state.settings | {name: os.environ[name] for name in PROCESS_SETTINGS if name in os.environ}
        given = settings.read(ours)
    elif state:
        ours = {"ROLLCALL_DATABASE_URL": state.database_url, "ROLLCALL_REDIS_URL": state.redis_url}
        ours["ROLLCALL_PUBLIC_URL"] = os.environ.get("ROLLCALL_PUBLIC_URL") or state.api_url
    else:
        ours |= {"ROLLCALL_DATABASE_URL": postgres.url()} if postgres.remembered() else {}
        ours |= {"ROLLCALL_REDIS_URL": redis.url} if redis.remembered() else {}
    if not given.database_url and "ROLLCALL_DATABASE_URL" not in ours:
        return None
    if not given.jwt_secret and not given.jwks_url:
        ours["ROLLCALL_JWT_SECRET"] = jwt_secret(data_dir)
    if not given.credential_key:
        ours["ROLLCALL_CREDENTIAL_KEY"] = credential_key(data_dir)
    running = state is not None and bool(state.settings)
    read = settings.read(ours if running else {**os.environ, **ours})
    own = postgres.remembered() is not None and postgres.url() == read.database_url
    return System(read, ours, data_dir, state, postgres if own else None)
