"""The licence check over HTTP: licensed or not and why, now and in the past, for one or many parties and courses."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from shared.access import FeatureNotAvailable, Permission
from tests.factories import Org
from tests.licences.checks import check_below_http
from tests.licences.earning import NOON, a_session, grant, held, take_back

YEAR = datetime(2027, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GATE = Permission.CHECK_LICENCES


def check(org: Org, party: str, course: str, at: datetime | None = None, now: datetime = NOON) -> dict[str, Any]:
    """Checks a party for a course over HTTP. Returns the answer."""
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


def test_a_licence_is_valid_until_the_microsecond_of_its_end(org: Org, course: str) -> None:
    grant(org, course, "a")
    (licence,) = held(org, "a")
    assert check(org, "a", course) == {
        "licensed": True,
        "licenceId": str(licence.id),
        "validFrom": "2026-03-02T12:00:00Z",
        "expiresAt": "2027-03-02T12:00:00Z",
        "reason": "valid",
        "partyActive": True,
        "versionLabel": "v1.0",
        "source": "session",
        "issuer": None,
    }
    assert check(org, "a", course, now=YEAR - timedelta(microseconds=1))["reason"] == "valid"
    assert check(org, "a", course, now=YEAR)["reason"] == "expired"
    assert check(org, "b", course) == {
        "licensed": False,
        "licenceId": None,
        "validFrom": None,
        "expiresAt": None,
        "reason": "never-licensed",
        "partyActive": True,
        "versionLabel": None,
        "source": None,
        "issuer": None,
    }


def test_a_check_of_the_past_answers_what_was_true_then(org: Org, course: str) -> None:
    """The licence is granted, renewed, corrected twice and revoked; a check between them answers as of that instant."""
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


def test_an_amendment_does_not_change_checks_of_the_past(org: Org, course: str) -> None:
    grant(org, course, "a")
    session = a_session(org, course)
    grant(org, course, "a", session_id=session, at=NOON + DAY)
    take_back(org, session, "a", at=NOON + 3 * DAY)
    former, wrong = held(org, "a")
    assert check(org, "a", course, at=NOON + 2 * DAY, now=NOON + 5 * DAY)["licenceId"] == str(wrong.id)
    assert check(org, "a", course, now=NOON + 5 * DAY)["licenceId"] == str(former.id)


def test_results_of_many_parties_and_courses_keep_their_order(org: Org, course: str) -> None:
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


def test_a_check_of_an_unknown_or_hidden_party_or_course_is_not_found(org: Org, other_org: Org, course: str) -> None:
    grant(org, course, "a")
    client, path = org.client(GATE), "/v1/licences/check"
    assert client.get(path, params={"partyId": "nobody", "courseId": course}).status_code == 404
    assert client.get(path, params={"partyId": "a", "courseId": str(uuid.uuid4())}).status_code == 404
    params = {"partyId": "a", "courseId": course}
    assert other_org.client(GATE).get(path, params=params).status_code == 404
    assert org.client(GATE, folders=["office"]).get(path, params=params).status_code == 404
    assert org.client(GATE, folders=["crew"]).get(path, params=params).json()["reason"] != "never-licensed"


@pytest.mark.parametrize(
    ("permission", "status"),
    [(GATE, 200), (Permission.VIEW, 200), (Permission.ADMIN, 200), (Permission.READ_EVENTS, 403)],
)
def test_the_check_needs_its_own_permission_and_no_other(
    org: Org, course: str, permission: Permission, status: int
) -> None:
    client = org.client(permission)
    params = {"partyId": "a", "courseId": course}
    assert client.get("/v1/licences/check", params=params).status_code == status
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
def test_a_check_of_too_many_or_no_parties_or_courses_is_refused(org: Org, body: dict[str, Any]) -> None:
    assert org.client(GATE).post("/v1/licences/check", json=body).status_code == 422


def test_the_check_is_refused_while_training_is_unavailable(org: Org, course: str) -> None:
    client = org.client(GATE)
    params = {"partyId": "a", "courseId": course}
    org.client(Permission.ADMIN).put("/v1/availability", json={"enabled": False})
    answer = client.get("/v1/licences/check", params=params)
    assert (answer.status_code, answer.json()["reason"]) == (403, "disabled")
    org.client(Permission.ADMIN).put("/v1/availability", json={"enabled": True})
    assert client.get("/v1/licences/check", params=params).status_code == 200
    with pytest.raises(FeatureNotAvailable):
        check_below_http(org, ["a"], [course], features=frozenset())
