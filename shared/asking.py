"""Kept connections for questions: single statements that only read, each sent from the event loop in one message.

PostgreSQL runs the statements of one message as one transaction. So a message that first sets the organization and
then asks takes one round trip instead of the four of a transaction, and the connection is free again after it. Written
with psycopg, because SQLAlchemy's async layer costs 2.5 times the processor time of its sync one, and async, because
changing to a thread and back takes longer than most questions.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import anyio
from anyio.lowlevel import RunVar
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


class Kept:
    """Connections for questions. Each is opened when it is first needed, and kept.

    connect: opens one. at_once: how many questions are asked at a time. patience: seconds that one waits for its turn.
    """

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection]], at_once: int, patience: float) -> None:
        self._connect = connect
        self._at_once, self._patience = at_once, patience
        self._turns: RunVar[anyio.Semaphore] = RunVar("turns")  # of an event loop: tests have several
        self.idle: list[AsyncConnection] = []

    async def ask(
        self, org_id: str | None, statements: bytes, parameters: Mapping[str, Any], preparing: bytes | None = None
    ) -> Cursor:
        """Send statements of which the last one asks, and return the cursor that stands at its answer.

        parameters: by their names in the statements, besides `rollcall.org`. preparing: prepares what the statements
        execute, on a connection that does not know it yet. Idle connections that have died are skipped. Raises
        sqlalchemy.exc.TimeoutError, as a pool does, if no connection becomes free in time.
        """
        given = {**parameters, "rollcall.org": org_id or ""}
        turns = await self._turn()
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
            turns.release()

    async def _turn(self) -> anyio.Semaphore:
        """Take a turn, and return what releases it."""
        turns = self._turns.get(None)
        if turns is None:
            turns = anyio.Semaphore(self._at_once, fast_acquire=True)
            self._turns.set(turns)
        try:
            turns.acquire_nowait()
        except anyio.WouldBlock:
            try:
                with anyio.fail_after(self._patience):
                    await turns.acquire()
            except TimeoutError:
                raise PoolTimeout(f"no connection for a question within {self._patience:g} s") from None
        return turns

    def close(self) -> None:
        """Close every connection that is idle."""
        while self.idle:
            self.idle.pop().pgconn.finish()  # all that its async `close` does
