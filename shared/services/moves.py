"""The work of merging a party and of giving it another id: what was recorded of it moves along, and back again.

`PARTS` moves the rows of other tables; what has a party's id and stays is in `STAYS`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.errors import UniqueViolation
from sqlalchemy import Text, literal, null, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import access, assignments, deliveries, directory, events, jobs, licences, packs, sessions
from shared.assignments import UndoJob
from shared.directory import FormerParty, Move
from shared.events import Fact
from shared.jobs import Chunk, JobRequest, OutcomeCode, Tally


class MergeJob(JobRequest):
    """A job of kind `parties.merge`. party_id: the party that goes. into: the one that stays."""

    party_id: str
    into: str
    reason: str


class RenumberJob(JobRequest):
    """A job of kind `parties.renumber`. party_id: the present id. entity_id: the new one."""

    party_id: str
    entity_id: str
    reason: str


class Part(NamedTuple):
    """The rows of one table that have a party. move: moves them, and returns what `back` needs to undo that."""

    move: Callable[[Session, Move], dict[str, Any]]
    back: Callable[[Session, Move, dict[str, Any]], Any]


PARTS: dict[str, Part] = {
    "assignment": Part(assignments.move_assignments, assignments.move_assignments_back),
    "roster_entry": Part(sessions.move_rosters, sessions.move_rosters_back),
    "licence": Part(licences.move_licences, licences.move_licences_back),
    "delivery": Part(deliveries.move_deliveries, deliveries.move_deliveries_back),
    "pack_person": Part(packs.move_packs, packs.move_packs_back),
    "sign_in": Part(
        lambda db, move: access.end_of_party(db, move.old, move.new, move.now),
        lambda db, move, moved: access.give_back_sign_ins(db, move.new, move.old, moved),
    ),
}
"""The function that moves the rows of a table, by the table's name. The party itself brings `folder_member` along."""

STAYS = {
    "event": "Events keep the old id: they say what was so then. A filter by the party finds them too.",
    "former_party": "It says which id the party has now.",
    "job_chunk": "A job keeps the recipients that it was given.",
    "job_outcome": "A job keeps the outcomes of the recipients that it was given.",
    "record_row": "A row that failed keeps the id that its file named; its retry says the new one.",
}
"""The tables whose rows keep the old id, and why."""


def merge(db: Session, chunk: Chunk, request: MergeJob, now: datetime) -> Tally:
    """Merge a party with another one. Raises NotYet while others work on one of them."""
    move = Move(request.party_id, request.into, True, request.reason, chunk.job.actor, chunk.job.id, now)
    data = {"into": request.into, "reason": request.reason}
    return _move(db, chunk, move, OutcomeCode.MERGED, Fact("party.merged", f"party/{move.old}", data, move.old))


def renumber(db: Session, chunk: Chunk, request: RenumberJob, now: datetime) -> Tally:
    """Give a party another id. Raises NotYet while others work on it."""
    move = Move(request.party_id, request.entity_id, False, request.reason, chunk.job.actor, chunk.job.id, now)
    data = {"entityId": request.entity_id, "reason": request.reason}
    fact = Fact("party.renumbered", f"party/{move.old}", data, move.old)
    return _move(db, chunk, move, OutcomeCode.RENUMBERED, fact)


def _move(db: Session, chunk: Chunk, move: Move, code: OutcomeCode, fact: Fact) -> Tally:
    """Move everything, in the order of docs/locks.md. Raises NotYet while others work on the party."""
    if refusal := _locked(db, chunk, move, [move.old]):
        return _outcome(db, chunk, *refusal)
    if not move.merges and not directory.copy_party(db, move):
        return _outcome(db, chunk, OutcomeCode.ID_TAKEN)
    licences.lock_of_parties(db, move.ids)
    moved = _once(lambda: {table: part.move(db, move) for table, part in PARTS.items()})
    directory.end_move(db, move, moved)
    tally = _outcome(db, chunk, code)
    assignments.record_assignments(db, move, moved["assignment"])
    licences.record_licences(db, move, moved["licence"])
    _record(db, move, fact)
    return tally


