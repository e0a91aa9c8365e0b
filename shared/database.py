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
from datetime import datetime
from typing import Annotated, Any, ClassVar

import orjson
from psycopg import AsyncConnection
from sqlalchemy import DateTime, MetaData, Text, create_engine, event, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from shared import outages, reading
from shared.arrays import ArrayDumper
from shared.asking import CURSOR, Kept, Question

SERVING_ROLE = "rollcall_app"
"""The role of `api` and workers. It owns no table and does not bypass row-level security. Migrations create it."""

ASKED_AT_ONCE = 4
"""Connections of one `Database` for questions, besides its pool. A question takes a fraction of a millisecond."""

PATIENCE_SECONDS = 5.0
"""Time that a request waits for a connection before it is refused."""

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
            pool_timeout=PATIENCE_SECONDS,
            json_deserializer=orjson.loads,  # several times as fast as json, for reading thousands of events
            hide_parameters=True,  # error messages must not contain names and addresses
            connect_args=connect_args,
        )
        event.listen(self.engine, "connect", _serve_as_role)
        event.listen(self.engine, "handle_error", outages.as_operational, retval=True)
        self._connect_args = {**self.engine.dialect.create_connect_args(self.engine.url)[1], **connect_args}
        self.questions = Kept(self._connect, ASKED_AT_ONCE, PATIENCE_SECONDS)
        self._readings = Kept(self._connect, max(2, pool_size // 2), PATIENCE_SECONDS)

    @contextmanager
    def transaction(self, org_id: str | None) -> Iterator[Session]:
        """Open a transaction for one organization, or for none. It commits if the block does not raise."""
        with Session(self.engine, expire_on_commit=False, info={"org_id": org_id}) as db:
            yield db
            db.commit()

    def reading(self, org_id: str | None) -> Session:
        """Return a session that only reads, on the event loop, for one organization or for none: `shared.reading`."""
        return reading.reading(self.engine, self._readings, org_id)

    async def ask(self, org_id: str | None, question: Question, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Returns the rows that answer a question, in a transaction of its own for one organization, or for none."""
        cursor = await self.questions.ask(org_id, question.asking, parameters, question.preparing)
        return await cursor.fetchall()

    async def _connect(self) -> AsyncConnection:
        """Returns a new connection for questions. Raises UnsafeRole."""
        options = f"{self._connect_args['options']} -c default_transaction_read_only=on"
        connection = await AsyncConnection.connect(
            **{**self._connect_args, "options": options}, autocommit=True, cursor_factory=CURSOR
        )
        connection.adapters.register_dumper(list, ArrayDumper)
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
        self.questions.close()
        self._readings.close()


def current_org(db: Session) -> str:
    """Returns the id of the organization that this transaction works for. Raises LookupError if there is none."""
    org_id: str | None = db.info["org_id"]
    if org_id is None:
        raise LookupError("this transaction was opened without an organization")
    return org_id


def set_locally(db: Session, name: str, value: str) -> None:
    """Set a parameter of PostgreSQL for the rest of this transaction, or of this session that only reads."""
    if asked := db.info.get("asked"):
        asked.settings[name] = value
    else:
        db.execute(select(func.set_config(name, value, True)))


@event.listens_for(Session, "after_begin")
def _enter_organization(db: Session, _: object, connection: Any) -> None:
    """Set the organization for this transaction only: a plain SET would leak through the pool into the next one."""
    if (org_id := db.info.get("org_id")) and "asked" not in db.info:
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
