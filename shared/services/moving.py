"""Merging two parties and giving a party another id: each is a job of one recipient that a second member approves.

The events of the party keep its old id, and one more says where it went. `moves` has the work.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Select, Text, literal, select
from sqlalchemy.orm import Session

from shared import assignments, directory, jobs, licences, sessions
from shared.access import Caller, Permission
from shared.directory import MergeRequest, Move, MovePreview, Party, RenumberRequest
from shared.errors import Conflict, Fault, InvalidInput, NotFound
from shared.jobs import Accepted, CannotUndo, Foreseen, Job, Key, Kind, OutcomeCode, Undo, declare
from shared.services import moves
from shared.services.moves import MergeJob, RenumberJob
from shared.services.submitting import submit
from shared.services.verbs import verb


class PartyErased(Conflict):
    """An erased party is nobody any more, so it can be neither merged nor renumbered."""

    slug, title = "party-erased", "The party was erased"


def _need_whole_party(db: Session, party_id: str, pointer: str = "") -> Party:
    """Return the party. Raises NotFound or PartyRenumbered, InvalidInput if `pointer` names it, and PartyErased."""
    if pointer and (now := directory.current_ids(db, [party_id])):
        raise InvalidInput(Fault(pointer, directory.NOW.format(now[party_id])))
    party = directory.find_party(db, "entityId", party_id)
    if party is None and pointer:
        raise InvalidInput(Fault(pointer, "There is no such party in the directory."))
    party = party or directory.get_party(db, party_id, None)[0]
    if party.erased_at is not None:
        raise PartyErased("One of the parties was erased for good; it can be neither merged nor renumbered.")
    return party


def _need_mergeable(db: Session, party_id: str, into: str) -> None:
    _need_whole_party(db, party_id)
    if into == party_id:
        raise InvalidInput(Fault("/into", "A party cannot be merged with itself; name the other one."))
    _need_whole_party(db, into, "/into")


def _need_free(db: Session, party_id: str, entity_id: str, now: datetime) -> None:
    _need_whole_party(db, party_id)
    if directory.find_party(db, "entityId", entity_id) is not None:
        raise InvalidInput(Fault("/entityId", "Another party has this id; merge them if they are one person."))
    if directory.current_ids(db, [entity_id]) and entity_id not in directory.free_ids(db, party_id, now):
        raise InvalidInput(Fault("/entityId", "Another party has had this id, so it is never given again."))


def _moved_by(job: Job) -> Select[str]:
    """Select the party that a job has moved, as the recipient of its undo."""
    former = directory.FormerParty
    return select(former.id).where(former.org_id == job.org_id, former.job_id == job.id)


def _begin_undo(db: Session, job: Job, _: datetime) -> None:
    """Raise CannotUndo if there is no way back."""
    former = directory.move_of(db, job.id)
    if former is None:
        raise CannotUndo("The job has moved nothing, or that was taken back already.")
    if directory.current_ids(db, [former.into_id]):
        raise CannotUndo("The party was merged or renumbered again since; undo that first.")
    party = directory.find_party(db, "entityId", former.into_id)
    if party is None or party.erased_at is not None or (former.merged and former.party is None):
        raise CannotUndo("The party was erased since, so nothing is left to put back.")


_NO_JOB = uuid.UUID(int=0)
"""Of a preview, which has no job."""


def _foresee_undo(db: Session, job: Job) -> Foreseen:
    """Return what an undo would do now. Raises CannotUndo."""
    _begin_undo(db, job, job.submitted_at)
    return [(one, OutcomeCode.MOVED_BACK) for one in db.scalars(_moved_by(job))]


UNDO = Undo(_moved_by, moves.undo, _foresee_undo, by="party", noun="parties", begin=_begin_undo)


@contextmanager
def _of_request() -> Iterator[None]:
    """Raise what became of a party since as a fault of the request, because an approval names no party itself."""
    try:
        yield
    except (NotFound, PartyErased, directory.PartyRenumbered) as problem:
        raise InvalidInput(Fault("/partyId", problem.detail)) from None


def _merge_again(db: Session, _: Job, request: MergeJob, __: datetime) -> None:
    with _of_request():
        _need_mergeable(db, request.party_id, request.into)


def _renumber_again(db: Session, _: Job, request: RenumberJob, now: datetime) -> None:
    with _of_request():
        _need_free(db, request.party_id, request.entity_id, now)


MERGE = declare(
    Kind(
        name="parties.merge",
        request=MergeJob,
        work=moves.merge,
        needs=Permission.SYNC_DIRECTORY,
        ask_again=_merge_again,
        undo=UNDO,
        by_two=True,
    )
)
RENUMBER = declare(
    Kind(
        name="parties.renumber",
        request=RenumberJob,
        work=moves.renumber,
        needs=Permission.SYNC_DIRECTORY,
        ask_again=_renumber_again,
        undo=UNDO,
        by_two=True,
    )
)


# --- the verbs


@verb(Permission.SYNC_DIRECTORY, whole=True)
def merge_party(
    db: Session, caller: Caller, party_id: str, body: MergeRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a job that merges a party with another one, which stays. It waits for a second member.

    Raises NotFound, PartyRenumbered, PartyErased, InvalidInput.
    """
    if earlier := jobs.replayed(db, key, body):
        return earlier
    _need_mergeable(db, party_id, body.into)
    request = MergeJob(party_id=party_id, into=body.into, reason=body.reason)
    return submit(db, caller, MERGE, request, _only(party_id), key=key, body=body, workers=workers, now=now)


