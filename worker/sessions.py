"""What the workshop does about sessions. Here sessions, licences and assignments meet, and nowhere else in the work.

The order is that of the locks: assignments, parties, licences, then the organization's event counter.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from shared import assignments, clock, licences, sessions
from shared.arrays import texts
from shared.jobs import Chunk, Tally
from shared.licences import Earned


def complete(db: Session, chunk: Chunk) -> Tally:
    """License a chunk of those who attended, and complete what they owed of the version. Again: nothing twice."""
    now, earned = clock.now(), _earned(chunk)
    completion = sessions.plan_completion(db, chunk, licences.of_session(earned.session_id))
    completed = assignments.complete_attended(db, chunk, _each(completion.to_license), now)
    granted = licences.grant(db, chunk, earned, completion.to_license, now)
    assignments.record_attended(db, chunk, completed, now)
    return sessions.settle_completion(db, chunk, completion, granted)


def amend(db: Session, chunk: Chunk) -> Tally:
    """License who is missing among a completed session's parties, and take back what the others never earned: the
    licence, and the completion of what they owed."""
    assignments.lock_attended(db, chunk)
    now, earned = clock.now(), _earned(chunk)
    licensed = licences.of_session(earned.session_id)
    amendment = sessions.plan_amendment(db, chunk, licensed)
    licences.lock(db, chunk, earned.course_id)
    completed = assignments.complete_attended(db, chunk, _each(amendment.to_add), now)
    reopened = assignments.reopen_attended(db, chunk, amendment.to_remove)
    sessions.amend_roster(db, chunk, amendment, now)
    granted = licences.grant(db, chunk, earned, amendment.to_add, now)
    reason, to_remove = chunk.job.request["reason"], _each(amendment.to_remove)
    licences.revoke_earned(db, chunk, earned.session_id, reason, earned.actor, now, of=to_remove)
    assignments.record_attended(db, chunk, completed, now)
    assignments.record_reopened(db, chunk, reopened, now)
    return sessions.settle_amendment(db, chunk, amendment, granted, licensed)


completion_ended = sessions.completion_ended


def _each(party_ids: Sequence[str]) -> Select[str]:
    """Ids as rows: one parameter, however many they are. As a query they would be worked out anew by every statement,
    and while tables are new, without statistics, in the square of their number."""
    return select(func.unnest(texts(party_ids)).label("entity_id"))


def _earned(chunk: Chunk) -> Earned:
    """What a job's session earns, as it was fixed when the job was accepted."""
    job, request = chunk.job, chunk.job.request
    return Earned(
        course_id=uuid.UUID(request["courseId"]),
        course_version_id=uuid.UUID(request["courseVersionId"]),
        session_id=sessions.session_of(chunk),
        granted_at=datetime.fromisoformat(request["grantedAt"]),
        actor=job.actor,
        job_id=job.id,
    )
