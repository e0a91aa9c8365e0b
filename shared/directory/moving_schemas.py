"""The JSON of merging two parties and of giving a party another id."""

import uuid
from typing import Literal

from shared.wire import Answer, Id, NewId, Paragraph, Received


class MergeRequest(Received):
    """Merge the party with another one, which stays. into: its id."""

    into: Id
    reason: Paragraph


class RenumberRequest(Received):
    """Give the party another id, which nobody has or had."""

    entity_id: NewId
    reason: Paragraph


class MovedCounts(Answer):
    """The numbers of the party's records that get the new id. Deliveries and events are not counted."""

    assignments: int
    licences: int
    roster_entries: int


class EndedRecords(Answer):
    """The records that both parties have and one person can have once: the ids of those that would be ended.

    rosterEntries: the sessions of entries that would be left out.
    """

    assignments: list[uuid.UUID]
    licences: list[uuid.UUID]
    roster_entries: list[uuid.UUID]


class MovePreview(Answer):
    """The effect that merging or renumbering would have now. Nothing was written."""

    entity_id: str
    into: str
    outcome: Literal["merged", "renumbered"]
    moved: MovedCounts
    ended: EndedRecords
