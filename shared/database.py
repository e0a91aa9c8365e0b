"""All access to PostgreSQL: connection pools, transactions, and the organization that a transaction works for.

Only this module commits. A request or a task opens `Database.transaction(org)`; the block is one transaction, which
commits at its end. The organization is set for that transaction alone (`SET LOCAL`), and row-level security shows and
accepts only its rows. Without an organization it shows no rows of any.
"""

import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar

import anyio
import orjson
from psycopg import AsyncClientCursor, AsyncConnection, OperationalError
from psycopg.errors import InvalidSqlStatementName
from psycopg.pq import TransactionStatus
from sqlalchemy import DateTime, MetaData, Text, create_engine, event, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from shared import outages
from shared.arrays import ArrayDumper

SERVING_ROLE = "rollcall_app"
"""The role of `api` and workers. It owns no table and does not bypass row-level security. Migrations create it."""

ASKED_AT_ONCE = 4
"""Connections of one `Database` for questions, besides its pool. A question takes a fraction of a millisecond."""

ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
"""The form of ids from other systems: organizations, parties, folders, members."""

ExternalId = Annotated[str, mapped_column(Text(collation="C"))]
"""Collation "C" is byte order, so Python and PostgreSQL sort recipients alike whatever the database's locale."""

Uuid7 = Annotated[uuid.UUID, mapped_column(server_default=func.uuidv7())]


