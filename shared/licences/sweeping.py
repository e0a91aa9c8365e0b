"""The sweep: publishes, once each, that a licence ends soon and that it has ended. Validity does not depend on it.

What is due is stored with each licence (`licence_due.due_at`), not derived from the time of the run: a missed night, a
killed run or three runs at once publish the same events. A batch is one transaction. It skips rows that another
transaction has locked; a run has finished when no row is due any more, locked or not.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Select, cast, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import events
from shared.database import current_org
from shared.events import Actor
from shared.licences.models import NOTICE_DAYS, Licence, LicenceDue, Sweep
from shared.licences.queries import has_id, subject

BATCH = 5000
"""Upper bound of licences per transaction: with more, the organization's event counter stays locked for too long."""

BEGINS_AT_HOUR = 1
"""The hour of the day (UTC) from which the night's sweep is due."""

LATE_AFTER = timedelta(hours=26)
"""A day and a margin of 2 hours: an organization without a finished sweep for this long counts as behind."""

SWEEPER = Actor("system", "sweep")


@dataclass(frozen=True)
class Batch:
    """The result of one batch. expired, notices: numbers of events published.

    size: number of licences; if it equals the bound given, more may be due.
    """

    size: int
    expired: int
    notices: int


def tonight(now: datetime) -> date | None:
    """Returns the night whose sweep is due, or None before `BEGINS_AT_HOUR`."""
    now = now.astimezone(UTC)
    return now.date() if now.hour >= BEGINS_AT_HOUR else None


def organizations_to_sweep(db: Session, now: datetime) -> list[str]:
    """Returns the ids of organizations that can use training and lack tonight's sweep or have an unfinished one.

    Call it in a transaction without an organization.
    """
    return list(db.scalars(select(func.organizations_to_sweep(tonight(now)))))


def organizations_behind(db: Session, now: datetime) -> int:
    """Returns how many organizations that can use training have had no finished sweep for `LATE_AFTER`.

    Call it in a transaction without an organization.
    """
    return db.scalar(select(func.organizations_behind_with_sweeps(now - LATE_AFTER))) or 0


def oldest_sweep(db: Session) -> datetime | None:
    """Returns when the organization that was swept least recently was swept, or added if it never was.

    Call it in a transaction without an organization.
    """
    return db.scalar(select(func.oldest_sweep()))


def begin_tonight(db: Session, now: datetime) -> None:
    """Insert tonight's sweep, if it is due and not there yet. If two do this at once, one inserts it."""
    slot = tonight(now)
    if slot is not None:
        db.execute(upsert(Sweep).values(slot=slot, **_asked(db, SWEEPER, now)).on_conflict_do_nothing())


def ask_sweep(db: Session, actor: Actor, now: datetime) -> Sweep:
    """Insert a sweep that was requested by hand. It is due at once."""
    return db.scalars(insert(Sweep).values(**_asked(db, actor, now)).returning(Sweep)).one()


def _asked(db: Session, actor: Actor, now: datetime) -> dict[str, Any]:
    return {"org_id": current_org(db), "asked_by_type": actor.type, "asked_by_id": actor.id, "asked_at": now}


def list_sweeps(db: Session) -> Select[Sweep]:
    """Selects the organization's sweeps, the newest first."""
    return select(Sweep).where(Sweep.org_id == current_org(db)).order_by(Sweep.id.desc())


_PASSED = " + ".join(f"(expires_at - interval '{days} days' <= :now)::int" for days in NOTICE_DAYS)
"""SQL: how many notices of a licence have come due. They come due in the order of `NOTICE_DAYS`. If the licence itself
is due, this is at least the number published, because it is due for a later notice or its end."""

_USE_INDEXES = text("SELECT set_config('enable_seqscan', 'off', true)")
"""For a batch's transaction. Without it, PostgreSQL scans a table of 100,000 rows sequentially to find a batch; the
cost must follow the number of rows that are due, not of those that exist."""

_LOCK_DUE = text(f"""
    SELECT licence_id AS id, due_at, notices AS published, {_PASSED} AS passed, expires_at <= :now AS ended
    FROM licence_due WHERE org_id = :org AND due_at <= :now ORDER BY due_at, licence_id LIMIT :most
    FOR UPDATE SKIP LOCKED""")  # noqa: S608

_MARK = text(f"""
    UPDATE licence_due SET notices = {_PASSED},
        expired_at = CASE WHEN expires_at <= :now THEN cast(:now AS timestamptz) END
    WHERE org_id = :org AND licence_id = ANY (cast(:ids AS uuid[]))""")  # noqa: S608
