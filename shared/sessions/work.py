"""What workers do about a session's roster: a chunk of parties in a fixed number of statements, whatever its size.

What the parties earn, licences and completed assignments, other nouns know: `worker/sessions.py` puts them together.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    case,
    cast,
    func,
    insert,
    literal,
    not_,
    null,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import directory
from shared.directory import Party
from shared.jobs import Chunk, JobOutcome, Outcome, OutcomeCode, Tally
from shared.sessions.actions import locked
from shared.sessions.models import Attendance, RosterEntry, TrainingSession
from shared.sessions.queries import Licensed, told

Made = Select[str, str, uuid.UUID]
"""The successes of a job that are records, as another noun says it: `entity_id, code, record_id`."""

TO_ADD, TO_REMOVE = "to-add", "to-remove"


@dataclass(frozen=True)
class Amendment:
    """What is to be done about a chunk's parties. others: the codes of those with whom nothing is done, by party."""

    to_add: Sequence[str]
    to_remove: Sequence[str]
    others: Mapping[str, str]


def session_of(chunk: Chunk) -> uuid.UUID:
    """The id of the session that a job is about."""
    return uuid.UUID(chunk.job.request["sessionId"])


def entitled(chunk: Chunk, licensed: Licensed) -> Select[str]:
    """The parties of a chunk that attended and that the session has not licensed, also if they are inactive by now."""
    recipients, licence = chunk.recipients.subquery(), licensed.subquery()
    return select(RosterEntry.party_id).where(
        *_entries(chunk),
        RosterEntry.party_id.in_(select(recipients.c.entity_id)),
        RosterEntry.attendance == Attendance.ATTENDED,
        RosterEntry.removed_at.is_(None),
        ~select(licence.c.licence_id).where(licence.c.party_id == RosterEntry.party_id).exists(),
    )


def settle_completion(db: Session, chunk: Chunk, granted: int, licensed: Licensed, made: Made) -> Tally:
    """Store what became of the parties that were not granted a licence just now. Answers what became of all."""
    entry = and_(*_entries(chunk))
    not_expected = func.coalesce(RosterEntry.removed_at.is_not(None), true())
    reasons = [
        (RosterEntry.party_id.is_(None) | not_expected, OutcomeCode.NOT_ON_ROSTER),
        (RosterEntry.attendance != Attendance.ATTENDED, OutcomeCode.NOT_ATTENDED),
    ]
    return _settle(db, chunk, chunk.recipients, granted, licensed, made, entry, reasons)


def plan_amendment(db: Session, chunk: Chunk, licensed: Licensed) -> Amendment:
    """What an amendment means for the parties of a chunk, which are locked with the session until the end.

    The session first: it is completed, so that nobody who holds the event counter comes for it.
    """
    session = locked(db, session_of(chunk))
    _lock_parties(db, chunk)
    each = _classified(db, chunk, session, licensed)
    by_party = dict(db.execute(each).tuples().all())
    return Amendment(
        to_add=[party_id for party_id, code in by_party.items() if code == TO_ADD],
        to_remove=[party_id for party_id, code in by_party.items() if code == TO_REMOVE],
        others={party_id: code for party_id, code in by_party.items() if code not in (TO_ADD, TO_REMOVE)},
    )


def amend_roster(db: Session, chunk: Chunk, amendment: Amendment, now: datetime) -> None:
    """Put on the roster who was there, and mark as removed who was not."""
    values: dict[Any, ColumnElement[Any]] = {
        RosterEntry.org_id: literal(chunk.job.org_id),
        RosterEntry.session_id: literal(session_of(chunk)),
        RosterEntry.party_id: func.unnest(_ids(amendment.to_add)),
        RosterEntry.added_by_type: literal(chunk.job.submitted_by_type),
        RosterEntry.added_by_id: literal(chunk.job.submitted_by_id),
        RosterEntry.added_at: literal(now),
        RosterEntry.amended_at: literal(now),
    }
    there = {"attendance": Attendance.ATTENDED, "amended_at": now, "removed_at": None}
    db.execute(
        upsert(RosterEntry)
        .from_select(list(values), select(*values.values()), include_defaults=False)
        .on_conflict_do_update(
            index_elements=[RosterEntry.org_id, RosterEntry.session_id, RosterEntry.party_id], set_=there
        )
    )
    removed = update(RosterEntry).where(*_entries(chunk), RosterEntry.party_id == any_(_ids(amendment.to_remove)))
    db.execute(removed.values(amended_at=now, removed_at=now), execution_options={"synchronize_session": False})


