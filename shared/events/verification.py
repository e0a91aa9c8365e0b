"""Verifying an organization's whole hash chain: was an event altered, and where?

`chain.py` builds the chain that is verified here. Of events that are not sealed yet only the numbers can be checked.
The owner of the tables can alter events and seal them again; only a head written down elsewhere reveals that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import itemgetter

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.events.chain import ROWS_A_FETCH, START, Sealable, canonical, in_order, link
from shared.events.models import EventSeal
from shared.events.queries import head

MOST_PLACES = 5

Seal = Row[int, int, str, datetime]
"""First and last sequence, hash, and when it was sealed."""


class FindingKind(StrEnum):
    """The ways in which a chain can be wrong."""

    DELETED = "deleted"  # a number is missing between others, or before the first
    CUT_OFF = "cut-off"  # numbers are missing at the end: the counter, a seal or a head written down has a higher one
    ADDED = "added"  # an event has a number that the counter never gave out
    ALTERED = "altered"  # events of a block were edited or moved: they do not match the hash of their seal
    SEAL = "seal"  # a seal was removed or altered
    REWRITTEN = "rewritten"  # the chain matches its seals, but not the head that was written down


@dataclass(frozen=True)
class Finding:
    """One fault, of events `first` to `last` or of some among them. detail: a sentence."""

    kind: FindingKind
    first: int
    last: int
    detail: str


@dataclass(frozen=True)
class Expected:
    """A head that was written down where the owner of the tables cannot alter it. By default the start of the chain.

    root: of the tree, if it was written down too.
    """

    sequence: int = 0
    hash: str = START
    root: str | None = None


@dataclass(frozen=True)
class _Block:
    """The events of one seal. disorder: the first few events whose id is older than the id of the event before."""

    first: int
    last: int
    sealed_at: datetime
    disorder: list[int]


class Verification:
    """One pass over all events and their seals, as they are at one moment, in flat memory.

    Create it first in a transaction, which it makes read-only. `findings` can be iterated once. Afterwards `count` is
    the number of events, `sequence` and `hash` are those of the last event, and `sealed` is the last sealed sequence.
    """

    def __init__(self, db: Session, expected: Expected | None = None) -> None:
        db.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        self._db = db
        self._expected = expected or Expected()
        self.counter = head(db)
        self.count = self.sequence = self.sealed = 0
        self._tips = [START]  # the computed hash and, after a block that does not match its seal, also the seal's
        self._doubted: _Block | None = None  # does not match its seal: the next seal shows which of the two was altered
        self._disorder: list[int] = []
        self._id_millisecond = 0
        self._last_deleted = 0

    @property
    def hash(self) -> str:
        """The hash of the last event read."""
        return self._tips[0]

    def findings(self, tell: Callable[[int], None] = lambda _: None) -> Iterator[Finding]:
        """Yields each fault as soon as it is certain. tell: called with the number of events read, every thousand."""
        seals = self._seals()
        seal = next(seals, None)
        for event in in_order(self._db):
            while seal is not None and seal.last_sequence < event.sequence:
                yield from self._close_block(seal)
                seal = next(seals, None)
            yield from self._compare()
            yield from self._read(event)
            if self.count % ROWS_A_FETCH == 0:
                tell(self.count)
        while seal is not None:
            yield from self._close_block(seal)
            seal = next(seals, None)
        yield from self._compare()
        yield from self._end()
        tell(self.count)

    def _seals(self) -> Iterator[Seal]:
        seals = (
            select(EventSeal.first_sequence, EventSeal.last_sequence, EventSeal.hash, EventSeal.sealed_at)
            .where(EventSeal.org_id == current_org(self._db))
            .order_by(EventSeal.last_sequence)
        )
        yield from self._db.execute(seals, execution_options={"yield_per": ROWS_A_FETCH})

    def _read(self, event: Sealable) -> Iterator[Finding]:
        """Check the number of the next event and chain its hash."""
        number: int = event.sequence
        if number <= self.sequence:
            yield Finding(FindingKind.ADDED, number, number, f"Event {number} was added: the first number is 1.")
            return
        if number > self.sequence + 1:
            first, self._last_deleted = self.sequence + 1, number - 1
            detail = f"{were(first, self._last_deleted)} deleted."
            yield Finding(FindingKind.DELETED, first, self._last_deleted, detail)
        id_millisecond = event.id.int >> 80  # a UUIDv7 begins with its milliseconds
        if id_millisecond < self._id_millisecond and len(self._disorder) < MOST_PLACES:
            self._disorder.append(number)
        form = canonical(event)
        self._tips = [link(tip, form) for tip in self._tips]
        self._id_millisecond, self.sequence, self.count = id_millisecond, number, self.count + 1

    def _close_block(self, seal: Seal) -> Iterator[Finding]:
        """Compare the events since the last seal with this seal."""
        first, last, kept, sealed_at = seal
        block = _Block(self.sealed + 1, last, sealed_at, self._disorder)
        self.sealed, self._disorder = last, []
        if first != block.first:
            detail = f"The seal that ends at {last} begins at {first} where {block.first} would follow"
            detail += ": the one before it was removed, or it was altered."
            yield Finding(FindingKind.SEAL, block.first, last, detail)
        yield from self._settle_doubt(kept)
        if kept in self._tips:
            return
        self._tips = [self.hash, kept]
        if self.sequence == last and self._last_deleted < block.first:  # otherwise the deletion explains it
            self._doubted = block

    def _settle_doubt(self, next_hash: str | None) -> Iterator[Finding]:
        """Decide if a block that did not match its seal was altered, or the seal. next_hash: of the seal after it."""
        block, self._doubted = self._doubted, None
        if block is None:
            return
        if next_hash == self.hash:
            detail = f"The seal of {events_named(block.first, block.last)} was altered: they fit the seal after it."
            yield Finding(FindingKind.SEAL, block.first, block.last, detail)
            return
        some = "E" if block.first == block.last else "At least one of e"
        detail = f"{some}{events_named(block.first, block.last)[1:]}, sealed at {block.sealed_at:%Y-%m-%dT%H:%M:%SZ}, "
        detail += "was edited or moved" + ("." if next_hash in self._tips else ", or else their seal was altered.")
        if block.disorder:  # ids follow the order of events, unless a clock was set back
            detail += f" Their ids are out of order at {', '.join(map(str, block.disorder))}."
        yield Finding(FindingKind.ALTERED, block.first, block.last, detail)

    def _compare(self) -> Iterator[Finding]:
        """Compare the chain with the head that was written down, if that is the head at this event.

        After a block that did not match its seal, which was reported, the head may also match the seals' hashes.
        """
        number = self._expected.sequence
        if number == self.sequence and self._expected.hash not in self._tips:
            detail = f"The hash of event {number} is not the one written down: there or before, the past was rewritten."
            yield Finding(FindingKind.REWRITTEN, 1, number, detail)

    def _end(self) -> Iterator[Finding]:
        """Compare the last event with the counter, the last seal and the head that was written down."""
        yield from self._settle_doubt(None)
        witnesses = (
            (self.counter, "the counter"),
            (self.sealed, "a seal"),
            (self._expected.sequence, "the head written down"),
        )
        last, witness = max(witnesses, key=itemgetter(0))
        if last > self.sequence:
            detail = f"{were(self.sequence + 1, last)} cut off at the end: {witness} knows of {last}."
            yield Finding(FindingKind.CUT_OFF, self.sequence + 1, last, detail)
        if self.counter < self.sequence:
            detail = f"{were(self.counter + 1, self.sequence)} added past the counter, or it was set back."
            yield Finding(FindingKind.ADDED, self.counter + 1, self.sequence, detail)


def events_named(first: int, last: int) -> str:
    """Returns `event 5` or `events 5 to 7`."""
    return f"event {first}" if first == last else f"events {first} to {last}"


def were(first: int, last: int) -> str:
    """Returns `Event 5 was` or `Events 5 to 7 were`."""
    return f"E{events_named(first, last)[1:]} {'was' if first == last else 'were'}"
