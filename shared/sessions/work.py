"""The chunk work of completing and amending: a chunk of parties in a fixed number of statements.

Licences and assignments are other nouns: `shared/services/sessions.py` joins their work with this one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    case,
    func,
    literal,
    not_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import directory
from shared.arrays import texts
from shared.directory import Party
from shared.events import Actor
from shared.jobs import Chunk, JobOutcome, OutcomeCode, Tally, store_outcomes
from shared.sessions.actions import locked
from shared.sessions.models import Attendance, RosterEntry, TrainingSession
from shared.sessions.queries import Licensed, has_outcome
from shared.sessions.requests import AmendmentJob, CompletionJob

TO_ADD, TO_REMOVE = "to-add", "to-remove"

Licences = Mapping[str, Row[*tuple[Any, ...]]]
"""The licence of a session by party: rows with the columns of `queries.Licensed`."""


@dataclass(frozen=True)
class Completion:
    """The plan of a completion for a chunk. others: the outcome codes of parties that are not licensed, by party."""

    to_license: Sequence[str]
    others: Mapping[str, OutcomeCode]
    licences: Licences


@dataclass(frozen=True)
class Amendment:
    """The plan of an amendment for a chunk. others: the outcome codes of parties that do not change, by party.

    revoked_by: of the parties to add, those whose licence a member has revoked by hand, each with that member.
    """

    to_add: Sequence[str]
    to_remove: Sequence[str]
    others: Mapping[str, str]
    revoked_by: Mapping[str, Actor]


def plan_completion(db: Session, chunk: Chunk, request: CompletionJob, licensed: Licensed) -> Completion:
    """Decide for each party of a chunk if it is licensed. A party that attended is, even if it is inactive by now."""
    licences, attended = _licences(db, chunk, licensed), _attended(db, chunk, request)
    to_license: list[str] = []
    others: dict[str, OutcomeCode] = {}
    for party_id in db.scalars(chunk.recipients):
        if party_id not in attended:
            others[party_id] = OutcomeCode.NOT_ON_ROSTER
        elif not attended[party_id]:
            others[party_id] = OutcomeCode.NOT_ATTENDED
        elif (licence := licences.get(party_id)) and licence.revoked_at is None:
            others[party_id] = OutcomeCode.ALREADY_LICENSED
        elif licence and licence.revoked_job_id is None:
            others[party_id] = OutcomeCode.LICENCE_REVOKED
        else:
            to_license.append(party_id)
    return Completion(to_license, others, licences)


def store_completion_outcomes(db: Session, chunk: Chunk, completion: Completion, granted: Collection[str]) -> Tally:
    """Store the outcomes of the parties that this chunk granted no licence. Returns the tally of all parties."""
    return _store_outcomes(db, chunk, completion.to_license, granted, completion.others, completion.licences)


def plan_amendment(db: Session, chunk: Chunk, request: AmendmentJob, licensed: Licensed) -> Amendment:
    """Lock the session and the parties of a chunk, and decide for each party if it is added or removed.

    The session may be locked before the event counter, because it is completed: see docs/locks.md.
    """
    session = locked(db, request.session_id, None)
    directory.lock_parties(db, and_(chunk.covers(Party.id), Party.id.in_(chunk.recipients)))
    rows = db.execute(_select_codes(db, chunk, request, session, licensed)).all()
    by_party = {row.entity_id: row.code for row in rows}
    return Amendment(
        revoked_by={
            row.entity_id: Actor(row.revoked_by_type, row.revoked_by_id)
            for row in rows
            if row.by_hand and row.code == TO_ADD
        },
        to_add=[party_id for party_id, code in by_party.items() if code == TO_ADD],
        to_remove=[party_id for party_id, code in by_party.items() if code == TO_REMOVE],
        others={party_id: code for party_id, code in by_party.items() if code not in (TO_ADD, TO_REMOVE)},
    )


def amend_roster(db: Session, chunk: Chunk, request: AmendmentJob, amendment: Amendment, now: datetime) -> None:
    """Add the parties to add as attended, and mark the parties to remove as removed."""
    values: dict[Any, ColumnElement[Any]] = {
        RosterEntry.org_id: literal(chunk.job.org_id),
        RosterEntry.session_id: literal(request.session_id),
        RosterEntry.party_id: func.unnest(texts(amendment.to_add)),
        RosterEntry.added_by_type: literal(chunk.job.submitted_by_type),
        RosterEntry.added_by_id: literal(chunk.job.submitted_by_id),
        RosterEntry.added_at: literal(now),
        RosterEntry.amended_at: literal(now),
        RosterEntry.attendance_recorded_at: literal(now),
    }
    there = {
        "attendance": Attendance.ATTENDED,
        "attendance_recorded_at": now,
        "amended_at": now,
        "removed_at": None,
    }
    db.execute(
        upsert(RosterEntry)
        .from_select(list(values), select(*values.values()), include_defaults=False)
        .on_conflict_do_update(
            index_elements=[RosterEntry.org_id, RosterEntry.session_id, RosterEntry.party_id], set_=there
        )
    )
    removed = update(RosterEntry).where(
        *_entries(chunk, request), RosterEntry.party_id == any_(texts(amendment.to_remove))
    )
    db.execute(removed.values(amended_at=now, removed_at=now), execution_options={"synchronize_session": False})


def store_amendment_outcomes(
    db: Session, chunk: Chunk, amendment: Amendment, granted: Collection[str], licensed: Licensed
) -> Tally:
    """Store the outcomes of the parties that this chunk granted no licence. Returns the tally of all parties."""
    others = dict.fromkeys(amendment.to_remove, str(OutcomeCode.REMOVED)) | dict(amendment.others)
    return _store_outcomes(db, chunk, amendment.to_add, granted, others, _licences(db, chunk, licensed))


def _select_codes(
    db: Session, chunk: Chunk, request: AmendmentJob, session: TrainingSession, licensed: Licensed
) -> Select[*tuple[Any, ...]]:
    """Select each party of a chunk: `entity_id, code, by_hand, revoked_by_type, revoked_by_id`.

    code: see `_amendment_code`. by_hand: a member revoked its licence of the session by hand.
    """
    each, licence = chunk.recipients.subquery(), licensed.subquery()
    entity_id = each.c.entity_id
    its_licence = and_(licence.c.party_id == entity_id, chunk.covers(licence.c.party_id))
    by_hand = _revoked_by_hand(licence.c)
    code = _amendment_code(db, chunk, request, session, entity_id, licence.c)
    entry = and_(*_entries(chunk, request), RosterEntry.party_id == entity_id)
    return (
        select(
            entity_id.label("entity_id"),
            code.label("code"),
            by_hand.label("by_hand"),
            licence.c.revoked_by_type,
            licence.c.revoked_by_id,
        )
        .select_from(each)
        .outerjoin(Party, and_(Party.org_id == chunk.job.org_id, Party.id == entity_id, chunk.covers(Party.id)))
        .outerjoin(RosterEntry, entry)
        .outerjoin(licence, its_licence)
    )


def _revoked_by_hand(licence: Any) -> ColumnElement[bool]:
    """The condition that the licence was revoked, and not by a job.

    A former release stored no job: an amendment then revoked the licence at the instant at which it removed the party.
    """
    return and_(
        licence.revoked_at.is_not(None),
        licence.revoked_job_id.is_(None),
        func.coalesce(RosterEntry.removed_at != licence.revoked_at, literal(True)),
    )


def _amendment_code(
    db: Session,
    chunk: Chunk,
    request: AmendmentJob,
    session: TrainingSession,
    entity_id: ColumnElement[str],
    licence: Any,
) -> ColumnElement[str]:
    """The code of a party: `to-add`, `to-remove` or an outcome code. licence: the columns of the session's licence."""
    removing, by_hand = _removing(chunk, request, entity_id), _revoked_by_hand(licence)
    on_roster = and_(RosterEntry.party_id.is_not(None), RosterEntry.removed_at.is_(None))
    attended = and_(on_roster, has_outcome(db, session, entity_id, JobOutcome.code == OutcomeCode.ATTENDED))
    licence_stands = and_(licence.licence_id.is_not(None), licence.revoked_at.is_(None))
    has_something = licence_stands | and_(on_roster, licence.licence_id.is_not(None)) | attended
    actor = chunk.job.actor
    by_actor = and_(licence.revoked_by_type == actor.type, licence.revoked_by_id == actor.id)
    revoked_code = OutcomeCode.OTHER_MEMBER_NEEDED if request.after_revocation else OutcomeCode.LICENCE_REVOKED
    return case(
        (
            Party.id.is_(None) | not_(directory.in_scope(entity_id, chunk.job.scope)),
            literal(OutcomeCode.PARTY_NOT_FOUND, Text),
        ),
        (and_(removing, has_something), literal(TO_REMOVE, Text)),
        (removing, literal(OutcomeCode.NOT_LICENSED, Text)),
        (and_(by_hand, by_actor if request.after_revocation else true()), literal(revoked_code, Text)),
        (licence_stands, literal(OutcomeCode.ALREADY_LICENSED, Text)),
        (attended, literal(OutcomeCode.ALREADY_COMPLETED, Text)),
        (and_(not_(Party.active), RosterEntry.party_id.is_(None)), literal(OutcomeCode.PARTY_INACTIVE, Text)),
        else_=literal(TO_ADD, Text),
    )


