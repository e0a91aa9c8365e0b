"""Waiting for changes without a thread, a connection or a transaction for each waiting request.

One poller in each process asks, five times a second and in one statement, for a *mark* of everything that requests of
this process wait for: the jobs and the feeds. A mark differs after each change. When it does, the waiting requests
read again, and requests that would read the same thing share one reading. LISTEN is not used: NOTIFY takes a lock of
the whole cluster at each commit, needs a session of its own, and misses what happens while the connection is down.
"""

import asyncio
import contextvars
import uuid
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import anyio
import psycopg
import structlog
from anyio.to_thread import run_sync
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.asking import Question
from shared.database import Database

log = structlog.get_logger()

Found = TypeVar("Found")

TICK_SECONDS = 0.2
LONGEST_TICK_SECONDS = 5.0
"""Time for the answer to one question; a connection that hangs is replaced after it."""

READINGS_AT_ONCE = 4
READINGS_OF_ONE_ORGANIZATION = 2
"""Threads that read for waiting requests. The others are left for requests that do not wait."""

MARKS = Question(
    name="watched_marks",
    query="SELECT kind, key, mark FROM watched_marks(%(job_orgs)s, %(jobs)s, %(feeds)s)",
    parameters={"job_orgs": "text[]", "jobs": "uuid[]", "feeds": "text[]"},
    prepared=False,
)

_AWAY = (OperationalError, psycopg.OperationalError, PoolTimeout)


class Subject(NamedTuple):
    """A job that is waited for, or without a job, the feed of events of the organization."""

    org_id: str
    job_id: uuid.UUID | None = None


class _Watched:
    """A subject with its last mark. changes: the number of changes noticed. waiting: the number of requests."""

    def __init__(self) -> None:
        self.mark: str | None = None
        self.changes = 0
        self.waiting = 0
        self._changed = asyncio.Event()

    def note(self, mark: str | None) -> None:
        """Wake the waiting requests if the mark differs."""
        if mark != self.mark:
            self.mark = mark
            self.changes += 1
            self._changed.set()
            self._changed = asyncio.Event()

    async def changed(self, since: int, seconds: float) -> bool:
        """Wait for a change after number `since`. Returns False if there is none within so many seconds."""
        if self.changes == since:
            try:
                await asyncio.wait_for(self._changed.wait(), seconds)
            except TimeoutError:
                return False
        return True


