"""The request for a pack, its job's request, and a pack as JSON."""

import uuid
from datetime import date
from enum import StrEnum

from pydantic import Field, model_validator

from shared.jobs import JobRequest
from shared.packs.models import Pack
from shared.wire import Answer, Id, Instant, Received

MOST_PEOPLE = 1000
MOST_RECORDS = 20_000


class PackContent(StrEnum):
    """The parts of a pack that can be left out. sheets: the pack on paper, a PDF for each person and a summary."""

    LICENCES = "licences"
    COMPLETIONS = "completions"
    SHEETS = "sheets"


class PackFilter(Received):
    """The parties of a pack: those named and those in the folders, together. all: every party in the caller's scope.

    course_ids: only what concerns these courses, and for each of them whether the party was licensed.
    """

    party_ids: list[Id] = Field(default_factory=list, max_length=MOST_PEOPLE)
    folder_ids: list[Id] = Field(default_factory=list, max_length=100)
    course_ids: list[uuid.UUID] = Field(default_factory=list, max_length=100)
    all: bool = False

    @model_validator(mode="after")
    def _names_somebody(self) -> "PackFilter":
        if self.all == bool(self.party_ids or self.folder_ids):
            raise ValueError("name parties or folders, or send all: true")
        return self


class PackRequest(Received):
    """on: the day of which the pack tells, not in the future. include: everything unless something is named."""

    filter: PackFilter
    on: date
    include: list[PackContent] = Field(default_factory=lambda: list(PackContent), min_length=1)


class PackJob(JobRequest):
    """A job of kind `packs.make`. pack_id: the pack that it fills."""

    pack_id: uuid.UUID
    on: date
    include: list[PackContent]
    course_ids: list[uuid.UUID] = Field(default_factory=list)


class PackHead(Answer):
    """The head of the audit log to which the proofs of a pack lead."""

    sequence: int
    hash: str
    tree_size: int
    root_hash: str


class PackAnswer(Answer):
    """A pack. readyAt: from when on its file is there. size: bytes of its files before they are compressed.

    manifestHash: SHA-256 of `manifest.json` in it, as in the event `pack.made`. expiresAt: when it is deleted.
    """

    id: uuid.UUID
    job_id: uuid.UUID
    on: date
    include: list[PackContent]
    people: int
    asked_by: str
    asked_at: Instant
    head: PackHead
    ready_at: Instant | None
    expires_at: Instant | None
    size: int | None
    manifest_hash: str | None

    @classmethod
    def of(cls, pack: Pack) -> "PackAnswer":
        """Returns a pack as JSON."""
        head = PackHead(
            sequence=pack.tree_size, hash=pack.head_hash, tree_size=pack.tree_size, root_hash=pack.root_hash
        )
        given = {name: getattr(pack, name) for name in cls.model_fields if name not in ("on", "head")}
        return cls(on=pack.on_day, head=head, **given)


class PackPreview(Answer):
    """The size of a pack that would be made now. examples: ids of up to 20 of its parties."""

    people: int
    licences: int
    completions: int
    examples: list[str]
