"""The published event types, in one place: the meaning of each, the fields of its data, and an example.

The table in `docs/events.md` and the AsyncAPI document are made from them, and the tests check every event that they
cause against them. Types and fields are added, never renamed or removed: consumers branch on types and read fields.
"""

from shared.events.vocabulary.core import CORE
from shared.events.vocabulary.declaring import EventType
from shared.events.vocabulary.licences import LICENCES
from shared.events.vocabulary.packs import PACKS
from shared.events.vocabulary.sessions import SESSIONS
from shared.events.vocabulary.training import TRAINING
from shared.events.vocabulary.views import VIEWS
from shared.events.vocabulary.webhooks import WEBHOOKS

TYPES: dict[str, EventType] = {
    declared.name: declared for declared in (*CORE, *TRAINING, *LICENCES, *SESSIONS, *PACKS, *WEBHOOKS, *VIEWS)
}

__all__ = ["TYPES", "EventType"]