@verb(Permission.SYNC_DIRECTORY, whole=True)
def renumber_party(
    db: Session, caller: Caller, party_id: str, body: RenumberRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a job that gives a party another id. It waits for a second member. Raises as `merge_party`."""
    if earlier := jobs.replayed(db, key, body):
        return earlier
    _need_free(db, party_id, body.entity_id, now)
    request = RenumberJob(party_id=party_id, entity_id=body.entity_id, reason=body.reason)
    return submit(db, caller, RENUMBER, request, _only(party_id), key=key, body=body, workers=workers, now=now)


def _only(party_id: str) -> Select[str]:
    return select(literal(party_id, Text).label("entity_id"))


@verb(Permission.SYNC_DIRECTORY, whole=True)
def get_party_to_move(db: Session, _: Caller, party_id: str) -> Party:
    """Return the party that a form is about. Raises NotFound, PartyRenumbered, PartyErased."""
    return _need_whole_party(db, party_id)


@verb(Permission.SYNC_DIRECTORY, whole=True)
def preview_merge(db: Session, caller: Caller, party_id: str, body: MergeRequest, now: datetime) -> MovePreview:
    """Return what merging would do now. Raises as `merge_party`."""
    _need_mergeable(db, party_id, body.into)
    return _preview(db, caller, Move(party_id, body.into, True, body.reason, caller.actor, _NO_JOB, now))


@verb(Permission.SYNC_DIRECTORY, whole=True)
def preview_renumbering(
    db: Session, caller: Caller, party_id: str, body: RenumberRequest, now: datetime
) -> MovePreview:
    """Return what renumbering would do now. Raises as `renumber_party`."""
    _need_free(db, party_id, body.entity_id, now)
    return _preview(db, caller, Move(party_id, body.entity_id, False, body.reason, caller.actor, _NO_JOB, now))


def _preview(db: Session, _: Caller, move: Move) -> MovePreview:
    twins = licences.twins(db, move) if move.merges else licences.Twins()
    return MovePreview(
        entity_id=move.old,
        into=move.new,
        outcome="merged" if move.merges else "renumbered",
        moved=directory.MovedCounts(
            assignments=assignments.count_of_party(db, move.old),
            licences=licences.count_of_party(db, move.old),
            roster_entries=sessions.count_of_party(db, move.old),
        ),
        ended=directory.EndedRecords(
            assignments=sorted(assignments.twins(db, move)) if move.merges else [],
            licences=sorted(twins.revoked.keys() | twins.superseded.keys()),
            roster_entries=sorted(one for one, _ in sessions.twins(db, move)) if move.merges else [],
        ),
    )
