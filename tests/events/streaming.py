"""A Redis of the tests' own, to be read, filled up, emptied and killed; and the relay, with or without its guard."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from cli.embedded import EmbeddedRedis
from shared.events import Stream, stream
from tests.drain import InProcessWorker
from tests.events.tampering import record_many
from tests.factories import Org
from tests.faults.plant import forget

NO_MARK = stream.APPEND.replace("if sequence > mark then", "if true then")
"""The script without its guard: it appends every event that it is given."""


class OwnRedis:
    """A Redis server that a test may break."""

    def __init__(self, data_dir: Path) -> None:
        self.server = EmbeddedRedis(data_dir)

    @property
    def url(self) -> str:
        """The address of the server."""
        return self.server.url

    @property
    def client(self) -> Any:
        """A new connection."""
        return redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=10)

    def entries(self, org: Org) -> list[dict[str, str]]:
        """Returns the entries of an organization in the stream, in order."""
        with self.client as client:
            return [fields for _, fields in client.xrange(stream.STREAM) if fields["org"] == org.id]

    def sequences(self, org: Org) -> list[int]:
        """Returns the sequences of an organization's entries, in order."""
        return [int(entry["sequence"]) for entry in self.entries(org)]

    @contextmanager
    def dead(self) -> Iterator[None]:
        """Kill the server with SIGKILL; it restarts empty at the same address at the end of the block."""
        assert self.server.process is not None
        self.server.process.kill()
        self.server.process.wait(20)
        forget(self.server)
        try:
            yield
        finally:
            self.server.start()

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave the server no memory for more data, until the end of the block."""
        with self.client as client:
            client.config_set("maxmemory", "1")  # a byte: an empty Redis may need less than a megabyte
            try:
                yield
            finally:
                client.config_set("maxmemory", "0")


def relaying(worker: InProcessWorker, own: OwnRedis, length: int = 100_000) -> InProcessWorker:
    """Returns the worker, which now relays to this Redis."""
    from worker import app

    app.parts.stream = Stream(own.url, length)
    return worker


def relay(worker: InProcessWorker, org: Org) -> None:
    """Relay all of an organization's events that the stream lacks."""
    worker.deliver("events.relay", org.id)


def with_events(org: Org, last: int) -> Org:
    """Returns the organization, with events 1 to `last`."""
    record_many(org, last - 1)
    return org


def without_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the guard."""
    assert NO_MARK != stream.APPEND
    monkeypatch.setattr(stream, "APPEND", NO_MARK)


def numbers(last: int) -> list[int]:
    """Returns the sequences from 1 to `last`."""
    return list(range(1, last + 1))
