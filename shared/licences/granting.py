"""Granting licences: any number of parties in the same fixed number of statements.

The parties are locked first. Without that lock, two sessions of one course that license the same party at once
could both find no licence to renew, and the second insert would violate `uq_licence_counting`; with it, the second one
finds the first one's licence and renews it. The caller has locked the assignments before: see docs/locks.md.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    FromClause,
    Text,
    Uuid,
    and_,
    cast,
    column,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from shared import directory, events
from shared.arrays import is_one_of
from shared.catalogue import Course, LicenceEnds
from shared.database import current_org
from shared.directory import Party
from shared.events import Actor
from shared.jobs import Chunk
from shared.licences.dates import AT, Training, dates, policy_of_course
from shared.licences.models import Licence, LicenceDue
from shared.licences.queries import COUNTS, has_id
from shared.licences.recording import record_granted, superseded_by


@dataclass(frozen=True)
class Earned:
    """A completed session, which grants licences. actor: completed the session. job_id: the job that grants.

    trained_at: when the sitting ended; None if only its day is known, trained_on. reason: that of an amendment which
    adds parties; None for a completion.
    """

    course_id: uuid.UUID
    course_version_id: uuid.UUID
    session_id: uuid.UUID
    granted_at: datetime
    actor: Actor
    job_id: uuid.UUID
    trained_at: datetime | None = None
    trained_on: date | None = None
    reason: str | None = None


class Earning(NamedTuple):
    """A party's claim to a licence: either a session that it attended or an assignment that it completed."""

    party_id: str
    course_id: uuid.UUID
    course_version_id: uuid.UUID
    session_id: uuid.UUID | None
    assignment_id: uuid.UUID | None


@dataclass(frozen=True)
class Lot:
    """Licences to grant together. earnings: at most one per party and course, sorted by party; each course licenses.

    trained_at, trained_on: as in `Earned`. reason, revoked_by: as for `grant`.
    """

    earnings: Sequence[Earning]
    granted_at: datetime
    actor: Actor
    job_id: uuid.UUID | None
    trained_at: datetime | None = None
    trained_on: date | None = None
    reason: str | None = None
    revoked_by: Mapping[str, Actor] = field(default_factory=dict)


@dataclass(frozen=True)
class Former:
    """The licence that counted for a party and course until now."""

    id: uuid.UUID
    expires_at: datetime


def grant(
    db: Session,
    chunk: Chunk,
    earned: Earned,
    party_ids: Sequence[str],
    now: datetime,
    *,
    revoked_by: Mapping[str, Actor] | None = None,
) -> set[str]:
    """Grant licences of a session to these parties of the chunk. Returns the ids of the parties that got one.

    Skips a party that has a licence of this session which is not revoked, or had one of the same job. Grants nothing if
    the course grants no licences. Call it after everything that locks the parties' assignments: see docs/locks.md.
    revoked_by: the member who revoked a party's former licence of the session by hand, for the event.
    """
    org_id = current_org(db)
    months = select(Course.licence_months).where(Course.org_id == org_id, Course.id == earned.course_id)
    if db.scalar(months) is None:
        return set()
    had = db.scalars(
        select(Licence.party_id).where(
            Licence.org_id == org_id,
            Licence.session_id == earned.session_id,
            chunk.covers(Licence.party_id),
            or_(Licence.revoked_at.is_(None), Licence.job_id == earned.job_id),
        )
    )
    licensed = set(party_ids).difference(had)
    earnings = [
        Earning(party_id, earned.course_id, earned.course_version_id, earned.session_id, None)
        for party_id in sorted(licensed)
    ]
    grant_all(db, _lot(earned, earnings, revoked_by or {}), now)
    return licensed


def _lot(earned: Earned, earnings: Sequence[Earning], revoked_by: Mapping[str, Actor]) -> Lot:
    return Lot(
        earnings,
        earned.granted_at,
        earned.actor,
        earned.job_id,
        earned.trained_at,
        earned.trained_on,
        earned.reason,
        revoked_by,
    )


def lock_licences(db: Session, chunk: Chunk, course_id: uuid.UUID) -> None:
    """Lock all licences of a course that the chunk's parties hold, then their `licence_due` rows, by their ids.

    For work that records events before it has changed all of these licences: the trigger that keeps `licence_due` up to
    date must not wait for a sweep while this transaction holds the event counter. See docs/locks.md.
    """
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
    )
    ids = list(db.scalars(theirs))
    due = select(LicenceDue.licence_id).where(
        LicenceDue.org_id == chunk.job.org_id, is_one_of(LicenceDue.licence_id, ids)
    )
    db.execute(due.order_by(LicenceDue.licence_id).with_for_update())


def grant_all(db: Session, lot: Lot, now: datetime) -> None:
    """Grant a lot of licences, superseding the licences that count for the same parties and courses.

    The earnings are parameters (arrays), not a subquery: each statement would evaluate the subquery again, and on new
    tables without statistics PostgreSQL may choose a plan whose cost is quadratic in the number of earnings.
    """
    if not lot.earnings:
        return
    party_ids = sorted({earning.party_id for earning in lot.earnings})
    directory.lock_parties(db, is_one_of(Party.id, party_ids))
    former = _supersede(db, lot.earnings, party_ids, now)
    _record(db, lot, _insert(db, lot, former), len(former), now)


