"""Granting to a chunk of parties: once a session, one that counts, renewals by the course's rule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import licences
from shared.licences import Licence
from tests.assignments.asking import events, parties
from tests.factories import Org, count_statements
from tests.licences.earning import NOON, a_session, chunk_of, earned, grant, held, take_back
from tests.racing import blocked

YEAR = datetime(2027, 3, 2, 12, tzinfo=UTC)


def told(org: Org, *types: str) -> list[dict[str, Any]]:
    return [event for event in events(org) if event["type"] in types]


def test_every_entitled_party_of_the_chunk_is_licensed_once(org: Org) -> None:
    org.with_parties("a", "b", "c")
    course = org.with_course()
    session = a_session(org, course)
    assert grant(org, course, "a", "b", session_id=session) == 2
    assert grant(org, course, "a", "b", "c", session_id=session) == 1
    for party in ("a", "b", "c"):
        (licence,) = held(org, party)
        assert (licence.granted_at, licence.expires_at, licence.rule) == (NOON, YEAR, "monthsFromGrant")
        assert (licence.session_id, licence.renews_id, licence.months) == (session, None, 12)
    assert [event["data"]["partyId"] for event in told(org, "licence.granted")] == ["a", "b", "c"]
    (data,) = {str(event["data"]["expiresAt"]) for event in told(org, "licence.granted")}
    assert datetime.fromisoformat(data) == YEAR


def test_a_course_without_licences_grants_none(org: Org) -> None:
    org.with_parties("a")
    course = org.with_course(licenceMonths=None)
    assert grant(org, course, "a") == 0
    assert held(org, "a") == []


def test_a_renewal_supersedes_and_points_back(org: Org) -> None:
    org.with_parties("a")
    course = org.with_course()
    grant(org, course, "a")
    grant(org, course, "a", at=NOON + timedelta(days=30))
    former, latter = held(org, "a")
    assert former.superseded_at == NOON + timedelta(days=30)
    assert latter.renews_id == former.id
    (event,) = told(org, "licence.superseded")
    assert event["subject"] == f"licence/{former.id}"
    assert event["data"]["supersededBy"] == str(latter.id)


@pytest.mark.parametrize(
    ("days_before", "rule", "expected"),
    [
        (29, "monthsFromAnniversary", datetime(2028, 3, 2, 12, tzinfo=UTC)),
        (30, "monthsFromAnniversary", datetime(2028, 3, 2, 12, tzinfo=UTC)),
        (31, "monthsFromGrant", datetime(2028, 1, 30, 12, tzinfo=UTC)),
        (0, "monthsFromGrant", datetime(2028, 3, 2, 12, tzinfo=UTC)),
        (-5, "monthsFromGrant", datetime(2028, 3, 7, 12, tzinfo=UTC)),
    ],
)
def test_an_early_renewal_keeps_its_anniversary(org: Org, days_before: int, rule: str, expected: datetime) -> None:
    org.with_parties("a")
    course = org.with_course(renewalWindowDays=30, earlyRenewal="keepsAnniversary")
    grant(org, course, "a")
    grant(org, course, "a", at=YEAR - timedelta(days=days_before))
    assert [(one.rule, one.expires_at) for one in held(org, "a")][1] == (rule, expected)


def test_a_later_end_stays(org: Org) -> None:
    """A session of last year that is recorded afterwards takes nothing away."""
    org.with_parties("a")
    course = org.with_course()
    grant(org, course, "a")
    grant(org, course, "a", at=NOON - timedelta(days=90))
    assert [(one.rule, one.expires_at) for one in held(org, "a")][1] == ("laterExpiry", YEAR)


def test_two_sessions_that_license_one_party_at_once_take_turns(org: Org) -> None:
    org.with_parties("a")
    course = org.with_course()
    first, second = a_session(org, course), a_session(org, course)
    with chunk_of(org, "a") as (db, chunk):
        licences.grant(db, chunk, earned(db, chunk, course, first, NOON), ["a"], NOON)

        def other(also: Session) -> set[str]:
            return licences.grant(also, chunk, earned(also, chunk, course, second, NOON), ["a"], NOON)

        with blocked(org, other) as doing:
            db.commit()
        assert doing.result(timeout=30) == {"a"}
    assert [one.superseded_at is None for one in held(org, "a")] == [False, True]


def test_an_amendment_brings_the_former_licence_back(org: Org) -> None:
    org.with_parties("a", "b")
    course = org.with_course()
    grant(org, course, "a", "b")
    session = a_session(org, course)
    grant(org, course, "a", "b", session_id=session, at=NOON + timedelta(days=1))
    assert take_back(org, session, "a", at=NOON + timedelta(days=2)) == 1
    assert take_back(org, session, "a", at=NOON + timedelta(days=3)) == 0
    former, wrong = held(org, "a")
    assert (former.superseded_at, wrong.revoked_at) == (None, NOON + timedelta(days=2))
    assert [one.superseded_at is None for one in held(org, "b")] == [False, True]
    assert [event["subject"] for event in told(org, "licence.restored")] == [f"licence/{former.id}"]
    (revoked,) = told(org, "licence.revoked")
    assert revoked["data"]["former"] == {"state": "active"}
    assert grant(org, course, "a", session_id=session) == 0, "licensed again by the session that was amended"


def test_nothing_comes_back_where_another_counts_and_later_the_first_does(org: Org) -> None:
    """One, renewed by two, renewed by three. Two was wrong, then three was."""
    org.with_parties("a")
    course = org.with_course()
    sessions = [a_session(org, course) for _ in range(3)]
    for n, session in enumerate(sessions):
        grant(org, course, "a", session_id=session, at=NOON + timedelta(days=n))

    def counts() -> list[bool]:
        return [one.superseded_at is None and one.revoked_at is None for one in held(org, "a")]

    take_back(org, sessions[1], "a", at=NOON + timedelta(days=5))
    assert counts() == [False, False, True]
    take_back(org, sessions[2], "a", at=NOON + timedelta(days=6))
    assert counts() == [True, False, False]


def test_a_chunk_costs_the_same_statements_whatever_its_size(org: Org) -> None:
    ids = parties(2000)
    org.with_parties(*ids)
    course = org.with_course()
    grant(org, course, *ids)
    sent = []
    for size in (20, 2000):
        session = a_session(org, course)
        with chunk_of(org, *ids[:size]) as (db, chunk), count_statements(org.parts.database.engine) as counted:
            made = earned(db, chunk, course, session, NOON)
            assert len(licences.grant(db, chunk, made, ids[:size], NOON + timedelta(days=size))) == size
            statements = list(counted.sent)
        sent.append(statements)
    assert sent[0] == sent[1]
    assert len(sent[0]) < 12
    with org.transaction() as db:
        assert len(db.scalars(select(Licence).where(Licence.superseded_at.is_(None))).all()) == 2000
