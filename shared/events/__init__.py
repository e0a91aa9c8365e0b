"""Events: the immutable facts that are at once the audit log, the outbox and the feed.

Owns the tables `event_stream` and `event`. Promises that an event is recorded in the transaction of its
change or not at all, that numbers are 1, 2, 3 ... for each organization in commit order without a hole,
and that whoever has read up to N has missed nothing at or below N.
"""

from shared.events.actions import Actor, Fact, hold, open_stream, record, record_each
from shared.events.models import Event
from shared.events.queries import Feed, after, head
from shared.events.schemas import cloud_event

__all__ = [
    "Actor",
    "Event",
    "Fact",
    "Feed",
    "after",
    "cloud_event",
    "head",
    "hold",
    "open_stream",
    "record",
    "record_each",
]
