"""Sessions that only read, on the event loop: the verbs of a `GET` use them as they use the session of a transaction.

Each statement is one message (`shared.asking`), so a request holds no thread and, between its statements, no
connection. In the isolation level that Rollcall uses, READ COMMITTED, every statement of a transaction sees what is
committed when it begins; so statements that only read see the same with and without a transaction around them.

SQLAlchemy's own async engine was weighed. It holds a connection and a transaction from the first statement to the end,
which are four round trips for one statement, and costs 2.5 times the processor time of its sync engine. What is used of
it is the way in which sync code waits for the event loop (`greenlet_spawn`, `await_only`).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Self, TypeVar, cast

from sqlalchemy import Select, select
from sqlalchemy.engine import Connection, Engine, Result, ScalarResult
from sqlalchemy.orm import Session, class_mapper
from sqlalchemy.util import await_only, greenlet_spawn

from shared import shapes
from shared.asking import Cursor, Kept

Found = TypeVar("Found")


async def on_loop(function: Callable[..., Found], **kwargs: Any) -> Found:
    """Call a sync function on the event loop. While its session waits for PostgreSQL, the loop does other work."""
    found: Found = await greenlet_spawn(function, **kwargs)
    return found


def reading(engine: Engine, kept: Kept, org_id: str | None) -> Session:
    """Return a session that only reads. It can be used in a function that `on_loop` calls.

    engine: gives the dialect and the listeners. PostgreSQL refuses every write, and locks of rows.
    """
    return cast("Session", _Reading(engine, _Asked(kept, org_id)))


class _Reading:
    """A session without the parts that write. Its entities are to read only (`shared.shapes`).

    SQLAlchemy's own session takes longer to make and to close than many requests take for all else.
    """

    def __init__(self, engine: Engine, asked: "_Asked") -> None:
        self._engine, self._asked = engine, asked
        self._connection: Connection | None = None
        self.info: dict[Any, Any] = {"org_id": asked.org_id, "asked": asked}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.rollback()

    def connection(self) -> Connection:
        """Return the connection that stands for messages."""
        if self._connection is None:
            self._connection = Connection(self._engine, self._asked)  # type: ignore[arg-type]
        return self._connection

    def execute(self, statement: Any, params: Mapping[str, Any] | None = None) -> Result[*tuple[Any, ...]]:
        """Return the rows of a statement."""
        if isinstance(statement, Select) and params is None:
            return shapes.execute(self.connection(), statement)
        return self.connection().execute(statement, params)

    def scalars(self, statement: Any, params: Mapping[str, Any] | None = None) -> ScalarResult[Any]:
        """Return the first column of each row."""
        return self.execute(statement, params).scalars()

    def scalar(self, statement: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return the first column of the first row, None without a row."""
        return self.execute(statement, params).scalar()

    def get(self, entity: type[Any], key: Any, **_: Any) -> Any:
        """Return the entity with this primary key, None if there is none."""
        columns, values = class_mapper(entity).primary_key, key if isinstance(key, tuple) else (key,)
        found = select(entity).where(*(column == value for column, value in zip(columns, values, strict=True)))
        return self.execute(found).scalar_one_or_none()


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


class _Columns(Sequence[Any]):
    """The description of an answer's columns, made when it is looked at: SQLAlchemy does so once for each statement."""

    def __init__(self, answered: Cursor) -> None:
        self._answered = answered

    @cached_property
    def _all(self) -> Sequence[Any]:
        return self._answered.description or ()

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, number: Any) -> Any:
        return self._all[number]


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
        self.rowcount, has_rows = found.rowcount, found.pgresult is not None and found.pgresult.nfields > 0
        self.description = _Columns(found) if has_rows else None
        self._rows = await found.fetchall() if has_rows else []

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
