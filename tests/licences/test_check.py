"""The check: licensed or not and why, now and then, for one and for many, by one indexed question."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import text

from shared import clock, licences
from shared.access import FeatureNotAvailable, Permission
from shared.licences.checking import statement
from tests.assignments.asking import parties
from tests.factories import Org
from tests.licences.earning import NOON, a_session, active_version, grant, held, take_back

YEAR = datetime(2027, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FILL = text("""
    INSERT INTO licence (org_id, party_id, course_id, course_version_id, session_id, granted_by_type, granted_by_id,
        granted_at, expires_at, rule)
    SELECT org_id, id, :course, :version, :session, 'member', 'm', :at, cast(:at AS timestamptz) + interval '2000 days',
        'corrected'
    FROM party""")
GATE = Permission.CHECK_LICENCES


def check(org: Org, party: str, course: str, at: datetime | None = None, now: datetime = NOON) -> dict[str, Any]:
    params = {"partyId": party, "courseId": course} | ({} if at is None else {"at": at.isoformat()})
    with time_machine.travel(now, tick=False):
        answer = org.client(GATE).get("/v1/licences/check", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["licensed"] is (found["reason"] == "valid")
    return found


@pytest.fixture
def course(org: Org) -> str:
    org.with_parties("a", folder="crew")
    org.with_parties("b")
    return org.with_course()


def test_valid_until_the_very_end(org: Org, course: str) -> None:
    grant(org, course, "a")
    (licence,) = held(org, "a")
    assert check(org, "a", course) == {
        "licensed": True,
        "licenceId": str(licence.id),
        "expiresAt": "2027-03-02T12:00:00Z",
        "reason": "valid",
    }
    assert check(org, "a", course, now=YEAR - timedelta(microseconds=1))["reason"] == "valid"
    assert check(org, "a", course, now=YEAR)["reason"] == "expired"
    assert check(org, "b", course) == {
        "licensed": False,
        "licenceId": None,
        "expiresAt": None,
        "reason": "never-licensed",
    }


def test_then_it_is_what_was_true_then(org: Org, course: str) -> None:
    """Granted, renewed, corrected twice, revoked: each instant between is answered as it was."""
    grant(org, course, "a")
    grant(org, course, "a", at=NOON + 10 * DAY)
    former, latter = held(org, "a")
    admin = org.client(Permission.ADMIN)
    for days, end in ((20, NOON + 25 * DAY), (30, NOON + 300 * DAY)):
        with time_machine.travel(NOON + days * DAY, tick=False):
            body = {"expiresAt": end.isoformat(), "reason": "x"}
            assert admin.patch(f"/v1/licences/{latter.id}", json=body).status_code == 200
    with time_machine.travel(NOON + 40 * DAY, tick=False):
        assert admin.post(f"/v1/licences/{latter.id}/revoke", json={"reason": "x"}).status_code == 200
    expected = {
        -1: ("never-licensed", None),
        5: ("valid", former.id),
        15: ("valid", latter.id),
        22: ("valid", latter.id),
        27: ("expired", latter.id),
        35: ("valid", latter.id),
        45: ("revoked", latter.id),
    }
    now = NOON + 50 * DAY
    for days, (reason, licence_id) in expected.items():
        found = check(org, "a", course, at=NOON + days * DAY, now=now)
        assert (found["reason"], found["licenceId"]) == (reason, licence_id and str(licence_id)), days
    ends = [check(org, "a", course, at=NOON + days * DAY, now=now)["expiresAt"] for days in (15, 22, 35)]
    assert [datetime.fromisoformat(end) for end in ends] == [
        latter.expires_at,
        NOON + 25 * DAY,
        NOON + 300 * DAY,
    ]


def test_an_amendment_leaves_what_was_true_then(org: Org, course: str) -> None:
    grant(org, course, "a")
    session = a_session(org, course)
    grant(org, course, "a", session_id=session, at=NOON + DAY)
    take_back(org, session, "a", at=NOON + 3 * DAY)
    former, wrong = held(org, "a")
    assert check(org, "a", course, at=NOON + 2 * DAY, now=NOON + 5 * DAY)["licenceId"] == str(wrong.id)
    assert check(org, "a", course, now=NOON + 5 * DAY)["licenceId"] == str(former.id)


def test_many_are_answered_in_their_order(org: Org, course: str) -> None:
    other = org.with_course()
    grant(org, course, "a")
    unknown = str(uuid.uuid4())
    body = {"partyIds": ["b", "a", "nobody"], "courseIds": [course, other, unknown], "at": NOON.isoformat()}
    items = org.client(GATE).post("/v1/licences/check", json=body).json()["items"]
    assert [(item["partyId"], item["courseId"], item["reason"]) for item in items] == [
        ("b", course, "never-licensed"),
        ("b", other, "never-licensed"),
        ("b", unknown, "course-not-found"),
        ("a", course, "valid"),
        ("a", other, "never-licensed"),
        ("a", unknown, "course-not-found"),
        ("nobody", course, "party-not-found"),
        ("nobody", other, "party-not-found"),
        ("nobody", unknown, "party-not-found"),
    ]


def test_what_is_not_there_is_not_found(org: Org, other_org: Org, course: str) -> None:
    grant(org, course, "a")
    client, path = org.client(GATE), "/v1/licences/check"
    assert client.get(path, params={"partyId": "nobody", "courseId": course}).status_code == 404
    assert client.get(path, params={"partyId": "a", "courseId": str(uuid.uuid4())}).status_code == 404
    asked = {"partyId": "a", "courseId": course}
    assert other_org.client(GATE).get(path, params=asked).status_code == 404
    assert org.client(GATE, folders=["office"]).get(path, params=asked).status_code == 404
    assert org.client(GATE, folders=["crew"]).get(path, params=asked).json()["reason"] != "never-licensed"


@pytest.mark.parametrize(
    ("permission", "status"),
    [(GATE, 200), (Permission.VIEW, 200), (Permission.ADMIN, 200), (Permission.READ_EVENTS, 403)],
)
def test_the_check_needs_its_permission_and_no_other(
    org: Org, course: str, permission: Permission, status: int
) -> None:
    client = org.client(permission)
    asked = {"partyId": "a", "courseId": course}
    assert client.get("/v1/licences/check", params=asked).status_code == status
    body = {"partyIds": ["a"], "courseIds": [course]}
    assert client.post("/v1/licences/check", json=body).status_code == status
    assert org.client(GATE).get("/v1/licences").status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"partyIds": [f"p{n}" for n in range(501)], "courseIds": [str(uuid.uuid4())]},
        {"partyIds": [], "courseIds": [str(uuid.uuid4())]},
        {"partyIds": ["a"], "courseIds": []},
    ],
)
def test_too_many_or_none_are_refused(org: Org, body: dict[str, Any]) -> None:
    assert org.client(GATE).post("/v1/licences/check", json=body).status_code == 422


def test_where_training_is_not_available_nothing_is_checked(org: Org, course: str) -> None:
    client = org.client(GATE)
    asked = {"partyId": "a", "courseId": course}
    org.client(Permission.ADMIN).put("/v1/availability", json={"enabled": False})
    answer = client.get("/v1/licences/check", params=asked)
    assert (answer.status_code, answer.json()["reason"]) == (403, "disabled")
    org.client(Permission.ADMIN).put("/v1/availability", json={"enabled": True})
    assert client.get("/v1/licences/check", params=asked).status_code == 200
    with pytest.raises(FeatureNotAvailable):
        _asked(org, ["a"], [course], features=frozenset())


def _asked(org: Org, party_ids: list[str], course_ids: list[str], **given: Any) -> list[Any]:
    features = given.get("features", frozenset({"training"}))
    courses = [uuid.UUID(one) for one in course_ids]
    now = clock.now()
    return licences.check(
        org.service.database, org.id, party_ids, courses, at=now, now=now, scope=None, features=features
    )


def test_the_organization_is_set_for_one_question_only(org: Org, other_org: Org, course: str) -> None:
    """The connection goes back to the pool without it, and another organization's question finds nothing."""
    grant(org, course, "a")
    database = org.service.database
    for _ in range(30):
        assert database.ask(org.id, "SELECT count(*) FROM licence", {}) == [(1,)]
        assert database.ask(other_org.id, "SELECT count(*) FROM licence", {}) == [(0,)]
        with database.transaction(None) as db:
            assert db.connection().exec_driver_sql("SELECT count(*) FROM licence").scalar() == 0


