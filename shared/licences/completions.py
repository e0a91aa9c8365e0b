"""Licences that completed assignments earn, for courses that say so: `licenceOn` is `completion`.

However the completion came about, but for a completed session: that has licensed the party itself, and one act earns
one licence. A completion that is taken back takes its licence with it.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, literal, select
from sqlalchemy.orm import Session, aliased

from shared.arrays import is_one_of
from shared.catalogue import Course, LicenceOn
from shared.database import current_org
from shared.events import Actor
from shared.licences.granting import Earning, Grant, carry_out
from shared.licences.models import Licence
from shared.licences.revoking import take_back


def grant_on_completion(
    db: Session,
    completed: Select[uuid.UUID, str, uuid.UUID, uuid.UUID],
    actor: Actor,
    now: datetime,
    *,
    job_id: uuid.UUID | None = None,
    most: int | None = None,
) -> int:
    """License the parties of these assignments where the course is one of that kind. Answers how many licences.

    completed: selects `assignment_id, party_id, course_id, course_version_id` of assignments that are locked; call this
    before anything is recorded of them. One that has a licence, not revoked, is passed over. most: how many
    assignments of one course a party has among them, at most; None: look. A party that completes several versions of
    a course at once is licensed for each, one after the other.
    """
    ranked = _ranked(db, completed).subquery()
    if most is None:
        most = db.scalar(select(func.max(ranked.c.place))) or 0
    granted = 0
    for place in range(1, most + 1):
        turn = ranked.c.place == place if most > 1 else literal(True)
        each = (
            select(ranked.c.party_id, ranked.c.course_id, ranked.c.course_version_id, ranked.c.assignment_id)
            .where(turn, ~_licensed(db, ranked.c.assignment_id))
            .order_by(ranked.c.party_id, ranked.c.course_id)
        )
        earnings = [Earning(party_id, course, version, None, of) for party_id, course, version, of in db.execute(each)]
        carry_out(db, Grant(earnings, now, actor, job_id), now)
        granted += len(earnings)
    return granted


def take_back_completions(
    db: Session, assignment_ids: Select[uuid.UUID], reason: str, actor: Actor, now: datetime
) -> int:
    """Revoke the licences that these assignments earned, as if they had never been. Answers how many."""
    earned = is_one_of(Licence.assignment_id, db.scalars(assignment_ids).all())
    return take_back(db, earned, reason, actor, now, data={})


def _ranked(db: Session, completed: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Those of the completions that license, numbered among a party's of one course."""
    each = completed.subquery()
    of_course = and_(Course.org_id == current_org(db), Course.id == each.c.course_id)
    place = func.row_number().over(partition_by=[each.c.party_id, each.c.course_id], order_by=each.c.assignment_id)
    return (
        select(*each.c, place.label("place"))
        .join(Course, of_course)
        .where(Course.licence_on == LicenceOn.COMPLETION, Course.licence_months.is_not(None))
    )


def _licensed(db: Session, assignment_id: Any) -> Any:
    had = aliased(Licence)
    return (
        select(had.id)
        .where(had.org_id == current_org(db), had.assignment_id == assignment_id, had.revoked_at.is_(None))
        .exists()
    )
