"""A Redis of the tests' own, to be read, filled up, emptied and killed; and the relay, with its guards or without."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from cli.embedded import EmbeddedRedis
from shared.events import Stream, stream
from tests.drain import Workshop
from tests.events.tampering import record_many
from tests.factories import Org

NO_MARK = stream.APPEND.replace("if sequence > mark then", "if true then")
"""The script without its guard: it appends whatever it is given."""


class OwnRedis:
    """The server, and what a test does with it."""

    def __init__(self, data_dir: Path) -> None:
        self.server = EmbeddedRedis(data_dir)

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    @property
    def client(self) -> Any:
        """A connection."""
        return redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=10)

    def entries(self, org: Org) -> list[dict[str, str]]:
        """What the stream holds of an organization, in its order."""
        with self.client as client:
            return [fields for _, fields in client.xrange(stream.STREAM) if fields["org"] == org.id]

    def sequences(self, org: Org) -> list[int]:
        """Their numbers."""
        return [int(entry["sequence"]) for entry in self.entries(org)]

    @contextmanager
    def dead(self) -> Iterator[None]:
        """kill -9; it comes back empty, at the same address."""
        assert self.server.process is not None
        self.server.process.kill()
        self.server.process.wait(20)
        try:
            yield
        finally:
            self.server.start()

    @contextmanager
    def full(self) -> Iterator[None]:
        """No memory for anything more, until the end of the block."""
        with self.client as client:
            client.config_set("maxmemory", "1")  # a byte: an empty Redis may need less than a megabyte
            try:
                yield
            finally:
                client.config_set("maxmemory", "0")


def relaying(workshop: Workshop, own: OwnRedis, length: int = 100_000) -> Workshop:
    """The worker, with this Redis's stream."""
    from worker import app

    app.workshop.stream = Stream(own.url, length)
    return workshop


def relay(workshop: Workshop, org: Org) -> None:
    """Append all that an organization's stream lacks."""
    workshop.deliver("events.relay", org.id)


def with_events(org: Org, last: int) -> Org:
    """The organization, with events 1 to `last`."""
    record_many(org, last - 1)
    return org


def without_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the guard away."""
    assert NO_MARK != stream.APPEND
    monkeypatch.setattr(stream, "APPEND", NO_MARK)
