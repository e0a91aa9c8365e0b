"""Fixtures for the tests of the Redis Stream."""

from collections.abc import Iterator

import pytest

from shared.events import stream
from tests.drain import InProcessWorker
from tests.events.streaming import OwnRedis, relaying


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    """Start a Redis that the tests of a module may break."""
    own = OwnRedis(tmp_path_factory.mktemp("redis") / "data")
    own.server.start()
    yield own
    own.server.stop()


@pytest.fixture
def relayer(worker: InProcessWorker, own_redis: OwnRedis) -> InProcessWorker:
    """Returns a worker that relays to this Redis."""
    return relaying(worker, own_redis)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pause after a failure end at once."""
    monkeypatch.setattr(stream, "PAUSE_AFTER_FAILURE_SECONDS", 0.0)