def test_a_question_that_fails_leaves_a_good_connection(org: Org) -> None:
    for _ in range(30):
        with pytest.raises(Exception, match="division by zero"):
            org.service.database.ask(org.id, "SELECT 1 / 0", {})
        assert org.service.database.ask(org.id, "SELECT 1", {}) == [(1,)]


def test_it_is_found_by_indexes_among_100_000(org: Org) -> None:
    """Twenty courses with 5,000 holders each."""
    ids = parties(5000)
    org.with_parties(*ids)
    course = ""
    for _ in range(20):
        course = org.with_course()
        session = a_session(org, course)
        with org.transaction() as db:
            given = {"course": course, "version": active_version(db, course), "session": session, "at": NOON}
            db.execute(FILL, given)
    for some in (ids[:1], ids[:500]):
        assert [one.licensed for one in _asked(org, some, [course])] == [True] * len(some)
        for past in (False, True):
            asked = {"org": org.id, "parties": some, "courses": [uuid.UUID(course)], "at": clock.now()}
            explained = org.service.database.ask(org.id, f"EXPLAIN {statement(past=past, scoped=False)}", asked)
            plan = "\n".join(line for (line,) in explained)
            assert "Seq Scan on licence" not in plan, plan
            assert "Seq Scan on event" not in plan, plan
