"""Completing and amending sessions, and taking a completion back, as jobs.

The chunk work is here too, because it joins sessions, licences and assignments. It takes their locks in the order of
docs/locks.md.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Select, and_, func, select, union
from sqlalchemy.orm import Session

from shared import access, assignments, catalogue, directory, jobs, licences, sessions
from shared.access import Caller, Permission
from shared.arrays import texts
from shared.assignments import Attended, UndoJob
from shared.directory import Party
from shared.jobs import Accepted, Chunk, Foreseen, Job, Key, Kind, OutcomeCode, Tally, Undo, declare
from shared.licences import Earned
from shared.services.submitting import submit
from shared.services.verbs import verb
from shared.sessions import (
    AmendmentJob,
    AmendmentRequest,
    CompletionJob,
)


def _complete(db: Session, chunk: Chunk, request: CompletionJob, now: datetime) -> Tally:
    """License the parties of a chunk that attended, and complete their open assignments of the version.

    Does nothing for parties that the session has licensed already.
    """
    attended = _attended_session(request)
    assignments.lock_attended(db, chunk, attended)
    completion = sessions.plan_completion(db, chunk, request, licences.of_session(request.session_id))
    completed = assignments.complete_attended(db, chunk, attended, completion.to_license, now)
    granted = licences.grant(db, chunk, _earned(chunk, request), completion.to_license, now)
    assignments.record_attended(db, chunk, attended, completed, now)
    return sessions.store_completion_outcomes(db, chunk, completion, granted)


def _amend(db: Session, chunk: Chunk, request: AmendmentJob, now: datetime) -> Tally:
    """Amend the roster for a chunk of parties.

    Licenses the added parties and completes their assignments. Revokes the licences of removed parties and reopens the
    assignments that the session had completed.
    """
    attended, session_id, actor = _attended_session(request), request.session_id, chunk.job.actor
    assignments.lock_attended(db, chunk, attended)
    licensed = licences.of_session(session_id)
    amendment = sessions.plan_amendment(db, chunk, request, licensed)
    licences.lock_licences(db, chunk, request.course_id)
    completed = assignments.complete_attended(db, chunk, attended, amendment.to_add, now)
    reopened = assignments.reopen_attended(db, chunk, attended, amendment.to_remove)
    sessions.amend_roster(db, chunk, request, amendment, now)
    earned = replace(_earned(chunk, request), reason=request.reason)
    granted = licences.grant(db, chunk, earned, amendment.to_add, now, revoked_by=amendment.revoked_by)
    to_remove = _rows(amendment.to_remove)
    licences.revoke_earned(db, chunk, session_id, request.reason, actor, now, of=to_remove)
    assignments.record_attended(db, chunk, attended, completed, now)
    assignments.record_reopened(db, chunk, attended, reopened, request.reason, now)
    return sessions.store_amendment_outcomes(db, chunk, amendment, granted, licensed)


def _ask_completion_again(db: Session, job: Job, request: CompletionJob, _: datetime) -> None:
    """Ask what a completion asks: the course is not archived. A retry needs the session to be completed still."""
    catalogue.need_not_archived(db, request.course_id, pointer="")
    if job.has_ended:
        sessions.need_amendable(sessions.locked(db, request.session_id, None))


def _ask_amendment_again(db: Session, job: Job, request: AmendmentJob, _: datetime) -> None:
    """A retry needs the session to be completed still. While an amendment waits for approval, it stays so."""
    if job.has_ended:
        sessions.need_amendable(sessions.locked(db, request.session_id, None))


def _given_by(job: Job) -> Select[str]:
    """Select the parties to which a completion gave something, as the recipients of its undo."""
    licensed = licences.made_by(job).subquery()
    return select(union(select(licensed.c.entity_id), sessions.attended_by(job)).subquery().c.entity_id)


def _begin_undo(db: Session, job: Job, now: datetime) -> None:
    sessions.begin_undo(db, CompletionJob.model_validate(job.request).session_id, now)


def _foresee_undo(db: Session, job: Job) -> Foreseen:
    """Return what the undo of a completion would do to each party."""
    done = CompletionJob.model_validate(job.request)
    sessions.need_to_undo(db, sessions.get(db, done.session_id, None)[0])
    everybody = jobs.whole(job, _given_by(job))
    undoing = sessions.plan_undo(db, everybody, done.session_id, *licences.untouched(db, everybody, job.id))
    taken = [(party_id, OutcomeCode.TAKEN_BACK) for party_id in undoing.parties]
    return taken + [(party_id, OutcomeCode.TOUCHED_SINCE) for party_id in undoing.touched]


def _undo_completion(db: Session, chunk: Chunk, request: UndoJob, now: datetime) -> Tally:
    """Take back what a completion gave the parties of a chunk, except what something followed.

    Revokes the licences and restores those that they superseded; reopens what the session completed or closed.
    """
    done = CompletionJob.model_validate(jobs.get(db, request.undo_of).request)
    attended = _attended_session(done)
    assignments.lock_attended(db, chunk, attended)
    directory.lock_parties(db, and_(chunk.covers(Party.id), Party.id.in_(chunk.recipients)))
    licences.lock_licences(db, chunk, done.course_id)
    standing, followed = licences.untouched(db, chunk, request.undo_of)
    undoing = sessions.plan_undo(db, chunk, done.session_id, standing, followed)
    reopened = assignments.reopen_attended(db, chunk, attended, undoing.parties)
    reason = f"Undo of job {request.undo_of}"
    data = {"reason": reason, "sessionId": str(done.session_id)}
    licences.revoke_granted(db, chunk, list(undoing.licences.values()), data, now)
    assignments.record_reopened(db, chunk, attended, reopened, reason, now)
    return sessions.store_undo_outcomes(db, chunk, undoing)


def _end_undo(db: Session, job: Job, undone: Job, now: datetime) -> None:
    done = CompletionJob.model_validate(undone.request)
    sessions.end_undo(db, job, done, licences.any_standing(db, done.session_id), now)


COMPLETE = declare(
    Kind(
        name=sessions.COMPLETE,
        request=CompletionJob,
        work=_complete,
        needs=Permission.ADMIN,
        ask_again=_ask_completion_again,
        on_end=sessions.end_completion,
        made=licences.made_by,
        record="licence",
        undo=Undo(_given_by, _undo_completion, _foresee_undo, by="party", begin=_begin_undo, on_end=_end_undo),
    )
)

AMEND = declare(
    Kind(
        name=sessions.AMEND,
        request=AmendmentJob,
        work=_amend,
        needs=Permission.ADMIN,
        ask_again=_ask_amendment_again,
        made=licences.made_by,
        record="licence",
    )
)


@verb(Permission.ADMIN)
def complete_session(
    db: Session, caller: Caller, session_id: uuid.UUID, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a job that licenses every party that attended, and freeze the roster. Repeated: the same job.

    Raises NotFound, OutOfScope, SessionCancelled, SessionNotBegun, RosterEmpty, InvalidInput for an archived course.
    """
    if earlier := jobs.replayed(db, key, None):
        return earlier
    session = sessions.locked_whole(db, session_id, caller.folders)
    if session.completion_job_id is not None:
        return Accepted(jobs.get(db, session.completion_job_id), replayed=True)
    sessions.need_not_cancelled(session)
    sessions.need_begun(session, now)
    catalogue.need_not_archived(db, session.course_id, pointer="")
    zone = access.get_organization(db).time_zone
    request = CompletionJob(**sessions.completion_request(session, zone, now))
    roster = sessions.roster_of(session)
    accepted = submit(db, caller, COMPLETE, request, roster, key=key, scoped=False, workers=workers, now=now)
    if not accepted.replayed:
        sessions.begin_completion(db, session, accepted.job, caller.actor, now)
    return accepted


