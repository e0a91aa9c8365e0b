"""The events of an organization, read from the table as the feed does."""

from shared import events
from shared.events import Event
from tests.factories import Org


def recorded(org: Org, *types: str) -> list[Event]:
    """Return the events of these types (none named: all types), in order of sequence."""
    with org.transaction() as db:
        return events.feed_after(db, 0, types=types, limit=20_000).events


def subjects(org: Org, *types: str) -> list[str]:
    """Return the subjects of these events, such as `assignment/<id>`, in order of sequence."""
    return [event.subject for event in recorded(org, *types)]
