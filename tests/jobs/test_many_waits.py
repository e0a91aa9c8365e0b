"""Hundreds of requests that wait at once: what they cost, what they share, and what they never share.

The poller's pauses are steps of the test, so that exactly so many ticks happen as the test says.
"""

import asyncio
import threading
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from anyio.to_thread import run_sync
from psycopg import AsyncConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared import events, watching
from shared.access import Caller, Permission
from shared.database import Database
from shared.services import jobs
from shared.watching import MARKS, Subject, Watch
from tests.factories import Org, count_statements
from tests.jobs.holding import held, run


async def cancel(org: Org, job: str) -> None:
    await run_sync(lambda: org.client().post(f"/v1/jobs/{job}/cancel").raise_for_status())


def counted_readings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Returns the callers for whom the job is read from now on."""
    callers: list[Any] = []
    read = jobs._read_job

    def reading(db: Session, caller: Caller, job_id: uuid.UUID) -> Any:
        callers.append(caller)
        return read(db, caller, job_id)

    monkeypatch.setattr(jobs, "_read_job", reading)
    return callers


def test_300_waits_cost_one_statement_a_tick_and_no_thread_or_connection(
    org: Org, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    execute = AsyncConnection.execute

    async def counting(connection: AsyncConnection, query: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(query)
        return await execute(connection, query, *args, **kwargs)

    async def test() -> None:
        async with held(org, monkeypatch) as waits:
            await run_sync(lambda: None)
            threads = threading.active_count()
            readings = counted_readings(monkeypatch)
            await waits.hold(100, f"/v1/jobs/{job}?wait=20", org.token(Permission.VIEW))
            await waits.tick()
            assert len(readings) < 20, "they share readings, as they come, and the first mark wakes nobody"
            await waits.hold(100, f"/v1/jobs/{job}/stream", org.token(Permission.VIEW))
            await waits.hold(100, "/v1/events?wait=20&after=1000", org.token(Permission.READ_EVENTS))
            assert waits.waiting == 300
            await waits.tick()
            pool: Any = org.parts.database.engine.pool
            with pytest.MonkeyPatch.context() as patch, count_statements(org.parts.database.engine) as statements:
                patch.setattr(AsyncConnection, "execute", counting)
                for _ in range(5):
                    await waits.tick()
                assert (len(sent), statements.count, pool.checkedout()) == (5, 0, 0)
            assert threading.active_count() <= threads + watching.READINGS_AT_ONCE
            readings.clear()
            await cancel(org, job)
            await waits.tick()
            ended = await asyncio.wait_for(asyncio.gather(*waits.requests[:200]), 30)
            assert {answer.status_code for answer in ended} == {200}
            assert {answer.json()["state"] for answer in ended[:100]} == {"cancelled"}
            assert len(readings) <= 2, "shared by the requests of equal callers"

    run(org, test)


def test_callers_with_different_scopes_never_share_a_reading(
    org: Org, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with held(org, monkeypatch) as waits:
            for folders in (None, ["crew"], []):
                await waits.hold(5, f"/v1/jobs/{job}?wait=20", org.token(Permission.VIEW, folders=folders))
            await waits.tick()
            readings = counted_readings(monkeypatch)
            await cancel(org, job)
            await waits.tick()
            await waits.answers()
            assert {caller.folders for caller in readings} == {None, frozenset({"crew"}), frozenset()}

    run(org, test)


def test_callers_with_different_scopes_never_share_a_page_of_the_feed(
    org: Org, other_org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with held(org, monkeypatch) as waits:
            for folders in (None, ["crew"], []):
                token = org.token(Permission.READ_EVENTS, folders=folders)
                await waits.hold(2, "/v1/events?wait=20&after=1", token)
            await waits.hold(2, "/v1/events?wait=20&after=1", other_org.token(Permission.READ_EVENTS))
            await waits.tick()
            await run_sync(lambda: org.with_parties("in-crew", folder="crew"))
            await run_sync(lambda: org.with_parties("elsewhere"))
            await waits.tick()
            found = [
                {event["subject"] for event in answer.json()["items"] if event["type"] == "party.created"}
                for answer in await asyncio.wait_for(asyncio.gather(*waits.requests[:4]), 30)
            ]
            both = {"party/in-crew", "party/elsewhere"}
            assert found == [both, both, {"party/in-crew"}, {"party/in-crew"}]
            assert not any(request.done() for request in waits.requests[4:]), "nothing that they may see has happened"

    run(org, test)


def test_a_reader_who_waits_and_sees_little_reads_no_event_again(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every change makes PostgreSQL read the whole feed, for each request that waits."""
    begun_at: list[int] = []
    feed_after = events.feed_after

    def reading(db: Session, sequence: int, **wanted: Any) -> Any:
        begun_at.append(sequence)
        return feed_after(db, sequence, **wanted)

    async def test() -> None:
        async with held(org, monkeypatch) as waits:
            monkeypatch.setattr(events, "feed_after", reading)
            await waits.hold(1, "/v1/events?wait=20", org.token(Permission.READ_EVENTS, folders=["crew"]))
            await waits.tick()
            for party in ("elsewhere-1", "elsewhere-2"):
                await run_sync(org.with_parties, party)
                await waits.tick()
            await run_sync(lambda: org.with_parties("in-crew", folder="crew"))
            await waits.tick()
            (answer,) = await waits.answers()
            assert {event["subject"] for event in answer.json()["items"]} == {"party/in-crew"}
            assert begun_at[0] == 0
            assert begun_at[1:] == sorted(set(begun_at[1:]))
            assert 0 not in begun_at[2:]

    run(org, test)


