"""Reading an organization's whole chain again, to find out whether its past was altered, and where.

`chain.py` builds what is verified here. Of events that no seal vouches for yet only the numbers can be checked. And
whoever can write to the tables can also seal a rewritten past anew: only a head written down elsewhere gives that away.
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
"""First and last sequence, hash, instant."""


class FindingKind(StrEnum):
    """What can be wrong with a chain."""

    DELETED = "deleted"  # no event carries a number that was given out
    CUT_OFF = "cut-off"  # the same at the end, where only the counter, a seal or a head written down can tell
    ADDED = "added"  # an event carries a number that was never given out
    ALTERED = "altered"  # edited or moved: the events of a block are not those that were sealed
    SEAL = "seal"  # a seal was removed or altered
    REWRITTEN = "rewritten"  # the chain fits its seals, but not the head that was written down


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with events `first` to `last` or somewhere among them. detail: a sentence."""

    kind: FindingKind
    first: int
    last: int
    detail: str


@dataclass(frozen=True)
class Expected:
    """A head that somebody wrote down, out of reach of whoever can write to the tables. Unless given: the start."""

    sequence: int = 0
    hash: str = START


@dataclass(frozen=True)
class _Block:
    """What one seal vouches for. disorder: the first few events whose id is older than that of the event before."""

    first: int
    last: int
    sealed_at: datetime
    disorder: list[int]


class Verification:
    """One reading of all events beside their seals, as they are at one moment, in flat memory.

    Made first thing in a transaction, which it makes read-only. `findings` can be read once. Afterwards `count` is the
    number of events, `sequence` and `hash` those of the last one as read here, `sealed` how far the seals go.
    """

    def __init__(self, db: Session, expected: Expected | None = None) -> None:
        db.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        self._db = db
        self._expected = expected or Expected()
        self.counter = head(db)
        self.count = self.sequence = self.sealed = 0
        self._tips = [START]  # the chain's hash as read and, after a wrong block, also as that block's seal has it
        self._doubted: _Block | None = None  # it does not fit its seal: the next seal will tell which was altered
        self._disorder: list[int] = []
        self._id_millisecond = 0
        self._last_deleted = 0

    @property
    def hash(self) -> str:
        """The hash of the last event read."""
        return self._tips[0]

    def findings(self, tell: Callable[[int], None] = lambda _: None) -> Iterator[Finding]:
        """What is wrong, each thing once it is certain. tell: is told now and then how many events have been read."""
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
        """Go one event further."""
        number: int = event.sequence
        if number <= self.sequence:
            yield Finding(FindingKind.ADDED, number, number, f"Event {number} was added: the first number is 1.")
            return
        if number > self.sequence + 1:
            first, self._last_deleted = self.sequence + 1, number - 1
            detail = f"{_were(first, self._last_deleted)} deleted."
            yield Finding(FindingKind.DELETED, first, self._last_deleted, detail)
        id_millisecond = event.id.int >> 80  # it leads a UUIDv7
        if id_millisecond < self._id_millisecond and len(self._disorder) < MOST_PLACES:
            self._disorder.append(number)
        form = canonical(event)
        self._tips = [link(tip, form) for tip in self._tips]
        self._id_millisecond, self.sequence, self.count = id_millisecond, number, self.count + 1

    def _close_block(self, seal: Seal) -> Iterator[Finding]:
        """Hold the events since the last seal against this one."""
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
        if self.sequence == last and self._last_deleted < block.first:  # else what was deleted explains it
            self._doubted = block

    def _settle_doubt(self, next_hash: str | None) -> Iterator[Finding]:
        """Say which was altered, the block that did not fit its seal or the seal. next_hash: of the seal after it."""
        block, self._doubted = self._doubted, None
        if block is None:
            return
        if next_hash == self.hash:
            detail = f"The seal of {_events(block.first, block.last)} was altered: they fit the seal after it."
            yield Finding(FindingKind.SEAL, block.first, block.last, detail)
            return
        some = "E" if block.first == block.last else "At least one of e"
        detail = f"{some}{_events(block.first, block.last)[1:]}, sealed at {block.sealed_at:%Y-%m-%dT%H:%M:%SZ}, "
        detail += "was edited or moved" + ("." if next_hash in self._tips else ", or else their seal was altered.")
        if block.disorder:  # ids are made in the order of events, unless a clock is set back
            detail += f" Their ids are out of order at {', '.join(map(str, block.disorder))}."
        yield Finding(FindingKind.ALTERED, block.first, block.last, detail)

    def _compare(self) -> Iterator[Finding]:
        """Hold the chain against the head that was written down, if it was at this event.

        After a wrong block, which has been reported, the head may as well be what the seals lead to.
        """
        number = self._expected.sequence
        if number == self.sequence and self._expected.hash not in self._tips:
            detail = f"The hash of event {number} is not the one written down: there or before, the past was rewritten."
            yield Finding(FindingKind.REWRITTEN, 1, number, detail)

    def _end(self) -> Iterator[Finding]:
        """Hold the last event against whatever says how many there should be."""
        yield from self._settle_doubt(None)
        witnesses = (
            (self.counter, "the counter"),
            (self.sealed, "a seal"),
            (self._expected.sequence, "the head written down"),
        )
        last, witness = max(witnesses, key=itemgetter(0))
        if last > self.sequence:
            detail = f"{_were(self.sequence + 1, last)} cut off at the end: {witness} knows of {last}."
            yield Finding(FindingKind.CUT_OFF, self.sequence + 1, last, detail)
        if self.counter < self.sequence:
            detail = f"{_were(self.counter + 1, self.sequence)} added past the counter, or it was set back."
            yield Finding(FindingKind.ADDED, self.counter + 1, self.sequence, detail)


def _events(first: int, last: int) -> str:
    return f"event {first}" if first == last else f"events {first} to {last}"


def _were(first: int, last: int) -> str:
    return f"E{_events(first, last)[1:]} {'was' if first == last else 'were'}"
