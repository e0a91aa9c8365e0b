"""Bulk revocations that meet a correction, a grant or another revocation: the second one acts on what is then there."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from shared import clock, jobs, licences
from shared.jobs import Chunk, Submission
from shared.licences import RevokeJob
from shared.services.revoking import REVOKE
from tests.factories import OPERATOR, Org
from tests.licences.earning import CLAIM_SECONDS, INSTRUCTOR, NOON, WINDOW, a_session, chunk_of, earned, grant, held
from tests.racing import blocked

REQUEST = RevokeJob(by="licence", reason="The instructor had no certificate")


def claimed(org: Org, licence_id: uuid.UUID) -> jobs.Claim:
    """Submit a revocation of one licence, and claim its only chunk."""
    with org.transaction() as db:
        submission = Submission(kind=REVOKE, request=REQUEST, actor=INSTRUCTOR)
        named = select(literal(str(licence_id)).label("entity_id"))
        jobs.submit(db, submission, named, workers=1, now=clock.now())
    with org.transaction() as db:
        claim = jobs.claim(db, clock.now() + timedelta(seconds=CLAIM_SECONDS), CLAIM_SECONDS, WINDOW)
    assert claim is not None
    return claim


def work(db: Session, claim: jobs.Claim) -> Chunk:
    """Revoke the licence of the chunk, as a worker does."""
    chunk = jobs.lock(db, claim)
    assert chunk is not None
    jobs.finish(db, chunk, licences.revoke_chunk(db, chunk, REQUEST, NOON), NOON)
    return chunk


def by_hand(db: Session, one: uuid.UUID) -> None:
    licences.revoke(db, licences.locked(db, one, None), "By hand", OPERATOR, NOON)


def corrected(db: Session, one: uuid.UUID) -> None:
    later = {"expires_at": NOON + timedelta(days=999)}
    licences.correct(db, licences.locked(db, one, None), later, "By hand", OPERATOR, NOON)


@pytest.mark.parametrize(("first", "code"), [(by_hand, "already-revoked"), (corrected, "revoked")])
def test_a_chunk_waits_for_a_member_and_decides_by_what_is_there_then(
    org: Org, course: str, first: Callable[[Session, uuid.UUID], None], code: str
) -> None:
    grant(org, course, "a")
    (one,) = held(org, "a")
    claim = claimed(org, one.id)
    with org.transaction() as db:
        first(db, one.id)
        with blocked(org, lambda db: work(db, claim)) as doing:
            db.commit()
            doing.result(timeout=30)
    (found,) = held(org, "a")
    assert found.revocation_reason == ("By hand" if first is by_hand else REQUEST.reason)
    with org.transaction() as db:
        (outcome,) = db.scalars(select(jobs.JobOutcome).where(jobs.JobOutcome.job_id == claim.job_id))
        assert outcome.code == code


def test_a_renewal_that_comes_meanwhile_waits_for_the_party_and_renews_nothing(org: Org, course: str) -> None:
    grant(org, course, "a")
    (one,) = held(org, "a")
    claim, session_id = claimed(org, one.id), a_session(org, course, NOON + timedelta(days=1))
    with chunk_of(org, "a") as (granting, chunk), org.transaction() as db:
        work(db, claim)
        at, actor_chunk = NOON + timedelta(days=1), chunk
        assert granting is not None

        def renew(db: Session) -> None:
            licences.grant(db, actor_chunk, earned(db, actor_chunk, course, session_id, at), ["a"], at)

        with blocked(org, renew) as doing:
            db.commit()
            doing.result(timeout=30)
    first, second = held(org, "a")
    assert (first.revoked_at is None, second.renews_id) == (False, None)
