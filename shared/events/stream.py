"""The Redis Stream `rollcall:events`: every event once more, for pipelines with consumer groups.

PostgreSQL has the events; the stream is a copy of the newest ones that may be lost. What is appended goes through one
script, which keeps each organization's high-water mark beside the stream: whoever appends an event again, because he
died before he could note that he had, or because two were at it, appends nothing.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy.orm import Session

from shared.events import consumers
from shared.events.models import Event, Recorded
from shared.events.queries import head, recorded
from shared.events.schemas import cloud_event

STREAM = "rollcall:events"
MARKS = "rollcall:events:sequence"
"""A hash: of each organization the last sequence that was appended."""

STREAM_RELAY = "stream"
"""The relay's name as a consumer."""

BATCH = 1000
"""Events appended at a time: some milliseconds, in which Redis does nothing else."""

# KEYS: stream, marks. ARGV: organization, cursor, length, and for each event sequence, type, id, CloudEvent.
# Below the mark or the cursor nothing is appended: without a mark, as after FLUSHALL, the cursor says how far it was.
# When Redis refuses (it is full), the mark still tells exactly what went in before.
APPEND = """
local mark = math.max(tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0), tonumber(ARGV[2]))
local appended, refused = 0, nil
for at = 4, #ARGV, 4 do
  local sequence = tonumber(ARGV[at])
  if sequence > mark then
    local answer = redis.pcall('XADD', KEYS[1], '*', 'org', ARGV[1], 'sequence', ARGV[at], 'type', ARGV[at + 1],
                               'id', ARGV[at + 2], 'event', ARGV[at + 3])
    if type(answer) == 'table' and answer.err then
      refused = answer
      break
    end
    mark, appended = sequence, appended + 1
  end
end
if appended > 0 then
  redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', mark))
  redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[3])
end
return refused or appended
"""


PAUSE_AFTER_FAILURE_SECONDS = 2.0
"""For so long nobody of a process tries again: a Redis that is away must cost the other work little."""


@dataclass(frozen=True)
class Unread:
    """The next events for the stream, and the cursor they follow."""

    since: int
    events: Sequence[Recorded]

    @property
    def up_to(self) -> int:
        """The sequence of the last."""
        return int(self.events[-1].sequence)

    @property
    def full(self) -> bool:
        """Whether there may be more."""
        return len(self.events) == BATCH


@dataclass(frozen=True)
class Missing:
    """Some events that the stream lacks, and up to where was looked for them."""

    events: Sequence[Recorded]
    up_to: int


class Stream:
    """The stream in one Redis. Its methods raise RedisError; no transaction may be open around them."""

    def __init__(self, redis_url: str, length: int) -> None:
        self._length = length
        self._quiet_until = 0.0
        self._redis: Any = redis.Redis.from_url(
            redis_url,
            decode_responses=True,
            socket_connect_timeout=1,
            socket_timeout=2,  # a Redis that hangs costs a worker no more
            retry=Retry(NoBackoff(), 0),  # what was not appended is still due; the next tick comes soon
        )

    @property
    def resting(self) -> bool:
        """Whether it failed a moment ago."""
        return time.monotonic() < self._quiet_until

    @property
    def length(self) -> int:
        """How many entries it is trimmed to, about."""
        return self._length

    def append(self, org_id: str, events: Sequence[Recorded], *, since: int) -> int:
        """Append those of an organization's events, in their order, that were not appended yet. Answers how many."""
        entries = (value for event in events for value in _entry(event).values())
        try:
            appended = self._redis.eval(APPEND, 2, STREAM, MARKS, org_id, since, self._length, *entries)
        except RedisError:
            self._quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            raise
        return int(appended)

    def append_again(self, org_id: str, events: Sequence[Recorded]) -> None:
        """Append an organization's events whether or not they were before, and leave its mark alone."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for event in events:
                fields: dict[Any, Any] = {"org": org_id, **_entry(event)}
                pipeline.xadd(STREAM, fields, maxlen=self._length, approximate=True)
            pipeline.execute()

    def sequences(self, org_ids: Collection[str]) -> dict[str, set[int]]:
        """Which events of these organizations are in the stream now."""
        found: dict[str, set[int]] = {org_id: set() for org_id in org_ids}
        for entry in self._entries():
            if entry["org"] in found:
                found[entry["org"]].add(int(entry["sequence"]))
        return found

    def __len__(self) -> int:
        return int(self._redis.xlen(STREAM))

    def _entries(self) -> Iterator[dict[str, str]]:
        after = "-"
        while page := self._redis.xrange(STREAM, min=after, count=BATCH):
            yield from (fields for _, fields in page)
            after = f"({page[-1][0]}"

    def close(self) -> None:
        """Let the connections go."""
        self._redis.close()


def unread(db: Session, most: int = BATCH) -> Unread:
    """The next events that the relay has not noted as appended."""
    since = consumers.position(db, STREAM_RELAY)
    return Unread(since, between(db, since, head(db), most))


def between(db: Session, after: int, up_to: int, most: int = BATCH) -> Sequence[Recorded]:
    """Events above `after`, up to `up_to` and at most so many, in order."""
    return recorded(db, Event.sequence > after, Event.sequence <= up_to, most=most)


def missing(db: Session, after: int, present: Collection[int]) -> Missing:
    """The next events above `after` that the relay has noted as appended and that are not among those `present`."""
    found = between(db, after, consumers.position(db, STREAM_RELAY))
    lacking = [event for event in found if event.sequence not in present]
    return Missing(lacking, found[-1].sequence if found else after)


def _entry(event: Recorded) -> dict[str, str | bytes]:
    """The fields of an entry besides its organization, in the order in which the script takes them."""
    told = cloud_event(event)
    return {"sequence": told["sequence"], "type": told["type"], "id": told["id"], "event": orjson.dumps(told)}
