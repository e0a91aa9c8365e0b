"""Events: immutable facts, which are at once the audit log, the outbox and the feed.

Owns the tables `event_stream`, `event`, `event_consumer`, `event_seal` and `event_tree_node`, and the Redis Stream
`rollcall:events`.
Promises:
- An event is recorded in the transaction of its change, or not at all.
- The numbers of an organization's events are 1, 2, 3 ... in commit order without a hole. A reader that has read up to N
  has missed nothing up to N.
- The Redis Stream has each event once and in that order.
- Any alteration of sealed events can be found.
"""

from shared.events.actions import Actor, Fact, lock_counter, open_stream, record, record_each
from shared.events.asyncapi import asyncapi_document, envelope_schema
from shared.events.chain import Head, sealed_head
from shared.events.consumers import advance, lock_position, organizations_with_unread_events, position
from shared.events.exported import Lines
from shared.events.file_verification import FileVerification
from shared.events.merkle import is_consistent, leaf_hash, root_by_inclusion
from shared.events.models import Event, Recorded
from shared.events.queries import Feed, Filters, feed_after, head, list_events, recorded
from shared.events.schemas import EventList, cloud_event
from shared.events.sealing import (
    LARGEST_BLOCK,
    grow,
    organizations_with_trees_behind,
    organizations_with_unsealed_events,
    seal,
)
from shared.events.stream import STREAM, STREAM_RELAY, Missing, Stream, Unread, missing, unread
from shared.events.tree import (
    Consistency,
    Inclusion,
    NotSealed,
    RecordAltered,
    prove_consistency,
    prove_inclusion,
    tree_head,
)
from shared.events.verification import Expected, Finding, FindingKind, Verification
from shared.events.vocabulary import TYPES, EventType

__all__ = [
    "EventList",
    "Actor",
    "advance",
    "asyncapi_document",
    "cloud_event",
    "envelope_schema",
    "Event",
    "EventType",
    "Expected",
    "Fact",
    "Feed",
    "FileVerification",
    "feed_after",
    "Filters",
    "Finding",
    "FindingKind",
    "Head",
    "head",
    "LARGEST_BLOCK",
    "Lines",
    "list_events",
    "lock_counter",
    "lock_position",
    "is_consistent",
    "leaf_hash",
    "root_by_inclusion",
    "Missing",
    "missing",
    "open_stream",
    "organizations_with_unread_events",
    "organizations_with_unsealed_events",
    "position",
    "record",
    "record_each",
    "Recorded",
    "recorded",
    "seal",
    "sealed_head",
    "STREAM",
    "Stream",
    "STREAM_RELAY",
    "TYPES",
    "Unread",
    "unread",
    "Consistency",
    "grow",
    "Inclusion",
    "NotSealed",
    "organizations_with_trees_behind",
    "prove_consistency",
    "prove_inclusion",
    "RecordAltered",
    "tree_head",
    "Verification",
]
