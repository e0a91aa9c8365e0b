"""Verifying an export of the audit log with nothing but the file and heads that were published: no database.

`verification.py` compares the tables with their seals. Here each line states the hash of its event, so an alteration is
found at its event. Who rewrites events and states new hashes for all that follow is found by a published head only, and
somewhere between the last head that holds and the first that does not: the more heads, the narrower.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter

from shared.events.chain import ROWS_A_FETCH, START, link
from shared.events.exported import Line, Unreadable, read_line
from shared.events.merkle import Tree, leaf_hash
from shared.events.verification import Expected, Finding, FindingKind, events_named, were


class FileVerification:
    """One pass over the lines of an export of everything, in flat memory.

    heads: published heads, at least one. `findings` can be iterated once. Afterwards `count` is the number of lines
    that are events, `sequence` and `hash` are those of the last one, `org` is its organization, and `held` the sequence
    of the last head that the file fits.
    """

    def __init__(self, lines: Iterable[bytes], heads: Sequence[Expected]) -> None:
        self._lines = lines
        self._heads = sorted(heads, key=attrgetter("sequence"))
        self.count = self.sequence = self.held = 0
        self.org: str | None = None
        self._tips = [START]  # the computed hash and, after one that does not match, the stated one
        self._unreadable = 0  # lines since the last event
        self._tree = Tree()

    @property
    def hash(self) -> str:
        """The hash of the last event read."""
        return self._tips[0]

    def findings(self, tell: Callable[[int], None] = lambda _: None) -> Iterator[Finding]:
        """Yields each fault as soon as it is certain. tell: called with the number of events read, every thousand."""
        for text in self._lines:
            try:
                line = read_line(text)
            except Unreadable as reason:
                yield self._unread(str(reason))
                continue
            yield from self._read(line)
            yield from self._compare()
            if self.count % ROWS_A_FETCH == 0:
                tell(self.count)
        yield from self._end()
        tell(self.count)

    def _unread(self, reason: str) -> Finding:
        number = self.sequence + self._unreadable + 1
        self._unreadable += 1
        return Finding(FindingKind.ALTERED, number, number, f"The line of event {number} was altered: {reason}.")

    def _read(self, line: Line) -> Iterator[Finding]:
        """Check the number of the next event and chain its hash."""
        number, expected = line.event.sequence, self.sequence + 1
        if number != expected and line.hash in self._linked(line, expected):
            yield Finding(FindingKind.ALTERED, expected, expected, f"The number of event {expected} was altered.")
            number, line = expected, line.numbered(expected)
        if number < expected:
            yield Finding(FindingKind.ADDED, number, number, f"Event {number} stands twice, or out of order.")
            return
        tips = self._linked(line, number)
        if number > expected:
            yield from self._missing(expected, number)
        elif line.hash is not None and line.hash not in tips:
            yield Finding(FindingKind.ALTERED, number, number, f"Event {number}, or the hash of its line, was altered.")
        if line.hash is None or line.hash in tips:
            self._tips = tips[:1] if line.hash is None else [line.hash]
        else:
            self._tips = [line.hash, *tips]
        self.sequence, self.count, self._unreadable = number, self.count + 1, 0
        self.org = line.event.org_id
        self._tree.add(leaf_hash(line.form))

    def _linked(self, line: Line, number: int) -> list[str]:
        return [link(tip, line.numbered(number).form) for tip in self._tips]

    def _missing(self, expected: int, number: int) -> Iterator[Finding]:
        """Report the events before `number` that have no line; an unreadable line has been reported as one of them."""
        first = expected + self._unreadable
        if first < number:
            yield Finding(FindingKind.DELETED, first, number - 1, f"{were(first, number - 1)} deleted.")

    def _compare(self) -> Iterator[Finding]:
        """Compare the chain with the published heads at this event."""
        while self._heads and self._heads[0].sequence <= self.sequence:
            head = self._heads.pop(0)
            if head.sequence == self.sequence and head.hash in self._tips:
                self.held = head.sequence
                yield from self._compare_root(head)
            elif head.sequence == self.sequence:
                first = self.held + 1
                detail = f"The hash of event {head.sequence} is not that of the published head: "
                detail += f"{events_named(first, head.sequence)}, or some of them, were rewritten."
                yield Finding(FindingKind.REWRITTEN, first, head.sequence, detail)

    def _compare_root(self, head: Expected) -> Iterator[Finding]:
        """Compare the tree over whole events with the root of a head that fits the chain."""
        if head.root not in (None, self._tree.root.hex()) and self._tree.size == self.sequence:
            detail = f"The root of the tree over events 1 to {head.sequence} is not that of the published head."
            yield Finding(FindingKind.REWRITTEN, 1, head.sequence, detail)

    def _end(self) -> Iterator[Finding]:
        """Compare the last event with the published heads that lie after it."""
        last = self._heads[-1].sequence if self._heads else 0
        first = self.sequence + self._unreadable + 1
        if first <= last:
            detail = f"{were(first, last)} cut off at the end: the published head knows of {last}."
            yield Finding(FindingKind.CUT_OFF, first, last, detail)
