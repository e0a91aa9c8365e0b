"""Lines of an export of the audit log, written and read back.

A line is the event's CloudEvents envelope. An export of everything also states each event's hash in the chain, so that
whoever holds only the file finds where it was altered, and not only that it was.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from shared.events.chain import START, canonical, link
from shared.events.models import Event, Recorded
from shared.events.schemas import cloud_event

HASH = "hash"


class Unreadable(ValueError):
    """A line that is no event as an export writes it. Its text is a sentence."""


@dataclass(frozen=True)
class Line:
    """One event of an export, its canonical form, and the hash that its line states; None in an export of a part."""

    event: Recorded
    form: bytes
    hash: str | None

    def numbered(self, sequence: int) -> "Line":
        """The line as it would be with this number."""
        if sequence == self.event.sequence:
            return self
        event = self.event._replace(sequence=sequence)
        return Line(event, canonical(event), self.hash)


class Lines:
    """Writes events as lines. chained: all events from the first one on follow, so each line states its hash."""

    def __init__(self, *, chained: bool) -> None:
        self._tip = START if chained else None

    def line(self, event: Event) -> bytes:
        """Returns the line of the next event."""
        envelope = cloud_event(event)
        if self._tip is not None:
            row = Recorded(*(getattr(event, name) for name in Recorded._fields))
            self._tip = envelope[HASH] = link(self._tip, canonical(row))
        return orjson.dumps(envelope) + b"\n"


def read_line(line: bytes) -> Line:
    """Returns the event of a line. Raises Unreadable for a line that an export would not have written.

    Every value of the line is compared with the envelope that the event has, so a changed one cannot pass as detail.
    """
    try:
        written = json.loads(line, object_pairs_hook=_without_repetition)
        stated = written.pop(HASH, None)
        event = _event(written)
        form = canonical(event)
        expected = cloud_event(event)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise Unreadable("it is no event as JSON") from None
    if expected != written:
        raise Unreadable("it differs from the form that an export gives to an event")
    return Line(event, form, stated)


def _event(written: dict[str, Any]) -> Recorded:
    data = dict(written["data"])
    actor = data.pop("actor")
    return Recorded(
        org_id=written["org"],
        sequence=int(written["sequence"]),
        id=uuid.UUID(written["id"]),
        type=written["type"],
        subject=written["subject"],
        recorded_at=datetime.fromisoformat(written["time"]),
        actor_type=actor["type"],
        actor_id=actor["id"],
        party_id=data.pop("partyId", None),
        data=data,
    )


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) != len(pairs):
        raise ValueError("a name stands twice")
    return named
