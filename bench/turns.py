"""Contenders take turns, so that a slow minute of the machine hits them all, and nobody exceeds the time there is."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from bench.ground import Connection, Ground, Lane, check, lane

AROUND_IT = 2.0
"""What a run takes with its preparation and its check, times what is measured of it."""


@dataclass(frozen=True)
class Entry:
    """A contender on one ground. run: seconds for a lane. rounds: how often."""

    name: str
    ground: Ground
    run: Callable[[Lane], float]
    rounds: int


@dataclass
class Times:
    """What was measured, by contender and number of parties, in seconds, in the order of the rounds."""

    seconds: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def has(self, name: str, size: int) -> bool:
        """Whether there is a figure."""
        return bool(self.seconds.get((name, size)))

    def median(self, name: str, size: int) -> float:
        """The median. Raises where nothing was measured."""
        return median(self.seconds[name, size])

    def expected(self, name: str, size: int) -> float:
        """How long the next run may take: as long as the longest, or in proportion to one of another size."""
        if self.has(name, size):
            return max(self.seconds[name, size])
        others = [(known, max(took)) for (whose, known), took in self.seconds.items() if whose == name and took]
        return max((took * size / known for known, took in others), default=0)

    def ratio(self, name: str, to: str, size: int) -> float:
        """The ratio of two medians."""
        return self.median(name, size) / self.median(to, size)

    def ratios(self, name: str, to: str, size: int) -> list[float]:
        """The ratio in each round: how much it varies."""
        pairs = zip(self.seconds[name, size], self.seconds[to, size], strict=False)
        return [ours / theirs for ours, theirs in pairs]


def take(
    connection: Connection, entries: Iterable[Entry], times: Times, until: float, done: Callable[[], None]
) -> None:
    """Let every entry run its rounds, one round of all after the other, in turn forwards and backwards.

    until: the instant on the monotonic clock after which nothing may still run. What would is left out, and noted.
    done: called after each run, also one that was left out.
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
