"""Licences for completed assignments, if the course has `licenceOn: completion`.

Every way of completing an assignment grants a licence, except a completed session: a session grants its licences
itself (`granting.grant`), and one attendance must not grant two. Taking a completion back revokes its licence.
"""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, literal, select
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.catalogue import Course, LicenceOn
from shared.database import current_org
from shared.events import Actor
from shared.licences.granting import Earning, Lot, grant_all
from shared.licences.models import Licence
from shared.licences.revoking import take_back


def grant_on_completion(
    db: Session,
    completed: Select[uuid.UUID, str, uuid.UUID, uuid.UUID],
    actor: Actor,
    now: datetime,
    *,
    occurred_on: date | None = None,
    job_id: uuid.UUID | None = None,
    most: int | None = None,
) -> int:
    """Grant licences for these assignments where their course licenses on completion. Returns how many.

    completed: selects `assignment_id, party_id, course_id, course_version_id`. The caller has locked these assignments
    and has recorded no event yet (see docs/locks.md). Skips an assignment whose licence is not revoked. A party with
    several versions of one course gets a licence for each, one after the other. occurred_on: the day of the
    completions; None: today. most: upper bound of assignments per party and course; None: query it.
    """
    ranked = _ranked(db, completed).subquery()
    if most is None:
        most = db.scalar(select(func.max(ranked.c.place))) or 0
    granted = 0
    for place in range(1, most + 1):
        in_turn = ranked.c.place == place if most > 1 else literal(True)
        each = (
            select(ranked.c.party_id, ranked.c.course_id, ranked.c.course_version_id, ranked.c.assignment_id)
            .where(in_turn)
            .order_by(ranked.c.party_id, ranked.c.course_id)
        )
        found = [Earning(party_id, course, version, None, of) for party_id, course, version, of in db.execute(each)]
        licensed = _licensed(db, found)
        earnings = [earning for earning in found if earning.assignment_id not in licensed]
        grant_all(db, Lot(earnings, now, actor, job_id, trained_on=occurred_on), now)
        granted += len(earnings)
    return granted


def take_back_completions(
    db: Session,
    assignment_ids: Select[uuid.UUID],
    reason: str,
    actor: Actor,
    now: datetime,
    *,
    job_id: uuid.UUID | None = None,
) -> int:
    """Revoke the licences of these assignments and restore the ones they superseded. Returns how many were revoked.

    job_id: the job that takes them back, for its undo.
    """
    earned = is_one_of(Licence.assignment_id, db.scalars(assignment_ids).all())
    return take_back(db, earned, reason, actor, now, data={}, job_id=job_id)


def _ranked(db: Session, completed: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The completions that grant a licence, numbered per party and course."""
    each = completed.subquery()
    of_course = and_(Course.org_id == current_org(db), Course.id == each.c.course_id)
    place = func.row_number().over(partition_by=[each.c.party_id, each.c.course_id], order_by=each.c.assignment_id)
    return (
        select(*each.c, place.label("place"))
        .join(Course, of_course)
        .where(Course.licence_on == LicenceOn.COMPLETION, Course.licence_months.is_not(None))
    )


def _licensed(db: Session, earnings: Sequence[Earning]) -> set[uuid.UUID | None]:
    """Returns the assignments among these that have a licence which is not revoked.

    By array: a condition in SQL compares every assignment with every licence while PostgreSQL does not know the
    organization.
    """
    if not earnings:
        return set()
    mine = is_one_of(Licence.assignment_id, [earning.assignment_id for earning in earnings])
    held = select(Licence.assignment_id).where(Licence.org_id == current_org(db), mine, Licence.revoked_at.is_(None))
    return set(db.scalars(held))
