"""What tests look at besides the rows: the facts recorded about them."""

from shared import events
from shared.events import Event
from tests.factories import Org


def recorded(org: Org, *types: str) -> list[Event]:
    """The events of these types so far, in order."""
    with org.transaction() as db:
        return events.after(db, 0, types=types, limit=20_000).events


def subjects(org: Org, *types: str) -> list[str]:
    """What they are about, in order."""
    return [event.subject for event in recorded(org, *types)]