class Base(DeclarativeBase):
    """The base class of every table. `shared/tables.py` collects the tables for migrations and tests."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        str: Text(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(),
        list[dict[str, Any]]: JSONB(),
        list[str]: ARRAY(Text(collation="C")),
    }


class Tenant:
    """A table whose rows each belong to one organization: `org_id` leads its key, row-level security guards it."""

    org_id: Mapped[ExternalId] = mapped_column(primary_key=True, sort_order=-1)


class UnsafeRole(Exception):
    """The connection would bypass row-level security. The message is one sentence that says what to do."""


class Database:
    """A pool of connections in the role `SERVING_ROLE`, with the timeouts of one kind of process.

    statement_timeout, lock_timeout: seconds after which PostgreSQL aborts a statement, so that a bad query or a frozen
    process that holds locks costs a bounded time. idle_timeout: seconds after which PostgreSQL ends an idle
    transaction, which releases the locks of a frozen process.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        pool_size: int = 5,
        statement_timeout: float = 20,
        lock_timeout: float = 10,
        idle_timeout: float = 30,
    ) -> None:
        options = {
            "statement_timeout": int(statement_timeout * 1000),
            "lock_timeout": int(lock_timeout * 1000),
            "idle_in_transaction_session_timeout": int(idle_timeout * 1000),
            "timezone": "UTC",
        }
        connect_args: dict[str, Any] = {
            "application_name": f"rollcall {name}",
            "connect_timeout": 5,
            "options": " ".join(f"-c {key}={value}" for key, value in options.items()),
            "prepare_threshold": sys.maxsize,  # each statement is planned for its parameters: decisions/0016
        }
        self.engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            json_deserializer=orjson.loads,  # several times as fast as json, for reading thousands of events
            hide_parameters=True,  # error messages must not contain names and addresses
            connect_args=connect_args,
        )
        event.listen(self.engine, "connect", _serve_as_role)
        event.listen(self.engine, "handle_error", outages.as_operational, retval=True)
        self._connect_args = {**self.engine.dialect.create_connect_args(self.engine.url)[1], **connect_args}
        self._idle: list[AsyncConnection] = []
        self._places = anyio.Semaphore(ASKED_AT_ONCE, fast_acquire=True)

    @contextmanager
    def transaction(self, org_id: str | None) -> Iterator[Session]:
        """Open a transaction for one organization, or for none. It commits if the block does not raise."""
        with Session(self.engine, expire_on_commit=False, info={"org_id": org_id}) as db:
            yield db
            db.commit()

    async def ask(
        self, org_id: str | None, question: "Question", parameters: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Returns the rows that answer a question, in a transaction of its own for one organization, or for none.

        This takes one round trip instead of the four of a transaction. PostgreSQL runs the statements of one message as
        one transaction, so the organization that the first statement sets is unset after the last. It is written with
        psycopg because SQLAlchemy's async layer costs 2.5 times the processor time of its sync one, and it is async
        because switching to a thread takes longer than the query. Idle connections that have died are skipped.
        """
        async with self._places:
            while True:
                kept = bool(self._idle)
                connection = self._idle.pop() if kept else await self._connect()
                try:
                    return await _asked(connection, org_id, question, parameters)
                except OperationalError:
                    if not (kept and connection.closed):
                        raise
                finally:
                    if connection.info.transaction_status is TransactionStatus.IDLE:
                        self._idle.append(connection)
                    else:
                        await connection.close()

    async def _connect(self) -> AsyncConnection:
        """Returns a new connection for questions. Raises UnsafeRole."""
        connection = await AsyncConnection.connect(
            **self._connect_args, autocommit=True, cursor_factory=AsyncClientCursor
        )
        try:
            await connection.execute(f"SET ROLE {SERVING_ROLE}")
            role = await (await connection.execute(_POWERS)).fetchone()
            _refuse_powers(role)
        except BaseException:
            await connection.close()
            raise
        return connection

    def time(self) -> datetime:
        """Returns the time of the database's clock."""
        with self.transaction(None) as db:
            return db.scalars(select(func.clock_timestamp(type_=DateTime(timezone=True)))).one()

    def note(self, org_id: str, *statements: tuple[str, Mapping[str, Any]]) -> None:
        """Run statements that write, each with its parameters, in one round trip and without waiting for the disk.

        Only for writes that may be lost if PostgreSQL itself crashes within a second; nothing else loses them. The
        statements go as a pipeline, which without BEGIN is one transaction. They stay prepared: their arrays are short.
        """
        with self._autocommitting() as connection, connection.pipeline():
            connection.execute(
                "SELECT set_config('rollcall.org', %s, true), set_config('synchronous_commit', 'off', true)", (org_id,)
            )
            for statement, parameters in statements:
                connection.execute(statement, parameters, prepare=True)

    @contextmanager
    def _autocommitting(self) -> Iterator[Any]:
        """Borrow a connection of the pool that sends no BEGIN by itself."""
        pooled = self.engine.raw_connection()
        try:
            connection: Any = pooled.driver_connection
            connection.autocommit = True
            try:
                yield connection
            finally:
                connection.autocommit = False
        except outages.MISTAKEN_FOR_BUGS as error:
            pooled.invalidate(error)
            raise
        finally:
            pooled.close()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        while self._idle:
            self._idle.pop().pgconn.finish()  # all that its async `close` does


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


async def _asked(
    connection: AsyncConnection, org_id: str | None, question: Question, parameters: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Run the question on a connection, and prepare it first if it is not prepared there yet."""
    given = {**parameters, "rollcall.org": org_id or ""}
    try:
        cursor = await connection.execute(question.asking, given)
    except InvalidSqlStatementName:
        await connection.execute(question.preparing)
        cursor = await connection.execute(question.asking, given)
    cursor.nextset()
    return await cursor.fetchall()


def current_org(db: Session) -> str:
    """Returns the id of the organization that this transaction works for. Raises LookupError if there is none."""
    org_id: str | None = db.info["org_id"]
    if org_id is None:
        raise LookupError("this transaction was opened without an organization")
    return org_id


@event.listens_for(Session, "after_begin")
def _enter_organization(db: Session, _: object, connection: Any) -> None:
    """Set the organization for this transaction only: a plain SET would leak through the pool into the next one."""
    if org_id := db.info.get("org_id"):
        connection.execute(text("SELECT set_config('rollcall.org', :org, true)"), {"org": org_id})


def _serve_as_role(connection: Any, _: object) -> None:
    """Switch a new connection to the serving role. Raises UnsafeRole if row-level security does not bind that role."""
    connection.adapters.register_dumper(list, ArrayDumper)
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"SET ROLE {SERVING_ROLE}")
        except Exception as error:
            connection.rollback()
            raise UnsafeRole(
                f"The database has no role {SERVING_ROLE} to serve as ({type(error).__name__}); run `rollcall migrate`."
            ) from error
        cursor.execute(_POWERS)
        _refuse_powers(cursor.fetchone())
    connection.commit()


_POWERS = b"""SELECT rolsuper OR rolbypassrls OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)
    FROM pg_roles WHERE rolname = current_user"""


def _refuse_powers(role: Any) -> None:
    if role is None or role[0]:
        raise UnsafeRole(f"The role {SERVING_ROLE} bypasses row-level security or owns tables; it must do neither.")


def is_external_id(value: str) -> bool:
    """True if the string has the form of an id from another system."""
    return re.match(ID_PATTERN, value) is not None and "\n" not in value
