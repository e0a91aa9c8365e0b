"""The check: licensed or not and why, now and then, for one and for many, by one indexed question."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from psycopg import AsyncConnection, ClientCursor
from psycopg.errors import DivisionByZero
from psycopg.pq import TransactionStatus

from shared import clock, licences
from shared.access import FeatureNotAvailable, Permission
from shared.database import ASKED_AT_ONCE, Question
from shared.licences.checking import question
from tests.conftest import Servers
from tests.factories import Org, count_statements
from tests.licences.conftest import Crowd
from tests.licences.earning import NOON, a_session, grant, held, take_back

YEAR = datetime(2027, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
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
    checking = licences.check(
        org.parts.database, org.id, party_ids, courses, at=now, now=now, scope=None, features=features
    )
    found: list[Any] = asyncio.run(checking)
    return found


def ask(org: Org, question: Question, **parameters: Any) -> list[Any]:
    """Ask for an organization, and let nobody else have the connection meanwhile."""
    return asyncio.run(org.parts.database.ask(org.id, question, parameters))


HOW_MANY = Question("how_many", "SELECT count(*) FROM licence WHERE party_id <> %(but)s", {"but": "text"})
WHO = Question("who", "SELECT pg_backend_pid() + %(n)s", {"n": "int"})


def test_the_organization_is_set_for_one_question_only(org: Org, other_org: Org, course: str) -> None:
    """The connection is kept without it, and another organization's question finds nothing."""
    grant(org, course, "a")
    for _ in range(3):
        assert ask(other_org, HOW_MANY, but="nobody") == [(0,)]
        assert ask(org, HOW_MANY, but="nobody") == [(1,)]
        kept = org.parts.database._idle[-1]
        found = asyncio.run(kept.execute("SELECT count(*), current_setting('plan_cache_mode') FROM licence"))
        assert asyncio.run(found.fetchall()) == [(0, "auto")]


def test_a_question_that_fails_leaves_a_good_connection(org: Org) -> None:
    question = Question("one_over", "SELECT 1 / %(n)s, pg_backend_pid()", {"n": "int"})
    pids = set()
    for _ in range(5):
        with pytest.raises(DivisionByZero):
            ask(org, question, n=0)
        pids.add(ask(org, question, n=1)[0][1])
    assert len(pids) == 1


def test_a_connection_that_died_meanwhile_is_passed_over(org: Org, servers: Servers) -> None:
    ((pid,),) = ask(org, WHO, n=0)
    assert ask(org, WHO, n=0) == [(pid,)], "kept for the next question"
    with psycopg.connect(servers.app_url) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert ask(org, WHO, n=0) != [(pid,)]


def test_a_connection_whose_question_was_broken_off_is_not_used_again(org: Org) -> None:
    slow = Question("slow", "SELECT pg_sleep(%(seconds)s)", {"seconds": "float"})

    async def broken_off() -> None:
        async with asyncio.timeout(0.2):
            await org.parts.database.ask(org.id, slow, {"seconds": 60.0})

    with pytest.raises(TimeoutError):
        asyncio.run(broken_off())
    assert all(one.info.transaction_status is TransactionStatus.IDLE for one in org.parts.database._idle)
    assert len(ask(org, WHO, n=0)) == 1


def test_no_more_are_asked_at_once_than_there_are_places(org: Org) -> None:
    asked = [org.parts.database.ask(org.id, WHO, {"n": 0}) for _ in range(10 * ASKED_AT_ONCE)]

    async def together() -> int:
        return len({pid for ((pid,),) in await asyncio.gather(*asked)})

    assert asyncio.run(together()) == ASKED_AT_ONCE


def test_where_the_database_does_not_answer_the_gate_is_told_to_come_back(
    org: Org, course: str, servers: Servers
) -> None:
    with psycopg.connect(servers.owner_url) as connection:
        connection.execute("LOCK TABLE licence")
        answer = org.client(GATE).get("/v1/licences/check", params={"partyId": "a", "courseId": course})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize("asked_at_once", [1, 500])
def test_it_is_found_by_indexes_among_100_000(crowd: Crowd, asked_at_once: int) -> None:
    org, course = crowd.org, str(crowd.course)
    some = crowd.parties[:asked_at_once]
    assert [one.licensed for one in _asked(org, some, [course])] == [True] * len(some)
    for past in (False, True):
        plan = planned(org, question(past=past, scoped=False), some, course)
        for table in ("licence", "event", "party"):
            assert f"Seq Scan on {table}" not in plan, plan
        assert "Index Scan using ix_licence_org_id_party_id_id" in plan, plan


def planned(org: Org, question: Question, some: list[str], course: str) -> str:
    """How PostgreSQL goes about a question."""
    parameters = {"org": org.id, "parties": some, "courses": [uuid.UUID(course)], "at": clock.now()}
    question = replace(question, name="planned")  # what the connection knows by the other name it may still need
    execute = question.asking.partition(b";")[2].decode()
    with org.transaction() as db:
        connection: Any = db.connection().connection.driver_connection
        cursor = ClientCursor[Any](connection)
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(question.preparing)
        lines = cursor.execute(f"EXPLAIN {execute}", parameters).fetchall()
        cursor.execute(f"DEALLOCATE {question.name}")
        return "\n".join(line for (line,) in lines)


@pytest.mark.parametrize("asked_at_once", [1, 500])
def test_however_many_are_asked_about_it_is_one_round_trip(crowd: Crowd, asked_at_once: int) -> None:
    """Counted where they are sent: neither a statement of SQLAlchemy's, nor a message besides the one."""
    org, course = crowd.org, str(crowd.course)
    some = crowd.parties[:asked_at_once]
    _asked(org, some, [course])  # prepares
    sent: list[bytes] = []
    execute = AsyncConnection.execute

    async def counting(connection: AsyncConnection, query: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(query)
        return await execute(connection, query, *args, **kwargs)

    with (
        pytest.MonkeyPatch.context() as patch,
        count_statements(org.parts.database.engine) as counted,
    ):
        patch.setattr(AsyncConnection, "execute", counting)
        assert len(_asked(org, some, [course])) == asked_at_once
    assert (len(sent), counted.sent) == (1, [])
