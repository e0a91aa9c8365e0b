"""Corrections and revocations that meet a running sweep or grant: whoever comes second acts on what the first left.

Each of them holds a real transaction open while the other waits for it, or passes it by.
"""

import uuid
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import licences
from shared.jobs import Chunk
from shared.licences import LicenceDue
from shared.services.sweeps import Step
from tests.factories import OPERATOR, Org
from tests.licences.earning import NOON, a_session, chunk_of, earned, grant, held
from tests.licences.test_sweep import DAY, asked, end, hold, notice, run, take, told
from tests.racing import blocked

LATER = NOON + 400 * DAY
TOLD_OF_A = [notice("a", 60), notice("a", 30), notice("a", 7), end("a")]


@pytest.fixture
def course(org: Org) -> str:
    org.with_parties("a", "b")
    return org.with_course()


def the_one(org: Org) -> uuid.UUID:
    (licence,) = held(org, "a")
    return licence.id


def correct(db: Session, licence_id: uuid.UUID, expires_at: datetime, now: datetime = NOON) -> None:
    """As the route does."""
    licence = licences.locked(db, licence_id, None)
    licences.correct(db, licence, {"expires_at": expires_at}, "x", OPERATOR, now)


def revoke(db: Session, licence_id: uuid.UUID) -> None:
    """As the route does."""
    licences.revoke(db, licences.locked(db, licence_id, None), "x", OPERATOR, NOON)


def renew(db: Session, chunk: Chunk, course_id: str, session_id: uuid.UUID) -> None:
    """As a completed session does, a day later."""
    at = NOON + DAY
    licences.grant(db, chunk, earned(db, chunk, course_id, session_id, at), ["a"], at)


def sweep(db: Session, now: datetime = NOON) -> None:
    """One batch."""
    licences.sweep_batch(db, licences.unfinished(db) or uuid.uuid4(), now)


@pytest.mark.parametrize("change", [lambda db, one: correct(db, one, LATER), revoke])
def test_what_is_being_changed_the_sweep_passes_by(org: Org, course: str, change: Any) -> None:
    """It neither waits nor tells of what is no longer so."""
    hold(org, course, {"a": NOON, "b": NOON})
    one = the_one(org)
    asked(org, NOON)
    with org.transaction() as changing:
        change(changing, one)
        with blocked(org, sweep) as sweeping:  # for the event counter, with what it tells of the other one
            changing.commit()
            sweeping.result(timeout=30)
    while take(org, NOON) is Step.MORE:
        pass
    assert {party for _, party, _ in told(org)} == {"b"}


@pytest.mark.parametrize("how", ["corrected", "revoked"])
def test_what_is_being_swept_is_changed_afterwards(org: Org, course: str, how: str) -> None:
    """The change waits, and keeps what the sweep has noted: nothing is told twice but an end that was moved."""
    hold(org, course, {"a": NOON})
    one = the_one(org)
    asked(org, NOON)
    with org.transaction() as sweeping:
        sweep(sweeping)
        with blocked(org, lambda db: correct(db, one, LATER) if how == "corrected" else revoke(db, one)) as changing:
            sweeping.commit()
            changing.result(timeout=30)
    (licence,) = held(org, "a")
    with org.transaction() as db:
        assert list(db.scalars(select(LicenceDue.notices))) == [3]
    assert licence.revision == 2
    for days in (60, 30, 7, 0):
        run(org, LATER - days * DAY)
    assert told(org) == TOLD_OF_A + ([end("a")] if how == "corrected" else [])


def test_a_correction_of_a_licence_that_is_being_renewed_waits_and_touches_only_it(org: Org, course: str) -> None:
    """Else the renewal would count on an end that is no longer so. What is superseded may be corrected still."""
    grant(org, course, "a")
    one = the_one(org)
    session = a_session(org, course)
    with chunk_of(org, "a") as (db, chunk):
        renew(db, chunk, course, session)
        with blocked(org, lambda other: correct(other, one, LATER, NOON + DAY)) as correcting:
            db.commit()
            correcting.result(timeout=30)
    former, latter = held(org, "a")
    assert (former.expires_at, former.superseded_at, former.revision) == (LATER, NOON + DAY, 3)
    assert (latter.expires_at, latter.renews_id) == (datetime(2027, 3, 3, 12, tzinfo=NOON.tzinfo), former.id)


def test_a_renewal_of_a_licence_that_is_being_corrected_keeps_its_new_end(org: Org, course: str) -> None:
    grant(org, course, "a")
    one = the_one(org)
    session, until = a_session(org, course), NOON + 900 * DAY
    with chunk_of(org, "a") as (_, chunk), org.transaction() as correcting:
        correct(correcting, one, until)
        with blocked(org, lambda db: renew(db, chunk, course, session)) as renewing:
            correcting.commit()
            renewing.result(timeout=30)
    former, latter = held(org, "a")
    assert (former.superseded_at, latter.expires_at, latter.rule) == (NOON + DAY, until, "laterExpiry")


def test_a_renewal_of_a_licence_that_is_being_revoked_renews_nothing(org: Org, course: str) -> None:
    """It comes after the revocation, as a new completion: it licenses again, and not from the revoked one's end."""
    grant(org, course, "a")
    one = the_one(org)
    session = a_session(org, course)
    with chunk_of(org, "a") as (_, chunk), org.transaction() as revoking:
        revoke(revoking, one)
        with blocked(org, lambda db: renew(db, chunk, course, session)) as renewing:
            revoking.commit()
            renewing.result(timeout=30)
    former, latter = held(org, "a")
    assert (former.superseded_at, former.revoked_at, latter.renews_id, latter.revoked_at) == (None, NOON, None, None)


def test_a_revocation_of_a_licence_that_is_being_renewed_leaves_the_renewal(org: Org, course: str) -> None:
    grant(org, course, "a")
    one = the_one(org)
    session = a_session(org, course)
    with chunk_of(org, "a") as (db, chunk):
        renew(db, chunk, course, session)
        with blocked(org, lambda other: revoke(other, one)) as revoking:
            db.commit()
            revoking.result(timeout=30)
    former, latter = held(org, "a")
    assert (former.revoked_at, former.superseded_at, latter.revoked_at) == (NOON, NOON + DAY, None)
