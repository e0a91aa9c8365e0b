"""Taking the completion of a session back: the session, and the plan for a chunk of the parties that it gave something.

While the undo works, the session is `completing`, as during its completion: nobody amends or completes it meanwhile,
and the end of the job locks it last (see docs/locks.md). Licences and assignments: `shared/services/sessions.py`.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Select, Uuid, delete, exists, func, literal, select, update
from sqlalchemy.orm import Session

from shared import events
from shared.arrays import is_one_of, texts
from shared.database import current_org
from shared.events import Fact
from shared.jobs import FINAL_STATES, CannotUndo, Chunk, Job, JobOutcome, OutcomeCode, Tally, store_outcomes
from shared.sessions.actions import about, locked, touch
from shared.sessions.models import RosterEntry, SessionState, TrainingSession
from shared.sessions.queries import jobs_of
from shared.sessions.requests import CompletionJob


@dataclass(frozen=True)
class Undoing:
    """The plan for a chunk of parties. licences: those to revoke, by party. touched: parties that stay as they are."""

    parties: Sequence[str]
    touched: Sequence[str]
    licences: Mapping[str, uuid.UUID]


def begin_undo(db: Session, session_id: uuid.UUID, now: datetime) -> None:
    """Set a completed session to `completing` while its completion is taken back. Raises CannotUndo."""
    session = locked(db, session_id, None)
    need_to_undo(db, session)
    session.state = SessionState.COMPLETING
    touch(db, session, now)


def need_to_undo(db: Session, session: TrainingSession) -> None:
    """Raise CannotUndo unless the completion of a session can be taken back now."""
    if session.state != SessionState.COMPLETED:
        raise CannotUndo("The session is not completed any more, or a job still works on it.")
    if jobs_of(db, session, Job.state.not_in(FINAL_STATES)):
        raise CannotUndo("An amendment of the session has not ended yet; wait for it, or cancel it.")


def attended_by(job: Job) -> Select[str]:
    """Select the parties to which a completion gave no licence, because the course grants none."""
    return select(JobOutcome.entity_id).where(
        JobOutcome.org_id == job.org_id, JobOutcome.job_id == job.id, JobOutcome.code == OutcomeCode.ATTENDED
    )


def plan_undo(
    db: Session, chunk: Chunk, session_id: uuid.UUID, standing: Mapping[str, uuid.UUID], followed: Collection[str]
) -> Undoing:
    """Decide for each party of a chunk if what the session gave it is taken back.

    standing: licences of the undone job that nothing followed, by party. followed: parties whose licence of it was
    corrected, superseded or revoked since. A party without a licence is touched if an amendment changed its entry.
    """
    amended = set(
        db.scalars(
            select(RosterEntry.party_id).where(
                RosterEntry.org_id == chunk.job.org_id,
                RosterEntry.session_id == session_id,
                RosterEntry.amended_at.is_not(None),
                chunk.covers(RosterEntry.party_id),
            )
        )
    )
    each = list(db.scalars(chunk.recipients))
    left = {party for party in each if party in followed or (party not in standing and party in amended)}
    return Undoing([party for party in each if party not in left], sorted(left), standing)


def store_undo_outcomes(db: Session, chunk: Chunk, undoing: Undoing) -> Tally:
    """Store the outcome of every party of the chunk."""
    codes = dict.fromkeys(undoing.parties, OutcomeCode.TAKEN_BACK)
    codes |= dict.fromkeys(undoing.touched, OutcomeCode.TOUCHED_SINCE)
    outcomes = select(
        literal(chunk.job.org_id),
        literal(chunk.job.id),
        func.unnest(texts(codes)),
        func.unnest(texts([code.outcome for code in codes.values()])),
        func.unnest(texts(list(codes.values()))),
        func.unnest(literal([undoing.licences.get(party) for party in codes], ARRAY(Uuid))),
    )
    return store_outcomes(db, outcomes)


def end_undo(db: Session, job: Job, completion: CompletionJob, licensed: bool, now: datetime) -> None:
    """Schedule the session again if nobody is left licensed by it; else it is completed, as before the undo.

    licensed: a licence of the session stands. The event counter is locked already, which comes before the session here.
    """
    session = db.scalar(
        select(TrainingSession)
        .where(
            TrainingSession.org_id == current_org(db),
            TrainingSession.id == completion.session_id,
            TrainingSession.state == SessionState.COMPLETING,
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if session is None:
        return
    left = licensed or _somebody_attended(db, session)
    session.state = SessionState.COMPLETED if left else SessionState.SCHEDULED
    if not left:
        session.completed_at, session.completion_job_id = None, None
        session.completed_by_type, session.completed_by_id = None, None
    touch(db, session, now)
    if left:
        _leave_roster(db, session, job, now)
    else:
        _clear_roster(db, session)
    data = about(session) | {"jobId": str(job.id), "undoOf": str(job.undo_of), "state": session.state}
    events.record(db, job.actor, now, Fact("session.completion_undone", f"session/{session.id}", data))


def _somebody_attended(db: Session, session: TrainingSession) -> bool:
    """True if a job of the session recorded that a party attended, of whom no undo has taken it back."""
    job_ids = jobs_of(db, session)
    undoing = list(db.scalars(select(Job.id).where(Job.org_id == session.org_id, is_one_of(Job.undo_of, job_ids))))
    taken_back = select(JobOutcome.entity_id).where(
        JobOutcome.org_id == session.org_id,
        is_one_of(JobOutcome.job_id, undoing),
        JobOutcome.code == OutcomeCode.TAKEN_BACK,
    )
    standing = select(RosterEntry.party_id).where(
        RosterEntry.org_id == session.org_id, RosterEntry.session_id == session.id, RosterEntry.removed_at.is_(None)
    )
    attended = exists().where(
        JobOutcome.org_id == session.org_id,
        is_one_of(JobOutcome.job_id, job_ids),
        JobOutcome.code == OutcomeCode.ATTENDED,
        JobOutcome.entity_id.in_(standing),
        JobOutcome.entity_id.not_in(taken_back),
    )
    return bool(db.scalar(select(attended)))


def _leave_roster(db: Session, session: TrainingSession, job: Job, now: datetime) -> None:
    """Mark the parties of whom everything was taken back as removed. An amendment may add them again."""
    taken_back = select(JobOutcome.entity_id).where(
        JobOutcome.org_id == job.org_id, JobOutcome.job_id == job.id, JobOutcome.code == OutcomeCode.TAKEN_BACK
    )
    entries: Any = update(RosterEntry).where(*_entries(session), RosterEntry.party_id.in_(taken_back))
    db.execute(entries.values(removed_at=now, amended_at=now), execution_options={"synchronize_session": False})


def _clear_roster(db: Session, session: TrainingSession) -> None:
    """Make the roster that of a scheduled session again: without the parties that amendments removed."""
    quiet = {"synchronize_session": False}
    removed = delete(RosterEntry).where(*_entries(session), RosterEntry.removed_at.is_not(None))
    db.execute(removed, execution_options=quiet)
    amended = update(RosterEntry).where(*_entries(session), RosterEntry.amended_at.is_not(None))
    db.execute(amended.values(amended_at=None), execution_options=quiet)


def _entries(session: TrainingSession) -> tuple[Any, ...]:
    return RosterEntry.org_id == session.org_id, RosterEntry.session_id == session.id