@verb(Permission.ADMIN)
def amend_session(
    db: Session,
    caller: Caller,
    session_id: uuid.UUID,
    body: AmendmentRequest,
    key: Key | None,
    *,
    workers: int,
    now: datetime,
) -> Accepted:
    """Submit a job that amends a completed session: it licenses added parties, and revokes licences of removed ones.

    Raises NotFound, OutOfScope, SessionNotCompleted, SessionCancelled, InvalidInput for a party in both lists.
    """
    if earlier := jobs.replayed(db, key, body):
        return earlier
    session = sessions.locked_whole(db, session_id, caller.folders)
    sessions.need_amendable(session)
    to_add, to_remove = sessions.amendment_lists(body.add, body.remove)
    zone = access.get_organization(db).time_zone
    listed = {"added": to_add} if len(to_add) < len(to_remove) else {"removed": to_remove}
    after = {"after_revocation": True} if body.after_revocation else {}
    request = AmendmentJob(**sessions.completion_request(session, zone, now), reason=body.reason, **listed, **after)
    recipients = _rows([*to_add, *to_remove])
    accepted = submit(db, caller, AMEND, request, recipients, key=key, body=body, workers=workers, now=now)
    if not accepted.replayed:
        counts = {"added": len(to_add), "removed": len(to_remove)}
        sessions.record_amendment(db, session, accepted.job, body.reason, counts, now)
    return accepted


def _rows(party_ids: Sequence[str]) -> Select[str]:
    """Select these ids from one array parameter.

    As the query that found them, they would be computed again by every statement, at a cost of the square of their
    number while the tables have no statistics.
    """
    return select(func.unnest(texts(party_ids)).label("entity_id"))


def _attended_session(request: CompletionJob) -> Attended:
    """The session as `shared.assignments` needs it."""
    return Attended(request.session_id, request.course_id, request.course_version_id, request.occurred_on)


def _earned(chunk: Chunk, request: CompletionJob) -> Earned:
    """The licences that the session earns, as they were fixed when the job was accepted."""
    return Earned(
        course_id=request.course_id,
        course_version_id=request.course_version_id,
        session_id=request.session_id,
        granted_at=request.granted_at,
        actor=chunk.job.actor,
        job_id=chunk.job.id,
        trained_at=request.ends_at,
        trained_on=request.occurred_on,
    )
