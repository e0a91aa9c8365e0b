"""The Redis Stream `rollcall:events`: a copy of the events, for pipelines with consumer groups.

PostgreSQL has the events; the stream holds the newest ones and may be lost. Events are appended by a Lua script, which
keeps each organization's high-water mark beside the stream and appends only events above it. So neither a relay that
crashed before it saved its cursor nor two relays at once append an event twice.

Why a script: a consumer's cursor in PostgreSQL cannot move in the same transaction as the append. Redis 8.6 can refuse
duplicates itself (`XADD ... IDMP`), but the embedded Redis is 6.2, and IDMP remembers only recent ids. Explicit entry
ids made from the sequence would need a stream for each organization. WATCH and MULTI need another round trip and a
loop.
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
"""A Redis hash: for each organization the last sequence that was appended."""

STREAM_RELAY = "stream"
"""The relay's name as a consumer."""

BATCH = 1000
"""Events for each run of the script, which blocks Redis for some milliseconds."""

# KEYS: stream, marks. ARGV: organization, cursor, length, and for each event sequence, type, id, CloudEvent.
# Events up to the mark or the cursor are skipped. Without a mark, as after FLUSHALL, the cursor alone decides.
# If Redis refuses an entry because it is full, the mark is saved at the last entry that it accepted.
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
"""How long after a failure a process does not try again: an unreachable Redis must cost other work little."""


@dataclass(frozen=True)
class Unread:
    """The next events for the stream. since: the relay's cursor, which they follow."""

    since: int
    events: Sequence[Recorded]

    @property
    def up_to(self) -> int:
        """The sequence of the last event."""
        return int(self.events[-1].sequence)

    @property
    def full(self) -> bool:
        """True if there may be more events."""
        return len(self.events) == BATCH


@dataclass(frozen=True)
class Missing:
    """Events that the stream lacks. up_to: the sequence up to which it was searched."""

    events: Sequence[Recorded]
    up_to: int


class Stream:
    """The stream in one Redis. Its methods raise RedisError; call them with no transaction open."""

    def __init__(self, redis_url: str, length: int) -> None:
        self._length = length
        self._quiet_until = 0.0
        self._redis: Any = redis.Redis.from_url(
            redis_url,
            decode_responses=True,
            socket_connect_timeout=1,
            socket_timeout=2,  # a hung Redis delays a worker no longer than this
            retry=Retry(NoBackoff(), 0),  # no retry: the next tick appends what is still due
        )

    @property
    def resting(self) -> bool:
        """True during the pause after a failure."""
        return time.monotonic() < self._quiet_until

    @property
    def length(self) -> int:
        """The approximate number of entries that the stream is trimmed to."""
        return self._length

    def append(self, org_id: str, events: Sequence[Recorded], *, since: int) -> int:
        """Append an organization's events, in order, except those appended before. Returns the number appended.

        since: the relay's cursor.
        """
        entries = (value for event in events for value in _entry(event).values())
        try:
            appended = self._redis.eval(APPEND, 2, STREAM, MARKS, org_id, since, self._length, *entries)
        except RedisError:
            self._quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            raise
        return int(appended)

    def append_again(self, org_id: str, events: Sequence[Recorded]) -> None:
        """Append an organization's events even if they were appended before, and do not touch its mark."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for event in events:
                fields: dict[Any, Any] = {"org": org_id, **_entry(event)}
                pipeline.xadd(STREAM, fields, maxlen=self._length, approximate=True)
            pipeline.execute()

    def sequences(self, org_ids: Collection[str]) -> dict[str, set[int]]:
        """Returns the sequences of the events in the stream now, by organization."""
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
        """Close the connections."""
        self._redis.close()


def unread(db: Session, most: int = BATCH) -> Unread:
    """Returns the next events after the relay's cursor."""
    since = consumers.position(db, STREAM_RELAY)
    return Unread(since, between(db, since, head(db), most))


def between(db: Session, after: int, up_to: int, most: int = BATCH) -> Sequence[Recorded]:
    """Returns the events above `after` and up to `up_to`, in order. most: upper bound of events."""
    return recorded(db, Event.sequence > after, Event.sequence <= up_to, most=most)


def missing(db: Session, after: int, present: Collection[int]) -> Missing:
    """Returns the next events above `after` and up to the relay's cursor whose sequence is not in `present`."""
    found = between(db, after, consumers.position(db, STREAM_RELAY))
    lacking = [event for event in found if event.sequence not in present]
    return Missing(lacking, found[-1].sequence if found else after)


def _entry(event: Recorded) -> dict[str, str | bytes]:
    """Returns the fields of an entry, without the organization, in the order that the script expects."""
    envelope = cloud_event(event)
    named = {name: envelope[name] for name in ("sequence", "type", "id")}
    return {**named, "event": orjson.dumps(envelope)}
