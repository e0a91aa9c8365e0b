"""Granting licences: a whole chunk of parties in a fixed number of statements, one party the same way.

The parties are locked first, in the order of their ids, so that two sessions of one course that license one party
take turns: the second finds the first one's licence, and renews it. Their assignments, where there are any, must be
locked before them; then the licences, then the organization's event counter.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    Text,
    Uuid,
    and_,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from shared import events
from shared.catalogue import Course, EarlyRenewal
from shared.database import current_org
from shared.directory import Party
from shared.events import Actor
from shared.jobs import Chunk
from shared.licences.dates import expiry
from shared.licences.models import Licence

AT = DateTime(timezone=True)


@dataclass(frozen=True)
class Earned:
    """What a completed session earns its parties. actor: who completed it. job_id: the job that grants."""

    course_id: uuid.UUID
    course_version_id: uuid.UUID
    session_id: uuid.UUID
    granted_at: datetime
    actor: Actor
    job_id: uuid.UUID


@dataclass(frozen=True)
class Grant:
    """One lot of licences. earnings: selects `party_id, course_id, course_version_id, session_id, assignment_id`, with
    a party and course in it once. made: which licences they are, once they are there."""

    earnings: Select[Any]
    made: ColumnElement[bool]
    granted_at: datetime
    actor: Actor
    job_id: uuid.UUID | None


def grant(db: Session, chunk: Chunk, earned: Earned, entitled: Select[str], now: datetime) -> int:
    """License those of the chunk's parties that `entitled` selects, one column of ids. Answers how many were licensed.

    One that has a licence of this session is passed over, also where that was revoked. Where the course grants none,
    nothing happens. Call it after anything that locks the parties' assignments.
    """
    parties = entitled.subquery()
    (party_id,) = parties.c
    had = aliased(Licence)
    of_session = and_(
        had.org_id == chunk.job.org_id,
        had.session_id == earned.session_id,
        had.party_id == party_id,
        chunk.covers(had.party_id),
    )
    earnings = select(
        party_id.label("party_id"),
        literal(earned.course_id).label("course_id"),
        literal(earned.course_version_id).label("course_version_id"),
        literal(earned.session_id).label("session_id"),
        cast(null(), Uuid).label("assignment_id"),
    ).where(~select(had.id).where(of_session).exists(), chunk.covers(party_id))
    made = and_(
        Licence.job_id == earned.job_id, Licence.session_id == earned.session_id, chunk.covers(Licence.party_id)
    )
    return carry_out(db, Grant(earnings, made, earned.granted_at, earned.actor, earned.job_id), now)


def lock(db: Session, chunk: Chunk, course_id: uuid.UUID) -> None:
    """Lock what the chunk's parties hold of a course, for work that records events before it has changed all of it."""
    recipients = chunk.recipients.subquery()
    theirs = (
        select(Licence.id)
        .where(
            Licence.org_id == chunk.job.org_id,
            Licence.course_id == course_id,
            chunk.covers(Licence.party_id),
            Licence.party_id.in_(select(recipients.c.entity_id)),
        )
        .order_by(Licence.id)
        .with_for_update(key_share=True)
        .cte("theirs")
    )
    db.execute(select(func.count()).select_from(theirs))


def carry_out(db: Session, lot: Grant, now: datetime) -> int:
    """Grant a lot of licences, superseding what the parties have of the courses. Answers how many were granted."""
    count, first, last = _lock_parties(db, lot)
    if not count:
        return 0
    superseded = _supersede(db, lot, first, last, now)
    granted = _insert(db, lot, bool(superseded), now)
    _record(db, lot, granted, superseded, now)
    return granted


def _licensing(db: Session, lot: Grant) -> Any:
    """The lot's earnings with what their courses say, without those of courses that grant no licence."""
    each = lot.earnings.subquery()
    return (
        select(
            *each.c,
            Course.licence_months.label("months"),
            Course.renewal_window_days.label("window_days"),
            (Course.early_renewal == EarlyRenewal.KEEPS_ANNIVERSARY).label("keeps_anniversary"),
        )
        .join(Course, and_(Course.org_id == current_org(db), Course.id == each.c.course_id))
        .where(Course.licence_months.is_not(None))
        .subquery()
    )


