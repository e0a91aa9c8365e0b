"""The sweep: publishing, once each, that a licence ends soon and that it has ended. Validity does not wait for it.

What is due stands in each row (`due_at`), not in the clock: a missed night, a run broken off or three at once come to
the same events. A batch is one transaction; rows that another run holds are passed over, and a run has finished when
nothing is due any more, held or not.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Integer, Select, cast, column, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import events
from shared.database import current_org
from shared.events import Actor
from shared.licences.models import NOTICE_DAYS, Licence, Sweep
from shared.licences.revoking import subject

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
"""How many notices of a licence have come due: they come due in their order."""

_TAKE = text(f"""
    WITH due AS (
        SELECT id, due_at, expires_at, notices, greatest(notices, {_PASSED}) AS passed FROM licence
        WHERE org_id = :org AND due_at <= :now ORDER BY due_at, id LIMIT :most FOR UPDATE SKIP LOCKED
    )
    SELECT count(*) AS size, coalesce(array_agg(id), '{{}}')::text AS ids,
        count(*) FILTER (WHERE expires_at <= :now) AS expired, coalesce(sum(passed - notices), 0)::int AS notices,
        extract(epoch FROM :now - min(due_at))::float AS lag
    FROM due""")  # noqa: S608
"""Locks a batch and sums it up. The ids travel as one text, there and back, and are never taken apart here."""

_SETTLE = text(f"""
    UPDATE licence SET notices = greatest(notices, {_PASSED}),
        expired_at = CASE WHEN expires_at <= :now THEN cast(:now AS timestamptz) END
    WHERE org_id = :org AND id = ANY (cast(:ids AS uuid[]))""")  # noqa: S608


def sweep_batch(db: Session, sweep_id: uuid.UUID, now: datetime, most: int = BATCH) -> Batch:
    """Tell of the licences that have been due the longest, and count them for this run.

    One that comes late is told of in full: every notice that has come due since, then the end.
    """
    org_id = current_org(db)
    row = db.execute(_TAKE, {"org": org_id, "now": now, "most": most}).one()
    if row.size:
        _tell(db, row, now)
        db.execute(_SETTLE, {"org": org_id, "now": now, "ids": row.ids})
        db.execute(
            update(Sweep)
            .where(Sweep.org_id == org_id, Sweep.id == sweep_id)
            .values(
                started_at=func.coalesce(Sweep.started_at, now),
                expired=Sweep.expired + row.expired,
                notices=Sweep.notices + row.notices,
                lag_seconds=func.greatest(Sweep.lag_seconds, row.lag),
            )
        )
    return Batch(row.size, row.expired, row.notices)


def _tell(db: Session, row: Any, now: datetime) -> None:
    """Record the events of a locked batch, before its rows forget what they were."""
    ours = (
        Licence.org_id == current_org(db),
        text("licence.id = ANY (cast(:batch AS uuid[]))").bindparams(batch=row.ids),
    )
    about = ("courseId", Licence.course_id, "expiresAt", Licence.expires_at)
    listed = func.unnest(literal(list(NOTICE_DAYS), ARRAY(Integer)))
    notice = listed.table_valued(column("days", Integer), with_ordinality="place").render_derived("notice")
    day, place = notice.c.days, cast(notice.c.place, Integer)
    passed = Licence.expires_at - func.make_interval(0, 0, 0, day) <= now
    notices = (
        select(
            subject(Licence.id),
            Licence.party_id,
            func.jsonb_build_object(*about, "daysBefore", day).label("data"),
        )
        .select_from(Licence)
        .join(notice, literal(True))
        .where(*ours, place > Licence.notices, passed)
        .order_by(place, Licence.id)
    )
    events.record_each(db, SWEEPER, now, type="licence.expiring", count=row.notices, of=notices, data={})
    ended = select(subject(Licence.id), Licence.party_id, func.jsonb_build_object(*about).label("data")).where(
        *ours, Licence.expires_at <= now
    )
    events.record_each(db, SWEEPER, now, type="licence.expired", count=row.expired, of=ended, data={})


def unfinished(db: Session) -> uuid.UUID | None:
    """The organization's earliest run that has not finished."""
    return db.scalar(
        select(Sweep.id).where(Sweep.org_id == current_org(db), Sweep.finished_at.is_(None)).order_by(Sweep.id).limit(1)
    )


def finish_sweep(db: Session, now: datetime) -> bool:
    """End the organization's runs, if nothing is due any more: also nothing that another run holds at this moment."""
    org_id = current_org(db)
    due = select(Licence.id).where(Licence.org_id == org_id, Licence.due_at <= now).exists()
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
