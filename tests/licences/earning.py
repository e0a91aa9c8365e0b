"""Grants and revokes licences for tests, as sessions do: by chunks of a job."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared import clock, jobs, licences
from shared.assignments import Assignment
from shared.catalogue import CourseVersion
from shared.directory import recipients
from shared.events import Actor
from shared.jobs import Chunk, JobRequest, Submission, Tally
from shared.licences import Earned, Licence
from shared.services.session_completions import COMPLETE
from shared.sessions.models import TrainingSession
from tests.factories import Org

INSTRUCTOR = Actor("member", "instructor-1")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CLAIM_SECONDS = 60.0
WINDOW = 3
FOLLOW = """
    INSERT INTO licence_due (org_id, licence_id, expires_at, counts)
    SELECT org_id, id, expires_at, true FROM licence WHERE org_id = %(org)s ON CONFLICT DO NOTHING"""
"""Inserts the rows of `licence_due` that a trigger would insert, for licences inserted without triggers. All count."""

__all__ = [
    "FOLLOW",
    "INSTRUCTOR",
    "NOON",
    "Assignment",
    "a_session",
    "chunk_of",
    "earned",
    "grant",
    "held",
    "take_back",
]


def active_version(db: Session, course_id: str) -> uuid.UUID:
    """Returns the id of the active version of a course."""
    version = db.scalar(
        select(CourseVersion.id).where(CourseVersion.course_id == uuid.UUID(course_id), CourseVersion.state == "active")
    )
    assert version is not None
    return version


def a_session(org: Org, course_id: str, at: datetime = NOON) -> uuid.UUID:
    """Inserts a session of the course's active version. Returns its id."""
    with org.transaction() as db:
        values = {
            "org_id": org.id,
            "course_id": uuid.UUID(course_id),
            "course_version_id": active_version(db, course_id),
            "mode": "online",
            "starts_at": at,
            "ends_at": at + timedelta(hours=1),
            "time_zone": "UTC",
            "scheduled_by_type": "member",
            "scheduled_by_id": "member-1",
            "created_at": at,
            "updated_at": at,
        }
        return db.scalars(insert(TrainingSession).values(values).returning(TrainingSession.id)).one()


@contextmanager
def chunk_of(org: Org, *party_ids: str) -> Iterator[tuple[Session, Chunk]]:
    """The only chunk of a new job with these recipients. It is locked during the block and finished after it."""
    with org.transaction() as db:
        submission = Submission(kind=COMPLETE, request=JobRequest(), actor=INSTRUCTOR)
        named = recipients(party_ids=party_ids, folder_ids=[])
        jobs.submit(db, submission, named, workers=1, now=clock.now())
    with org.transaction() as db:
        claimed = jobs.claim(db, clock.now(), CLAIM_SECONDS, WINDOW)
    assert claimed is not None
    with org.transaction() as db:
        chunk = jobs.lock(db, claimed)
        assert chunk is not None
        yield db, chunk
        jobs.finish(db, chunk, Tally(succeeded=chunk.size), clock.now())


def earned(db: Session, chunk: Chunk, course_id: str, session_id: uuid.UUID, at: datetime) -> Earned:
    """Returns the session as one that grants licences by the chunk's job."""
    return Earned(uuid.UUID(course_id), active_version(db, course_id), session_id, at, INSTRUCTOR, chunk.job.id)


def grant(org: Org, course_id: str, *party_ids: str, session_id: uuid.UUID | None = None, at: datetime = NOON) -> int:
    """Grant licences of a session to these parties. Returns how many. session_id: by default a new session."""
    session_id = session_id or a_session(org, course_id, at)
    with chunk_of(org, *party_ids) as (db, chunk):
        return len(licences.grant(db, chunk, earned(db, chunk, course_id, session_id, at), party_ids, at))


def take_back(org: Org, session_id: uuid.UUID, *party_ids: str, at: datetime = NOON) -> int:
    """Revoke these parties' licences of an amended session. Returns how many."""
    with chunk_of(org, *party_ids) as (db, chunk):
        return licences.revoke_earned(db, chunk, session_id, "He left at noon", INSTRUCTOR, at)


def held(org: Org, party_id: str) -> list[Licence]:
    """Returns a party's licences, in the order in which they were granted."""
    with org.transaction() as db:
        return list(db.scalars(select(Licence).where(Licence.party_id == party_id).order_by(Licence.id)))


def rows(org: Org, **conditions: Any) -> list[Licence]:
    """Returns the licences whose columns have these values."""
    with org.transaction() as db:
        return list(db.scalars(select(Licence).filter_by(**conditions).order_by(Licence.id)))
