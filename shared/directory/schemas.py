"""The directory's JSON."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints

from shared import clock
from shared.directory.models import Folder, Party
from shared.wire import Answer, Fields, Id, Instant, Language, Line, NewId, Received

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
    """A party in its source system. A field that is left out stays as it is, and null clears it.

    display_name: required for a new party; it cannot be cleared, and neither can `active`. folders: all folders of the
    party. The defaults are those of a new party; `model_fields_set` says which fields the row mentions.
    """

    entity_id: NewId
    display_name: Line = ""
    email: Email | None = None
    member_id: Id | None = None
    active: bool = True
    time_zone: TimeZone | None = None
    language: Language | None = None
    folders: list[NewId] | None = Field(default=None, max_length=1000)

    def folder_names(self) -> list[Line] | None:
        """Returns the ids of folders, or their names, that the row gives; None if it does not mention folders."""
        return (self.folders or []) if "folders" in self.model_fields_set else None


class FileRow(PartyRow):
    """A party in a row of a file. folders: each the id of a folder or its name, as people know it."""

    folders: list[Line] | None = Field(default=None, max_length=1000)


class RowNote(Answer):
    """A remark about a row. row: its number, from 1. line: of a file, from 1. column: its name in the file.

    pointer: a JSON pointer into the row, empty for the whole row. entity_id: the id in the row, if it is well-formed.
    Nothing else of the row is repeated.
    """

    row: int
    line: int | None = None
    column: str | None = None
    pointer: str = ""
    entity_id: str | None = None
    detail: str


class BadRow(RowNote):
    """A fault of a row, which was left out."""


class Warned(RowNote):
    """Something that somebody should look at. The row itself was treated as its code says.

    code: `erased`: the party was erased, so the row changed nothing. `similar-id`: the row went in; another party's id
    differs only in letter case.
    """

    code: Literal["erased", "similar-id"]


class SyncAnswer(Answer):
    """The result of a synchronisation. The counts add up to the rows received; `errors` may name a row repeatedly.

    erased: rows of erased parties, which stay as they are. columns: of a file, each with the field that it was taken
    for. ignored_columns: those that are no field of a party. folders_created: ids of new folders. notes: sentences
    about a file as a whole, such as which sheet of a workbook was read.
    """

    created: int
    updated: int
    unchanged: int
    erased: int
    failed: int
    errors: list[BadRow]
    warnings: list[Warned]
    folders_created: list[str]
    columns: dict[str, str]
    ignored_columns: list[str]
    notes: list[str]


class PartyAnswer(Answer):
    """A party. folders: those that the caller may see."""

    entity_id: str
    display_name: str
    email: str | None
    member_id: str | None
    active: bool
    time_zone: str | None
    language: str | None
    folders: list[str]
    created_at: Instant
    updated_at: Instant
    erased_at: Instant | None

    @staticmethod
    def fields(party: Party, folders: Sequence[str]) -> Fields:
        """Returns the fields for one row of `directory.list_parties`."""
        return {
            "entityId": party.id,
            "displayName": party.display_name,
            "email": party.email,
            "memberId": party.member_id,
            "active": party.active,
            "timeZone": party.time_zone,
            "language": party.language,
            "folders": folders,
            "createdAt": party.created_at,
            "updatedAt": party.updated_at,
            "erasedAt": party.erased_at,
        }

    @classmethod
    def of(cls, party: Party, folders: Sequence[str]) -> Self:
        """Returns the answer for one row of `directory.list_parties`."""
        return cls.model_validate(cls.fields(party, folders))


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

    @staticmethod
    def fields(folder: Folder, party_count: int) -> Fields:
        """Returns the fields for one row of `directory.list_folders`."""
        return {
            "id": folder.id,
            "name": folder.name,
            "partyCount": party_count,
            "createdAt": folder.created_at,
            "updatedAt": folder.updated_at,
        }

    @classmethod
    def of(cls, folder: Folder, party_count: int) -> Self:
        """Returns the answer for one row of `directory.list_folders`."""
        return cls.model_validate(cls.fields(folder, party_count))
