"""Finding the system that a command is about: the one that the settings name, or the one in a data directory.

An embedded system runs while `rollcall up` does and rests otherwise. What a command needs of a resting one is its
PostgreSQL, which then starts for as long as the command takes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cli.embedded import OWNER, EmbeddedPostgres, EmbeddedRedis, credential_key, hold, jwt_secret
from cli.up import State, read_state
from shared import settings
from shared.settings import Settings

if TYPE_CHECKING:  # who only asks where a system is, as `rollcall beat` does, starts without SQLAlchemy
    from shared.database import Database

DEFAULT_DATA_DIR = Path(".rollcall")


class NoSystem(Exception):
    """There is nothing for a command to work on. Its text is one sentence with the next step."""


@dataclass(frozen=True)
class System:
    """What a command works on.

    settings: those in force. environment: the variables among them that the data directory supplies.
    data_dir: where an embedded system lives. state: what runs there. postgres: its own PostgreSQL, if it has one.
    """

    settings: Settings
    environment: dict[str, str] = field(default_factory=dict)
    data_dir: Path | None = None
    state: State | None = None
    postgres: EmbeddedPostgres | None = None

    @property
    def api_url(self) -> str:
        """Where the API answers, as far as is known here."""
        return self.state.api_url if self.state else self.settings.public_url

    @property
    def resting(self) -> bool:
        """Whether it is an embedded system that nobody runs."""
        return self.data_dir is not None and self.state is None

    @property
    def owner_url(self) -> str:
        """The database as its owner, who alone may migrate."""
        return self.postgres.url(OWNER) if self.postgres else self.settings.need_database_url()

    @contextmanager
    def awake(self) -> Iterator[str]:
        """The address to serve from, reachable for as long as the block lasts.

        A resting PostgreSQL is started and brought up to date, as `rollcall up` would. Raises CannotStart.
        """
        if self.data_dir is None or self.postgres is None or not self.resting:
            yield self.settings.need_database_url()
            return
        import migrations

        with hold(self.data_dir):
            try:
                self.postgres.start()
                migrations.upgrade(self.owner_url, self.settings.features)
                yield self.postgres.url()  # asked only now: its former port may be somebody else's meanwhile
            finally:
                self.postgres.stop()

    @contextmanager
    def database(self) -> Iterator["Database"]:
        """The database, opened as the serving role. Raises CannotStart, BadSettings."""
        from shared.database import Database

        with self.awake() as url:
            opened = Database(url, name="cli", pool_size=1)
            try:
                yield opened
            finally:
                opened.close()

    def export(self) -> None:
        """Make the system's settings those of this process and of what it starts. Raises NoSystem for a resting one."""
        if self.resting:
            raise NoSystem(f"The Rollcall in {self.data_dir} is not running; `rollcall up` starts all of it.")
        os.environ.update(self.environment)
        settings.current.cache_clear()


def find(data_dir: Path | None) -> System:
    """The system in `data_dir`, else the one that the settings name, else the one in `.rollcall`.

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
            f"There is no Rollcall {where}: `rollcall up` makes one, --data-dir says where one is, "
            "and ROLLCALL_DATABASE_URL and ROLLCALL_REDIS_URL name servers of your own."
        )
    return found


def _embedded(data_dir: Path) -> System | None:
    """The system of a data directory, or None where it has none.

    What is there goes before the settings of this process, which may be about another system.
    """
    if not data_dir.is_dir():
        return None
    given, state = settings.read(), read_state(data_dir)
    postgres, redis = EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)
    ours: dict[str, str] = {}
    if state:
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
    read = settings.read({**os.environ, **ours})
    own = postgres.remembered() is not None and postgres.url() == read.database_url
    return System(read, ours, data_dir, state, postgres if own else None)
