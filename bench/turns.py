"""Contenders take turns, so that a slow minute of the machine affects all of them, within a time limit."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from bench.ground import Connection, Ground, Lane, check, lane

AROUND_IT = 2.0
"""The time of a run with its preparation and its check, as a multiple of the measured time."""


@dataclass(frozen=True)
class Entry:
    """A contender on one ground. run: runs once on a lane and returns the seconds. rounds: how often it runs."""

    name: str
    ground: Ground
    run: Callable[[Lane], float]
    rounds: int


@dataclass
class Times:
    """The measured seconds in the order of the rounds, by contender and number of parties. left_out: runs left out."""

    seconds: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def has(self, name: str, size: int) -> bool:
        """True if anything was measured."""
        return bool(self.seconds.get((name, size)))

    def median(self, name: str, size: int) -> float:
        """Returns the median. Raises KeyError if nothing was measured."""
        return median(self.seconds[name, size])

    def expected(self, name: str, size: int) -> float:
        """Returns an estimate for the next run: the longest so far, or in proportion to runs of another size."""
        if self.has(name, size):
            return max(self.seconds[name, size])
        others = [(known, max(took)) for (contender, known), took in self.seconds.items() if contender == name and took]
        return max((took * size / known for known, took in others), default=0)

    def ratio(self, name: str, to: str, size: int) -> float:
        """Returns the ratio of the medians of two contenders."""
        return self.median(name, size) / self.median(to, size)

    def ratios(self, name: str, to: str, size: int) -> list[float]:
        """Returns the ratio of two contenders in each round."""
        pairs = zip(self.seconds[name, size], self.seconds[to, size], strict=False)
        return [ours / theirs for ours, theirs in pairs]


def take(
    connection: Connection, entries: Iterable[Entry], times: Times, until: float, done: Callable[[], None]
) -> None:
    """Run all entries round by round, in the opposite order every other round.

    until: the instant on the monotonic clock by which all must have ended. A run that would take longer is left out and
    listed in `times`. done: called after each run, including those left out.
    """
    entries = list(entries)
    for number in range(max((entry.rounds for entry in entries), default=0)):
        due = [entry for entry in entries if number < entry.rounds]
        for entry in due if number % 2 == 0 else reversed(due):
            size = entry.ground.size
            if time.monotonic() + AROUND_IT * times.expected(entry.name, size) < until:
                times.seconds.setdefault((entry.name, size), []).append(_run(connection, entry))
            else:
                times.left_out.append(f"{entry.name}, {size:,} parties, round {number + 1}")
            done()


def _run(connection: Connection, entry: Entry) -> float:
    own = lane(connection, entry.ground)
    elapsed = entry.run(own)
    check(connection, own)
    return elapsed
