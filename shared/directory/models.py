"""The directory's tables: a synchronised copy of parties and folders, which another system owns.

Names and e-mail addresses are stored only here; every other table and every event holds ids.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import ID_PATTERN, Base, ExternalId, Tenant


class Party(Tenant, Base):
    """A party whose training is tracked. A party that leaves is set inactive, never removed: its records stay.

    member_id: the member who represents the party, if any. language: a BCP 47 tag. erased_at: when the party was
    erased; the trigger `erased_stays` keeps such a row blank and inactive, whichever program writes it.
    compared: the name and the id without case and accents, for searches. folded_id: the id in lower case.
    """

    __tablename__ = "party"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        CheckConstraint(f"id ~ '{ID_PATTERN}'", name="id_form"),
        CheckConstraint("erased_at IS NULL OR NOT active", name="erased_is_inactive"),
        Index("ix_party_org_id_member_id", "org_id", "member_id", postgresql_where=text("member_id IS NOT NULL")),
        Index("ix_party_folded_id_org_id", "folded_id", "org_id"),
    )

    id: Mapped[ExternalId] = mapped_column(primary_key=True)
    display_name: Mapped[str]
    email: Mapped[str | None]
    member_id: Mapped[ExternalId | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    time_zone: Mapped[str | None]
    language: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    compared: Mapped[str | None] = mapped_column(
        Computed("""compared_form(display_name || ' ' || (id COLLATE "default"))""", persisted=True), deferred=True
    )
    folded_id: Mapped[ExternalId | None] = mapped_column(Computed("lower(id)", persisted=True), deferred=True)


class FileColumn(Tenant, Base):
    """The field that a column of an organization's files was once said to hold. Names of columns only.

    name: the column's name without case, accents and punctuation; in files of another noun than parties, which has
    fields of its own, the noun and a colon before it. field: its field in JSON; null: it is ignored.
    """

    __tablename__ = "file_column"
    __table_args__ = (ForeignKeyConstraint(["org_id"], ["organization.id"]),)

    name: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str | None]
    updated_at: Mapped[datetime]


class Folder(Tenant, Base):
    """A named group of parties. If a party names a folder that does not exist yet, its id is its name for the time.

    external_id: the id that a SCIM client gave it. hidden_at: when a SCIM client deleted it; it is empty, and in no
    list, until a party or a request names it again.
    """

    __tablename__ = "folder"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        CheckConstraint(f"id ~ '{ID_PATTERN}'", name="id_form"),
        UniqueConstraint("org_id", "external_id"),
    )

    id: Mapped[ExternalId] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    external_id: Mapped[str | None]
    hidden_at: Mapped[datetime | None]


class FolderMember(Tenant, Base):
    """A party in a folder."""

    __tablename__ = "folder_member"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "folder_id"], ["folder.org_id", "folder.id"]),
        ForeignKeyConstraint(["org_id", "party_id"], ["party.org_id", "party.id"]),
        Index("ix_folder_member_org_id_party_id", "org_id", "party_id"),
    )

    folder_id: Mapped[ExternalId] = mapped_column(primary_key=True)
    party_id: Mapped[ExternalId] = mapped_column(primary_key=True)


class ScimUser(Tenant, Base):
    """The names of a party in SCIM, as its client sent them. A party without a row has its id as `userName`.

    folded_name: the `userName` without letter case. hidden_at: when a client deleted the user, for whom the party does
    not exist from then on. Of an erased party `user_name` is null, and of the names only digests are left, by which
    whoever returns under them is refused.
    """

    __tablename__ = "scim_user"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "party_id"], ["party.org_id", "party.id"]),
        UniqueConstraint("org_id", "folded_name"),
        UniqueConstraint("org_id", "external_id"),
        Index("ix_scim_user_hidden", "org_id", "party_id", postgresql_where=text("hidden_at IS NOT NULL")),
    )

    party_id: Mapped[ExternalId] = mapped_column(primary_key=True)
    user_name: Mapped[str | None]
    folded_name: Mapped[str]
    external_id: Mapped[str | None]
    manager: Mapped[str | None]
    hidden_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