def _supersede(
    db: Session, earnings: Sequence[Earning], party_ids: Sequence[str], now: datetime
) -> Mapping[tuple[str, uuid.UUID], Former]:
    """Supersede the licences that count for these parties and courses. Returns them, by party and course."""
    course_ids = {earning.course_id for earning in earnings}
    theirs = [
        Licence.org_id == current_org(db),
        is_one_of(Licence.party_id, party_ids),
        is_one_of(Licence.course_id, course_ids),
        COUNTS,
    ]
    if len(course_ids) > 1:
        pairs = [f"{earning.party_id} {earning.course_id}" for earning in earnings]
        pair = func.concat(Licence.party_id, " ", cast(Licence.course_id, Text))
        theirs.append(is_one_of(pair, pairs))
    superseded = (
        update(Licence)
        .where(*theirs)
        .values({Licence.superseded_at: now, Licence.revision: Licence.revision + 1})
        .returning(Licence.party_id, Licence.course_id, Licence.id, Licence.expires_at)
        .execution_options(synchronize_session=False)
    )
    return {(row.party_id, row.course_id): Former(row.id, row.expires_at) for row in db.execute(superseded)}


def _insert(db: Session, lot: Lot, former: Mapping[tuple[str, uuid.UUID], Former]) -> list[uuid.UUID]:
    """Insert the licences. Returns their ids."""
    earnings = lot.earnings
    renewed = [former.get((earning.party_id, earning.course_id)) for earning in earnings]
    columns: dict[str, tuple[TypeEngine[Any], list[Any]]] = {
        "party_id": (Text(), [earning.party_id for earning in earnings]),
        "course_id": (Uuid(), [earning.course_id for earning in earnings]),
        "course_version_id": (Uuid(), [earning.course_version_id for earning in earnings]),
        "session_id": (Uuid(), [earning.session_id for earning in earnings]),
        "assignment_id": (Uuid(), [earning.assignment_id for earning in earnings]),
        "renews_id": (Uuid(), [one.id if one else None for one in renewed]),
        "former_expires_at": (AT, [one.expires_at if one else None for one in renewed]),
    }
    each, earned = _rows(columns)
    granted_at = literal(lot.granted_at, AT)
    trained = literal(lot.trained_at, AT), literal(lot.trained_on, Date)
    found = dates(policy_of_course(db), Training(granted_at, *trained, earned["former_expires_at"]))
    values: dict[Any, Any] = {
        Licence.org_id: literal(current_org(db)),
        Licence.party_id: earned["party_id"],
        Licence.course_id: earned["course_id"],
        Licence.course_version_id: earned["course_version_id"],
        Licence.session_id: earned["session_id"],
        Licence.assignment_id: earned["assignment_id"],
        Licence.job_id: literal(lot.job_id, Uuid),
        Licence.granted_by_type: literal(lot.actor.type),
        Licence.granted_by_id: literal(lot.actor.id),
        Licence.granted_at: granted_at,
        Licence.valid_from: found.valid_from,
        Licence.expires_at: found.expires_at,
        Licence.months: Course.licence_months,
        Licence.rule: found.rule,
        Licence.counted_from: found.counted_from,
        Licence.ends: func.nullif(Course.licence_ends, LicenceEnds.INSTANT),
        Licence.renews_id: earned["renews_id"],
    }
    of_course = and_(Course.org_id == current_org(db), Course.id == earned["course_id"])
    rows = select(*values.values()).select_from(each.join(Course, of_course)).order_by(earned["party_id"])
    inserted = insert(Licence).from_select(list(values), rows, include_defaults=False).returning(Licence.id)
    return list(db.scalars(inserted))


def _rows(columns: Mapping[str, tuple[TypeEngine[Any], list[Any]]]) -> tuple[FromClause, dict[str, ColumnElement[Any]]]:
    """Returns columns as rows of a statement, and by name. A column of equal values becomes one value, not an array."""
    varying = {
        name: (kind, values)
        for n, (name, (kind, values)) in enumerate(columns.items())
        if n == 0 or len(set(values)) > 1
    }
    arrays = [literal(values, ARRAY(kind)) for kind, values in varying.values()]
    rows = func.unnest(*arrays).table_valued(*(column(name, kind) for name, (kind, _) in varying.items()))
    each = rows.render_derived("earned")
    return each, {
        name: each.c[name] if name in varying else literal(values[0], kind) for name, (kind, values) in columns.items()
    }


def _record(db: Session, lot: Lot, granted: list[uuid.UUID], superseded: int, now: datetime) -> None:
    """Record `licence.granted` for every new licence and `licence.superseded` for every licence it superseded."""
    data = {"grantedAt": lot.granted_at.isoformat()} | ({} if lot.job_id is None else {"jobId": str(lot.job_id)})
    data |= {} if lot.reason is None else {"reason": lot.reason}
    record_granted(db, granted, lot.actor, now, data, {"revokedBy": _revokers(lot)})
    each = superseded_by(has_id(current_org(db), granted), Licence.renews_id.is_not(None))
    events.record_each(db, lot.actor, now, type="licence.superseded", count=superseded, of=each, data={})


def _revokers(lot: Lot) -> ColumnElement[Any]:
    """Returns the member who revoked the former licence by hand, from one parameter, null for most parties."""
    by = {party_id: {"type": actor.type, "id": actor.id} for party_id, actor in lot.revoked_by.items()}
    return literal(by, JSONB).op("->")(Licence.party_id)