def _removing(chunk: Chunk, request: AmendmentJob, entity_id: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that a party is to be removed: it is in `removed`, or it is not in `added`."""
    listed = request.added if request.removed is None else request.removed
    is_listed = entity_id == any_(texts([party for party in listed or () if chunk.first <= party <= chunk.last]))
    return is_listed if request.added is None else not_(is_listed)


def _attended(db: Session, chunk: Chunk, request: CompletionJob) -> dict[str, bool]:
    """Return the parties in the chunk's range that are on the roster, each with True if it attended."""
    entries = select(RosterEntry.party_id, RosterEntry.attendance).where(
        *_entries(chunk, request), RosterEntry.removed_at.is_(None)
    )
    return {party_id: attendance == Attendance.ATTENDED for party_id, attendance in db.execute(entries)}


def _licences(db: Session, chunk: Chunk, licensed: Licensed) -> Licences:
    """Return the session's licences of the parties in the chunk's range."""
    licence = licensed.subquery()
    return {row[0]: row for row in db.execute(select(*licence.c).where(chunk.covers(licence.c.party_id)))}


def _store_outcomes(
    db: Session,
    chunk: Chunk,
    licensing: Sequence[str],
    granted: Collection[str],
    others: Mapping[str, str],
    licences: Licences,
) -> Tally:
    """Store the outcome of every party of the chunk that was granted no licence.

    A licence is itself the record of a success, so it needs no stored outcome. A party to license that was not granted
    one gets `attended`: its course grants no licences.
    """
    codes = dict(others) | {party_id: OutcomeCode.ATTENDED for party_id in licensing if party_id not in granted}
    if not codes:
        return Tally(succeeded=len(granted))
    records = [licences[party_id].licence_id if party_id in licences else None for party_id in codes]
    outcomes = select(
        literal(chunk.job.org_id),
        literal(chunk.job.id),
        func.unnest(texts(codes)),
        func.unnest(texts([OutcomeCode(code).outcome for code in codes.values()])),
        func.unnest(texts(list(codes.values()))),
        func.unnest(literal(records, ARRAY(Uuid))),
    )
    return Tally(succeeded=len(granted)) + store_outcomes(db, outcomes)


def _entries(chunk: Chunk, request: CompletionJob) -> tuple[ColumnElement[bool], ...]:
    """The conditions of an entry on the session's roster, in the chunk's range."""
    return (
        RosterEntry.org_id == chunk.job.org_id,
        RosterEntry.session_id == request.session_id,
        chunk.covers(RosterEntry.party_id),
    )