def test_a_reading_that_has_begun_is_not_joined(org: Org) -> None:
    """It may have begun before the change that the second request was woken for."""

    async def test() -> None:
        watch, begun, go, number = Watch(org.parts.database), threading.Event(), threading.Event(), iter(range(10))

        def read() -> int:
            begun.set()
            assert go.wait(10)
            return next(number)

        first = asyncio.create_task(watch.read(Subject(org.id), "key", read))
        await run_sync(begun.wait, 10)
        later = [asyncio.create_task(watch.read(Subject(org.id), "key", read)) for _ in range(3)]
        await asyncio.sleep(0)
        go.set()
        assert [await first, *[await one for one in later]] == [0, 1, 1, 1]
        assert not watch._running
        assert not watch._queued

    run(org, test)


def test_a_change_during_the_first_reading_is_not_missed(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        watch, subject, numbers = Watch(org.parts.database), Subject(org.id, uuid.uuid4()), iter(range(10))
        loop = asyncio.get_running_loop()

        async def nothing_new(_: Watch, __: Any) -> None:
            """The poller sees no change; the only one is that of the reading."""

        monkeypatch.setattr(Watch, "_look", nothing_new)

        async def change() -> None:
            watch._watched[subject].note("changed")

        def read() -> int:
            number = next(numbers)
            if number == 0:
                asyncio.run_coroutine_threadsafe(change(), loop).result(10)
            return number

        found = []
        async with asyncio.timeout(20):
            async for one in watch.follow(subject, "key", read, 10):
                found.append(one)
                if one == 1:
                    break
        assert found == [0, 1]

    run(org, test)


def test_a_reading_that_ends_while_the_next_one_is_asked_for_holds_nobody_up(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends after the second request has seen it, and before the second reading begins."""

    async def test() -> None:
        watch, go, numbers = Watch(org.parts.database), asyncio.Event(), iter(range(10))

        async def in_no_thread(read: Callable[[], int], **_: Any) -> int:
            await go.wait()
            return read()

        monkeypatch.setattr(watching, "run_sync", in_no_thread)
        first = asyncio.create_task(watch.read(Subject(org.id), "key", lambda: next(numbers)))
        for _ in range(10):
            await asyncio.sleep(0)
        second = asyncio.create_task(watch.read(Subject(org.id), "key", lambda: next(numbers)))
        go.set()
        assert list(await asyncio.wait_for(asyncio.gather(first, second), 10)) == [0, 1]

    run(org, test)


def test_a_waiting_request_outlasts_a_database_that_is_away_for_a_moment(
    org: Org, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two looks fail, then a reading; every connection for questions is lost."""
    ask, fails = Database.ask, [True, True]

    async def asking(database: Database, *args: Any) -> Any:
        if fails:
            fails.pop()
            raise psycopg.OperationalError("away")
        return await ask(database, *args)

    read, lost = jobs._read_job, [True]

    def reading(*args: Any) -> Any:
        if lost:
            lost.pop()
            raise OperationalError("SELECT", {}, psycopg.OperationalError("away"))
        return read(*args)

    async def test() -> None:
        async with held(org, monkeypatch) as waits:
            await waits.hold(3, f"/v1/jobs/{job}?wait=20", org.token(Permission.VIEW))
            await waits.tick()
            await cancel(org, job)
            for connection in org.parts.database.questions.idle:
                await connection.close()
            monkeypatch.setattr(Database, "ask", asking)
            monkeypatch.setattr(jobs, "_read_job", reading)
            monkeypatch.setattr(Watch, "pause", lambda _: asyncio.sleep(0.01))
            waits._go.set()
            assert [answer.json()["state"] for answer in await waits.answers()] == ["cancelled"] * 3
            assert (fails, lost) == ([], [])

    run(org, test)


def test_the_question_of_the_poller_is_not_prepared(org: Org, job: str) -> None:
    """A pooler may give each transaction another session, in which nothing is prepared."""

    async def test() -> None:
        parameters = {"job_orgs": [org.id], "jobs": [job], "feeds": [org.id, "nobody"]}
        rows = await org.parts.database.ask(None, MARKS, parameters)
        assert [(kind, key, mark is None) for kind, key, mark in rows] == [
            ("job", f"{org.id}/{job}", False),
            ("feed", org.id, False),
            ("feed", "nobody", True),
        ]
        kept = org.parts.database.questions.idle[-1]
        found = await kept.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%watched_marks%'")
        assert await found.fetchall() == [(0,)]

    run(org, test)