"""Notes in a batch's rows what is published. Finds them by an array of ids, which uses the index whatever the plan. A
join could get a plan of quadratic cost while PostgreSQL has no statistics of the organization."""


_RESTART = text(f"""
    UPDATE licence_due SET notices = CASE WHEN expires_at <= :now THEN {len(NOTICE_DAYS)}
        WHEN :new_end THEN greatest({_PASSED} - 1, 0) ELSE greatest({_PASSED} - 1, notices) END
    WHERE org_id = :org AND licence_id = ANY (cast(:ids AS uuid[])) AND counts""")  # noqa: S608


def restart_notices(db: Session, ids: Collection[uuid.UUID], now: datetime, *, new_end: bool) -> None:
    """Decide which notices of these licences are still to be published. Call it after writing the licences.

    new_end: their ends were changed, so each notice belongs to the new end. False: they count again with the end that
    they had, so what was published stays so. Of the notices whose day has passed only the last is to be published: it
    is the one that still helps. None is if the licence has ended.
    """
    if ids:
        db.execute(_RESTART, {"org": current_org(db), "now": now, "ids": list(ids), "new_end": new_end})


def sweep_batch(db: Session, sweep_id: uuid.UUID, now: datetime, most: int = BATCH) -> Batch:
    """Publish what is due, for the licences that have been due the longest, and add it to the counts of this run.

    most: upper bound of licences. If the sweep is late, publishes every notice that has come due since, then the end.
    Notices whose day had passed when the licence got its end are passed over: see `restart_notices`.
    """
    org_id = current_org(db)
    db.execute(_USE_INDEXES)
    due = db.execute(_LOCK_DUE, {"org": org_id, "now": now, "most": most}).all()
    if not due:
        return Batch(0, 0, 0)
    db.execute(_MARK, {"org": org_id, "now": now, "ids": [row.id for row in due]})
    notices = 0
    for place, days in enumerate(NOTICE_DAYS):
        passed = [row.id for row in due if row.published <= place < row.passed]
        notices += len(passed)
        events.record_each(
            db,
            SWEEPER,
            now,
            type="licence.expiring",
            count=len(passed),
            of=_each(org_id, passed),
            data={"daysBefore": days},
        )
    ended = [row.id for row in due if row.ended]
    events.record_each(db, SWEEPER, now, type="licence.expired", count=len(ended), of=_each(org_id, ended), data={})
    db.execute(
        update(Sweep)
        .where(Sweep.org_id == org_id, Sweep.id == sweep_id)
        .values(
            started_at=func.coalesce(Sweep.started_at, now),
            expired=Sweep.expired + len(ended),
            notices=Sweep.notices + notices,
            lag_seconds=func.greatest(Sweep.lag_seconds, (now - due[0].due_at).total_seconds()),
        )
    )
    return Batch(len(due), len(ended), notices)


def _each(org_id: str, ids: list[uuid.UUID]) -> Select[str, str, Any]:
    """Selects licences of a batch as rows of events, with their present ends.

    No end can change in between: a correction either committed before the batch locked the rows of `licence_due`, or
    its trigger waits for that lock.
    """
    data = func.jsonb_build_object("courseId", Licence.course_id, "expiresAt", Licence.expires_at).label("data")
    return select(subject(Licence.id), Licence.party_id, data).where(has_id(org_id, ids))


def unfinished(db: Session) -> uuid.UUID | None:
    """Returns the id of the organization's earliest unfinished sweep, or None."""
    return db.scalar(
        select(Sweep.id).where(Sweep.org_id == current_org(db), Sweep.finished_at.is_(None)).order_by(Sweep.id).limit(1)
    )


def finish_sweep(db: Session, now: datetime) -> bool:
    """Finish all of the organization's sweeps, if no licence is due any more, including those that others have locked.

    Returns True if it finished any.
    """
    org_id = current_org(db)
    due = select(LicenceDue.licence_id).where(LicenceDue.org_id == org_id, LicenceDue.due_at <= now).exists()
    finished = db.scalars(
        update(Sweep)
        .where(Sweep.org_id == org_id, Sweep.finished_at.is_(None), ~due)
        .values(started_at=func.coalesce(Sweep.started_at, now), finished_at=now)
        .returning(Sweep.id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(finished)


def count_renewals(db: Session, sweep_id: uuid.UUID, count: int) -> None:
    """Add to the number of licences for which a sweep assigned the course again."""
    counted = update(Sweep).where(Sweep.org_id == current_org(db), Sweep.id == sweep_id)
    db.execute(counted.values(renewals=Sweep.renewals + cast(count, Integer)))