def _lock_parties(db: Session, lot: Grant) -> tuple[int, str, str]:
    """Lock the parties in the order of their ids. Answers how many, the first and the last."""
    each = _licensing(db, lot)
    locked = (
        select(Party.id)
        .where(Party.org_id == current_org(db), Party.id.in_(select(each.c.party_id)))
        .order_by(Party.id)
        .with_for_update(key_share=True)
        .cte("locked")
    )
    row = db.execute(select(func.count(), func.min(locked.c.id), func.max(locked.c.id))).one()
    return row[0], row[1], row[2]


def _supersede(db: Session, lot: Grant, first: str, last: str, now: datetime) -> int:
    """Let what the parties have of the courses count no longer. Answers how many licences that were."""
    each = _licensing(db, lot)
    superseded: Any = db.execute(
        update(Licence)
        .where(
            Licence.org_id == current_org(db),
            Licence.party_id >= first,
            Licence.party_id <= last,
            Licence.party_id == each.c.party_id,
            Licence.course_id == each.c.course_id,
            Licence.revoked_at.is_(None),
            Licence.superseded_at.is_(None),
        )
        .values({Licence.superseded_at: now, Licence.revision: Licence.revision + 1}),
        execution_options={"preserve_rowcount": True, "synchronize_session": False},
    )
    count: int = superseded.rowcount
    return count


def _insert(db: Session, lot: Grant, renews: bool, now: datetime) -> int:
    """Insert the licences. renews: whether any of them may renew a licence that was superseded just now."""
    each = _licensing(db, lot)
    other = aliased(Licence)
    former = (
        select(other.id, other.expires_at)
        .where(
            other.org_id == current_org(db),
            other.party_id == each.c.party_id,
            other.course_id == each.c.course_id,
            other.superseded_at == now,
            other.revoked_at.is_(None),
            literal(renews),
        )
        .order_by(other.id.desc())
        .limit(1)
        .lateral("former")
    )
    granted_at = literal(lot.granted_at, AT)
    expires_at, rule = expiry(
        granted_at, each.c.months, former.c.expires_at, each.c.window_days, each.c.keeps_anniversary
    )
    values: dict[Any, ColumnElement[Any]] = {
        Licence.org_id: literal(current_org(db)),
        Licence.party_id: each.c.party_id,
        Licence.course_id: each.c.course_id,
        Licence.course_version_id: each.c.course_version_id,
        Licence.session_id: each.c.session_id,
        Licence.assignment_id: each.c.assignment_id,
        Licence.job_id: literal(lot.job_id, Uuid),
        Licence.granted_by_type: literal(lot.actor.type),
        Licence.granted_by_id: literal(lot.actor.id),
        Licence.granted_at: granted_at,
        Licence.expires_at: expires_at,
        Licence.months: each.c.months,
        Licence.rule: rule,
        Licence.renews_id: former.c.id,
    }
    rows = select(*values.values()).select_from(each.outerjoin(former, literal(True))).order_by(each.c.party_id)
    inserted: Any = db.execute(
        insert(Licence).from_select(list(values), rows, include_defaults=False),
        execution_options={"preserve_rowcount": True},
    )
    count: int = inserted.rowcount
    return count


def _record(db: Session, lot: Grant, granted: int, superseded: int, now: datetime) -> None:
    """Record the events: of every licence that was granted, and of every one that it superseded."""
    ours = and_(Licence.org_id == current_org(db), lot.made)
    about = func.jsonb_strip_nulls(
        func.jsonb_build_object(
            "courseId",
            Licence.course_id,
            "courseVersionId",
            Licence.course_version_id,
            "sessionId",
            Licence.session_id,
            "assignmentId",
            Licence.assignment_id,
            "expiresAt",
            Licence.expires_at,
            "renews",
            Licence.renews_id,
        )
    )
    data = {"grantedAt": lot.granted_at.isoformat()} | ({} if lot.job_id is None else {"jobId": str(lot.job_id)})
    each = select(_subject(Licence.id), Licence.party_id, about.label("data")).where(ours)
    events.record_each(db, lot.actor, now, type="licence.granted", count=granted, of=each, data=data)
    by = func.jsonb_build_object("courseId", Licence.course_id, "supersededBy", Licence.id)
    each = select(_subject(Licence.renews_id), Licence.party_id, by.label("data")).where(
        ours, Licence.renews_id.is_not(None)
    )
    events.record_each(db, lot.actor, now, type="licence.superseded", count=superseded, of=each, data={})


def _subject(licence_id: Any) -> Any:
    return func.concat("licence/", cast(licence_id, Text)).label("subject")
