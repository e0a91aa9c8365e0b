"""The sweep: publishing, once each, that a licence ends soon and that it has ended. Validity does not wait for it.

What is due stands in a row beside each licence (`due_at`), not in the clock: a missed night, a run broken off or three
at once come to the same events. A batch is one transaction; rows that another run holds are passed over, and a run has
finished when nothing is due any more, held or not.
"""

import uuid
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
from shared.licences.queries import subject, these

BATCH = 5000
"""Licences a transaction: above, the organization's event counter is held for too long."""

BEGINS_AT_HOUR = 1
"""The night's sweep is due from this hour of its day on, in UTC."""

LATE_AFTER = timedelta(hours=26)
"""A night and some: an organization that no sweep has finished for so long is one that somebody should look at."""

SWEEPER = Actor("system", "sweep")


@dataclass(frozen=True)
class Batch:
    """What one batch told of. size: licences; as many as were asked for where there may be more."""

    size: int
    expired: int
    notices: int


def tonight(now: datetime) -> date | None:
    """The night whose sweep is due, or None before its hour."""
    now = now.astimezone(UTC)
    return now.date() if now.hour >= BEGINS_AT_HOUR else None


def organizations_to_sweep(db: Session, now: datetime) -> list[str]:
    """Ids of the organizations that can use training and lack tonight's sweep, or have one that has not finished.

    Asked for no organization.
    """
    return list(db.scalars(select(func.organizations_to_sweep(tonight(now)))))


def organizations_behind(db: Session, now: datetime) -> int:
    """How many organizations that can use training no sweep has finished for `LATE_AFTER`. Asked for none of them."""
    return db.scalar(select(func.organizations_behind_with_sweeps(now - LATE_AFTER))) or 0


def begin_tonight(db: Session, now: datetime) -> None:
    """Note down tonight's sweep, if it is time and nobody has; of two beats one does."""
    slot = tonight(now)
    if slot is not None:
        db.execute(upsert(Sweep).values(slot=slot, **_asked(db, SWEEPER, now)).on_conflict_do_nothing())


def ask_sweep(db: Session, actor: Actor, now: datetime) -> Sweep:
    """Note down that somebody wants a sweep now."""
    return db.scalars(insert(Sweep).values(**_asked(db, actor, now)).returning(Sweep)).one()


def _asked(db: Session, actor: Actor, now: datetime) -> dict[str, Any]:
    return {"org_id": current_org(db), "asked_by_type": actor.type, "asked_by_id": actor.id, "asked_at": now}


def sweeps(db: Session) -> Select[Sweep]:
    """Runs, the newest first."""
    return select(Sweep).where(Sweep.org_id == current_org(db)).order_by(Sweep.id.desc())


_PASSED = " + ".join(f"(expires_at - interval '{days} days' <= :now)::int" for days in NOTICE_DAYS)
"""How many notices of a licence have come due: they come due in their order. Of one that is due it is never fewer than
were told, for what it is due for comes after those."""

_BY_INDEX = text("SELECT set_config('enable_seqscan', 'off', true)")
"""For a batch's transaction. To look so many up, PostgreSQL would read a table of 100,000 from end to end: that costs
what exists, and not what is due."""

_TAKE = text(f"""
    SELECT licence_id AS id, due_at, notices AS told, {_PASSED} AS passed, expires_at <= :now AS ended
    FROM licence_due WHERE org_id = :org AND due_at <= :now ORDER BY due_at, licence_id LIMIT :most
    FOR UPDATE SKIP LOCKED""")  # noqa: S608

_NOTE = text(f"""
    UPDATE licence_due SET notices = {_PASSED},
        expired_at = CASE WHEN expires_at <= :now THEN cast(:now AS timestamptz) END
    WHERE org_id = :org AND licence_id = ANY (cast(:ids AS uuid[]))""")  # noqa: S608
"""Notes down that a batch has been told of. By its ids alone: whatever PostgreSQL takes a join for, while it has no
statistics of the organization, may be in the square of the batch; an array is looked up in an index, once."""


def sweep_batch(db: Session, sweep_id: uuid.UUID, now: datetime, most: int = BATCH) -> Batch:
    """Tell of the licences that have been due the longest, and count them for this run.

    One that comes late is told of in full: every notice that has come due since, then the end.
    """
    org_id = current_org(db)
    db.execute(_BY_INDEX)
    taken = db.execute(_TAKE, {"org": org_id, "now": now, "most": most}).all()
    if not taken:
        return Batch(0, 0, 0)
    db.execute(_NOTE, {"org": org_id, "now": now, "ids": [row.id for row in taken]})
    notices = 0
    for place, days in enumerate(NOTICE_DAYS):
        passed = [row.id for row in taken if row.told <= place < row.passed]
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
    ended = [row.id for row in taken if row.ended]
    events.record_each(db, SWEEPER, now, type="licence.expired", count=len(ended), of=_each(org_id, ended), data={})
    db.execute(
        update(Sweep)
        .where(Sweep.org_id == org_id, Sweep.id == sweep_id)
        .values(
            started_at=func.coalesce(Sweep.started_at, now),
            expired=Sweep.expired + len(ended),
            notices=Sweep.notices + notices,
            lag_seconds=func.greatest(Sweep.lag_seconds, (now - taken[0].due_at).total_seconds()),
        )
    )
    return Batch(len(taken), len(ended), notices)


def _each(org_id: str, ids: list[uuid.UUID]) -> Select[str, str, Any]:
    """Licences that were taken, as events are recorded of them. Whoever moved an end has done so before they were
    taken, or waits: the trigger wants their rows of `licence_due`."""
    data = func.jsonb_build_object("courseId", Licence.course_id, "expiresAt", Licence.expires_at).label("data")
    return select(subject(Licence.id), Licence.party_id, data).where(these(org_id, ids))


def unfinished(db: Session) -> uuid.UUID | None:
    """The organization's earliest run that has not finished."""
    return db.scalar(
        select(Sweep.id).where(Sweep.org_id == current_org(db), Sweep.finished_at.is_(None)).order_by(Sweep.id).limit(1)
    )


def finish_sweep(db: Session, now: datetime) -> bool:
    """End the organization's runs, if nothing is due any more: also nothing that another run holds at this moment."""
    org_id = current_org(db)
    due = select(LicenceDue.licence_id).where(LicenceDue.org_id == org_id, LicenceDue.due_at <= now).exists()
    ended = db.scalars(
        update(Sweep)
        .where(Sweep.org_id == org_id, Sweep.finished_at.is_(None), ~due)
        .values(started_at=func.coalesce(Sweep.started_at, now), finished_at=now)
        .returning(Sweep.id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(ended)


def count_renewals(db: Session, sweep_id: uuid.UUID, count: int) -> None:
    """Note down how many licences' holders were assigned the course again."""
    counted = update(Sweep).where(Sweep.org_id == current_org(db), Sweep.id == sweep_id)
    db.execute(counted.values(renewals=Sweep.renewals + cast(count, Integer)))
