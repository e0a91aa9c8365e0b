"""Kept connections for questions: single statements that only read, each sent from the event loop in one message.

PostgreSQL runs the statements of one message as one transaction. So a message that first sets the organization and
then asks takes one round trip instead of the four of a transaction, and the connection is free again after it. Written
with psycopg, because SQLAlchemy's async layer costs 2.5 times the processor time of its sync one, and async, because
changing to a thread and back takes longer than most questions.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

from psycopg import AsyncClientCursor, AsyncConnection, AsyncCursor, OperationalError
from psycopg.errors import InvalidSqlStatementName
from psycopg.pq import TransactionStatus
from sqlalchemy.exc import TimeoutError as PoolTimeout

Cursor = AsyncCursor[tuple[Any, ...]]
CURSOR: type[Any] = AsyncClientCursor
"""It puts the parameters into the statement, which a message of several statements needs."""


@dataclass(frozen=True)
class Question:
    """A read-only statement that runs so often that each connection keeps it prepared, under `name`.

    query: the statement, with parameters as `%(name)s`. parameters: their names and types. It is planned once for all
    parameters, because planning several tables under row-level security takes several times as long as running it. So
    use it only for queries for which the same indexes are best whatever the parameters. prepared: False for a cheap
    statement that must also work through a pooler that changes the session between two transactions.
    """

    name: str
    query: str
    parameters: Mapping[str, str]
    prepared: bool = True

    @cached_property
    def preparing(self) -> bytes:
        """The statement that prepares it on a connection."""
        places = {name: f"${n}" for n, name in enumerate(self.parameters, start=1)}
        return f"PREPARE {self.name} ({', '.join(self.parameters.values())}) AS {self.query % places}".encode()

    @cached_property
    def asking(self) -> bytes:
        """The statements that set the organization and run the query."""
        if not self.prepared:
            typed = {name: f"%({name})s::{kind}" for name, kind in self.parameters.items()}
            return f"SELECT set_config('rollcall.org', %(rollcall.org)s, true); {self.query % typed}".encode()
        return f"""SELECT set_config('rollcall.org', %(rollcall.org)s, true),
            set_config('plan_cache_mode', 'force_generic_plan', true);
            EXECUTE {self.name} ({", ".join(f"%({name})s" for name in self.parameters)})""".encode()


class _Turns:
    """A semaphore for several event loops. A server has one; in tests, requests at the same time have one each."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._lock = Lock()
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self, seconds: float) -> None:
        """Wait for a turn at most for so long. Raises sqlalchemy.exc.TimeoutError, as a pool does."""
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            with self._lock:
                given = turn not in self._waiting
                if not given:
                    self._waiting.remove(turn)
            if given:
                self.give()
            if isinstance(error, TimeoutError):
                raise PoolTimeout(f"no connection for a question within {seconds:g} s") from None
            raise

    def give(self) -> None:
        """Give a turn to whoever has waited longest."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            turn = self._waiting.popleft()
        turn.get_loop().call_soon_threadsafe(_begin, turn)


def _begin(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


class Kept:
    """Connections for questions. Each is opened when it is first needed, and kept.

    connect: opens one. at_once: how many questions are asked at a time. patience: seconds that one waits for its turn.
    """

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection]], at_once: int, patience: float) -> None:
        self._connect = connect
        self._turns, self._patience = _Turns(at_once), patience
        self.idle: list[AsyncConnection] = []

    async def ask(
        self, org_id: str | None, statements: bytes, parameters: Mapping[str, Any], preparing: bytes | None = None
    ) -> Cursor:
        """Send statements of which the last one asks, and return the cursor that stands at its answer.

        parameters: by their names in the statements, besides `rollcall.org`. preparing: prepares what the statements
        execute, on a connection that does not know it yet. Idle connections that have died are skipped. Raises
        sqlalchemy.exc.TimeoutError if none becomes free in time.
        """
        given = {**parameters, "rollcall.org": org_id or ""}
        await self._turns.take(self._patience)
        try:
            while True:
                known = bool(self.idle)
                connection = self.idle.pop() if known else await self._connect()
                try:
                    try:
                        cursor = await connection.execute(statements, given)
                    except InvalidSqlStatementName:
                        if preparing is None:
                            raise
                        await connection.execute(preparing)
                        cursor = await connection.execute(statements, given)
                    while cursor.nextset():
                        pass
                    return cursor
                except OperationalError:
                    if not (known and connection.closed):
                        raise
                finally:
                    if connection.info.transaction_status is TransactionStatus.IDLE:
                        self.idle.append(connection)
                    else:
                        await connection.close()
        finally:
            self._turns.give()

    def close(self) -> None:
        """Close every connection that is idle."""
        while self.idle:
            self.idle.pop().pgconn.finish()  # all that its async `close` does
