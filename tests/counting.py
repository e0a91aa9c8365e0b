"""Entries that PostgreSQL reads from tables and indexes, in its own count: the cost of a request or a step in rows.

A table counts the rows of sequential scans, an index the entries of scans of that index. Unlike the time or the
estimates of a plan, these numbers depend on nothing but the plan and the data.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from shared.asking import Cursor, Kept

_READ = """
    SELECT coalesce(indrelid::regclass || '.', '') || relname, pg_stat_get_xact_tuples_returned(pg_class.oid)
    FROM pg_class LEFT JOIN pg_index ON indexrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')"""


@dataclass
class Reads:
    """The number of entries by `table`, and by `table.index`."""

    entries: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Returns the number of entries."""
        return self.entries.total()

    def of(self, *tables: str) -> int:
        """Returns the number of entries of these tables and their indexes."""
        return sum(number for name, number in self.entries.items() if name.partition(".")[0] in tables)

    def __str__(self) -> str:
        return ", ".join(f"{name} {number}" for name, number in self.entries.most_common(5))


@contextmanager
def reading(*engines: Engine) -> Iterator[Reads]:
    """Count what the transactions of these engines read that begin and commit during the block.

    A request that only reads has no transaction: each of its messages is counted, and sent again for its answer.
    """
    reads, ask = Reads(), Kept.ask
    before: dict[int, dict[str, int]] = {}

    def begin(connection: Connection) -> None:
        before[id(connection)] = _read(connection)

    def commit(connection: Connection) -> None:  # nothing is counted of a transaction that is rolled back
        reads.entries.update(_read(connection))
        reads.entries.subtract(before.pop(id(connection), {}))

    async def asked(
        self: Kept, org_id: str | None, statements: bytes, parameters: Mapping[str, Any], preparing: bytes | None = None
    ) -> Cursor:
        look = _READ.encode()
        counted = await ask(self, org_id, b"%b; %b; %b" % (look, statements, look), parameters, preparing)
        reads.entries.update(dict(await counted.fetchall()))
        await counted.set_result(0)
        reads.entries.subtract(dict(await counted.fetchall()))
        return await ask(self, org_id, statements, parameters, preparing)

    for engine in engines:
        event.listen(engine, "begin", begin)
        event.listen(engine, "commit", commit)
    Kept.ask = asked  # type: ignore[method-assign]
    try:
        yield reads
    finally:
        Kept.ask = ask  # type: ignore[method-assign]
        for engine in engines:
            event.remove(engine, "begin", begin)
            event.remove(engine, "commit", commit)


@contextmanager
def reading_in(db: Session) -> Iterator[Reads]:
    """Count what this transaction reads during the block."""
    reads, before = Reads(), _read(db.connection())
    yield reads
    reads.entries.update(_read(db.connection()))
    reads.entries.subtract(before)


def _read(connection: Connection) -> dict[str, int]:
    return {name: number for name, number in connection.exec_driver_sql(_READ) if number}
