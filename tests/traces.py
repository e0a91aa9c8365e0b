"""The traces of a service: rows, Redis keys and log lines, to be searched for what must not be there."""

import base64
import io
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from redis import Redis
from sqlalchemy import select

from shared.settings import Settings
from shared.tables import metadata
from tests.factories import Org


def stored(org: Org) -> dict[str, list[str]]:
    """Return every row of an organization as text, by table, sorted. A new table is included by itself."""
    with org.transaction() as db:
        return {name: sorted(map(repr, db.execute(select(table)))) for name, table in metadata.tables.items()}


READS: dict[bytes, Callable[[Any, bytes], Any]] = {
    b"string": lambda redis, key: redis.get(key),
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"set": lambda redis, key: redis.smembers(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1),
    b"stream": lambda redis, key: redis.xrange(key),
    b"none": lambda redis, key: None,
}
"""The command that reads a key of each type. `none`: another client has deleted the key in the meantime."""


def everything_in(redis_url: str) -> str:
    """Return every key of Redis with its value, and all Base64 in them decoded, as Celery messages are in Base64."""
    with Redis.from_url(redis_url) as redis:
        text = str([(key, READS[redis.type(key)](redis, key)) for key in redis.scan_iter()])
    encoded = re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text)
    return text + str([base64.b64decode(each + "=" * (-len(each) % 4)) for each in encoded if len(each) % 4 != 1])


@pytest.fixture
def logged(configured: Settings) -> Iterator[io.StringIO]:
    """Capture everything that is logged during the test, at level DEBUG and in the format of the running service.

    Without the log of the test's own HTTP client, which contains the addresses that the test requests.
    A test file that uses this fixture imports it.
    """
    root = logging.getLogger()
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    formatters = (one.formatter for one in root.handlers)
    handler.setFormatter(next(one for one in formatters if isinstance(one, structlog.stdlib.ProcessorFormatter)))
    handler.addFilter(lambda record: not record.name.startswith("httpx"))
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)