def settle_amendment(
    db: Session, chunk: Chunk, amendment: Amendment, granted: int, licensed: Licensed, made: Made
) -> Tally:
    """Store what became of the parties that were not granted a licence just now. Answers what became of all."""
    licence = licensed.subquery()
    codes = dict.fromkeys(amendment.to_remove, str(OutcomeCode.REMOVED)) | dict(amendment.others)
    given = select(
        func.unnest(_ids(list(codes))).label("entity_id"), func.unnest(_ids(list(codes.values()))).label("code")
    ).subquery()
    decided = (
        select(given.c.entity_id, given.c.code, licence.c.licence_id)
        .select_from(given)
        .outerjoin(licence, licence.c.party_id == given.c.entity_id)
    )
    stored = _store(db, chunk, decided)
    added = select(func.unnest(_ids(amendment.to_add)).label("entity_id"))
    tally = _settle(db, chunk, added, granted, licensed, made, and_(*_entries(chunk)), [])
    return Tally(
        succeeded=tally.succeeded + stored.get(Outcome.SUCCEEDED, 0),
        unchanged=tally.unchanged + stored.get(Outcome.UNCHANGED, 0),
        failed=tally.failed + stored.get(Outcome.FAILED, 0),
    )


def _classified(db: Session, chunk: Chunk, session: TrainingSession, licensed: Licensed) -> Select[str, str]:
    """Each party of a chunk with what an amendment means for it."""
    each, licence = chunk.recipients.subquery(), licensed.subquery()
    entity_id = each.c.entity_id
    removing = _removing(chunk, entity_id)
    on_roster = and_(RosterEntry.party_id.is_not(None), RosterEntry.removed_at.is_(None))
    attended = and_(on_roster, told(db, session, entity_id, JobOutcome.code == OutcomeCode.ATTENDED))
    licence_stands = and_(licence.c.licence_id.is_not(None), licence.c.revoked_at.is_(None))
    has_something = licence_stands | and_(licence.c.licence_id.is_(None), attended)
    code = case(
        (Party.id.is_(None), literal(OutcomeCode.PARTY_NOT_FOUND, Text)),
        (not_(directory.in_scope(entity_id, chunk.job.scope)), literal(OutcomeCode.OUT_OF_SCOPE, Text)),
        (and_(removing, has_something), literal(TO_REMOVE, Text)),
        (removing, literal(OutcomeCode.NOT_LICENSED, Text)),
        (licence.c.revoked_at.is_not(None), literal(OutcomeCode.LICENCE_REVOKED, Text)),
        (licence.c.licence_id.is_not(None), literal(OutcomeCode.ALREADY_LICENSED, Text)),
        (attended, literal(OutcomeCode.ALREADY_COMPLETED, Text)),
        (and_(not_(Party.active), not_(on_roster)), literal(OutcomeCode.PARTY_INACTIVE, Text)),
        else_=literal(TO_ADD, Text),
    )
    entry = and_(*_entries(chunk), RosterEntry.party_id == entity_id)
    return (
        select(entity_id, code)
        .select_from(each)
        .outerjoin(Party, and_(Party.org_id == chunk.job.org_id, Party.id == entity_id, chunk.covers(Party.id)))
        .outerjoin(RosterEntry, entry)
        .outerjoin(licence, licence.c.party_id == entity_id)
    )


