"""An example of a consumer of the Redis Stream: it loses no event and handles none twice, however often it is killed.

    python consume_stream.py redis://127.0.0.1:6379/0 billing worker-1 billing.sqlite3

It needs only `redis` and the standard library. Start any number of consumers with the same group and different names;
each event goes to one of them. Four rules make it safe:

- A consumer acknowledges an event (XACK) after its work. The events of a consumer that died are still pending.
- Events that have been pending for a while are taken over by another consumer (XAUTOCLAIM).
- The work and the event's id are written in one transaction of your own database. An event can arrive twice, because a
  consumer died before XACK or after `rollcall events refill`; its id shows that it is done.
- Sequence numbers have no holes. A missing one was trimmed, or lost with Redis: read it from `GET /v1/events?after=N`,
  or refill the stream. With several consumers it may still be on its way to another one, so `gaps` looks for missing
  numbers in the database that they share.
"""

import json
import sqlite3
import sys
import time
from contextlib import suppress

import redis

STREAM = "rollcall:events"
BATCH = 100
WAIT_MILLISECONDS = 1000
ABANDONED_MILLISECONDS = 1000
"""Must be longer than your work on a batch. Otherwise two consumers do the same work, which is useless but harmless."""


def main(redis_url: str, group: str, name: str, path: str) -> None:
    """Consume until the process is stopped."""
    stream = redis.Redis.from_url(redis_url, decode_responses=True, socket_timeout=30, socket_connect_timeout=5)
    own = open_database(path)
    while True:
        try:
            consume(stream, own, group, name)
        except redis.ResponseError as error:
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            make_group(stream, group)  # at the first start, and after Redis lost its data
        except redis.RedisError as error:
            print(f"Redis cannot be reached ({type(error).__name__}); trying again.", file=sys.stderr, flush=True)
            time.sleep(1)


def consume(stream: redis.Redis, own: sqlite3.Connection, group: str, name: str) -> None:
    """Take over abandoned events, then read new ones. Acknowledge each batch when its work is committed."""
    cursor = "0-0"
    while True:
        cursor, entries, *_ = stream.xautoclaim(STREAM, group, name, ABANDONED_MILLISECONDS, cursor, count=BATCH)
        if not entries:
            answer = stream.xreadgroup(group, name, {STREAM: ">"}, count=BATCH, block=WAIT_MILLISECONDS)
            entries = answer[0][1] if answer else []
        work = [(entry_id, fields) for entry_id, fields in entries if fields]  # trimmed events come without fields
        with own:  # one transaction
            for _, fields in work:
                handle(own, json.loads(fields["event"]))
        if entries:
            stream.xack(STREAM, group, *(entry_id for entry_id, _ in entries))


def handle(own: sqlite3.Connection, event: dict) -> None:
    """Do the work for one event: here, count how often each type occurred. Replace it with yours."""
    known = own.execute(
        "INSERT INTO done (id, org, sequence) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (event["id"], event["org"], int(event["sequence"])),
    )
    if known.rowcount:
        own.execute(
            "INSERT INTO occurred (type, times) VALUES (?, 1) ON CONFLICT (type) DO UPDATE SET times = times + 1",
            (event["type"],),
        )


def gaps(own: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """Returns the missing sequence numbers, as organization, first and last. Read those events from the API."""
    return own.execute(
        """SELECT org, former + 1, sequence - 1 FROM
           (SELECT org, sequence, lag(sequence, 1, 0) OVER (PARTITION BY org ORDER BY sequence) AS former FROM done)
           WHERE sequence > former + 1"""
    ).fetchall()


def make_group(stream: redis.Redis, group: str) -> None:
    """Create the group, starting at the beginning of the stream, so that no event in it is missed."""
    try:
        stream.xgroup_create(STREAM, group, id="0", mkstream=True)
    except redis.ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


def open_database(path: str) -> sqlite3.Connection:
    """Open the consumer's own database, with its tables."""
    own = sqlite3.connect(path, timeout=30)
    own.execute("CREATE TABLE IF NOT EXISTS done (id TEXT PRIMARY KEY, org TEXT, sequence INTEGER)")
    own.execute("CREATE TABLE IF NOT EXISTS occurred (type TEXT PRIMARY KEY, times INTEGER)")
    own.commit()
    return own


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