def _locked(db: Session, chunk: Chunk, move: Move, waited_for: list[str]) -> tuple[OutcomeCode, str | None] | None:
    """Lock what is moved. Returns the reason why it cannot be: its code and a sentence. Raises NotYet."""
    jobs.need_no_other_work(db, chunk, waited_for)
    if not sessions.lock_of_parties(db, move.ids):
        raise jobs.NotYet
    known = assignments.lock_of_parties(db, move.ids)
    found = directory.lock_move(db, move)
    gone = [one for one in ([move.old, move.new] if move.merges else [move.old]) if one not in found]
    if gone:
        now = directory.current_ids(db, gone)
        if not now:
            return OutcomeCode.PARTY_NOT_FOUND, None
        return OutcomeCode.PARTY_RENUMBERED, directory.NOW.format(next(iter(now.values())))
    if any(found.values()):
        return OutcomeCode.PARTY_ERASED, None
    if not move.merges and move.new in found:
        return OutcomeCode.ID_TAKEN, None
    if not assignments.none_but(db, move.ids, known):
        raise jobs.NotYet  # one was made while this waited for the parties
    return None


def _once(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Call an act. Raises NotYet if somebody has made a twin meanwhile that the database's own guard has found."""
    try:
        return act()
    except IntegrityError as error:
        if isinstance(error.orig, UniqueViolation):
            raise jobs.NotYet(counted=True) from error
        raise


def _outcome(db: Session, chunk: Chunk, code: OutcomeCode, detail: str | None = None) -> Tally:
    job = chunk.job
    columns: list[Any] = [
        literal(job.org_id),
        literal(job.id),
        literal(chunk.first),
        literal(code.outcome, Text),
        literal(code, Text),
        null(),
        literal(detail, Text),
    ]
    return jobs.store_outcomes(db, select(*columns), detailed=True)


def _record(db: Session, move: Move, fact: Fact) -> None:
    events.record(db, move.actor, move.now, replace(fact, data=fact.data | {"jobId": str(move.job_id)}))


# --- the way back


def undo(db: Session, chunk: Chunk, request: UndoJob, now: datetime) -> Tally:
    """Take a merge or a new id back."""
    former = directory.move_of(db, request.undo_of)
    if former is None or former.id != chunk.first:
        return _outcome(db, chunk, OutcomeCode.TOUCHED_SINCE)
    reason, actor = f"Undo of job {request.undo_of}", chunk.job.actor
    data = {"from": former.into_id, "undoOf": str(request.undo_of)}
    fact = Fact("party.restored", f"party/{former.id}", data, former.id)
    if not former.merged:
        move = Move(former.into_id, former.id, False, reason, actor, chunk.job.id, now, request.undo_of)
        return _move(db, chunk, move, OutcomeCode.MOVED_BACK, fact)
    move = Move(former.id, former.into_id, True, reason, actor, chunk.job.id, now, request.undo_of)
    return _take_apart(db, chunk, move, former, fact)


def _take_apart(db: Session, chunk: Chunk, move: Move, former: FormerParty, fact: Fact) -> Tally:
    """Undo a merge: what was moved goes back, except for what was changed since."""
    jobs.need_no_other_work(db, chunk, [move.new])
    if not sessions.lock_of_parties(db, move.ids):
        raise jobs.NotYet
    assignments.lock_of_parties(db, move.ids)
    found = directory.lock_move(db, move)
    if former.party is None or found.get(move.new) is not False:
        return _outcome(db, chunk, OutcomeCode.TOUCHED_SINCE)
    licences.lock_of_parties(db, move.ids)
    directory.bring_back(db, former)
    moved = former.moved
    back = _once(lambda: {table: PARTS[table].back(db, move, rows) for table, rows in moved.items()})
    tally = _outcome(db, chunk, OutcomeCode.MOVED_BACK)
    assignments.record_assignments_back(db, move, back["assignment"])
    licences.record_licences_back(db, move, back["licence"])
    _record(db, move, fact)
    return tally