def _removing(chunk: Chunk, entity_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a party is to be removed: the request lists those to remove, or those to add."""
    request = chunk.job.request
    (name,) = {"added", "removed"} & request.keys()
    is_listed = entity_id == any_(_ids([party for party in request[name] if chunk.first <= party <= chunk.last]))
    return is_listed if name == "removed" else not_(is_listed)


def _lock_parties(db: Session, chunk: Chunk) -> None:
    """Lock the parties in the order of their ids, as whoever licenses them does."""
    recipients = chunk.recipients.subquery()
    mine = (
        select(Party.id)
        .where(Party.org_id == chunk.job.org_id, chunk.covers(Party.id), Party.id.in_(select(recipients.c.entity_id)))
        .order_by(Party.id)
        .with_for_update(key_share=True)
        .cte()
    )
    db.execute(select(func.count()).select_from(mine))


def _settle(
    db: Session,
    chunk: Chunk,
    recipients: Select[str],
    granted: int,
    licensed: Licensed,
    made: Made,
    entry: ColumnElement[bool],
    reasons: Sequence[tuple[ColumnElement[bool], OutcomeCode]],
) -> Tally:
    """Store the outcome of each of the recipients of which this job has made no record."""
    each, licence, record = recipients.subquery(), licensed.subquery(), made.subquery()
    code = case(
        *((when, literal(which, Text)) for when, which in reasons),
        (licence.c.revoked_at.is_not(None), literal(OutcomeCode.LICENCE_REVOKED, Text)),
        (licence.c.licence_id.is_not(None), literal(OutcomeCode.ALREADY_LICENSED, Text)),
        else_=literal(OutcomeCode.ATTENDED, Text),
    )
    others = (
        select(each.c.entity_id, code.label("code"), licence.c.licence_id)
        .select_from(each)
        .outerjoin(RosterEntry, and_(entry, RosterEntry.party_id == each.c.entity_id))
        .outerjoin(licence, licence.c.party_id == each.c.entity_id)
        .where(~select(record.c.record_id).where(record.c.entity_id == each.c.entity_id).exists())
    )
    stored = _store(db, chunk, others)
    return Tally(
        succeeded=granted + stored.get(Outcome.SUCCEEDED, 0),
        unchanged=stored.get(Outcome.UNCHANGED, 0),
        failed=stored.get(Outcome.FAILED, 0),
    )


def _store(db: Session, chunk: Chunk, outcomes: Select[Any]) -> dict[str, int]:
    """Store outcomes, given as `entity_id, code, licence_id`, and count them."""
    each = outcomes.subquery()
    outcome = case(*((each.c.code == one, literal(one.outcome, Text)) for one in OutcomeCode), else_=cast(null(), Text))
    rows = select(
        literal(chunk.job.org_id),
        literal(chunk.job.id),
        each.c.entity_id,
        outcome,
        each.c.code,
        cast(each.c.licence_id, Uuid),
    )
    columns = [
        JobOutcome.org_id,
        JobOutcome.job_id,
        JobOutcome.entity_id,
        JobOutcome.outcome,
        JobOutcome.code,
        JobOutcome.record_id,
    ]
    stored = insert(JobOutcome).from_select(columns, rows).returning(JobOutcome.outcome).cte("stored")
    return dict(db.execute(select(stored.c.outcome, func.count()).group_by(stored.c.outcome)).tuples().all())


def _entries(chunk: Chunk) -> tuple[ColumnElement[bool], ...]:
    """The entries of the session in the chunk's range."""
    return (
        RosterEntry.org_id == chunk.job.org_id,
        RosterEntry.session_id == session_of(chunk),
        chunk.covers(RosterEntry.party_id),
    )


def _ids(values: Sequence[str]) -> Any:
    """Texts as one parameter, however many they are."""
    return literal(list(values), ARRAY(Text))
