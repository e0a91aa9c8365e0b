"""What workers do about a session's roster: a chunk of parties in a fixed number of statements, whatever its size.

What the parties earn, licences and completed assignments, other nouns know: `shared/services/sessions.py` joins them.
"""

import uuid
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
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import directory
from shared.arrays import texts
from shared.directory import Party
from shared.jobs import Chunk, JobOutcome, OutcomeCode, Tally, store_outcomes
from shared.sessions.actions import locked
from shared.sessions.models import Attendance, RosterEntry, TrainingSession
from shared.sessions.queries import Licensed, has_outcome
from shared.sessions.requests import AmendmentJob, CompletionJob

TO_ADD, TO_REMOVE = "to-add", "to-remove"


Licences = Mapping[str, Row[str, uuid.UUID, datetime | None]]
"""What a session has granted: a row of party, licence and when that was revoked, by party."""


@dataclass(frozen=True)
class Completion:
    """What a completion means for a chunk's parties. others: the codes of those with whom nothing is done, by party."""

    to_license: Sequence[str]
    others: Mapping[str, OutcomeCode]
    licences: Licences


@dataclass(frozen=True)
class Amendment:
    """What is to be done about a chunk's parties. others: the codes of those with whom nothing is done, by party."""

    to_add: Sequence[str]
    to_remove: Sequence[str]
    others: Mapping[str, str]


def plan_completion(db: Session, chunk: Chunk, request: CompletionJob, licensed: Licensed) -> Completion:
    """What a completion means for the parties of a chunk. Who attended is licensed, also if inactive by now."""
    licences, attended = _licences(db, chunk, licensed), _attended(db, chunk, request)
    to_license: list[str] = []
    others: dict[str, OutcomeCode] = {}
    for party_id in db.scalars(chunk.recipients):
        if party_id not in attended:
            others[party_id] = OutcomeCode.NOT_ON_ROSTER
        elif not attended[party_id]:
            others[party_id] = OutcomeCode.NOT_ATTENDED
        elif licence := licences.get(party_id):
            others[party_id] = OutcomeCode.LICENCE_REVOKED if licence.revoked_at else OutcomeCode.ALREADY_LICENSED
        else:
            to_license.append(party_id)
    return Completion(to_license, others, licences)


def store_completion_outcomes(db: Session, chunk: Chunk, completion: Completion, granted: Collection[str]) -> Tally:
    """Store what became of the parties that were not granted a licence just now. Answers what became of all."""
    return _store_outcomes(db, chunk, completion.to_license, granted, completion.others, completion.licences)


def plan_amendment(db: Session, chunk: Chunk, request: AmendmentJob, licensed: Licensed) -> Amendment:
    """What an amendment means for the parties of a chunk, which are locked with the session until the end.

    The session first: it is completed, so that nobody who holds the event counter comes for it.
    """
    session = locked(db, request.session_id)
    directory.lock_parties(db, and_(chunk.covers(Party.id), Party.id.in_(chunk.recipients)))
    each = _classified(db, chunk, request, session, licensed)
    by_party = dict(db.execute(each).tuples().all())
    return Amendment(
        to_add=[party_id for party_id, code in by_party.items() if code == TO_ADD],
        to_remove=[party_id for party_id, code in by_party.items() if code == TO_REMOVE],
        others={party_id: code for party_id, code in by_party.items() if code not in (TO_ADD, TO_REMOVE)},
    )


def amend_roster(db: Session, chunk: Chunk, request: AmendmentJob, amendment: Amendment, now: datetime) -> None:
    """Put on the roster who was there, and mark as removed who was not."""
    values: dict[Any, ColumnElement[Any]] = {
        RosterEntry.org_id: literal(chunk.job.org_id),
        RosterEntry.session_id: literal(request.session_id),
        RosterEntry.party_id: func.unnest(texts(amendment.to_add)),
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
    removed = update(RosterEntry).where(
        *_entries(chunk, request), RosterEntry.party_id == any_(texts(amendment.to_remove))
    )
    db.execute(removed.values(amended_at=now, removed_at=now), execution_options={"synchronize_session": False})


def store_amendment_outcomes(
    db: Session, chunk: Chunk, amendment: Amendment, granted: Collection[str], licensed: Licensed
) -> Tally:
    """Store what became of the parties that were not granted a licence just now. Answers what became of all."""
    others = dict.fromkeys(amendment.to_remove, str(OutcomeCode.REMOVED)) | dict(amendment.others)
    return _store_outcomes(db, chunk, amendment.to_add, granted, others, _licences(db, chunk, licensed))


def _classified(
    db: Session, chunk: Chunk, request: AmendmentJob, session: TrainingSession, licensed: Licensed
) -> Select[str, str]:
    """Each party of a chunk with what an amendment means for it."""
    each, licence = chunk.recipients.subquery(), licensed.subquery()
    entity_id = each.c.entity_id
    its_licence = and_(licence.c.party_id == entity_id, chunk.covers(licence.c.party_id))
    removing = _removing(chunk, request, entity_id)
    on_roster = and_(RosterEntry.party_id.is_not(None), RosterEntry.removed_at.is_(None))
    attended = and_(on_roster, has_outcome(db, session, entity_id, JobOutcome.code == OutcomeCode.ATTENDED))
    licence_stands = and_(licence.c.licence_id.is_not(None), licence.c.revoked_at.is_(None))
    has_something = licence_stands | and_(on_roster, licence.c.licence_id.is_not(None)) | attended
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
    entry = and_(*_entries(chunk, request), RosterEntry.party_id == entity_id)
    return (
        select(entity_id, code)
        .select_from(each)
        .outerjoin(Party, and_(Party.org_id == chunk.job.org_id, Party.id == entity_id, chunk.covers(Party.id)))
        .outerjoin(RosterEntry, entry)
        .outerjoin(licence, its_licence)
    )


def _removing(chunk: Chunk, request: AmendmentJob, entity_id: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that a party is to be removed: the request lists those to remove, or those to add."""
    listed = request.added if request.removed is None else request.removed
    is_listed = entity_id == any_(texts([party for party in listed or () if chunk.first <= party <= chunk.last]))
    return is_listed if request.added is None else not_(is_listed)


def _attended(db: Session, chunk: Chunk, request: CompletionJob) -> dict[str, bool]:
    """Of the parties that are on the roster, in the chunk's range: whether they attended."""
    entries = select(RosterEntry.party_id, RosterEntry.attendance).where(
        *_entries(chunk, request), RosterEntry.removed_at.is_(None)
    )
    return {party_id: attendance == Attendance.ATTENDED for party_id, attendance in db.execute(entries)}


def _licences(db: Session, chunk: Chunk, licensed: Licensed) -> Licences:
    """What the session has granted the parties in the chunk's range."""
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
    """Store the outcomes of the others, and of those to be licensed whose course grants no licence.

    A licence is its own record of success, so it needs no stored outcome.
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
    """The entries of the session in the chunk's range."""
    return (
        RosterEntry.org_id == chunk.job.org_id,
        RosterEntry.session_id == request.session_id,
        chunk.covers(RosterEntry.party_id),
    )
