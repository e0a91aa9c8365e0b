"""Granting licences: a whole chunk of parties in a fixed number of statements, one party the same way.

The parties are locked first, in the order of their ids, so that two sessions of one course that license one party
take turns: the second finds the first one's licence, and renews it. Their assignments, where there are any, must be
locked before them; then the licences, then the organization's event counter.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from shared import directory, events
from shared.catalogue import Course, EarlyRenewal
from shared.database import current_org
from shared.directory import Party
from shared.events import Actor
from shared.jobs import Chunk
from shared.licences.dates import expiry
from shared.licences.models import Licence
from shared.licences.queries import COUNTS, subject

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
    a party and course in it once."""

    earnings: Select[*tuple[Any, ...]]
    granted_at: datetime
    actor: Actor
    job_id: uuid.UUID | None


@dataclass(frozen=True)
class Former:
    """What a party held of a course until now."""

    id: uuid.UUID
    expires_at: datetime


Earning = Row[str, uuid.UUID, uuid.UUID, uuid.UUID | None, uuid.UUID | None]
"""A row of a lot's earnings."""


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
    return carry_out(db, Grant(earnings, earned.granted_at, earned.actor, earned.job_id), now)


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
    """Grant a lot of licences, superseding what the parties have of the courses. Answers how many were granted.

    What is earned is read once, and given to the statements after it as arrays: as a query it would be worked out anew
    by each of them, and while tables are new, without statistics, in the square of its size.
    """
    earnings = _licensing(db, lot)
    if not earnings:
        return 0
    directory.lock_parties(db, Party.id == any_(_party_ids(earnings)))
    former = _supersede(db, earnings, now)
    _record(db, lot, _insert(db, lot, earnings, former), len(former), now)
    return len(earnings)


def _licensing(db: Session, lot: Grant) -> Sequence[Earning]:
    """The lot's earnings by party, without those of courses that grant no licence."""
    each = lot.earnings.subquery()
    licenses = and_(Course.org_id == current_org(db), Course.id == each.c.course_id, Course.licence_months.is_not(None))
    return db.execute(select(*each.c).join(Course, licenses).order_by(each.c.party_id, each.c.course_id)).all()


def _party_ids(earnings: Sequence[Earning]) -> ColumnElement[Any]:
    return literal(sorted({earning.party_id for earning in earnings}), ARRAY(Text))


def _supersede(db: Session, earnings: Sequence[Earning], now: datetime) -> Mapping[tuple[str, uuid.UUID], Former]:
    """Let what the parties have of the courses count no longer. Answers it, by party and course."""
    course_ids = {earning.course_id for earning in earnings}
    theirs = [
        Licence.org_id == current_org(db),
        Licence.party_id == any_(_party_ids(earnings)),
        Licence.course_id == any_(literal(list(course_ids), ARRAY(Uuid))),
        COUNTS,
    ]
    if len(course_ids) > 1:
        pairs = [f"{earning.party_id} {earning.course_id}" for earning in earnings]
        pair = func.concat(Licence.party_id, " ", cast(Licence.course_id, Text))
        theirs.append(pair == any_(literal(pairs, ARRAY(Text))))
    superseded = (
        update(Licence)
        .where(*theirs)
        .values({Licence.superseded_at: now, Licence.revision: Licence.revision + 1})
        .returning(Licence.party_id, Licence.course_id, Licence.id, Licence.expires_at)
        .execution_options(synchronize_session=False)
    )
    return {(row.party_id, row.course_id): Former(row.id, row.expires_at) for row in db.execute(superseded)}


def _insert(
    db: Session, lot: Grant, earnings: Sequence[Earning], former: Mapping[tuple[str, uuid.UUID], Former]
) -> list[uuid.UUID]:
    """Insert the licences. Answers their ids."""
    renewed = [former.get((earning.party_id, earning.course_id)) for earning in earnings]
    columns: dict[str, tuple[Any, list[Any]]] = {
        "party_id": (Text, [earning.party_id for earning in earnings]),
        "course_id": (Uuid, [earning.course_id for earning in earnings]),
        "course_version_id": (Uuid, [earning.course_version_id for earning in earnings]),
        "session_id": (Uuid, [earning.session_id for earning in earnings]),
        "assignment_id": (Uuid, [earning.assignment_id for earning in earnings]),
        "renews_id": (Uuid, [one.id if one else None for one in renewed]),
        "former_expires_at": (AT, [one.expires_at if one else None for one in renewed]),
    }
    arrays = [literal(values, ARRAY(kind)) for kind, values in columns.values()]
    each = func.unnest(*arrays).table_valued(*columns).render_derived("earned")
    keeps_anniversary = Course.early_renewal == EarlyRenewal.KEEPS_ANNIVERSARY
    granted_at = literal(lot.granted_at, AT)
    expires_at, rule = expiry(
        granted_at, Course.licence_months, each.c.former_expires_at, Course.renewal_window_days, keeps_anniversary
    )
    values: dict[Any, Any] = {
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
        Licence.months: Course.licence_months,
        Licence.rule: rule,
        Licence.renews_id: each.c.renews_id,
    }
    of_course = and_(Course.org_id == current_org(db), Course.id == each.c.course_id)
    rows = select(*values.values()).select_from(each.join(Course, of_course)).order_by(each.c.party_id)
    inserted = insert(Licence).from_select(list(values), rows, include_defaults=False).returning(Licence.id)
    return list(db.scalars(inserted))


def _record(db: Session, lot: Grant, granted: list[uuid.UUID], superseded: int, now: datetime) -> None:
    """Record the events: of every licence that was granted, and of every one that it superseded."""
    ours = and_(Licence.org_id == current_org(db), Licence.id == any_(literal(granted, ARRAY(Uuid))))
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
    each = select(subject(Licence.id), Licence.party_id, about.label("data")).where(ours)
    events.record_each(db, lot.actor, now, type="licence.granted", count=len(granted), of=each, data=data)
    by = func.jsonb_build_object("courseId", Licence.course_id, "supersededBy", Licence.id)
    each = select(subject(Licence.renews_id), Licence.party_id, by.label("data")).where(
        ours, Licence.renews_id.is_not(None)
    )
    events.record_each(db, lot.actor, now, type="licence.superseded", count=superseded, of=each, data={})
