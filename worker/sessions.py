"""What the workshop does about sessions. Here sessions, licences and assignments meet, and nowhere else in the work.

The order is that of the locks: assignments, parties, licences, then the organization's event counter.
"""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, Text, func, literal, select
from sqlalchemy.orm import Session

from shared import assignments, clock, licences, sessions
from shared.events import Actor
from shared.jobs import Chunk, Tally
from shared.licences import Earned


def complete(db: Session, chunk: Chunk) -> Tally:
    """License a chunk of those who attended, and complete what they owed of the version. Again: nothing twice."""
    now = clock.now()
    licensed = licences.of_session(sessions.session_of(chunk))
    entitled = sessions.entitled(chunk, licensed)
    completed = assignments.complete_attended(db, chunk, entitled, now)
    granted = licences.grant(db, chunk, _earned(chunk), entitled, now)
    assignments.record_attended(db, chunk, completed, now)
    return sessions.settle_completion(db, chunk, granted, licensed, licences.made_by(chunk.job))


def amend(db: Session, chunk: Chunk) -> Tally:
    """License who is missing among a completed session's parties, and take back what the others never earned."""
    now, earned = clock.now(), _earned(chunk)
    licensed = licences.of_session(earned.session_id)
    amendment = sessions.plan_amendment(db, chunk, licensed)
    to_add, to_remove = (
        select(func.unnest(literal(list(ids), ARRAY(Text))).label("entity_id"))
        for ids in (amendment.to_add, amendment.to_remove)
    )
    completed = assignments.complete_attended(db, chunk, to_add, now)
    sessions.amend_roster(db, chunk, amendment, now)
    granted = licences.grant(db, chunk, earned, to_add, now)
    licences.revoke_earned(db, chunk, earned.session_id, chunk.job.request["reason"], earned.actor, now, of=to_remove)
    assignments.record_attended(db, chunk, completed, now)
    return sessions.settle_amendment(db, chunk, amendment, granted, licensed, licences.made_by(chunk.job))


completion_ended = sessions.completion_ended


def _earned(chunk: Chunk) -> Earned:
    """What a job's session earns, as it was fixed when the job was accepted."""
    job, request = chunk.job, chunk.job.request
    return Earned(
        course_id=uuid.UUID(request["courseId"]),
        course_version_id=uuid.UUID(request["courseVersionId"]),
        session_id=sessions.session_of(chunk),
        granted_at=datetime.fromisoformat(request["grantedAt"]),
        actor=Actor(job.submitted_by_type, job.submitted_by_id),
        job_id=job.id,
    )
