"""The licence check below HTTP: its connections, its plan among 100,000 licences, and its one round trip."""

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, ClientCursor
from psycopg.errors import DivisionByZero
from psycopg.pq import TransactionStatus

from shared import clock
from shared.access import Permission
from shared.asking import Question
from shared.database import ASKED_AT_ONCE
from shared.licences.checking import question
from tests.conftest import Servers
from tests.factories import Org, count_statements
from tests.licences.checks import check_below_http
from tests.licences.conftest import Crowd
from tests.licences.earning import grant


def ask(org: Org, question: Question, **parameters: Any) -> list[Any]:
    """Returns the rows of a statement for an organization."""
    return asyncio.run(org.parts.database.ask(org.id, question, parameters))


HOW_MANY = Question("how_many", "SELECT count(*) FROM licence WHERE party_id <> %(but)s", {"but": "text"})
WHO = Question("who", "SELECT pg_backend_pid() + %(n)s", {"n": "int"})


def test_a_connection_forgets_the_organization_after_each_statement(org: Org, other_org: Org, course: str) -> None:
    """A kept connection has no organization set, and another organization's statement finds nothing."""
    grant(org, course, "a")
    for _ in range(3):
        assert ask(other_org, HOW_MANY, but="nobody") == [(0,)]
        assert ask(org, HOW_MANY, but="nobody") == [(1,)]
        kept = org.parts.database.questions.idle[-1]
        found = asyncio.run(kept.execute("SELECT count(*), current_setting('plan_cache_mode') FROM licence"))
        assert asyncio.run(found.fetchall()) == [(0, "auto")]


def test_a_connection_is_kept_after_its_statement_failed(org: Org) -> None:
    question = Question("one_over", "SELECT 1 / %(n)s, pg_backend_pid()", {"n": "int"})
    pids = set()
    for _ in range(5):
        with pytest.raises(DivisionByZero):
            ask(org, question, n=0)
        pids.add(ask(org, question, n=1)[0][1])
    assert len(pids) == 1


def test_a_connection_that_died_meanwhile_is_replaced(org: Org, servers: Servers) -> None:
    ((pid,),) = ask(org, WHO, n=0)
    assert ask(org, WHO, n=0) == [(pid,)], "the connection is kept for the next statement"
    with psycopg.connect(servers.app_url) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert ask(org, WHO, n=0) != [(pid,)]


def test_a_connection_whose_statement_was_cancelled_is_not_used_again(org: Org) -> None:
    slow = Question("slow", "SELECT pg_sleep(%(seconds)s)", {"seconds": "float"})

    async def broken_off() -> None:
        async with asyncio.timeout(0.2):
            await org.parts.database.ask(org.id, slow, {"seconds": 60.0})

    with pytest.raises(TimeoutError):
        asyncio.run(broken_off())
    assert all(one.info.transaction_status is TransactionStatus.IDLE for one in org.parts.database.questions.idle)
    assert len(ask(org, WHO, n=0)) == 1


def test_no_more_connections_are_used_at_once_than_allowed(org: Org) -> None:
    asked = [org.parts.database.ask(org.id, WHO, {"n": 0}) for _ in range(10 * ASKED_AT_ONCE)]

    async def together() -> int:
        return len({pid for ((pid,),) in await asyncio.gather(*asked)})

    assert asyncio.run(together()) == ASKED_AT_ONCE


def test_the_check_answers_503_with_retry_after_while_the_database_does_not_answer(
    org: Org, course: str, servers: Servers
) -> None:
    with psycopg.connect(servers.owner_url) as connection:
        connection.execute("LOCK TABLE licence")
        answer = org.client(Permission.CHECK_LICENCES).get(
            "/v1/licences/check", params={"partyId": "a", "courseId": course}
        )
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize("asked_at_once", [1, 500])
def test_the_check_uses_indexes_among_100_000_licences(crowd: Crowd, asked_at_once: int) -> None:
    org, course = crowd.org, str(crowd.course)
    some = crowd.parties[:asked_at_once]
    assert [one.licensed for one in check_below_http(org, some, [course])] == [True] * len(some)
    for past in (False, True):
        plan = planned(org, question(past=past, scoped=False), some, course)
        for table in ("licence", "event", "party"):
            assert f"Seq Scan on {table}" not in plan, plan
        assert "Index Scan using ix_licence_org_id_party_id_id" in plan, plan


def planned(org: Org, question: Question, some: list[str], course: str) -> str:
    """Returns PostgreSQL's plan for a check of these parties."""
    parameters = {"org": org.id, "parties": some, "courses": [uuid.UUID(course)], "at": clock.now()}
    question = replace(question, name="planned")  # keeps what the connection has prepared under its own name
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
def test_a_check_of_any_number_of_parties_is_one_round_trip(crowd: Crowd, asked_at_once: int) -> None:
    """Counts what is sent: one message, and no statement of SQLAlchemy."""
    org, course = crowd.org, str(crowd.course)
    some = crowd.parties[:asked_at_once]
    check_below_http(org, some, [course])  # prepares
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
        assert len(check_below_http(org, some, [course])) == asked_at_once
    assert (len(sent), counted.sent) == (1, [])
