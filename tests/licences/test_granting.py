"""Granting licences to a chunk of parties: once per session, one counts per course, renewals follow the course."""

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


def recorded(org: Org, *types: str) -> list[dict[str, Any]]:
    return [event for event in events(org) if event["type"] in types]


def test_a_session_grants_each_entitled_party_one_licence(org: Org) -> None:
    org.with_parties("a", "b", "c")
    course = org.with_course()
    session = a_session(org, course)
    assert grant(org, course, "a", "b", session_id=session) == 2
    assert grant(org, course, "a", "b", "c", session_id=session) == 1
    for party in ("a", "b", "c"):
        (licence,) = held(org, party)
        assert (licence.granted_at, licence.expires_at, licence.rule) == (NOON, YEAR, "monthsFromGrant")
        assert (licence.session_id, licence.renews_id, licence.months) == (session, None, 12)
    assert [event["data"]["partyId"] for event in recorded(org, "licence.granted")] == ["a", "b", "c"]
    (data,) = {str(event["data"]["expiresAt"]) for event in recorded(org, "licence.granted")}
    assert datetime.fromisoformat(data) == YEAR


def test_a_course_without_licence_months_grants_no_licence(org: Org) -> None:
    org.with_parties("a")
    course = org.with_course(licenceMonths=None)
    assert grant(org, course, "a") == 0
    assert held(org, "a") == []


def test_a_renewal_supersedes_the_former_licence_and_refers_to_it(org: Org) -> None:
    org.with_parties("a")
    course = org.with_course()
    grant(org, course, "a")
    grant(org, course, "a", at=NOON + timedelta(days=30))
    former, latter = held(org, "a")
    assert former.superseded_at == NOON + timedelta(days=30)
    assert latter.renews_id == former.id
    (event,) = recorded(org, "licence.superseded")
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
def test_a_renewal_within_the_window_keeps_the_anniversary(
    org: Org, days_before: int, rule: str, expected: datetime
) -> None:
    org.with_parties("a")
    course = org.with_course(renewalWindowDays=30, earlyRenewal="keepsAnniversary")
    grant(org, course, "a")
    grant(org, course, "a", at=YEAR - timedelta(days=days_before))
    assert [(one.rule, one.expires_at) for one in held(org, "a")][1] == (rule, expected)


def test_a_renewal_keeps_the_end_of_the_former_licence_if_that_is_later(org: Org) -> None:
    """An older session that is recorded late does not shorten a licence."""
    org.with_parties("a")
    course = org.with_course()
    grant(org, course, "a")
    grant(org, course, "a", at=NOON - timedelta(days=90))
    assert [(one.rule, one.expires_at) for one in held(org, "a")][1] == ("laterExpiry", YEAR)


def test_the_second_of_two_sessions_waits_and_renews_the_licence_of_the_first(org: Org) -> None:
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


def test_an_amendment_restores_the_former_licence(org: Org) -> None:
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
    assert [event["subject"] for event in recorded(org, "licence.restored")] == [f"licence/{former.id}"]
    (revoked,) = recorded(org, "licence.revoked")
    assert revoked["data"]["former"] == {"state": "active"}
    assert grant(org, course, "b", session_id=session) == 0, "a licence that is not revoked was granted twice"
    assert grant(org, course, "a", session_id=session, at=NOON + timedelta(days=4)) == 1


def test_an_amendment_restores_nothing_while_another_licence_counts(org: Org) -> None:
    """The second licence renews the first, the third renews the second. The second is revoked, then the third."""
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
    first, second, _ = held(org, "a")
    assert [event["subject"] for event in recorded(org, "licence.restored")] == [f"licence/{first.id}"]
    assert second.superseded_at == NOON + timedelta(days=2), "a revoked licence was restored"


def test_a_chunk_of_any_size_sends_the_same_statements(org: Org) -> None:
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
