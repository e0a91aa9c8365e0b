"""Sessions that only read, on the event loop: the verbs of a `GET` use them as they use the session of a transaction.

Each statement is one message (`shared.asking`), so a request holds no thread and, between its statements, no
connection. In the isolation level that Rollcall uses, READ COMMITTED, every statement of a transaction sees what is
committed when it begins; so statements that only read see the same with and without a transaction around them.

SQLAlchemy's own async engine was weighed. It holds a connection and a transaction from the first statement to the end,
which are four round trips for one statement, and costs 2.5 times the processor time of its sync engine. What is used of
it is the way in which sync code waits for the event loop (`greenlet_spawn`, `await_only`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session, class_mapper
from sqlalchemy.util import await_only, greenlet_spawn

from shared.asking import Kept

Found = TypeVar("Found")
Entity = TypeVar("Entity")


async def on_loop(function: Callable[..., Found], **kwargs: Any) -> Found:
    """Call a sync function on the event loop. While its session waits for PostgreSQL, the loop does other work."""
    found: Found = await greenlet_spawn(function, **kwargs)
    return found


def reading(engine: Engine, kept: Kept, org_id: str | None) -> Session:
    """Return a session that only reads. It can be used in a function that `on_loop` calls.

    engine: gives the dialect and the listeners. PostgreSQL refuses every write, and locks of rows.
    """
    asked = _Asked(kept, org_id)
    connection = Connection(engine, asked)  # type: ignore[arg-type]
    return Session(connection, expire_on_commit=False, autoflush=False, info={"org_id": org_id, "asked": asked})


def detached(entity: type[Entity], values: Iterable[tuple[str, Any]]) -> Entity:
    """Return an entity that belongs to no session, with these values of its columns.

    It is made as the ORM makes one from a row, without the constructor, which looks at each value.
    """
    made: Entity = class_mapper(entity).class_manager.new_instance()
    made.__dict__.update(values)
    return made


class _Asked:
    """Stands for a connection of SQLAlchemy's pool. It keeps nothing open, so there is nothing to end."""

    closed = broken = False
    is_valid = True

    def __init__(self, kept: Kept, org_id: str | None) -> None:
        self.kept, self.org_id = kept, org_id
        self.dbapi_connection = self.driver_connection = self
        self.info: dict[str, Any] = {}
        self.settings: dict[str, str] = {}

    def cursor(self) -> "_Cursor":
        return _Cursor(self)

    def commit(self) -> None:
        pass

    rollback = close = commit

    def invalidate(self, _: BaseException | None = None) -> None:
        pass


class _Cursor:
    """The cursor of one statement. It reads the whole answer at once."""

    description: Any = None
    rowcount = -1
    arraysize = 1

    def __init__(self, connection: _Asked) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> None:
        """Ask, and wait for the answer."""
        settings = "".join(f", set_config('{name}', '{to}', true)" for name, to in self._connection.settings.items())
        message = f"SELECT set_config('rollcall.org', %(rollcall.org)s, true){settings};{statement}"
        await_only(self._ask(message.encode(), parameters))

    async def _ask(self, message: bytes, parameters: Mapping[str, Any]) -> None:
        found = await self._connection.kept.ask(self._connection.org_id, message, parameters)
        self.description, self.rowcount = found.description, found.rowcount
        self._rows = await found.fetchall() if found.description else []

    def fetchall(self) -> Sequence[tuple[Any, ...]]:
        rows, self._rows = self._rows, []
        return rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = None) -> Sequence[tuple[Any, ...]]:
        size = size or self.arraysize
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def close(self) -> None:
        self._rows = []
