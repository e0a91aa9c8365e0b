"""The published types of events, in one place: what each means, what its data hold, and an example.

The catalogue in `docs/events.md` and the AsyncAPI document are made from it, and every event that the tests cause is
held against it. A type is never changed, only added to: consumers branch on names and read fields.
"""

from shared.events.vocabulary.core import CORE
from shared.events.vocabulary.declaring import EventType
from shared.events.vocabulary.licences import LICENCES
from shared.events.vocabulary.sessions import SESSIONS
from shared.events.vocabulary.training import TRAINING
from shared.events.vocabulary.webhooks import WEBHOOKS

TYPES: dict[str, EventType] = {
    declared.name: declared for declared in (*CORE, *TRAINING, *LICENCES, *SESSIONS, *WEBHOOKS)
}

__all__ = ["TYPES", "EventType"]
