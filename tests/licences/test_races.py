"""Corrections and revocations that meet a running sweep or grant: the second one acts on what the first one committed.

Each test holds a real transaction open while the other waits for its locks or skips the rows that it has locked. The
lock that `licences.locked` takes is proved where a transaction holds only that lock, or where the waiting one must not
act on what it read before.
"""

import uuid
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import licences
from shared.jobs import Chunk
from shared.licences import Licence, LicenceDue
from shared.services.sweeps import Step
from tests.assignments.asking import events
from tests.factories import OPERATOR, Org
from tests.licences.earning import INSTRUCTOR, NOON, a_session, chunk_of, earned, grant, held
from tests.licences.sweeps import DAY, all_of, published, put_licences, request_sweep, sweep, take_step
from tests.racing import blocked

LATER = NOON + 400 * DAY


def id_of_licence(org: Org) -> uuid.UUID:
    """Returns the id of the only licence of party a."""
    (licence,) = held(org, "a")
    return licence.id


def locked(db: Session, licence_id: uuid.UUID) -> Licence:
    """Lock a licence as the routes do, and no more than that."""
    return licences.locked(db, licence_id, None)


def correct(db: Session, licence_id: uuid.UUID, expires_at: datetime, now: datetime = NOON) -> None:
    """Correct a licence as the route does."""
    licences.correct(db, locked(db, licence_id), {"expires_at": expires_at}, "x", OPERATOR, now)


def revoke(db: Session, licence_id: uuid.UUID) -> None:
    """Revoke a licence as the route does."""
    licences.revoke(db, locked(db, licence_id), "x", OPERATOR, NOON)


def renew(db: Session, chunk: Chunk, course_id: str, session_id: uuid.UUID) -> None:
    """Renew the licence of party a as a session does that is completed a day later."""
    at = NOON + DAY
    licences.grant(db, chunk, earned(db, chunk, course_id, session_id, at), ["a"], at)


def sweep_one_batch(db: Session, now: datetime = NOON) -> None:
    licences.sweep_batch(db, licences.unfinished(db) or uuid.uuid4(), now)


@pytest.mark.parametrize("change", [lambda db, one: correct(db, one, LATER), revoke])
def test_the_sweep_skips_a_licence_that_is_being_changed(org: Org, course: str, change: Any) -> None:
    """It neither waits for that licence nor publishes an end that is no longer true."""
    put_licences(org, course, {"a": NOON, "b": NOON})
    one = id_of_licence(org)
    request_sweep(org, NOON)
    with org.transaction() as changing:
        change(changing, one)
        with blocked(org, sweep_one_batch) as sweeping:  # by the event counter, when it records the events of party b
            changing.commit()
            sweeping.result(timeout=30)
    while take_step(org, NOON) is Step.MORE:
        pass
    assert {party for _, party, _ in published(org)} == {"b"}


@pytest.mark.parametrize("how", ["corrected", "revoked"])
def test_a_change_of_a_licence_waits_for_the_sweep(org: Org, course: str, how: str) -> None:
    """It sees what the sweep has noted: a new end begins with its first notice, and a revoked licence keeps its notes.

    The change waits in its trigger, for the row of `licence_due`; `licences.locked` plays no part in this.
    """
    put_licences(org, course, {"a": NOON})
    one = id_of_licence(org)
    request_sweep(org, NOON)
    with org.transaction() as sweeping:
        sweep_one_batch(sweeping)
        with blocked(org, lambda db: correct(db, one, LATER) if how == "corrected" else revoke(db, one)) as changing:
            sweeping.commit()
            changing.result(timeout=30)
    (licence,) = held(org, "a")
    with org.transaction() as db:
        assert list(db.scalars(select(LicenceDue.notices))) == [0 if how == "corrected" else 3]
    assert licence.revision == 2
    for days in (60, 30, 7, 0):
        sweep(org, LATER - days * DAY)
    assert published(org) == all_of("a") + (all_of("a") if how == "corrected" else [])


def test_a_correction_waits_for_a_renewal_and_changes_only_the_former_licence(org: Org, course: str) -> None:
    """Otherwise the renewal would count from an end that is no longer true. A superseded licence may be corrected."""
    grant(org, course, "a")
    one = id_of_licence(org)
    session = a_session(org, course)
    with chunk_of(org, "a") as (db, chunk):
        renew(db, chunk, course, session)
        with blocked(org, lambda other: correct(other, one, LATER, NOON + DAY)) as correcting:
            db.commit()
            correcting.result(timeout=30)
    former, latter = held(org, "a")
    assert (former.expires_at, former.superseded_at, former.revision) == (LATER, NOON + DAY, 3)
    assert (latter.expires_at, latter.renews_id) == (datetime(2027, 3, 3, 12, tzinfo=NOON.tzinfo), former.id)


