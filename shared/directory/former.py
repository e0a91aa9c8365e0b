"""Former ids: a party that was merged with another one or renumbered is found by the id that it has now.

A former id is never given to anybody else. Its party's row is gone, so that no row can refer to it any more; events
keep it.
"""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Index, func, literal, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.database import Base, ExternalId, Tenant, current_org
from shared.errors import Problem

COPIES_KEPT = timedelta(days=15)
"""The copy of a merged party's row is kept for so long: one day longer than a job can be undone."""


class FormerParty(Tenant, Base):
    """A former id. into_id: the id that took its place; it may be a former one by now. job_id: the job that moved it.

    merged: it was merged with a party that was there already. party: of a merged one, its row and its folders, for
    undoing; null once its time has passed or the party is erased. moved: what the job moved, by the table's name.
    """

    __tablename__ = "former_party"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        ForeignKeyConstraint(["org_id", "job_id"], ["job.org_id", "job.id"]),
        Index("ix_former_party_org_id_into_id", "org_id", "into_id"),
    )

    id: Mapped[ExternalId] = mapped_column(primary_key=True)
    into_id: Mapped[ExternalId]
    job_id: Mapped[uuid.UUID]
    moved_at: Mapped[datetime]
    merged: Mapped[bool]
    party: Mapped[dict[str, Any] | None]
    moved: Mapped[dict[str, Any]]


class PartyRenumbered(Problem):
    """The party has another id now. The answer names it, and its Location is the same address with that id."""

    slug, status, title = "party-renumbered", 301, "The party has another id"

    def __init__(self, former_id: str, entity_id: str) -> None:
        detail = f"This party was merged or renumbered; its id is {entity_id} now. Use that one from now on."
        super().__init__(detail, entityId=entity_id)
        self.former_id, self.entity_id = former_id, entity_id


NOW = "This party was merged or renumbered; its id is {} now."

CURRENT = """
    WITH RECURSIVE step (asked, id, n) AS (
        SELECT one COLLATE "C", one COLLATE "C", 0 FROM unnest(%(ids)s::text[]) AS one
        UNION ALL
        SELECT step.asked, former_party.into_id, n + 1 FROM step
        JOIN former_party ON former_party.org_id = %(org)s AND former_party.id = step.id WHERE n < 100
    )
    SELECT DISTINCT ON (asked) asked, id FROM step WHERE n > 0 ORDER BY asked, n DESC"""
"""The present ids of those of `ids` that are former ones, as psycopg writes it."""

_CURRENT = text(CURRENT.replace("%(ids)s", "cast(:ids AS text[])").replace("::text[]", "").replace("%(org)s", ":org"))

_FORMER = text("""
    WITH RECURSIVE step (id, n) AS (
        SELECT cast(:id AS text) COLLATE "C", 0
        UNION ALL
        SELECT former_party.id, n + 1 FROM step
        JOIN former_party ON former_party.org_id = :org AND former_party.into_id = step.id WHERE n < 100
    )
    SELECT id FROM step WHERE n > 0""")

_FREE = text(
    _FORMER.text.replace(
        " WHERE n < 100",
        """
            AND NOT (former_party.merged AND former_party.moved_at >= :since) WHERE n < 100""",
    )
)
"""Of the former ids, those that lead to the party by no merge that may still be undone."""


def current_ids(db: Session, party_ids: Collection[str]) -> dict[str, str]:
    """Returns the present id of each of these that is a former one."""
    found = db.execute(_CURRENT, {"org": current_org(db), "ids": list(party_ids)})
    return {row.asked: row.id for row in found}


def former_ids(db: Session, party_id: str) -> list[str]:
    """Returns every id under which the party's earlier events are."""
    return list(db.scalars(_FORMER, {"org": current_org(db), "id": party_id}))


def free_ids(db: Session, party_id: str, now: datetime) -> list[str]:
    """Returns the former ids that the party may take again: its own.

    The ids of somebody who was merged into it are that one's for as long as the merge can be undone.
    """
    given = {"org": current_org(db), "id": party_id, "since": now - COPIES_KEPT}
    return list(db.scalars(_FREE, given))


def present_id(party_id: Any) -> ColumnElement[str | None]:
    """Returns the expression of the present id for a former one, however often it moved; null for any other id."""
    org_id = func.current_setting("rollcall.org")
    first = select(FormerParty.into_id.label("id"), literal(1).label("n"))
    of_it = first.where(FormerParty.org_id == org_id, FormerParty.id == party_id).correlate_except(FormerParty)
    step = of_it.cte("step", recursive=True, nesting=True)
    next_ = select(FormerParty.into_id, step.c.n + 1).where(FormerParty.org_id == org_id, FormerParty.id == step.c.id)
    step = step.union_all(next_.where(step.c.n < 100))
    return select(step.c.id).order_by(step.c.n.desc()).limit(1).scalar_subquery()


def move_of(db: Session, job_id: uuid.UUID) -> FormerParty | None:
    """Returns what a job has moved, None if it moved nothing or that is undone."""
    return db.scalar(select(FormerParty).where(FormerParty.org_id == current_org(db), FormerParty.job_id == job_id))
