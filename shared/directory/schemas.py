"""The directory's JSON."""

import re
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from shared import clock
from shared.directory.models import Folder, Party
from shared.wire import Answer, Id, Instant, Line, Received

MAX_PARTIES = 10_000
"""Upper bound of parties in one synchronisation."""
MAX_MEMBERS = 50_000
"""Upper bound of parties that one request may put into a folder."""

_ADDRESS = re.compile(r"""[^\s@<>()\[\],;:\\"]+@[^\s@<>()\[\],;:\\"]+""")


def _deliverable(value: str) -> str:
    """Check for one bare address: after a comma or a line break a second address could follow.

    email-validator checks more, but refuses addresses that other systems hold, such as those under `.test` or `.local`.
    """
    if not _ADDRESS.fullmatch(value) or not value.isprintable():
        raise ValueError("must be one e-mail address, such as name@example.org")
    return value


def _known_time_zone(value: str) -> str:
    if value not in clock.time_zones():
        raise ValueError("must be an IANA time zone, such as Europe/Amsterdam")
    return value


Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_deliverable)]
TimeZone = Annotated[str, AfterValidator(_known_time_zone)]


class PartyRow(Received):
    """A party in its source system. A field that is left out becomes empty, except `folders`.

    folders: all folders of the party; left out or null: they stay as they are.
    """

    entity_id: Id
    display_name: Line
    email: Email | None = None
    member_id: Id | None = None
    active: bool = True
    time_zone: TimeZone | None = None
    folders: list[Id] | None = Field(default=None, max_length=1000)


class BadRow(Answer):
    """A fault of a row that was left out. row: from 1. pointer: a JSON pointer into the row, empty for the whole row.

    entity_id: the id in the row, if it is well-formed. Nothing else of the row is repeated.
    """

    row: int
    entity_id: str | None
    pointer: str
    detail: str


class SyncAnswer(Answer):
    """The result of a synchronisation. The counts add up to the rows received; `errors` may name a row repeatedly."""

    created: int
    updated: int
    unchanged: int
    failed: int
    errors: list[BadRow]


class PartyAnswer(Answer):
    """A party. folders: those that the caller may see."""

    entity_id: str
    display_name: str
    email: str | None
    member_id: str | None
    active: bool
    time_zone: str | None
    folders: list[str]
    created_at: Instant
    updated_at: Instant
    erased_at: Instant | None

    @classmethod
    def of(cls, party: Party, folders: Sequence[str]) -> Self:
        """Returns the answer for one row of `directory.list_parties`."""
        return cls(
            entity_id=party.id,
            display_name=party.display_name,
            email=party.email,
            member_id=party.member_id,
            active=party.active,
            time_zone=party.time_zone,
            folders=list(folders),
            created_at=party.created_at,
            updated_at=party.updated_at,
            erased_at=party.erased_at,
        )


class FolderRequest(Received):
    """A folder. party_ids: all its members; left out or null: they stay as they are."""

    name: Line
    party_ids: list[Id] | None = Field(default=None, max_length=MAX_MEMBERS)


class FolderAnswer(Answer):
    """A folder. party_count: the number of its members."""

    id: str
    name: str
    party_count: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, folder: Folder, party_count: int) -> Self:
        """Returns the answer for one row of `directory.list_folders`."""
        return cls(
            id=folder.id,
            name=folder.name,
            party_count=party_count,
            created_at=folder.created_at,
            updated_at=folder.updated_at,
        )