class Watch:
    """The jobs and feeds that the requests of one process wait for. It belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watched: dict[Subject, _Watched] = {}
        self._poller: asyncio.Task[None] | None = None
        self._first_look: asyncio.Task[None] | None = None
        self._running: dict[Hashable, asyncio.Task[Any]] = {}
        self._queued: dict[Hashable, asyncio.Task[Any]] = {}
        self._threads = anyio.CapacityLimiter(READINGS_AT_ONCE)
        self._of_organization: WeakValueDictionary[str, anyio.Semaphore] = WeakValueDictionary()

    async def follow(
        self, subject: Subject, key: Hashable, read: Callable[[], Found], seconds: float
    ) -> AsyncIterator[Found]:
        """Yield what `read` returns: at once, and after each change of the subject, for so many seconds.

        read: runs in a thread and opens its own transaction. key: all that its result depends on besides the subject,
        first of all what the caller may see, because requests with the same subject and key share a reading. If the
        database is away at the first reading, its error is raised; at a later one, the reading is repeated.
        """
        if seconds <= 0:
            yield await self.read(subject, key, read)
            return
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        with self._joined(subject) as watched:
            if watched.mark is None:
                await self._look_at_new()
            seen = watched.changes  # before the reading, so that no change is missed between the two
            yield await self.read(subject, key, read)
            while await watched.changed(seen, deadline - clock()):
                seen = watched.changes
                try:
                    found = await self.read(subject, key, read)
                except _AWAY:
                    seen = -1
                    await self.pause()
                else:
                    yield found

    async def pause(self) -> None:
        """Wait for one tick."""
        await asyncio.sleep(TICK_SECONDS)

    @contextmanager
    def _joined(self, subject: Subject) -> Iterator[_Watched]:
        """Watch the subject during the block. The poller runs while anything is watched."""
        watched = self._watched.setdefault(subject, _Watched())
        watched.waiting += 1
        if self._poller is None or self._poller.done():
            self._poller = _task(self._poll())
        try:
            yield watched
        finally:
            watched.waiting -= 1
            if not watched.waiting:
                del self._watched[subject]

    async def _poll(self) -> None:
        away = False
        while self._watched:
            try:
                with anyio.fail_after(LONGEST_TICK_SECONDS):
                    await self._look(list(self._watched))
                away = False
            except Exception as error:  # whatever it is, requests wait on until their time is over
                if not away:
                    log.warning("cannot look for changes", exc_info=error)
                away = True
            await self.pause()

    async def _look_at_new(self) -> None:
        """Get the marks of subjects that have none, so that a first mark wakes nobody who read after it.

        Requests that come together share the look. If it fails, the first mark wakes those who wait.
        """

        async def look() -> None:
            await asyncio.sleep(0)
            self._first_look = None  # the requests of a later caller are not in this look
            with suppress(*_AWAY, TimeoutError), anyio.fail_after(LONGEST_TICK_SECONDS):
                await self._look([subject for subject, watched in self._watched.items() if watched.mark is None])

        if self._first_look is None:
            self._first_look = _task(look())
        await asyncio.shield(self._first_look)

    async def _look(self, asked: list[Subject]) -> None:
        """Ask for the marks of these subjects, and wake who waits for one whose mark differs."""
        jobs = [subject for subject in asked if subject.job_id is not None]
        parameters = {
            "job_orgs": [subject.org_id for subject in jobs],
            "jobs": [subject.job_id for subject in jobs],
            "feeds": [subject.org_id for subject in asked if subject.job_id is None],
        }
        rows = await self._database.ask(None, MARKS, parameters)
        marks = {(kind, key): mark for kind, key, mark in rows}
        for subject in asked:
            if watched := self._watched.get(subject):
                feed = ("feed", subject.org_id)
                watched.note(
                    marks.get(feed if subject.job_id is None else ("job", f"{subject.org_id}/{subject.job_id}"))
                )

    async def read(self, subject: Subject, key: Hashable, read: Callable[[], Found]) -> Found:
        """Return what `read` returns, from a reading that begins now or later and is shared by all who ask for it.

        A reading that has begun is never joined: it may not see the change that the request was woken for.
        """
        flight = (subject, key)
        if flight in self._queued:
            task = self._queued[flight]
        elif flight in self._running:
            task = self._queued[flight] = _task(self._next(flight, read, after=self._running[flight]))
        else:
            task = self._running[flight] = _task(self._run(flight, read))
        found: Found = await asyncio.shield(task)
        return found

    async def _next(
        self, flight: tuple[Subject, Hashable], read: Callable[[], Found], *, after: asyncio.Task[Any]
    ) -> Found:
        await asyncio.wait([after])
        self._running[flight] = self._queued.pop(flight)
        return await self._run(flight, read)

    async def _run(self, flight: tuple[Subject, Hashable], read: Callable[[], Found]) -> Found:
        organization = self._of_organization.get(flight[0].org_id)
        if organization is None:
            organization = anyio.Semaphore(READINGS_OF_ONE_ORGANIZATION)
            self._of_organization[flight[0].org_id] = organization
        try:
            async with organization:
                return await run_sync(read, limiter=self._threads)
        finally:
            if self._running.get(flight) is asyncio.current_task():
                del self._running[flight]


async def first(found: AsyncIterator[Found], wanted: Callable[[Found], bool]) -> Found:
    """Return the first item that is wanted, or without one the last item."""
    last: Found | None = None
    async with aclosing(found):  # type: ignore[type-var]
        async for last in found:
            if wanted(last):
                break
    assert last is not None
    return last


def _task(work: Any) -> asyncio.Task[Any]:
    """Start work that outlives the request that asked for it. Its error is raised to whoever waits, if anybody does."""
    task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