def test_a_renewal_waits_for_a_correction_and_counts_from_the_new_end(org: Org, course: str) -> None:
    """It waits from the moment the correction has locked the licence, before anything is written."""
    grant(org, course, "a")
    one = id_of_licence(org)
    session, until = a_session(org, course), NOON + 900 * DAY
    with chunk_of(org, "a") as (_, chunk), org.transaction() as correcting:
        licence = locked(correcting, one)
        with blocked(org, lambda db: renew(db, chunk, course, session)) as renewing:
            licences.correct(correcting, licence, {"expires_at": until}, "x", OPERATOR, NOON)
            correcting.commit()
            renewing.result(timeout=30)
    former, latter = held(org, "a")
    assert (former.superseded_at, latter.expires_at, latter.rule) == (NOON + DAY, until, "laterExpiry")


def test_a_renewal_waits_for_a_revocation_and_renews_nothing(org: Org, course: str) -> None:
    """It waits from the moment the revocation has locked the licence, and then grants one that renews none."""
    grant(org, course, "a")
    one = id_of_licence(org)
    session = a_session(org, course)
    with chunk_of(org, "a") as (_, chunk), org.transaction() as revoking:
        licence = locked(revoking, one)
        with blocked(org, lambda db: renew(db, chunk, course, session)) as renewing:
            licences.revoke(revoking, licence, "x", OPERATOR, NOON)
            revoking.commit()
            renewing.result(timeout=30)
    former, latter = held(org, "a")
    assert (former.superseded_at, former.revoked_at, latter.renews_id, latter.revoked_at) == (None, NOON, None, None)


def test_a_revocation_waits_for_a_renewal_and_leaves_it_valid(org: Org, course: str) -> None:
    """It acts on the licence as the renewal left it: superseded, with a higher revision."""
    grant(org, course, "a")
    one = id_of_licence(org)
    session = a_session(org, course)
    with chunk_of(org, "a") as (db, chunk):
        renew(db, chunk, course, session)
        with blocked(org, lambda other: revoke(other, one)) as revoking:
            db.commit()
            revoking.result(timeout=30)
    former, latter = held(org, "a")
    assert (former.revoked_at, former.superseded_at, latter.revoked_at) == (NOON, NOON + DAY, None)
    assert former.revision == 3
    (event,) = [event for event in events(org) if event["type"] == "licence.revoked"]
    assert event["data"]["former"] == {"state": "superseded"}


def test_a_grant_waits_for_an_amendment_and_renews_the_licence_that_it_restored(org: Org, course: str) -> None:
    """It waits for the lock on the party: otherwise it would not see the restored licence, and two would count."""
    grant(org, course, "a")
    wrong = a_session(org, course)
    grant(org, course, "a", session_id=wrong)
    session = a_session(org, course)
    with chunk_of(org, "a") as (db, chunk):
        assert licences.revoke_earned(db, chunk, wrong, "Left at noon", INSTRUCTOR, NOON) == 1
        with blocked(org, lambda other: renew(other, chunk, course, session)) as granting:
            db.commit()
            granting.result(timeout=30)
    first, second, third = held(org, "a")
    assert (first.superseded_at, second.revoked_at, third.renews_id) == (NOON + DAY, NOON, first.id)


def test_an_amendment_waits_for_a_revocation_and_leaves_it_as_it_is(org: Org, course: str) -> None:
    session = a_session(org, course)
    grant(org, course, "a", session_id=session)
    one = id_of_licence(org)
    with chunk_of(org, "a") as (_, chunk), org.transaction() as revoking:
        revoke(revoking, one)

        def amend(db: Session) -> int:
            return licences.revoke_earned(db, chunk, session, "Left at noon", INSTRUCTOR, NOON + DAY)

        with blocked(org, amend) as amending:
            revoking.commit()
            assert amending.result(timeout=30) == 0
    (licence,) = held(org, "a")
    assert (licence.revoked_at, licence.revocation_reason, licence.revision) == (NOON, "x", 2)
